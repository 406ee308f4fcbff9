package h1

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// body is the body of an answer. Close may be called while another goroutine reads.
type body struct {
	*call
	inner io.ReadCloser // its Close isn't used: it would read to the end
	again bool          // the connection may be used again after its end
	left  int64         // bytes that are still to come; below 0: not known

	ended atomic.Bool // the call is finished: who sets it does that
	mu    sync.Mutex  // held while reading
	err   error       // of all reads to come
}

// Read implements io.Reader. At the end of the body the connection is free for another call.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return 0, b.err
	}
	if b.ended.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.inner.Read(p)
	if b.left > 0 {
		b.left -= int64(n)
	}
	if err == nil {
		return n, nil
	}
	switch {
	case !b.end(err == io.EOF && b.again):
		err = http.ErrBodyReadAfterClose // meanwhile
	case err != io.EOF && b.ctx.Err() != nil:
		err = context.Cause(b.ctx)
	}
	b.err = err
	return n, err
}

// end finishes the call, once. It reports whether it was this one that did.
func (b *body) end(again bool) bool {
	if !b.ended.CompareAndSwap(false, true) {
		return false
	}
	b.finish(again)
	return true
}

// Close implements io.Closer. If the body wasn't read to its end, the connection is closed,
// unless no more than its end was missing. A read under way ends.
func (b *body) Close() error {
	if !b.mu.TryLock() { // somebody reads
		b.end(false)
		return nil
	}
	defer b.mu.Unlock()
	if !b.ended.Load() {
		b.end(b.again && b.drain())
	}
	if b.err == nil || b.err == io.EOF {
		b.err = http.ErrBodyReadAfterClose
	}
	return nil
}

// drain reads what is left, if that is little and there, and reports whether it came to the end.
func (b *body) drain() bool {
	if b.left > maxDrain || b.ctx.Err() != nil || b.c.net.SetReadDeadline(time.Now().Add(drainTime)) != nil {
		return false
	}
	var piece [512]byte
	for n := 0; n <= maxDrain; {
		k, err := b.inner.Read(piece[:])
		if n += k; err != nil {
			return err == io.EOF && b.c.net.SetReadDeadline(time.Time{}) == nil
		}
	}
	return false
}
