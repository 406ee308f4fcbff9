package files

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

var editSpec = tool.Spec{
	Name: "edit_file", Version: "1", Effect: core.Idempotent, Contained: true,
	Description: "Replaces one piece of a text file of the workspace. The old text must be in the file exactly once: give enough of its surroundings.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"path":{"type":"string","description":"relative to the workspace"},
		"old":{"type":"string","minLength":1,"description":"the text to replace, exactly as it is in the file"},
		"new":{"type":"string","description":"the text to put there; empty deletes"}
	},"required":["path","old","new"],"additionalProperties":false}`),
}

type editArgs struct{ Path, Old, New string }

func edit(_ context.Context, root *os.Root, a editArgs) (tool.Result, error) {
	t, err := writable(root, a.Path, false)
	if err != nil {
		return tool.Result{}, err
	}
	defer t.close()
	b, err := load(t.folder, t.base)
	if err != nil {
		return tool.Result{}, err
	}
	text := string(b)
	at := strings.Index(text, a.Old)
	switch {
	case at < 0:
		r := say("the old text isn't in %s; read the file and copy it exactly, with its white space", t.name)
		if a.New != "" && strings.Contains(text, a.New) {
			r = say("the old text isn't in %s, and the new text is: it may have been edited already", t.name)
		}
		r.Failed = true
		return r, nil
	case edited(text, a, at):
		return say("%s holds the new text there already: nothing was changed", t.name), nil
	case strings.Contains(text[at+1:], a.Old):
		return tool.Result{Failed: true, Output: fmt.Sprintf("the old text is in %s more than once; give more of its surroundings", t.name)}, nil
	}
	text = text[:at] + a.New + text[at+len(a.Old):]
	if len(text) > MaxFile {
		return tool.Result{}, core.E(core.Invalid, "file", "the file would be too long")
	}
	if err := t.store(text); err != nil {
		return tool.Result{}, err
	}
	return say("edited %s, line %d", t.name, strings.Count(text[:at], "\n")+1), nil
}

// edited reports whether the edit is done already, as when it is repeated after
// a crash: the old text is there only as a part of the new.
func edited(text string, a editArgs, at int) bool {
	within := strings.Index(a.New, a.Old)
	return within >= 0 && at >= within && strings.HasPrefix(text[at-within:], a.New)
}
