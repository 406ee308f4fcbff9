package mcp

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox/archive"
)

// fileLimits bound a program's files.
var fileLimits = archive.Limits{Packed: 32 << 20, Bytes: 256 << 20, Entries: 10_000, Ratio: 200, Depth: 32}

// PutFiles gives a program the files of an archive, in place of those that it has. Nothing in it
// is run. based is as for Put. invalid, exhausted: the archive can't be taken; see archive.Unpack.
func (s *Service) PutFiles(ctx context.Context, scope core.Scope, name string, r io.ReaderAt, size int64, format archive.Format, based int64) (Server, error) {
	srv, err := s.Server(ctx, scope, name)
	if err != nil {
		return Server{}, err
	}
	if srv.Transport != Stdio {
		return Server{}, invalid("an HTTP server has no files", "make its transport stdio first")
	}
	dir, err := s.files.scratch()
	if err != nil {
		return Server{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what stays, Sweep removes
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Server{}, diskError(err)
	}
	defer func() { _ = root.Close() }()
	if err := archive.Unpack(ctx, root, r, size, format, fileLimits); err != nil {
		return Server{}, err
	}
	tree, _, err := blob.Snapshot(ctx, s.cfg.Blobs, scope.Org, dir, blob.Limits{Files: fileLimits.Entries, Bytes: fileLimits.Bytes})
	if err != nil {
		return Server{}, err
	}
	return s.setFiles(ctx, scope, name, tree, based)
}

// shelf is the folders of programs' files on this machine: one for a tree, as long as a session
// uses it. Safe for concurrent use.
type shelf struct {
	dir   string
	blobs blob.Store
	ids   core.IDs

	mu    sync.Mutex
	trees map[treeKey]*checkedOut
}

type treeKey struct {
	org  core.OrgID
	tree core.Digest
}

type checkedOut struct {
	users int // under shelf.mu

	mu  sync.Mutex // held while dir is written
	dir string     // "": it isn't; never changed once it is
}

// private is the mode of the folders: nobody else on the machine reads what is in them. Boxes
// get them as mounts.
const private = 0o700

// take returns a folder that holds the tree, and what gives it back. It mustn't be written to.
func (s *shelf) take(ctx context.Context, org core.OrgID, tree core.Digest) (dir string, giveBack func(), err error) {
	key := treeKey{org, tree}
	s.mu.Lock()
	c := s.trees[key]
	if c == nil {
		c = &checkedOut{}
		s.trees[key] = c
	}
	c.users++
	s.mu.Unlock()
	var once sync.Once
	giveBack = func() { once.Do(func() { s.drop(key, c) }) }
	if err := s.write(ctx, key, c); err != nil {
		giveBack()
		return "", nil, err
	}
	return c.dir, giveBack, nil
}

// write makes the folder, if nobody has.
func (s *shelf) write(ctx context.Context, key treeKey, c *checkedOut) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dir != "" {
		return nil
	}
	dir, err := s.scratch()
	if err != nil {
		return err
	}
	if err := blob.Checkout(ctx, s.blobs, key.org, key.tree, dir); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	c.dir = dir
	return nil
}

// drop gives back, and removes what nobody uses.
func (s *shelf) drop(key treeKey, c *checkedOut) {
	s.mu.Lock()
	c.users--
	last := c.users == 0
	if last {
		delete(s.trees, key)
	}
	s.mu.Unlock()
	if last && c.dir != "" { // nobody else has c any more
		_ = os.RemoveAll(c.dir) // what stays, sweep removes
	}
}

// scratch makes a new folder.
func (s *shelf) scratch() (string, error) {
	dir := filepath.Join(s.dir, s.ids("tmp"))
	if err := os.MkdirAll(dir, private); err != nil {
		return "", diskError(err)
	}
	return dir, nil
}

// sweep removes what a killed process left.
func (s *shelf) sweep() error {
	if err := os.RemoveAll(s.dir); err != nil {
		return diskError(err)
	}
	return nil
}

func diskError(err error) error {
	return core.E(core.Unavailable, "mcp.files", "the data directory can't be changed").Because(err).
		WithHint("check its permissions and the free space")
}
