package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/gitdir"
)

// state is what is kept of a task's repository.
type state struct {
	core.Checkout
	// Last is the call that changed it last, and what it said: made again, it says that again.
	Last core.CallID
	Said string
}

// kept are the states of tasks, by the task's id.
const kept = store.Kind[state]("git.checkout")

// own begins the names of tasks' own branches.
const own = "isekai/"

// life is how long a state is kept after its last change.
const life = 90 * 24 * time.Hour

// work is one call on a task's repository.
type work struct {
	s         *shared
	call      tool.Call
	name      string // of the tool
	unlock    func()
	workspace *os.Root
	root      *os.Root // the checkout's folder; nil before there is one
	doc       store.Doc[state]
	path      blob.Folder // the repository on this machine
	git       *gitdir.Dir
}

// open opens the repository of a call's task. One that has none is given an empty one.
func (s *shared) open(ctx context.Context, name string, c tool.Call) (_ *work, err error) {
	unlock, err := s.lock(ctx, c)
	if err != nil {
		return nil, err
	}
	w := &work{s: s, call: c, name: name, unlock: unlock, path: blob.Folder(filepath.Join(s.Dir, string(c.Scope.Org), string(c.Task)))}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if w.workspace, err = c.Workspace.Open(); err != nil {
		return nil, err
	}
	if _, theirs := c.Workspace.Kept(); theirs {
		return nil, core.E(core.Unsupported, name, "the workspace is a repository of the operator's: what is in its .git isn't changed by tools").
			WithHint("look at it with run_command, as in git diff; who owns the folder commits and pushes")
	}
	if w.doc, err = kept.Find(ctx, s.Records, c.Scope.Org, string(c.Task)); err != nil {
		return nil, err
	}
	if w.doc.Version == 0 && c.Facts.Checkout != nil {
		w.doc.Data.Checkout = *c.Facts.Checkout
		if strings.HasPrefix(w.doc.Data.Branch, own) { // also of a fork, whose events are another's
			w.doc.Data.Branch = own + string(c.Task)
		}
	}
	if err := w.restore(ctx); err != nil {
		return nil, err
	}
	return w, nil
}

// there reports whether the task has a repository.
func (w *work) there() bool { return w.doc.Data.URL != "" }

// need returns not_found for a task that has no repository, and else opens its folder.
func (w *work) need() error {
	if !w.there() {
		return core.E(core.NotFound, w.name, "the workspace isn't a checkout of a repository").WithHint("git_clone makes one")
	}
	return w.enter(w.doc.Data.Dir)
}

// enter opens the folder of the checkout, which it makes.
func (w *work) enter(dir string) (err error) {
	if dir == "" {
		dir = "."
	}
	if dir, err = tool.CleanPath(dir); err != nil {
		return err
	}
	if dir != "." {
		if err := tool.CheckWrite(dir); err != nil {
			return err
		}
		if err := w.workspace.MkdirAll(dir, 0o755); err != nil {
			return tool.FileError(dir, err)
		}
	}
	w.root, err = w.workspace.OpenRoot(dir)
	if err != nil {
		return tool.FileError(dir, err)
	}
	return nil
}

// restore makes the repository on this machine be what the state says.
func (w *work) restore(ctx context.Context) (err error) {
	at := w.doc.Data
	if err := w.path.Restore(ctx, w.s.Blobs, w.call.Scope.Org, at.State); err != nil {
		return fmt.Errorf("%s: the task's repository: %w", w.name, err)
	}
	blob.Tidy(filepath.Dir(string(w.path)), idle)
	if w.git, err = gitdir.Open(string(w.path), w.s.Limits); err != nil || !w.there() {
		return err
	}
	if _, err := w.git.Head(at.Branch); core.CodeOf(err) == core.NotFound { // the task's own, which begins now
		return w.git.SetHead(at.Branch, at.Base)
	}
	return nil
}

// changing says that the repository on this machine is about to be another than the state's.
func (w *work) changing() error { return w.path.Changing() }

// save keeps the repository, and what the call says. conflict: another call was quicker.
func (w *work) save(ctx context.Context, said string) error {
	if err := w.git.Close(); err != nil {
		return core.E(core.Unavailable, w.name, "the task's repository can't be stored").Because(err)
	}
	d, err := w.path.Keep(ctx, w.s.Blobs, w.call.Scope.Org, blob.Limits{Files: 4 * w.s.Limits.Files, Bytes: 2 * w.s.Limits.Pack})
	if err != nil {
		return err
	}
	w.doc.Data.State, w.doc.Data.Last, w.doc.Data.Said = d, w.call.ID, said
	w.doc.Expires = w.s.Now().Add(life)
	if err := w.s.Records.Write(ctx, w.call.Scope.Org, kept.Put(w.doc)); err != nil {
		return err
	}
	w.path.Kept(d)
	return nil
}

// again returns what this very call has said, if it came to its end.
func (w *work) again() (tool.Result, bool) {
	if w.doc.Data.Last != w.call.ID || w.call.ID == "" {
		return tool.Result{}, false
	}
	return tool.Result{Output: w.doc.Data.Said}, true
}

func (w *work) close() {
	if w.git != nil {
		_ = w.git.Close()
	}
	for _, r := range []*os.Root{w.root, w.workspace} {
		if r != nil {
			_ = r.Close()
		}
	}
	w.unlock()
}

// head returns the commit that the task is at, and what it holds.
func (w *work) head(ctx context.Context) (string, gitdir.Tree, error) {
	commit, err := w.git.Head(w.doc.Data.Branch)
	if err != nil {
		return "", gitdir.Tree{}, err
	}
	tree, err := w.git.Tree(ctx, commit)
	return commit, tree, err
}
