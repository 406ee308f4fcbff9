package git

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/gitdir"
)

// netTime bounds a call that reaches a host.
const netTime = 10 * time.Minute

var cloneSpec = tool.Spec{
	Name: "git_clone", Version: "1", Effect: core.Idempotent, Timeout: netTime,
	Description: "Gets a git repository into the workspace: the newest files of a branch and some of its history. Links, submodules and what Git LFS keeps elsewhere are left out. A task has one repository; the other git tools work on it. There is no .git in the workspace.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"url":{"type":"string","minLength":1,"maxLength":2000,"description":"https://HOST/PATH.git, or ssh://git@HOST/PATH.git"},
		"branch":{"type":"string","description":"a branch or a tag; the repository's own branch if not given"},
		"dir":{"type":"string","description":"the folder to put it into; the workspace itself if not given"},
		"credential":{"type":"string","maxLength":200,"description":"the name of the project's credential for it, if it isn't public"},
		"host_key":{"type":"string","maxLength":4000,"description":"for SSH: the host's public key, as ssh-keyscan writes it"}
	},"required":["url"],"additionalProperties":false}`),
}

type cloneArgs struct {
	URL, Branch, Dir, Credential string
	HostKey                      string `json:"host_key"`
}

func clone(ctx context.Context, w *work, a cloneArgs) (tool.Result, error) {
	u, err := gitdir.ParseURL(a.URL)
	if err != nil {
		return tool.Result{}, err
	}
	at := core.Checkout{URL: u.String(), Credential: a.Credential, HostKey: a.HostKey, Dir: a.Dir}
	if r, done := w.again(); done { // its files may not have come to their place
		return r, w.fill(ctx)
	}
	if w.there() {
		return tool.Result{}, core.E(core.Conflict, w.name, "the task has a repository already: "+w.doc.Data.URL+" in "+folderName(w.doc.Data.Dir)).
			WithHint("git_pull gets what is new there; another repository needs a task of its own")
	}
	if err := w.enter(a.Dir); err != nil {
		return tool.Result{}, err
	}
	remote, err := w.remote(ctx, w.name, at)
	if err != nil {
		return tool.Result{}, err
	}
	got, err := w.git.Fetch(ctx, remote, a.Branch)
	if err != nil {
		return tool.Result{}, err
	}
	tree, err := w.git.Tree(ctx, got.Commit)
	if err != nil {
		return tool.Result{}, err
	}
	if err := w.empty(ctx, tree); err != nil {
		return tool.Result{}, err
	}
	at.Branch, at.From, at.Base = got.Branch, got.Branch, got.Commit
	if err := w.git.SetHead(at.Branch, got.Commit); err != nil {
		return tool.Result{}, err
	}
	lfs, err := w.git.Put(ctx, w.root, gitdir.Tree{}, tree)
	if err != nil {
		return tool.Result{}, err
	}
	w.doc.Data.Checkout = at
	said := fmt.Sprintf("%s is in %s: %d files of branch %s at commit %s", at.URL, folderName(at.Dir), len(tree.Files), at.Branch, short(got.Commit)) + leftOut(tree, lfs)
	if err := w.save(ctx, said); err != nil {
		return tool.Result{}, err
	}
	return tool.Result{Output: said, Data: tool.Data(map[string]any{"url": at.URL, "branch": at.Branch, "commit": got.Commit, "files": len(tree.Files)})}, nil
}

// fill writes the files of the commit that the task is at.
func (w *work) fill(ctx context.Context) error {
	if err := w.need(); err != nil {
		return err
	}
	_, tree, err := w.head(ctx)
	if err != nil {
		return err
	}
	_, err = w.git.Put(ctx, w.root, gitdir.Tree{}, tree)
	return err
}

// empty refuses a folder that holds anything but what the tree has there.
func (w *work) empty(ctx context.Context, tree gitdir.Tree) error {
	now, err := w.git.Scan(ctx, w.root, gitdir.Tree{}, nil, false)
	if err != nil {
		return err
	}
	for name, f := range now.Files {
		if tree.Files[name].Hash != f.Hash {
			return core.E(core.Conflict, w.name, "the folder isn't empty: there is "+name).WithHint("give another folder as dir")
		}
	}
	return nil
}

func folderName(dir string) string {
	if dir == "" || dir == "." {
		return "the workspace"
	}
	return dir
}

// leftOut says what of a tree isn't in the workspace.
func leftOut(tree gitdir.Tree, lfs []string) string {
	var b strings.Builder
	if left := tree.Left(); len(left) > 0 {
		fmt.Fprintf(&b, "\nleft out, and kept as they are by commits: %s", some(left))
	}
	if len(lfs) > 0 {
		fmt.Fprintf(&b, "\nonly pointers, as Git LFS keeps the files elsewhere: %s", some(lfs))
	}
	return b.String()
}

// some names the first of many.
func some(names []string) string {
	const most = 20
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// short is a commit as people write it.
func short(hash string) string { return hash[:min(12, len(hash))] }
