package mcp

import (
	"bytes"
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

// Files are a program's files, as they were uploaded: one blob, since many small ones would take
// as many writes that are waited for.
type Files struct {
	Archive core.Digest    `json:",omitempty"`
	Format  archive.Format `json:",omitempty"`
}

// PutFiles gives a program the files of an archive, in place of those that it has. It is
// unpacked, to see that it can be; nothing in it is run. based is as for Put. invalid, exhausted:
// it can't be taken; see archive.Unpack.
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
	if err := unpack(ctx, dir, r, size, format); err != nil {
		return Server{}, err
	}
	d, _, err := s.cfg.Blobs.Put(ctx, scope.Org, io.NewSectionReader(r, 0, size), fileLimits.Packed)
	if err != nil {
		return Server{}, err
	}
	return s.setFiles(ctx, scope, name, Files{d, format}, based)
}

// unpack unpacks an archive into a folder.
func unpack(ctx context.Context, dir string, r io.ReaderAt, size int64, format archive.Format) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return diskError(err)
	}
	defer func() { _ = root.Close() }()
	return archive.Unpack(ctx, root, r, size, format, fileLimits)
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
	org   core.OrgID
	files Files
}

type checkedOut struct {
	users int // under shelf.mu

	mu  sync.Mutex // held while dir is written
	dir string     // "": it isn't; never changed once it is
}

// private is the mode of the folder of folders: nobody else on the machine reads what is in them.
const private = 0o700

// take returns a folder that holds the files, and what gives it back. It mustn't be written to.
func (s *shelf) take(ctx context.Context, org core.OrgID, files Files) (dir string, giveBack func(), err error) {
	key := treeKey{org, files}
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
	if err := s.fetch(ctx, key, dir); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	c.dir = dir
	return nil
}

// fetch unpacks the files of the store into a folder.
func (s *shelf) fetch(ctx context.Context, key treeKey, dir string) error {
	r, err := s.blobs.Open(ctx, key.org, key.files.Archive)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	b, err := io.ReadAll(io.LimitReader(r, fileLimits.Packed+1)) // to its end, where it is compared with its digest
	if err != nil {
		return err
	}
	return unpack(ctx, dir, bytes.NewReader(b), int64(len(b)), key.files.Format)
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
	if err := os.MkdirAll(s.dir, private); err != nil {
		return "", diskError(err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil { // a box's user reads it by the mount
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
