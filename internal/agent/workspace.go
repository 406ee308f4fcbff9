package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// managed reports whether the task's workspace is made for it, below w.Dir, and
// not a folder of the operator's.
func (d *drive) managed() bool { return d.state.Created.Workspace == "" }

func (d *drive) workspace() tool.Workspace {
	return tool.Workspace{Dir: d.dir, Managed: d.managed()}
}

// place says where the workspace is, and whether a call has left traces there that a
// person has to decide about: one that was under way here, in this workspace.
func (d *drive) place() {
	d.dir, d.traces = d.state.Created.Workspace, false
	if !d.managed() {
		return
	}
	d.dir = filepath.Join(d.Dir, string(d.lease.Org), string(d.lease.Stream))
	if p := d.state.Pending; p != nil && p.Tool != nil && p.Tool.Effect == core.Once {
		call, err := os.ReadFile(d.mark())
		d.traces = err == nil && string(call) == string(p.Tool.Call.ID)
	}
}

// mark is the file, beside the workspace, that names the last call which was made in it and mustn't
// be made twice. Without it nobody knew, after a crash, whether the workspace is as that call left
// it, or as it was here long before.
func (d *drive) mark() string { return d.dir + ".call" }

// marks notes that a call is made in the workspace.
func (d *drive) marks(c core.CallID) error {
	if !d.managed() {
		return nil
	}
	if err := os.WriteFile(d.mark(), []byte(c), 0o600); err != nil {
		return noWorkspace(err)
	}
	return nil
}

// openWorkspace makes the workspace be what the events say, before the drive's first
// call that uses it: the tree after the last settled call. What an interrupted call has
// left behind is undone by that, except for one that a person has to decide about: its
// traces stay.
func (d *drive) openWorkspace(ctx context.Context) error {
	if d.opened || !d.managed() {
		return nil
	}
	if d.traces {
		d.traces = false // once: what sub-tasks leave is another tree
		if _, err := os.Stat(d.dir); err == nil {
			d.opened = true
			return nil
		}
	}
	if d.state.Tree == "" {
		if err := os.RemoveAll(d.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return noWorkspace(err)
		}
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return noWorkspace(err)
	}
	if d.state.Tree != "" {
		if err := blob.Checkout(ctx, d.Blobs, d.lease.Org, d.state.Tree, d.dir); err != nil {
			return fmt.Errorf("open workspace: %w", err)
		}
	}
	d.opened = true
	return nil
}

// keepTraces notes what a lost call has left in the workspace with its outcome, which a person
// has given: it is a part of the task's files from now on.
func (d *drive) keepTraces(ctx context.Context, facts []core.Payload) error {
	s, ok := facts[0].(core.ToolSettled)
	if !ok || !d.traces {
		return nil
	}
	err := d.openWorkspace(ctx)
	if err == nil {
		s.Tree, err = d.snapshot(ctx)
	}
	if core.CodeOf(err) == core.Exhausted {
		s, err = unkept(s, err), nil
	}
	facts[0] = s
	return err
}

// noWorkspace is the error of a disk that may work again later.
func noWorkspace(err error) error {
	return core.E(core.Unavailable, "workspace", "can't open the task's workspace").Because(err)
}

// snapshot stores the workspace's files and returns their tree, or "" if it is
// the one that the state has already.
func (d *drive) snapshot(ctx context.Context) (core.Digest, error) {
	tree, _, err := blob.Snapshot(ctx, d.Blobs, d.lease.Org, d.dir, blob.Limits{})
	if err != nil {
		return "", fmt.Errorf("snapshot workspace: %w", err)
	}
	if tree == d.state.Tree {
		return "", nil
	}
	return tree, nil
}
