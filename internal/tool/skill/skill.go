// Package skill holds the tools by which a model uses skills: use_skill, which shows what one
// teaches, and read_skill_file, which shows what that refers to.
//
// platform lists them with a shelf of the installation's skills. They read alone; scripts of a
// skill are run by run_command, in its sandbox.
package skill

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Shelf has the skills. Errors are not_found (there is no such skill or file; the hint says what
// there is) and denied (it is off).
type Shelf interface {
	// Use returns a skill that the call's project sees, in the version that its task has begun
	// with.
	Use(ctx context.Context, c tool.Call, name string) (Skill, error)
	// ReadFile returns a file of it, by its path in the skill's folder.
	ReadFile(ctx context.Context, c tool.Call, name, path string) ([]byte, error)
}

// Skill is what a model is shown of one. Its JSON, without the body, is Result.Data of
// use_skill, by which the agent knows what the skill lets it call.
type Skill struct {
	Name     string      `json:"skill"`
	Number   int         `json:"number"`
	Digest   core.Digest `json:"digest"`
	Allowed  []string    `json:"allowed,omitempty"`  // tools; none: the skill says nothing about them
	Patterns []Pattern   `json:"patterns,omitempty"` // the same, with what calls of them
	Files    []string    `json:"-"`
	Body     string      `json:"-"`
}

// Pattern is a tool, or some calls of one: see skill.Allowed.
type Pattern struct {
	Tool    string `json:"tool"`
	Pattern string `json:"pattern,omitempty"`
}

const (
	useName  = "use_skill"
	readName = "read_skill_file"
	main     = "SKILL.md"
	maxShown = tool.MaxOutput - 4096 // of a body or a part of a file; the rest is for what is said of it
	maxFiles = 60                    // paths that are shown
)

// Tools returns both tools.
func Tools(s Shelf) []tool.Tool { return []tool.Tool{use{s}, read{s}} }

type use struct{ shelf Shelf }

func (use) Spec() tool.Spec {
	return tool.Spec{
		Name: useName, Version: "1", Effect: core.Pure, Contained: true, Bare: true, Timeout: 30 * time.Second,
		Description: "Shows the instructions of a skill. Use it before you begin a job that a skill's description fits, and follow what it says.",
		Schema:      json.RawMessage(`{"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":64,"description":"of the skill, as in the list of skills"}},"required":["name"],"additionalProperties":false}`),
	}
}

func (t use) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	var a struct{ Name string }
	if err := decode(ctx, c, useName, &a); err != nil {
		return tool.Result{}, err
	}
	k, err := t.shelf.Use(ctx, c, a.Name)
	if err != nil {
		return tool.Result{}, shown(err)
	}
	data, err := json.Marshal(k)
	if err != nil {
		return tool.Result{}, fmt.Errorf("%s: %w", useName, err)
	}
	var b strings.Builder
	body, rest := k.Body, ""
	if len(body) > maxShown {
		body = cutAt(body, maxShown)
		rest = fmt.Sprintf("\n\n[cut here; the whole is by %s with the path %s]", readName, main)
	}
	fmt.Fprintf(&b, "# Skill %s, version %d\n\n%s%s\n", k.Name, k.Number, body, rest)
	if len(k.Allowed) > 0 {
		fmt.Fprintf(&b, "\nTools for this: %s\n", strings.Join(k.Allowed, ", "))
	}
	if files := others(k.Files); len(files) > 0 {
		fmt.Fprintf(&b, "\nIts files, to read with %s, or at /skills/%s in the sandbox of run_command:\n", readName, k.Name)
		for i, f := range files {
			if i == maxFiles {
				fmt.Fprintf(&b, "and %d more\n", len(files)-maxFiles)
				break
			}
			fmt.Fprintln(&b, "- "+f)
		}
	}
	return tool.Result{Output: b.String(), Data: data}, nil
}

func others(files []string) []string {
	var all []string
	for _, f := range files {
		if f != main {
			all = append(all, f)
		}
	}
	return all
}

type read struct{ shelf Shelf }

func (read) Spec() tool.Spec {
	return tool.Spec{
		Name: readName, Version: "1", Effect: core.Pure, Contained: true, Bare: true, Timeout: 30 * time.Second,
		Description: "Reads a text file of a skill, which its instructions refer to. Long files come in parts: the note at the end says from where to go on.",
		Schema: json.RawMessage(`{"type":"object","properties":{
			"skill":{"type":"string","minLength":1,"maxLength":64,"description":"its name"},
			"path":{"type":"string","minLength":1,"maxLength":1024,"description":"relative to the skill's folder, as in references/more.md"},
			"from":{"type":"integer","minimum":0,"description":"byte to begin at; 0 if not given"}
		},"required":["skill","path"],"additionalProperties":false}`),
	}
}

func (t read) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	var a struct {
		Skill, Path string
		From        int
	}
	if err := decode(ctx, c, readName, &a); err != nil {
		return tool.Result{}, err
	}
	path := strings.TrimPrefix(strings.TrimPrefix(a.Path, "/skills/"+a.Skill+"/"), "./") // as models write it
	content, err := t.shelf.ReadFile(ctx, c, a.Skill, path)
	switch {
	case err != nil:
		return tool.Result{}, shown(err)
	case !utf8.Valid(content):
		return tool.Result{Failed: true, Output: fmt.Sprintf("%s isn't text: %d bytes. In the sandbox of run_command it is /skills/%s/%s", path, len(content), a.Skill, path)}, nil
	case a.From < 0 || a.From > len(content):
		return tool.Result{}, core.E(core.Invalid, readName, fmt.Sprintf("%s has %d bytes", path, len(content))).WithHint("begin at 0, or where the part before said")
	}
	rest := strings.ToValidUTF8(string(content[a.From:]), "")
	part := cutAt(rest, maxShown)
	if len(part) < len(rest) {
		return tool.Result{Output: part + fmt.Sprintf("\n[%d of %d bytes; go on with from: %d]", a.From+len(part), len(content), a.From+len(part))}, nil
	}
	return tool.Result{Output: part}, nil
}

func decode(ctx context.Context, c tool.Call, name string, into any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := json.Unmarshal(c.Arguments, into); err != nil {
		return core.E(core.Invalid, name, "the arguments don't decode").Because(err)
	}
	return nil
}

// shown makes the error of a skill that is off one that a model is shown: it has to do without.
func shown(err error) error {
	if core.CodeOf(err) == core.Denied {
		return core.E(core.NotFound, useName, err.Error()).WithHint("do the job without it, or by another skill")
	}
	return err
}

// cutAt returns at most n bytes of s, to the end of a line where there is one near.
func cutAt(s string, n int) string {
	if len(s) <= n {
		return s
	}
	if i := strings.LastIndexByte(s[:n], '\n'); i > n/2 {
		return s[:i+1]
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
