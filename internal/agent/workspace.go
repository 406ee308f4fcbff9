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

// openWorkspace makes the workspace be what the events say: the tree after the
// last settled call. What an interrupted call has left behind is undone by that,
// except for a call that a person has to decide about: its traces stay.
func (d *drive) openWorkspace(ctx context.Context) error {
	if !d.managed() {
		d.dir = d.state.Created.Workspace
		return nil
	}
	d.dir = filepath.Join(d.Dir, string(d.lease.Org), string(d.lease.Stream))
	if p := d.state.Pending; p != nil && p.Tool != nil && p.Tool.Effect == core.Once {
		if _, err := os.Stat(d.dir); err == nil {
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
	if d.state.Tree == "" {
		return nil
	}
	if err := blob.Checkout(ctx, d.Blobs, d.lease.Org, d.state.Tree, d.dir); err != nil {
		return fmt.Errorf("open workspace: %w", err)
	}
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
