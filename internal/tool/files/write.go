package files

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

var writeSpec = tool.Spec{
	Name: "write_file", Version: "1", Effect: core.Idempotent, Contained: true,
	Description: "Writes a whole file of the workspace, new or instead of the old one, and makes its folders.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"path":{"type":"string","description":"relative to the workspace"},
		"content":{"type":"string","description":"the whole text of the file","maxLength":2097152}
	},"required":["path","content"],"additionalProperties":false}`),
}

type writeArgs struct{ Path, Content string }

func write(_ context.Context, root *os.Root, a writeArgs) (tool.Result, error) {
	if len(a.Content) > MaxFile {
		return tool.Result{}, core.E(core.Invalid, "file", "the content is too long")
	}
	t, err := writable(root, a.Path, true)
	if err != nil {
		return tool.Result{}, err
	}
	defer t.close()
	if err := t.store(a.Content); err != nil {
		return tool.Result{}, err
	}
	return say("wrote %s (%d bytes)", t.name, len(a.Content)), nil
}

var deleteSpec = tool.Spec{
	Name: "delete_file", Version: "1", Effect: core.Idempotent, Contained: true,
	Description: "Deletes one file of the workspace, or an empty folder.",
	Schema:      json.RawMessage(`{"type":"object","properties":{"path":{"type":"string","description":"relative to the workspace"}},"required":["path"],"additionalProperties":false}`),
}

type deleteArgs struct{ Path string }

// remove succeeds when there is nothing: a repetition after a crash is no
// failure.
func remove(_ context.Context, root *os.Root, a deleteArgs) (tool.Result, error) {
	t, err := writable(root, a.Path, false)
	if core.CodeOf(err) == core.NotFound {
		return say("%s doesn't exist: nothing to delete", a.Path), nil
	}
	if err != nil {
		return tool.Result{}, err
	}
	defer t.close()
	switch err := t.folder.Remove(t.base); {
	case errors.Is(err, fs.ErrNotExist):
		return say("%s doesn't exist: nothing to delete", t.name), nil
	case err != nil:
		return tool.Result{}, tool.FileError(t.name, err)
	}
	return say("deleted %s", t.name), nil
}
