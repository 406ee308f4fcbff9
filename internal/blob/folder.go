package blob

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Folder is a folder on this machine that holds a stored tree whenever nobody changes it, so
// that it needn't be read and compared each time. Beside it is a file that says which tree, and
// that isn't there while it is changed: after a crash the folder is restored. It may be removed
// at any time that nobody uses it. One caller uses a Folder at a time.
type Folder string

func (f Folder) mark() string { return string(f) + ".at" }

// Restore makes the folder hold a tree; "" is an empty one.
func (f Folder) Restore(ctx context.Context, s Store, org core.OrgID, d core.Digest) error {
	if err := os.MkdirAll(filepath.Dir(string(f)), 0o700); err != nil {
		return failed("make the folder", err)
	}
	at, err := os.ReadFile(f.mark())
	if err == nil && core.Digest(at) == d && d != "" {
		now := time.Now()
		return failed("touch the folder", errors.Join(os.Chtimes(string(f), now, now), os.Chtimes(f.mark(), now, now)))
	}
	if err := f.Changing(); err != nil {
		return err
	}
	if d == "" {
		return failed("empty the folder", errors.Join(os.RemoveAll(string(f)), os.Mkdir(string(f), 0o700)))
	}
	if err := Checkout(ctx, s, org, d, string(f)); err != nil {
		return err
	}
	return failed("mark the folder", os.WriteFile(f.mark(), []byte(d), 0o600))
}

// Changing says that the folder is about to be something else than the tree.
func (f Folder) Changing() error {
	if err := os.Remove(f.mark()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed("change the folder", err)
	}
	return nil
}

// Keep stores what the folder holds, and returns its tree.
func (f Folder) Keep(ctx context.Context, s Store, org core.OrgID, limits Limits) (core.Digest, error) {
	d, _, err := Snapshot(ctx, s, org, string(f), limits)
	return d, err
}

// Kept says that what Keep returned is on record: the next Restore finds it here.
func (f Folder) Kept(d core.Digest) { _ = os.WriteFile(f.mark(), []byte(d), 0o600) } // without it, it is restored

// Tidy removes the Folders in a folder that nobody has used for so long.
func Tidy(dir string, idle time.Duration) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > idle {
			_ = os.RemoveAll(filepath.Join(dir, e.Name()))
		}
	}
}

// Remove removes the folder.
func (f Folder) Remove() {
	_ = os.RemoveAll(string(f))
	_ = os.Remove(f.mark())
}
