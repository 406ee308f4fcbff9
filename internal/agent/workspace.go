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
// person has to decide about.
func (d *drive) place() {
	d.dir = d.state.Created.Workspace
	if d.managed() {
		d.dir = filepath.Join(d.Dir, string(d.lease.Org), string(d.lease.Stream))
	}
	p := d.state.Pending
	d.traces = p != nil && p.Tool != nil && p.Tool.Effect == core.Once
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
