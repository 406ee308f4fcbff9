package backup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/isekai-run/isekai/internal/core"
)

// writeFile replaces a file at once, durably, readable by its owner alone.
func writeFile(path string, data []byte) error {
	const op = "backup"
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return diskError(op, dir, err)
	}
	defer os.Remove(f.Name()) // when it isn't renamed
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return diskError(op, path, err)
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// diskError gives an error of the file system its code and a hint.
func diskError(op, path string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return core.E(core.Exhausted, op, "the disk of "+path+" is full").Because(err).WithHint("free some space, or set backup.dir to a folder on another disk")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return core.E(core.Denied, op, path+" can't be written").Because(err).WithHint("make it writable for this user, or set backup.dir to another folder")
	case errors.Is(err, fs.ErrExist):
		return core.E(core.Conflict, op, path+" is there already").Because(err).WithHint("try again in a second")
	}
	return core.E(core.Unavailable, op, "can't use "+path).Because(err)
}
