package git

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/gitdir"
)

var branchSpec = tool.Spec{
	Name: "git_branch", Version: "1", Effect: core.Idempotent, Contained: true,
	Description: "Makes a branch at the current commit and goes on there, with what is changed in the workspace; or goes on at a branch that is there, if nothing is changed. Without a name it lists the branches.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"name":{"type":"string","minLength":1,"maxLength":200,"description":"as in fix/login"}
	},"additionalProperties":false}`),
}

type branchArgs struct{ Name string }

func branch(ctx context.Context, w *work, a branchArgs) (tool.Result, error) {
	if err := w.need(); err != nil {
		return tool.Result{}, err
	}
	all, err := w.git.Branches()
	if err != nil {
		return tool.Result{}, err
	}
	if a.Name == "" {
		return w.branches(all), nil
	}
	if err := gitdir.CheckBranch(a.Name); err != nil {
		return tool.Result{}, err
	}
	commit, tree, err := w.head(ctx)
	if err != nil {
		return tool.Result{}, err
	}
	to, there := all[a.Name]
	if there && a.Name == w.doc.Data.Branch {
		return tool.Result{Output: "the task is on the branch " + a.Name + " already"}, nil
	}
	if err := w.changing(); err != nil {
		return tool.Result{}, err
	}
	said := "made the branch " + a.Name + " at " + short(commit)
	if there {
		if err := w.move(ctx, tree, to); err != nil {
			return tool.Result{}, err
		}
		said = "went to the branch " + a.Name + " at " + short(to)
	} else if err := w.git.SetHead(a.Name, commit); err != nil {
		return tool.Result{}, err
	}
	w.doc.Data.Branch = a.Name
	return tool.Result{Output: said}, w.save(ctx, said)
}

// move makes the workspace be as another commit has it, if nothing is lost by that.
func (w *work) move(ctx context.Context, from gitdir.Tree, to string) error {
	target, err := w.git.Tree(ctx, to)
	if err != nil {
		return err
	}
	if err := w.clean(ctx, from, target); err != nil {
		return err
	}
	_, err = w.git.Put(ctx, w.root, from, target)
	return err
}

// clean returns a conflict if a file would be overwritten that isn't in a commit: one that
// differs from both of two trees, where they differ.
func (w *work) clean(ctx context.Context, from, to gitdir.Tree) error {
	now, err := w.git.Scan(ctx, w.root, from, nil, false)
	if err != nil {
		return err
	}
	for _, c := range gitdir.Changes(from, to) {
		is, was, will := now.Files[c.Path].Hash, from.Files[c.Path].Hash, to.Files[c.Path].Hash
		if is != was && is != will {
			return core.E(core.Conflict, w.name, c.Path+" is changed in the workspace, and would be overwritten").
				WithHint("commit it first, with git_commit")
		}
	}
	return nil
}

func (w *work) branches(all map[string]string) tool.Result {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		mark := " "
		if name == w.doc.Data.Branch {
			mark = "*"
		}
		fmt.Fprintf(&b, "%s %s %s\n", mark, name, short(all[name]))
	}
	return tool.Result{Output: b.String(), Data: tool.Data(map[string]any{"branch": w.doc.Data.Branch, "branches": all})}
}
