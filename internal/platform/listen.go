package platform

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"syscall"

	"github.com/isekai-run/isekai/internal/core"
)

// pipes is a listener within the process: how an embedded client reaches the
// API without a port.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	close sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	p.close.Do(func() { close(p.done) })
	return nil
}

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

func (p *pipes) transport() *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		here, there := net.Pipe()
		select {
		case p.conns <- there:
			return here, nil
		case <-p.done:
			return nil, net.ErrClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
}

// listen opens an address. Whether it may be opened, checkAddress knows.
func listen(address string) (net.Listener, error) {
	const op = "listen"
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, core.E(core.Conflict, op, "another program listens at "+address).Because(err).
			WithHint("choose another port with --listen 127.0.0.1:PORT, or stop that program")
	case errors.Is(err, syscall.EACCES):
		return nil, core.E(core.Denied, op, "this user may not listen at "+address).Because(err).WithHint("choose a port above 1023, or give the program the capability cap_net_bind_service")
	case err != nil:
		return nil, core.E(core.Unavailable, op, "can't listen at "+address).Because(err)
	}
	return l, nil
}
