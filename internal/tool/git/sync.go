package git

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/gitdir"
)

var pullSpec = tool.Spec{
	Name: "git_pull", Version: "1", Effect: core.Idempotent, Timeout: netTime,
	Description: "Gets what is new in the repository. The current branch and the workspace move on to it if no commit of the task's is in the way; else it is there as the branch origin/NAME.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"branch":{"type":"string","minLength":1,"maxLength":200,"description":"of the repository; the one that the task began at if not given"},
		"fetch_only":{"type":"boolean","description":"leave the workspace as it is"}
	},"additionalProperties":false}`),
}

type pullArgs struct {
	Branch    string
	FetchOnly bool `json:"fetch_only"`
}

func pull(ctx context.Context, w *work, a pullArgs) (tool.Result, error) {
	if err := w.need(); err != nil {
		return tool.Result{}, err
	}
	if a.Branch == "" {
		a.Branch = w.doc.Data.From
	}
	remote, err := w.remote(ctx, w.name, w.doc.Data.Checkout)
	if err != nil {
		return tool.Result{}, err
	}
	if err := w.changing(); err != nil {
		return tool.Result{}, err
	}
	got, err := w.git.Fetch(ctx, remote, a.Branch)
	if err != nil {
		return tool.Result{}, err
	}
	said, err := w.forward(ctx, got, a.FetchOnly)
	if err != nil {
		return tool.Result{}, err
	}
	return tool.Result{Output: said, Data: tool.Data(map[string]any{"branch": got.Branch, "commit": got.Commit})}, w.save(ctx, said)
}

// forward moves the current branch and the workspace on to what was fetched, where that takes
// nothing away.
func (w *work) forward(ctx context.Context, got gitdir.Fetched, fetchOnly bool) (said string, err error) {
	commit, tree, err := w.head(ctx)
	if err != nil {
		return "", err
	}
	name := "origin/" + got.Branch
	if fetchOnly {
		return fmt.Sprintf("%s is at %s", name, short(got.Commit)), nil
	}
	if has, err := w.git.Descends(commit, got.Commit); err != nil || has {
		return fmt.Sprintf("there is nothing new: %s at %s is in %s", name, short(got.Commit), w.doc.Data.Branch), err
	}
	ahead, err := w.git.Descends(got.Commit, commit)
	if err != nil {
		return "", err
	}
	if !ahead {
		return fmt.Sprintf("%s is at %s, and %s has commits that aren't there: neither was changed. git_diff from %s shows the difference", name, short(got.Commit), w.doc.Data.Branch, name), nil
	}
	if err := w.move(ctx, tree, got.Commit); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s moved on from %s to %s", w.doc.Data.Branch, short(commit), short(got.Commit)), w.git.SetHead(w.doc.Data.Branch, got.Commit)
}

// A push that was made is no harm when it is made again: the branch is there. It is once, as
// what leaves the installation is a person's to allow.
var pushSpec = tool.Spec{
	Name: "git_push", Version: "1", Effect: core.Once, Timeout: netTime,
	Description: "Gives the current branch's commits to the repository. It never takes commits away there.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"branch":{"type":"string","minLength":1,"maxLength":200,"description":"its name there; the same as here if not given"}
	},"additionalProperties":false}`),
}

type pushArgs struct{ Branch string }

func push(ctx context.Context, w *work, a pushArgs) (tool.Result, error) {
	if err := w.need(); err != nil {
		return tool.Result{}, err
	}
	if a.Branch == "" {
		a.Branch = w.doc.Data.Branch
	}
	commit, err := w.git.Head(w.doc.Data.Branch)
	if err != nil {
		return tool.Result{}, err
	}
	remote, err := w.remote(ctx, w.name, w.doc.Data.Checkout)
	if err != nil {
		return tool.Result{}, err
	}
	if err := w.changing(); err != nil {
		return tool.Result{}, err
	}
	already, err := w.git.Push(ctx, remote, a.Branch, commit)
	if err != nil {
		return tool.Result{}, err
	}
	said := fmt.Sprintf("the branch %s of %s is at %s", a.Branch, w.doc.Data.URL, short(commit))
	if already {
		said += ", as it was before"
	}
	return tool.Result{Output: said, Data: tool.Data(map[string]any{"branch": a.Branch, "commit": commit, "url": w.doc.Data.URL, "already": already})}, w.save(ctx, said)
}
