package git

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/gitdir"
)

var commitSpec = tool.Spec{
	Name: "git_commit", Version: "1", Effect: core.Idempotent, Contained: true,
	Description: "Commits what is changed in the workspace to the current branch, but for what .gitignore names.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"message":{"type":"string","minLength":1,"maxLength":20000,"description":"what and why: a first line of at most 72 characters, an empty line, then the rest"},
		"paths":{"type":"array","items":{"type":"string","minLength":1},"maxItems":500,"description":"only these files and folders; all if not given"}
	},"required":["message"],"additionalProperties":false}`),
}

type commitArgs struct {
	Message string
	Paths   []string
}

func commit(ctx context.Context, w *work, a commitArgs) (tool.Result, error) {
	if err := w.need(); err != nil {
		return tool.Result{}, err
	}
	if r, done := w.again(); done {
		return r, nil
	}
	message := strings.TrimSpace(strings.Map(text, strings.ReplaceAll(a.Message, "\r\n", "\n")))
	if message == "" {
		return tool.Result{}, core.E(core.Invalid, w.name, "the message says nothing")
	}
	paths, err := w.paths(a.Paths)
	if err != nil {
		return tool.Result{}, err
	}
	parent, before, err := w.head(ctx)
	if err != nil {
		return tool.Result{}, err
	}
	if err := w.changing(); err != nil {
		return tool.Result{}, err
	}
	now, err := w.git.Scan(ctx, w.root, before, paths, true)
	if err != nil {
		return tool.Result{}, err
	}
	changes := gitdir.Changes(before, now)
	if len(changes) == 0 {
		return tool.Result{Output: "nothing is changed: there is nothing to commit", Failed: true}, nil
	}
	by := gitdir.Signature{Name: w.s.Name, Email: w.s.Email, When: w.s.Now()}
	hash, err := w.git.Commit(now, by, message+"\n", parent)
	if err == nil {
		err = w.git.SetHead(w.doc.Data.Branch, hash)
	}
	if err != nil {
		return tool.Result{}, err
	}
	said := fmt.Sprintf("committed %d files to %s as %s:\n%s", len(changes), w.doc.Data.Branch, short(hash), listed(changes, 100))
	if err := w.save(ctx, said); err != nil {
		return tool.Result{}, err
	}
	return tool.Result{Output: said, Data: tool.Data(map[string]any{"commit": hash, "branch": w.doc.Data.Branch, "changes": len(changes)})}, nil
}

// text keeps of a message what a person who reads it sees.
func text(r rune) rune {
	if r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar {
		return -1
	}
	return r
}

// paths returns paths of the workspace as the checkout has them.
func (w *work) paths(all []string) ([]string, error) {
	var clean []string
	for _, p := range all {
		c, err := tool.CleanPath(p)
		if err != nil {
			return nil, err
		}
		if dir := w.doc.Data.Dir; dir != "" && dir != "." {
			if dir, err = tool.CleanPath(dir); err != nil {
				return nil, err
			}
			if c == dir {
				c = "."
			}
			c = strings.TrimPrefix(c, dir+"/")
		}
		clean = append(clean, c)
	}
	return clean, nil
}

// listed names changes, a line each.
func listed(changes []gitdir.Change, most int) string {
	var b strings.Builder
	for i, c := range changes {
		if i == most {
			fmt.Fprintf(&b, "and %d more\n", len(changes)-most)
			break
		}
		fmt.Fprintf(&b, "%s %s\n", c.Kind, c.Path)
	}
	return b.String()
}
