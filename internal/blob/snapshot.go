package blob

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strconv"
	"syscall"

	"github.com/isekai-run/isekai/internal/core"
)

// Snapshot stores the regular files below dir and their tree, and returns the
// tree with its digest. More than limits allow is Exhausted, and then blobs of
// files may have been stored, but no tree.
//
// What dir holds isn't trusted: nothing outside it is read, whatever links it
// has and even while they change. What isn't a regular file with a name that
// CheckPath accepts is left out and listed in Tree.Skipped, so that a stray link
// doesn't cost a workspace. A file that changes meanwhile is stored as it was
// read; one that goes away is left out.
func Snapshot(ctx context.Context, s Store, org core.OrgID, dir string, limits Limits) (core.Digest, Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", Tree{}, core.E(core.Unavailable, "blob.snapshot", "can't open the folder").Because(err)
	}
	defer func() { _ = root.Close() }()
	if limits.Files <= 0 {
		limits.Files = DefaultLimits.Files
	}
	if limits.Bytes <= 0 {
		limits.Bytes = DefaultLimits.Bytes
	}
	w := &walk{ctx: ctx, store: s, org: org, root: root, limits: limits, left: limits.Bytes,
		tree: Tree{Files: map[string]TreeFile{}}}
	if err := w.folder("."); err != nil {
		return "", Tree{}, err
	}
	d, err := w.tree.Save(ctx, s, org)
	if err != nil {
		return "", Tree{}, err
	}
	return d, w.tree, nil
}

// walk is a snapshot that is being made.
type walk struct {
	ctx     context.Context
	store   Store
	org     core.OrgID
	root    *os.Root
	limits  Limits
	folders int
	left    int64 // bytes
	tree    Tree
}

// folder adds what one folder holds, at any depth. A path of a tree is bounded,
// so the recursion is.
func (w *walk) folder(name string) error {
	if w.folders++; w.folders > w.limits.Files+1 {
		return tooMany("folders", w.limits.Files)
	}
	entries, err := w.list(name)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		p := path.Join(name, e.Name())
		switch {
		case CheckPath(p) != nil || !e.IsDir() && !e.Type().IsRegular():
			err = w.skip(p)
		case e.IsDir():
			err = w.folder(p)
		default:
			err = w.file(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// list reads a folder, in bounds. One that has gone, or has become something
// else, is empty.
func (w *walk) list(name string) ([]fs.DirEntry, error) {
	f, err := w.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, w.lost(name, err)
	}
	defer func() { _ = f.Close() }()
	entries, err := f.ReadDir(2*w.limits.Files + 2) // as many as both bounds allow, and one more
	if len(entries) > 2*w.limits.Files+1 {
		return nil, tooMany("entries", 2*w.limits.Files)
	}
	if len(entries) == 0 { // ReadDir says io.EOF at the end
		return nil, nil
	}
	if errors.Is(err, fs.ErrNotExist) { // it went while it was read: so did what is listed, soon
		err = nil
	}
	return entries, err
}

// file stores one file.
func (w *walk) file(name string) error {
	if len(w.tree.Files) == w.limits.Files {
		return tooMany("files", w.limits.Files)
	}
	// Without O_NONBLOCK, a pipe that took the file's place would hold us.
	f, err := w.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return w.lost(name, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return w.lost(name, err)
	}
	if !info.Mode().IsRegular() {
		return w.skip(name)
	}
	d, n, err := w.store.Put(w.ctx, w.org, f, w.left)
	if core.CodeOf(err) == core.Exhausted && info.Size() > w.left {
		return core.E(core.Exhausted, "blob.snapshot", "the files are larger than "+strconv.FormatInt(w.limits.Bytes, 10)+" bytes").
			WithHint("remove what isn't needed, such as build output").Because(err)
	}
	if err != nil {
		return err
	}
	w.left -= n
	w.tree.Files[name] = TreeFile{Digest: d, Size: n, Exec: info.Mode()&0o111 != 0}
	return nil
}

// skip notes what is left out, within the bound on files.
func (w *walk) skip(name string) error {
	if len(w.tree.Skipped) == w.limits.Files {
		return tooMany("links and special files", w.limits.Files)
	}
	w.tree.Skipped = append(w.tree.Skipped, name)
	return nil
}

// lost handles what was listed and can't be opened: it has gone, it has become a
// link, or it can't be read, which is an error.
func (w *walk) lost(name string, err error) error {
	var refused syscall.Errno
	switch system := errors.As(err, &refused); {
	case name == ".":
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case !system, refused == syscall.ELOOP, refused == syscall.ENOTDIR, refused == syscall.ENXIO:
		return w.skip(name) // an error of os.Root's own: a link that leads out
	}
	return core.E(core.Unavailable, "blob.snapshot", "can't read "+strconv.Quote(name)).
		WithHint("make it readable, or remove it").Because(err)
}

func tooMany(what string, limit int) error {
	return core.E(core.Exhausted, "blob.snapshot", "more than "+strconv.Itoa(limit)+" "+what).
		WithHint("remove what isn't needed, such as installed packages")
}
