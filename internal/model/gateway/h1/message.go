package h1

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// message is a request as it is sent. It belongs to one call at a time.
type message struct {
	b    []byte // the header, and the body if it is small
	head int    // bytes of the header

	large bool          // the body isn't in b ...
	body  io.ReadCloser // ... but is read by who writes it, who closes it, too
	left  int64         // bytes that are to be read of it
}

var messages = sync.Pool{New: func() any { return &message{b: make([]byte, 0, 4<<10)} }}

// errBody is that a request's body broke, not the connection.
var (
	errBody   = errors.New("h1: reading the request's body")
	errLength = fmt.Errorf("%w: it isn't as long as its ContentLength", errBody)
)

// encode makes a message of a request. It has closed the request's body if that is small, or
// if there is an error.
func encode(r *http.Request) (*message, error) {
	m := messages.Get().(*message)
	var err error
	if m.b, err = appendHeader(m.b[:0], r); err == nil {
		m.head = len(m.b)
		err = m.take(r.Body, length(r))
	} else if r.Body != nil {
		_ = r.Body.Close()
	}
	if err != nil {
		m.free()
		return nil, err
	}
	return m, nil
}

// take has the message have a body of n bytes.
func (m *message) take(body io.ReadCloser, n int64) error {
	if n > 0 && int64(m.head)+n > maxAtOnce {
		m.large, m.body, m.left = true, body, n
		return nil
	}
	if body == nil {
		return nil
	}
	defer body.Close()
	if n == 0 {
		return nil
	}
	m.b = append(m.b, make([]byte, n)...)
	if _, err := io.ReadFull(body, m.b[m.head:]); err != nil {
		return badBody(err)
	}
	return ended(body)
}

// ended returns errLength unless a body has come to its end.
func ended(body io.Reader) error {
	var one [1]byte
	for range 8 {
		switch n, err := body.Read(one[:]); {
		case n > 0:
			return errLength
		case err == io.EOF:
			return nil
		case err != nil:
			return badBody(err)
		}
	}
	return errLength
}

func badBody(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errLength
	}
	return fmt.Errorf("%w: %w", errBody, err)
}

// rewind makes the message ready to be sent again.
func (m *message) rewind(r *http.Request) error {
	if !m.large {
		return nil
	}
	body, err := r.GetBody()
	if err != nil {
		return fmt.Errorf("h1: reading the request's body again: %w", err)
	}
	m.body, m.left, m.b = body, r.ContentLength, m.b[:m.head]
	return nil
}

// writeTo writes what follows the first n bytes, in pieces of up to maxAtOnce, and counts it.
// It closes the body.
func (m *message) writeTo(w io.Writer, n int, sent *int64) error {
	if !m.large {
		k, err := w.Write(m.b[n:])
		*sent += int64(k)
		return err
	}
	defer m.close()
	if cap(m.b) < maxAtOnce+m.head {
		m.b = append(make([]byte, 0, maxAtOnce+m.head), m.b...)
	}
	for from := 0; m.left > 0; from = m.head {
		piece := m.b[m.head : m.head+int(min(m.left, maxAtOnce))]
		if _, err := io.ReadFull(m.body, piece); err != nil {
			return badBody(err)
		}
		if m.left -= int64(len(piece)); m.left == 0 {
			if err := ended(m.body); err != nil {
				return err
			}
		}
		k, err := w.Write(m.b[from : m.head+len(piece)])
		*sent += int64(k)
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *message) close() {
	if m.body != nil {
		_ = m.body.Close()
		m.body = nil
	}
}

// free gives the message back. Nobody may use it any more.
func (m *message) free() {
	m.close()
	m.large = false
	messages.Put(m)
}
