package archive

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/isekai-run/isekai/internal/core"
)

// Unpack writes the files of the archive in r, size bytes long, below root.
// Files are made new: one that is there already, or twice in the archive, is a
// conflict. invalid: it isn't such an archive, it is damaged, or it holds what no
// honest one does (a path out of the root, a link, a device). exhausted: it is
// beyond a limit. After an error root holds a part of it: the caller removes it.
// Ending ctx ends it.
func Unpack(ctx context.Context, root *os.Root, r io.ReaderAt, size int64, format Format, l Limits) error {
	l = l.OrDefault()
	if size > l.Packed {
		return exhausted(fmt.Sprintf("the archive is larger than %d bytes", l.Packed))
	}
	u := &unpacker{ctx: ctx, root: root, limits: l, left: l.most(size)}
	switch format {
	case Zip:
		return u.zip(r, size)
	case TarGz:
		return u.tarGz(io.NewSectionReader(r, 0, size))
	}
	return invalid("unknown format " + string(format)).WithHint("use zip or tar.gz")
}

// unpacker is one run of Unpack.
type unpacker struct {
	ctx     context.Context
	root    *os.Root
	limits  Limits
	left    int64 // bytes that may still be written
	entries int
}

func (u *unpacker) zip(r io.ReaderAt, size int64) error {
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are checked below
		return damaged(err)
	}
	for _, f := range z.File {
		if err := u.entry(f.Name, f.Mode(), f.Open); err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacker) tarGz(r io.Reader) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return damaged(err)
	}
	// What is between the files is bounded too: a header is a block, or three
	// with a long name.
	stream := &bounded{ctx: u.ctx, r: z, left: u.left + int64(u.limits.Entries+16)*(maxPath+3*512)}
	t := tar.NewReader(stream)
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) { // names are checked below
			return damaged(err)
		}
		if h.Typeflag == tar.TypeXGlobalHeader { // git writes the commit there
			continue
		}
		mode := h.FileInfo().Mode()
		if h.Typeflag == tar.TypeLink { // a hard link, whose mode says that it is a file
			mode |= fs.ModeIrregular
		}
		open := func() (io.ReadCloser, error) { return io.NopCloser(t), nil }
		if err := u.entry(h.Name, mode, open); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, stream); err != nil { // to the checksum at the end
		return damaged(err)
	}
	return nil
}

// entry unpacks one entry.
func (u *unpacker) entry(name string, mode fs.FileMode, open func() (io.ReadCloser, error)) error {
	if err := u.ctx.Err(); err != nil {
		return err
	}
	if u.entries++; u.entries > u.limits.Entries {
		return exhausted(fmt.Sprintf("the archive holds more than %d files", u.limits.Entries))
	}
	clean, err := cleanName(name, u.limits.Depth)
	if err != nil {
		return err
	}
	switch {
	case mode.IsDir():
		return u.made(clean, u.root.MkdirAll(clean, 0o755))
	case !mode.IsRegular():
		return invalid(fmt.Sprintf("the entry %.80q is neither a file nor a folder", name))
	case clean == ".":
		return invalid("a file has no name")
	}
	if err := u.made(clean, u.root.MkdirAll(path.Dir(clean), 0o755)); err != nil {
		return err
	}
	r, err := open()
	if err != nil {
		return damaged(err)
	}
	defer r.Close()
	return u.file(clean, mode, r)
}

// file writes one file.
func (u *unpacker) file(name string, mode fs.FileMode, r io.Reader) (err error) {
	perm := fs.FileMode(0o644)
	if mode&0o100 != 0 {
		perm = 0o755
	}
	f, err := u.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm)
	if err != nil {
		return u.made(name, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	in := &bounded{ctx: u.ctx, r: r, left: u.left}
	n, err := io.Copy(f, in)
	u.left -= n
	if in.err != nil { // else it was the disk
		return damaged(in.err)
	}
	return err
}

// made explains why a file or folder couldn't be made.
func (u *unpacker) made(name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return core.E(core.Conflict, "archive", fmt.Sprintf("%.80q is there already", name)).Because(err)
	case isEscape(err):
		return invalid(fmt.Sprintf("the entry %.80q lies behind a link or a file", name)).Because(err)
	}
	return fmt.Errorf("archive: %w", err)
}

// damaged gives an error of reading the archive its code.
func damaged(err error) error {
	if core.CodeOf(err) != core.Internal { // a limit, or the end of the context
		return err
	}
	return invalid("the archive is damaged, or of another kind").Because(err)
}

// isEscape reports whether os.Root refused a path because something on it leads
// out of the root, or isn't a folder.
func isEscape(err error) bool {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno == syscall.ENOTDIR || errno == syscall.ELOOP || errno == syscall.EISDIR
	}
	return true // os.Root's own: a path that escapes
}
