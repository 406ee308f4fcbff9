package git

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/gitdir"
)

var diffSpec = tool.Spec{
	Name: "git_diff", Version: "1", Effect: core.Pure, Contained: true,
	Description: "Shows what is changed, as a patch: in the workspace against the last commit, or between two commits or branches.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"from":{"type":"string","minLength":1,"maxLength":200,"description":"a branch or a commit; the last commit if not given. \"base\" is where the task began"},
		"to":{"type":"string","minLength":1,"maxLength":200,"description":"a branch or a commit; the workspace if not given"},
		"paths":{"type":"array","items":{"type":"string","minLength":1},"maxItems":500,"description":"only these files and folders; all if not given"}
	},"additionalProperties":false}`),
}

type diffArgs struct {
	From, To string
	Paths    []string
}

func diff(ctx context.Context, w *work, a diffArgs) (tool.Result, error) {
	if err := w.need(); err != nil {
		return tool.Result{}, err
	}
	from, err := w.treeOf(ctx, a.From)
	if err != nil {
		return tool.Result{}, err
	}
	stored := func(f gitdir.File, _ string) ([]byte, error) { return w.git.Blob(f.Hash, w.s.Limits.Object) }
	read := stored
	var to gitdir.Tree
	if a.To == "" {
		_, head, err := w.head(ctx) // by which it is known what is ignored
		if err != nil {
			return tool.Result{}, err
		}
		if to, err = w.git.Scan(ctx, w.root, head, nil, false); err != nil {
			return tool.Result{}, err
		}
		read = func(_ gitdir.File, name string) ([]byte, error) {
			return gitdir.ReadFile(w.root, name, w.s.Limits.Object)
		}
	} else if to, err = w.treeOf(ctx, a.To); err != nil {
		return tool.Result{}, err
	}
	paths, err := w.paths(a.Paths)
	if err != nil {
		return tool.Result{}, err
	}
	changes := gitdir.At(gitdir.Changes(from, to), paths)
	if len(changes) == 0 {
		return tool.Result{Output: "nothing is changed", Data: tool.Data(map[string]any{"changes": changes})}, nil
	}
	patch, whole, err := gitdir.Patch(from, to, changes, tool.MaxOutput-4096, stored, read)
	if err != nil {
		return tool.Result{}, err
	}
	if !whole {
		patch += fmt.Sprintf("\n[the patch is longer; these %d files are changed, ask for some of them by paths]\n%s", len(changes), listed(changes, 60))
	}
	return tool.Result{Output: patch, Data: tool.Data(map[string]any{"changes": changes[:min(len(changes), 200)], "whole": whole})}, nil
}

// treeOf returns what a branch or a commit holds; "" is the last commit, "base" the first.
func (w *work) treeOf(ctx context.Context, name string) (gitdir.Tree, error) {
	switch name {
	case "", "HEAD":
		name = w.doc.Data.Branch
	case "base":
		name = w.doc.Data.Base
	}
	commit, err := w.git.Resolve(name)
	if err != nil {
		return gitdir.Tree{}, err
	}
	return w.git.Tree(ctx, commit)
}
