package cli

import (
	"embed"
	"errors"
	"fmt"
	"go/format"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/core"
)

//go:embed scaffold
var scaffolds embed.FS

func (sh *shell) scaffoldCommand() *cobra.Command {
	c := group("scaffold", "Begin a skill, or a tool, that works and waits to be changed")
	c.AddCommand(sh.scaffoldSkill(), sh.scaffoldTool())
	return c
}

// scaffold is what the templates are filled in with.
type scaffold struct {
	Name, Title, Package, Go, Import string
}

// write fills in templates, by the paths that they become below dir. A file that is there is a
// conflict, and then nothing is written.
func (s scaffold) write(dir string, files map[string]string) error {
	all := template.Must(template.ParseFS(scaffolds, "scaffold/*.tmpl")) // they are part of the program
	for path := range files {
		if isThere(filepath.Join(dir, path)) {
			return core.E(core.Conflict, "", filepath.Join(dir, path)+" is there already").WithHint("choose another name, or remove it")
		}
	}
	for path, name := range files {
		var text strings.Builder
		err := all.ExecuteTemplate(&text, name+".tmpl", s)
		full, content := filepath.Join(dir, path), []byte(text.String())
		if err == nil && filepath.Ext(path) == ".go" {
			content, err = format.Source(content) // the order of imports is the name's
		}
		if err == nil {
			err = os.MkdirAll(filepath.Dir(full), 0o755)
		}
		if err == nil {
			err = os.WriteFile(full, content, 0o644)
		}
		if err != nil {
			return core.E(core.Invalid, "", full+" can't be written").Because(err)
		}
	}
	return nil
}

// scaffolded is what the commands print.
type scaffolded struct {
	Made []string `json:"made"`
	Next string   `json:"next"`
}

func (sh *shell) printScaffolded(dir string, next string, paths ...string) error {
	m := scaffolded{Next: next}
	for _, p := range paths {
		m.Made = append(m.Made, filepath.Join(dir, p))
	}
	return sh.print(m, func(w io.Writer) {
		for _, p := range m.Made {
			fmt.Fprintln(w, p)
		}
		fmt.Fprintln(w, "Next: "+m.Next)
	})
}

func (sh *shell) scaffoldSkill() *cobra.Command {
	return &cobra.Command{Use: "skill NAME", Short: "Begin a skill, in a new folder of its name", Args: args("a name"), Example: "  isekai scaffold skill release-notes",
		RunE: func(c *cobra.Command, a []string) error {
			dir, name := filepath.Clean(a[0]), filepath.Base(filepath.Clean(a[0]))
			if isThere(dir) {
				return core.E(core.Conflict, "", dir+" is there already").WithHint("choose another name")
			}
			s := scaffold{Name: name, Title: strings.ReplaceAll(name, "-", " ")}
			if name != "" {
				s.Title = strings.ToUpper(s.Title[:1]) + s.Title[1:]
			}
			if err := s.write(dir, map[string]string{"SKILL.md": "skill.md", "references/details.md": "details.md"}); err != nil {
				return err
			}
			k, err := sh.platform.ReadSkill(c.Context(), dir)
			if err == nil && k.Name == "" {
				err = core.E(core.Invalid, "", k.Problems[0].Message).WithHint(k.Problems[0].Hint)
			}
			if err != nil {
				return errors.Join(err, os.RemoveAll(dir)) // we have just made it
			}
			return sh.printScaffolded(dir, "say what it does in SKILL.md, then: isekai skill validate "+dir+" && isekai skill add "+dir, "SKILL.md", "references/details.md")
		}}
}

var toolWord = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

const (
	modulePath = "github.com/isekai-run/isekai"
	toolList   = "internal/platform/tools.go"
	toolMark   = "	// isekai scaffold tool adds a line above this one.\n"
)

func (sh *shell) scaffoldTool() *cobra.Command {
	return &cobra.Command{Use: "tool NAME", Short: "Begin a tool, in Isekai's own source", Args: args("a name"),
		Long: "Begin a tool, in Isekai's own source, which the working folder is in: a folder below internal/tool with a tool that\n" +
			"counts lines and its tests, and its line in " + toolList + ". It builds and passes the suite that every tool passes.",
		Example: "  isekai scaffold tool send_fax",
		RunE: func(c *cobra.Command, a []string) error {
			root, err := sourceRoot()
			if err != nil {
				return err
			}
			s := scaffold{Name: a[0], Package: strings.ReplaceAll(a[0], "_", "")}
			s.Import = modulePath + "/internal/tool/" + s.Package
			for part := range strings.SplitSeq(a[0], "_") {
				s.Go += strings.ToUpper(part[:min(1, len(part))]) + part[min(1, len(part)):]
			}
			if !toolWord.MatchString(s.Name) || len(s.Name) < 2 || len(s.Name) > 63 || !usable(s.Package) {
				return core.E(core.Invalid, "", "a tool can't be named "+cut(s.Name, 80)).WithHint("use words of a-z and 0-9 with _ between them, as in send_fax")
			}
			list, err := listed(filepath.Join(root, toolList), s)
			if err != nil {
				return err
			}
			dir := filepath.Join(root, "internal", "tool", s.Package)
			if isThere(dir) {
				return core.E(core.Conflict, "", dir+" is there already").WithHint("choose another name")
			}
			main, test := s.Package+".go", s.Package+"_test.go"
			if err := s.write(dir, map[string]string{main: "tool.go", test: "tool_test.go"}); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(root, toolList), list, 0o644); err != nil {
				return core.E(core.Invalid, "", toolList+" can't be written").Because(err)
			}
			return sh.printScaffolded(dir, "go test ./internal/tool/"+s.Package+", then say what it does", main, test)
		}}
}

// taken are names in the file that lists the tools, or of the packages that a tool imports.
var taken = []string{"agent", "app", "apps", "all", "box", "bytes", "cli", "context", "core", "err", "fmt", "guard", "io", "json", "main", "name", "r", "sandbox", "skill", "skills", "sync", "t", "time", "tool", "tooltest", "args", "spec", "read"}

// usable reports whether a package can have the name.
func usable(name string) bool { return !token.IsKeyword(name) && !slices.Contains(taken, name) }

// sourceRoot returns the folder of Isekai's source that the working folder is in.
func sourceRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", core.E(core.Invalid, "", "there is no working folder").Because(err)
	}
	for {
		if b, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && strings.HasPrefix(string(b), "module "+modulePath+"\n") {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", core.E(core.NotFound, "", "the working folder isn't in Isekai's source").WithHint("a tool is part of the program: git clone https://" + modulePath + ", and run this there. A skill needs no source: isekai scaffold skill NAME")
		}
		dir = up
	}
}

// listed returns the file that lists the tools, with another one.
func listed(path string, s scaffold) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && strings.Count(string(b), toolMark) != 1 {
		return nil, core.E(core.Conflict, "", toolList+" has no place for another tool").WithHint("put this line back, below the last tool: " + strings.TrimSpace(toolMark))
	}
	if err != nil {
		return nil, core.E(core.Invalid, "", toolList+" can't be read").Because(err)
	}
	text := strings.Replace(string(b), toolMark, "	all = append(all, "+s.Package+".New())\n"+toolMark, 1)
	text = strings.Replace(text, `"`+modulePath+`/internal/tool"`+"\n", `"`+modulePath+`/internal/tool"`+"\n	"+`"`+s.Import+`"`+"\n", 1)
	out, err := format.Source([]byte(text)) // it sorts imports, too
	if err != nil {
		return nil, core.E(core.Conflict, "", toolList+" isn't Go at the moment").Because(err)
	}
	return out, nil
}
