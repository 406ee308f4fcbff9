package redact

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Tool returns a tool whose arguments are looked at before it gets them (ADR 14).
//
// One that reaches outside gets what the policy of the call's org lets go. One whose effect
// is Contained gets its arguments as they are, or not at all: what merely looks like a secret
// is an app's code; a canary, or a value that the org keeps, can be refused; and a marker
// that a model would write where a secret stands, which it wasn't shown, is invalid.
//
// A call that is refused fails with denied before the tool knows of it. Results come as they
// are: they are looked at when they go to a model.
func (s *Service) Tool(inner tool.Tool) tool.Tool { return &guardedTool{s, inner} }

type guardedTool struct {
	service *Service
	inner   tool.Tool
}

// Spec implements tool.Tool.
func (t *guardedTool) Spec() tool.Spec { return t.inner.Spec() }

// Call implements tool.Tool.
func (t *guardedTool) Call(ctx context.Context, c tool.Call) (tool.Result, error) {
	spec := t.inner.Spec()
	if spec.Contained && spec.Effect != core.Pure {
		if err := unmarked(c); err != nil {
			return tool.Result{}, err
		}
	}
	l, err := t.service.look(ctx, Sighting{Scope: c.Scope, Task: c.Task, Where: "tool " + spec.Name})
	if err != nil {
		return tool.Result{}, err
	}
	if spec.Contained {
		err = l.stays(ctx, c.Arguments)
	} else {
		c.Arguments, err = l.json(c.Arguments)
	}
	l.tell(ctx)
	if err != nil {
		return tool.Result{}, err
	}
	return t.inner.Call(ctx, c)
}

// stays looks for the org's own values alone, and changes nothing.
func (l *look) stays(ctx context.Context, arguments json.RawMessage) error {
	at, err := l.service.settings(ctx, l.seen.Scope.Org)
	if err != nil || at.exact == nil {
		return err
	}
	l.scanner, l.change = at.exact, false
	_, err = l.json(arguments)
	return err
}

// unmarked returns an invalid error if a call's arguments hold a marker that the person who
// asked for the task didn't write: it would take the place of the secret that it stands for.
func unmarked(c tool.Call) error {
	if !bytes.Contains(c.Arguments, []byte(markerStart[1:])) && !bytes.Contains(c.Arguments, []byte(`\u`)) { // none, however it is written
		return nil
	}
	w := &walk{text: func(text string) (string, error) {
		for _, k := range Kinds {
			if m := k.Marker(); strings.Contains(text, m) && !strings.Contains(c.Facts.Prompt, m) {
				return "", core.E(core.Invalid, "redact", m+" stands for a secret that you aren't shown, and would be written in its place").
					WithHint("leave the lines with it as they are: change what is around them, as with edit_file, or have the program read the value from the environment")
			}
		}
		return text, nil
	}}
	_, err := w.raw(c.Arguments)
	return err
}
