package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

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

// digest returns the SHA-256 of a file, in hexadecimal.
func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// lock keeps two processes from writing the keys at the same time. It is on a file beside
// them, which stays, and ends with the process.
func lock(ctx context.Context, dir string) (unlock func(), err error) {
	const op, again = "backup", 20 * time.Millisecond
	path := filepath.Join(dir, keysName+".lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, diskError(op, path, err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(diskError(op, path, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		case <-time.After(again):
		}
	}
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
		return core.E(core.Denied, op, "this user may not use "+path).Because(err).WithHint("make it readable and writable for this user, or set backup.dir to another folder")
	case errors.Is(err, fs.ErrExist):
		return core.E(core.Conflict, op, path+" is there already").Because(err).WithHint("try again in a second")
	}
	return core.E(core.Unavailable, op, "can't use "+path).Because(err)
}
