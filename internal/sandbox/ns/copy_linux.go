package ns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/core"
)

const opCopy = "sandbox.copy"

// Copy reads a file back. The kernel resolves the path below the mount's folder without
// following a link of any kind, and what was opened, not what the path names a moment
// later, is what is checked and read.
func (b *box) Copy(ctx context.Context, name string, w io.Writer, limit int64) (int64, error) {
	f, err := b.open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := io.Copy(w, io.LimitReader(&contextReader{ctx, f}, limit))
	if err != nil {
		return n, fmt.Errorf("%s: %w", opCopy, err)
	}
	if n == limit {
		if more, _ := f.Read(make([]byte, 1)); more > 0 {
			return n, core.E(core.Exhausted, opCopy, fmt.Sprintf("%s is longer than %d bytes", name, limit))
		}
	}
	return n, nil
}

func (b *box) open(name string) (*os.File, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.dead || b.isKilled() {
		return nil, gone(opCopy)
	}
	clean := path.Clean(name)
	for _, m := range b.mounts {
		rel, ok := strings.CutPrefix(clean, m.Target+"/")
		if !ok {
			continue
		}
		fd, err := unix.Openat2(m.dir, rel, &unix.OpenHow{
			Flags:   unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV,
		})
		if err != nil {
			return nil, openError(name, err)
		}
		return regular(fd, name)
	}
	return nil, core.E(core.Invalid, opCopy, name+" isn't inside a mount of the box")
}

// regular returns an open file if it is a regular one.
func regular(fd int, name string) (*os.File, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(fd)
		return nil, core.E(core.Invalid, opCopy, name+" is no regular file")
	}
	return os.NewFile(uintptr(fd), name), nil
}

func openError(name string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR):
		return core.E(core.NotFound, opCopy, name+" isn't there")
	case errors.Is(err, syscall.EACCES):
		return core.E(core.Denied, opCopy, name+" can't be read").Because(err)
	}
	// ELOOP, EXDEV: a link, or a way out. ENXIO: a FIFO or a socket.
	return core.E(core.Invalid, opCopy, name+" is no regular file below the mount").Because(err)
}

// contextReader reads until ctx ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
