package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/isekai-run/isekai/internal/core"
)

// Checkout makes dir hold exactly the tree: it makes dir, removes what isn't in
// the tree, and writes what differs, each file whole or not at all. Files that
// are as they should be aren't touched. Files get mode 0644 or 0755, folders
// 0755.
//
// What dir holds isn't trusted: nothing outside it is read, written or removed,
// whatever links it has; nobody else may change it meanwhile, or it may not hold
// the tree at the end. After an error or a crash it holds some of the tree;
// repeating completes it.
func Checkout(ctx context.Context, s Store, org core.OrgID, d core.Digest, dir string) error {
	t, err := Load(ctx, s, org, d)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return failed("make the folder", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return failed("open the folder", err)
	}
	defer func() { _ = root.Close() }()
	c := &checkout{ctx: ctx, store: s, org: org, root: root, tree: t, folders: t.folders()}
	if err := c.clean("."); err != nil {
		return err
	}
	for _, name := range t.Paths() {
		if err := c.file(name, t.Files[name]); err != nil {
			return err
		}
	}
	return nil
}

type checkout struct {
	ctx     context.Context
	store   Store
	org     core.OrgID
	root    *os.Root
	tree    Tree
	folders map[string]bool
}

// clean removes from a folder what the tree doesn't have there, and afterwards
// the folder itself unless the tree needs it.
func (c *checkout) clean(name string) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	if err := c.root.Chmod(name, 0o755); err != nil { // it may not even be readable
		return failed("change "+name, err)
	}
	entries, err := fs.ReadDir(c.root.FS(), name)
	if err != nil {
		return failed("read "+name, err)
	}
	for _, e := range entries {
		p := path.Join(name, e.Name())
		_, wanted := c.tree.Files[p]
		switch {
		case e.IsDir():
			err = c.clean(p)
		case !wanted || !e.Type().IsRegular():
			err = c.root.Remove(p)
		}
		if err != nil {
			return failed("remove "+p, err)
		}
	}
	if name == "." || c.folders[name] {
		return nil
	}
	if err := c.root.Remove(name); err != nil {
		return failed("remove "+name, err)
	}
	return nil
}

// file makes one file as the tree has it.
func (c *checkout) file(name string, f TreeFile) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if f.Exec {
		mode = 0o755
	}
	same, err := c.same(name, f)
	if err == nil && !same {
		err = c.write(name, f)
	}
	if err == nil {
		err = c.root.Chmod(name, mode)
	}
	return failed("write "+name, err)
}

// same reports whether the file is there with the right bytes.
func (c *checkout) same(name string, f TreeFile) (bool, error) {
	info, err := c.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() != f.Size {
		return false, nil // write it
	}
	if info.Mode().Perm()&0o400 == 0 {
		if err := c.root.Chmod(name, 0o644); err != nil {
			return false, err
		}
	}
	file, err := c.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return false, err
	}
	defer func() { _ = file.Close() }()
	d, err := Digest(c.ctx, c.store, c.org, io.LimitReader(file, f.Size+1))
	return err == nil && d == f.Digest, err
}

// write puts a file in place at once, by way of a name that no tree has for long:
// what a crash leaves there, the next checkout removes.
func (c *checkout) write(name string, f TreeFile) error {
	r, err := c.store.Open(c.ctx, c.org, f.Digest)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	folder := path.Dir(name)
	if err := c.root.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	temp := path.Join(folder, ".checkout-"+rand.Text())
	w, err := c.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, r)
	if e := w.Close(); err == nil {
		err = e
	}
	if err == nil && n != f.Size {
		err = core.E(core.Internal, "blob.checkout", "a blob isn't as long as its tree says")
	}
	if err == nil {
		err = c.root.Rename(temp, name)
	}
	if err != nil {
		_ = c.root.Remove(temp)
	}
	return err
}

// failed says what a checkout couldn't do. An error that has a code keeps it.
func failed(what string, err error) error {
	const op = "blob.checkout"
	var known *core.Error
	switch {
	case err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return core.E(core.Exhausted, op, "the disk is full: can't "+what).WithHint("free space, then repeat").Because(err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return core.E(core.Denied, op, "can't "+what).WithHint("make the folder writable for this user, then repeat").Because(err)
	}
	return core.E(core.Unavailable, op, "can't "+what).WithHint("check the folder's disk, then repeat").Because(err)
}
