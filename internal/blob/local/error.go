package local

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/isekai-run/isekai/internal/core"
)

// translate gives an error of the file system its code and a hint. One that has
// a code already, and one of the caller's own reader, stays as it is.
func translate(op string, err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return core.E(core.Exhausted, op, "the disk is full").
			WithHint("free space on the disk of the data directory, then try again").Because(err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return core.E(core.Denied, op, "the folder of blobs can't be used").
			WithHint("make the data directory and its files writable for this user").Because(err)
	case errors.Is(err, os.ErrClosed):
		return core.E(core.Unavailable, op, "the store of blobs is closed").Because(err)
	case errors.As(err, &path), errors.As(err, &link):
		return core.E(core.Unavailable, op, "the disk failed").
			WithHint("check the disk of the data directory").Because(err)
	}
	return err
}
