//go:build unix

package h1

import (
	"net"
	"syscall"
)

// socket does to a connection what mustn't wait.
type socket struct {
	raw         syscall.RawConn
	look, flush func(fd uintptr) bool // made once, so that a call allocates none
	out         []byte
	n           int
	still       bool
}

// newSocket returns nil for a connection that isn't a socket's own.
func newSocket(c net.Conn) *socket {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	s := &socket{raw: raw}
	s.look, s.flush = s.lookAt, s.flushTo
	return s
}

// quiet reports whether there is nothing to read: no byte, no end, no error. If there is,
// the connection is of no use any more.
func (s *socket) quiet() bool {
	s.still = false
	return s.raw.Read(s.look) == nil && s.still
}

func (s *socket) lookAt(fd uintptr) bool {
	var b [1]byte
	for {
		_, err := syscall.Read(int(fd), b[:])
		if err == syscall.EINTR {
			continue
		}
		s.still = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true
	}
}

// write writes as much of b as the socket takes at once, and returns how many bytes. An error
// shows with the next write.
func (s *socket) write(b []byte) int {
	s.out, s.n = b, 0
	err := s.raw.Write(s.flush)
	s.out = nil
	if err != nil {
		return 0
	}
	return s.n
}

func (s *socket) flushTo(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), s.out)
		if err == syscall.EINTR {
			continue
		}
		s.n = max(n, 0)
		return true
	}
}
