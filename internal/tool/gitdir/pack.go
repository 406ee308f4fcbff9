package gitdir

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"github.com/isekai-run/isekai/internal/core"
)

// receive stores what a server sends: first as it comes, up to the limit; then it is measured,
// without any of it being kept in memory; and only what is within the limits is unpacked.
func (d *Dir) receive(ctx context.Context, r io.Reader) error {
	f, err := os.CreateTemp(d.path, "incoming-*")
	if err != nil {
		return failed("what comes can't be stored", err)
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	n, err := io.Copy(f, io.LimitReader(&contextReader{ctx, r}, d.limits.Pack+1))
	switch {
	case err != nil:
		return lost(ctx, err)
	case n > d.limits.Pack:
		return tooLarge("is larger than is fetched")
	case n == 0:
		return nil
	}
	if err := d.measure(ctx, f, n); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return failed("what came can't be read", err)
	}
	err = packfile.UpdateObjectStorage(d.store, f)
	if err != nil && !errors.Is(err, packfile.ErrEmptyPackfile) {
		return core.E(core.Invalid, "git", "the server sent what can't be unpacked").Because(err)
	}
	return nil
}

// measure looks at each object of a pack: how many there are, and how large each will be.
func (d *Dir) measure(ctx context.Context, f *os.File, size int64) error {
	bad := func(err error) error {
		return core.E(core.Invalid, "git", "the server sent what isn't a pack").Because(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return bad(err)
	}
	s := packfile.NewScanner(f)
	_, count, err := s.Header()
	switch {
	case err != nil:
		return bad(err)
	case int64(count) > int64(d.limits.Objects):
		return tooLarge("has more objects than are fetched")
	}
	left := d.limits.Bytes
	for range count {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := s.NextObjectHeader()
		if err != nil {
			return bad(err)
		}
		if h.Length < 0 || h.Length > d.limits.Object {
			return tooLarge("has an object that is larger than is fetched")
		}
		w := &gauge{}
		if _, _, err := s.NextObject(w); err != nil { // also where it is longer than it says
			return bad(err)
		}
		result := h.Length
		if h.Type == plumbing.OFSDeltaObject || h.Type == plumbing.REFDeltaObject {
			if result = w.result(); result < 0 || result > d.limits.Object {
				return tooLarge("has an object that is larger than is fetched")
			}
		}
		if left -= result; left < 0 {
			return tooLarge("has more bytes than are fetched")
		}
	}
	return nil
}

// gauge keeps the beginning of an object.
type gauge struct{ head bytes.Buffer }

// Write implements io.Writer.
func (g *gauge) Write(p []byte) (int, error) {
	const room = 2 * binary.MaxVarintLen64
	if left := room - g.head.Len(); left > 0 {
		g.head.Write(p[:min(left, len(p))])
	}
	return len(p), nil
}

// result returns how large what a delta makes is (gitformat-pack: the sizes of base and
// result begin it), or -1.
func (g *gauge) result() int64 {
	r := bytes.NewReader(g.head.Bytes())
	if _, err := binary.ReadUvarint(r); err != nil {
		return -1
	}
	n, err := binary.ReadUvarint(r)
	if err != nil || n > 1<<62 {
		return -1
	}
	return int64(n)
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read implements io.Reader.
func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
