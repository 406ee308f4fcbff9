package generate

import (
	"crypto/sha256"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

var runtimes = []string{"python", "node"}

// each runs the test for every app on every runtime, side by side.
func each(t *testing.T, run func(t *testing.T, a spec.App)) {
	t.Helper()
	for name, a := range specs() {
		for _, runtime := range runtimes {
			a.Runtime = runtime
			t.Run(name+" on "+runtime, func(t *testing.T) {
				t.Parallel()
				run(t, a)
			})
		}
	}
}

func TestFilesAreTheSameEachTime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, a spec.App) {
		one, err := Files(a)
		if err != nil {
			t.Fatal(err)
		}
		other, err := Files(a)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(one, other); diff != "" {
			t.Error(diff)
		}
	})
}

// The spec that an app keeps makes the same app again.
func TestBlueprintIsKept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, a spec.App) {
		files, err := Files(a)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(files, func(f File) bool { return f.Path == spec.Name })
		var kept spec.App
		if err := json.Unmarshal([]byte(files[i].Text), &kept); err != nil {
			t.Fatal(err)
		}
		again, err := Files(kept)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(files, again); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAppsPassTheirOwnTests(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, a spec.App) {
		dir := write(t, a)
		output, err := command(t.Context(), dir, manifest(t, dir).Test, "TMPDIR="+t.TempDir()).Output()
		lines := strings.Split(strings.TrimSpace(string(output)), "\n")
		last := lines[len(lines)-1]
		if err != nil || !regexp.MustCompile(`^[1-9][0-9]* passed, 0 failed$`).MatchString(last) {
			t.Errorf("%v: %s\n%s", err, last, output)
		}
	})
}

// A test that fails is counted and ends the run with another exit code.
func TestAppsNoticeWhatIsBroken(t *testing.T) {
	t.Parallel()
	for runtime, broken := range map[string][3]string{
		"python": {"fields.py", "This is required.", "Whatever."},
		"node":   {"static/validate.js", "This is required.", "Whatever."},
	} {
		t.Run(runtime, func(t *testing.T) {
			t.Parallel()
			a := readingList()
			a.Runtime = runtime
			dir := write(t, a)
			path := filepath.Join(dir, broken[0])
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), broken[1], broken[2])), 0o644); err != nil {
				t.Fatal(err)
			}
			output, err := command(t.Context(), dir, manifest(t, dir).Test, "TMPDIR="+t.TempDir()).Output()
			if err == nil || !regexp.MustCompile(`[0-9]+ passed, 1 failed\n$`).Match(output) {
				t.Errorf("%v\n%s", err, output)
			}
		})
	}
}

