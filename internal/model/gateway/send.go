package gateway

import (
	"errors"
	"io"
	"sync"
)

// sending is the body of a request to a provider, of which a transport may have several
// readers, one after another. The bytes are the caller's, who has them again when the call is
// over; net/http's transport may still be sending then, because the answer came early. So
// after end nobody reads them any more. Safe for concurrent use.
type sending struct {
	mu   sync.Mutex
	body []byte
	read bool // to its end
	over bool
}

var errSent = errors.New("the call is over")

// open returns a reader of the body from its beginning.
func (s *sending) open() *sendingReader { return &sendingReader{of: s} }

// end takes the body from all readers, and reports whether one has read all of it: a provider
// doesn't begin with less.
func (s *sending) end() (read bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body, s.over = nil, true
	return s.read
}

type sendingReader struct {
	of *sending
	at int
}

// Read implements io.Reader.
func (r *sendingReader) Read(p []byte) (int, error) {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	switch {
	case r.of.over:
		return 0, errSent
	case r.at == len(r.of.body):
		return 0, io.EOF
	}
	n := copy(p, r.of.body[r.at:])
	r.at += n
	r.of.read = r.of.read || r.at == len(r.of.body)
	return n, nil
}

// Close implements io.Closer.
func (r *sendingReader) Close() error { return nil }
