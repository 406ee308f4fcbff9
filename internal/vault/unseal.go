package vault

import (
	"bytes"
	"context"
	"io"

	"github.com/isekai-run/isekai/internal/core"
)

// unsealer reads sealed bytes and gives plain ones, a chunk at a time, and none of a
// chunk that doesn't open. It isn't safe for concurrent use.
type unsealer struct {
	*opening
	ctx    context.Context // of the one who opened it
	digest core.Digest
	from   io.ReadCloser

	sealed bytes.Buffer // the next chunk, or its beginning
	plain  []byte       // what hasn't been read of the last
	index  int64
	ended  bool
	err    error
}

// Read implements io.Reader.
func (u *unsealer) Read(p []byte) (int, error) {
	for len(u.plain) == 0 {
		if u.err == nil && u.ended {
			u.err = io.EOF
		}
		if u.err == nil {
			u.err = u.next()
		}
		if u.err != nil {
			return 0, u.err
		}
	}
	n := copy(p, u.plain)
	u.plain = u.plain[n:]
	return n, nil
}

// next opens a chunk. One byte more than a chunk is read, to see whether it is the last;
// the store's own complaint about its bytes comes before ours.
func (u *unsealer) next() error {
	const whole = chunkSize + chunkGrowth
	if _, err := u.sealed.ReadFrom(io.LimitReader(u.from, int64(whole+1-u.sealed.Len()))); err != nil {
		return err
	}
	chunk := u.sealed.Bytes()
	u.ended = len(chunk) <= whole
	var first []byte // of the chunk after this
	if !u.ended {
		chunk, first = chunk[:whole], chunk[whole:]
	}
	place := chunkPlace(u.org, u.index, u.ended)
	plain, err := u.keys.openChunk(chunk, place)
	if again, e := u.lookAgain(u.ctx, err); e != nil {
		return e
	} else if again {
		plain, err = u.keys.openChunk(chunk, place)
	}
	if err != nil {
		return unopened("blob "+string(u.digest), err)
	}
	u.plain = plain
	u.index++
	keep := bytes.Clone(first)
	u.sealed.Reset()
	u.sealed.Write(keep)
	return nil
}

// Close implements io.Closer.
func (u *unsealer) Close() error { return u.from.Close() }