// Everything parses, also what no test of an app's own imports.
func TestSourcesParse(t *testing.T) {
	t.Parallel()
	seen := map[[32]byte]bool{}
	scripts, modules := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(modules, "package.json"), []byte(`{"type":"module"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, a := range specs() {
		for _, runtime := range runtimes {
			a.Runtime = runtime
			files, err := Files(a)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				sum := sha256.Sum256([]byte(f.Text))
				dir := map[string]string{".py": scripts, ".js": modules}[filepath.Ext(f.Path)]
				if dir == "" || seen[sum] {
					continue
				}
				seen[sum] = true
				path := filepath.Join(dir, strings.NewReplacer(" ", "_", "/", "_").Replace(name+" "+runtime+" "+f.Path))
				if err := os.WriteFile(path, []byte(f.Text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if output, err := exec.CommandContext(t.Context(), "python3", "-m", "compileall", "-q", scripts).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, output)
	}
	found, err := filepath.Glob(filepath.Join(modules, "*.js"))
	if err != nil || len(found) < 50 {
		t.Fatalf("%d modules, %v", len(found), err)
	}
	const parse = `const {SourceTextModule} = require("vm"), {readFileSync} = require("fs");
		for (const path of process.argv.slice(1)) new SourceTextModule(readFileSync(path, "utf8"), {identifier: path})`
	args := append([]string{"--experimental-vm-modules", "--no-warnings", "-e", parse, "--"}, found...)
	if output, err := exec.CommandContext(t.Context(), "node", args...).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, output)
	}
}

// An app holds no code of features that it doesn't have.
func TestNothingSpare(t *testing.T) {
	t.Parallel()
	for _, runtime := range runtimes {
		a := recipes()
		a.Runtime = runtime
		files, err := Files(a)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			for _, word := range []string{"kanban", "board", "calendar", "csv", "totals", "overdue", "belongs", "money", "cents", "<no value>", "vote"} {
				if f.Path != spec.Name && strings.Contains(strings.ToLower(f.Text), word) && !strings.Contains(f.Text, "keyboard") {
					t.Errorf("%s on %s speaks of %q", f.Path, runtime, word)
				}
			}
		}
	}
}

func TestImpossibleSpecsAreRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*spec.App){
		"runtime":        func(a *spec.App) { a.Runtime = "cobol" },
		"colour":         func(a *spec.App) { a.Accent = "red; } body { display: none" },
		"title":          func(a *spec.App) { a.Title = " \n" },
		"nothing to do":  func(a *spec.App) { a.Entities = nil },
		"table":          func(a *spec.App) { a.Entities[0].Table = `x"; DROP TABLE y` },
		"reserved table": func(a *spec.App) { a.Entities[0].Table = "sqlite_master" },
		"slug":           func(a *spec.App) { a.Entities[0].Slug = "../x" },
		"twice":          func(a *spec.App) { a.Entities = append(a.Entities, a.Entities[0]) },
		"no fields":      func(a *spec.App) { a.Entities[0].Fields = nil },
		"field":          func(a *spec.App) { a.Entities[0].Fields[0].Name = "x-y" },
		"type":           func(a *spec.App) { a.Entities[0].Fields[0].Type = "colour" },
		"choices":        func(a *spec.App) { a.Entities[0].Fields[0].Type = spec.Choice },
		"reference": func(a *spec.App) {
			a.Entities[0].Fields[0] = spec.Field{Column: "x", Name: "x", Type: spec.BelongsTo, Ref: "y"}
		},
		"feature": func(a *spec.App) { a.Entities[0].Features.Kanban = "nothing" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := readingList()
			spoil(&a)
			if _, err := Files(a); core.CodeOf(err) != core.Invalid {
				t.Errorf("got %v, want an invalid error", err)
			}
		})
	}
}

// Whatever colour an app has, its words can be read (WCAG AA).
func TestColoursAreReadable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := &view{App: spec.App{Accent: rapid.StringMatching(`#[0-9a-f]{6}`).Draw(t, "accent")}}
		for name, pair := range map[string][2]rgb{
			"on the accent": {parseColour(v.OnAccent()), parseColour(v.Accent)},
			"by day":        {parseColour(v.AccentText()), paper},
			"by night":      {parseColour(v.AccentTextDark()), night},
		} {
			if ratio := contrast(pair[0], pair[1]); ratio < 4.5 {
				t.Errorf("%s %s: %.2f", v.Accent, name, ratio)
			}
		}
	})
}

// Words from a prompt stand in code, comments and Markdown without an effect.
func TestWordsStayWords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.String().Draw(t, "words")
		var back string
		if err := json.Unmarshal([]byte(str(words)), &back); err != nil || back != strings.ToValidUTF8(words, "\ufffd") {
			t.Errorf("str(%q) = %s: %v", words, str(words), err)
		}
		if d := doc(words); strings.ContainsAny(d, "\"\\\n\r\u2028\u2029") || strings.Contains(d, "*/") {
			t.Errorf("doc(%q) = %q", words, d)
		}
		if l := line(words); strings.ContainsAny(l, "<`\n") {
			t.Errorf("line(%q) = %q", words, l)
		}
	})
}
