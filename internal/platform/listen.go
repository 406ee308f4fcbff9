package platform

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
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

// checkAddress refuses what listen may not open.
func checkAddress(address string) error {
	const op = "listen"
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return core.E(core.Invalid, op, address+" isn't host:port").Because(err).WithHint("as in 127.0.0.1:7777")
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return core.E(core.Unsupported, op, address+" is reachable from other machines, and this version has no sign-in and no TLS for that").
			WithHint("listen at 127.0.0.1:PORT, and reach it through an SSH tunnel")
	}
	return nil
}

// listen opens a loopback address.
func listen(address string) (net.Listener, error) {
	const op = "listen"
	if err := checkAddress(address); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, core.E(core.Conflict, op, "another program listens at "+address).Because(err).
			WithHint("choose another port with --listen 127.0.0.1:PORT, or stop that program")
	case errors.Is(err, syscall.EACCES):
		return nil, core.E(core.Denied, op, "this user may not listen at "+address).Because(err).WithHint("choose a port above 1023")
	case err != nil:
		return nil, core.E(core.Unavailable, op, "can't listen at "+address).Because(err)
	}
	return l, nil
}

// byHost serves previews at NAME.localhost and the API at the loopback's own
// names. Any other host is refused: a name that somebody has pointed at this
// machine is not one of ours.
func byHost(api, previews http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.ToLower(strings.Trim(host, "[]"))
		ip := net.ParseIP(host)
		switch {
		case strings.HasSuffix(host, ".localhost"):
			previews.ServeHTTP(w, r)
		case host == "localhost" || ip != nil && ip.IsLoopback():
			api.ServeHTTP(w, r)
		default:
			http.Error(w, "no such host here", http.StatusMisdirectedRequest)
		}
	})
}
