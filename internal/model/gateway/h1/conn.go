package h1

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

var (
	errUnanswered = errors.New("h1: the connection ended before an answer began")
	errHeader     = fmt.Errorf("h1: the answer's header is longer than %d bytes", maxHeader)
	errSwitched   = errors.New("h1: the server switched protocols unasked")
	errVersion    = errors.New("h1: the answer isn't HTTP/1")

	contentLength = []byte("Content-Length")
)

// conn is one connection. One call uses it at a time.
type conn struct {
	net    net.Conn
	socket *socket // nil: it can't be looked at without waiting
	src    source
	r      *bufio.Reader // of src
	addr   string
	since  time.Time // idle
	end    func()    // close, made once
}

// source is what a connection's reader reads from. It bounds a header.
type source struct {
	net   net.Conn
	left  int // bytes of header that may still come; below 0: no header is being read
	reads int
}

func newConn(nc net.Conn, addr string) *conn {
	c := &conn{net: nc, socket: newSocket(nc), src: source{net: nc, left: -1}, addr: addr}
	c.end = c.close
	c.r = bufio.NewReaderSize(&c.src, 4<<10)
	return c
}

func (s *source) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, errHeader
	}
	if s.left > 0 && len(p) > s.left {
		p = p[:s.left]
	}
	n, err := s.net.Read(p)
	s.reads++
	if s.left > 0 {
		s.left -= n
	}
	return n, err
}

// answer reads an answer's header, and skips those before it that are only informational. It
// reports whether the connection may be used again after its body. An error is
// errUnanswered if no byte came.
func (c *conn) answer(req *http.Request) (res *http.Response, again bool, err error) {
	c.src.left = maxHeader
	defer func() { c.src.left = -1 }()
	if _, err := c.r.Peek(1); err != nil {
		return nil, false, fmt.Errorf("%w: %w", errUnanswered, err)
	}
	for {
		seen, _ := c.r.Peek(c.r.Buffered())
		reads := c.src.reads
		res, err := http.ReadResponse(c.r, req)
		switch {
		case err != nil && c.src.left == 0:
			return nil, false, errHeader
		case err != nil:
			return nil, false, fmt.Errorf("h1: reading the answer's header: %w", err)
		case res.ProtoMajor != 1:
			return nil, false, errVersion
		case res.StatusCode == http.StatusSwitchingProtocols:
			return nil, false, errSwitched
		case res.StatusCode/100 == 1:
			continue
		}
		var header []byte // as it came; nil: in more than one piece
		if c.src.reads == reads {
			header = seen[:len(seen)-c.r.Buffered()]
		}
		return res, c.socket != nil && settled(res, header), nil
	}
}

// settled reports whether it is beyond doubt where an answer ends, for the server and whatever
// is before it, too, so that what comes next on the connection is the next answer.
// [http.ReadResponse] drops a Content-Length that contradicts chunks (RFC 9112, section 6.3),
// so of those the header has to be seen as it came; and it takes a name with a space before
// its colon for another name (section 5.1).
func settled(res *http.Response, header []byte) bool {
	switch {
	case res.Close || !res.ProtoAtLeast(1, 1):
		return false
	case res.StatusCode == http.StatusNoContent:
		n := res.Header.Get("Content-Length")
		return (n == "" || n == "0") && len(res.TransferEncoding) == 0
	case len(res.TransferEncoding) > 0:
		if header == nil {
			return false
		}
		for line := range bytes.Lines(header) {
			if n := len(contentLength); len(line) > n && bytes.EqualFold(line[:n], contentLength) {
				return false
			}
		}
	}
	for name := range res.Header {
		if strings.IndexByte(name, ' ') >= 0 {
			return false
		}
	}
	return true
}

// fresh reports whether a connection that was idle can be used: the server has neither closed
// it nor sent what nobody asked for.
func (c *conn) fresh() bool { return c.socket != nil && c.socket.quiet() }

func (c *conn) close() { _ = c.net.Close() }

// writer sends what of a request a socket didn't take at once, so that an answer that comes
// meanwhile is read. One goroutine, which ends with the connection.
type writer struct {
	done chan struct{}
	sent int64 // bytes of the request, with what was sent before; to be read once done is closed
	err  error // likewise
}

// send sends a message, or has a writer do it.
func (c *conn) send(m *message) (sent int64, w *writer) {
	var n int
	if c.socket != nil && !m.large {
		if n = c.socket.write(m.b); n == len(m.b) {
			return int64(n), nil
		}
	}
	return 0, c.write(m, n)
}

// write starts a writer for what follows the first n bytes.
func (c *conn) write(m *message, n int) *writer {
	w := &writer{done: make(chan struct{}), sent: int64(n)}
	go func() {
		defer close(w.done)
		w.err = m.writeTo(c.net, n, &w.sent)
		switch {
		case w.err == nil:
		case errors.Is(w.err, errBody):
			c.close() // the server waits for more
		default:
			_ = c.net.SetReadDeadline(time.Now().Add(lastWords))
		}
	}()
	return w
}

// ended reports whether all was sent. It gives the writer a moment.
func (w *writer) ended() bool {
	select {
	case <-w.done:
		return w.err == nil
	default:
	}
	timer := time.NewTimer(writerTime)
	defer timer.Stop()
	select {
	case <-w.done:
		return w.err == nil
	case <-timer.C:
		return false
	}
}
