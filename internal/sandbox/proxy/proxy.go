// Package proxy serves the way out of boxes with Egress, outside of them.
//
// A driver hands it a listener on the box's loopback and its Outlet, and closes it when it
// has killed the box. All that the box sends is hostile: it is parsed here, in the server's
// process, and by package net/http; never in a box's first process. What the box can get by
// it is connections to allowed hosts, within bounds.
//
// It takes CONNECT, for TLS and all else, and plain HTTP to absolute URLs, one request to a
// connection. It never resolves a name, never dials but through the Outlet, never follows a
// redirect, never looks into TLS behind the ClientHello, and never adds a header or a
// credential.
package proxy

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

// Bounds of what a box may take its time for.
const (
	HeaderTime = 10 * time.Second // until a request's header has come
	HelloTime  = 10 * time.Second // from the first byte of a TLS handshake to the end of its ClientHello
	dialTime   = 30 * time.Second
	maxHeader  = 64 << 10 // bytes, of a request and of an answer to a plain one
)

// Proxy serves one box. Make it with Serve.
type Proxy struct {
	egress sandbox.Egress
	dial   sandbox.Outlet
	left   atomic.Int64 // bytes
	plain  http.Handler
	server *http.Server

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	served chan struct{}
	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup // handlers and connections to outside; none begins once closed
}

// Serve serves what the listener accepts until Close. It owns the listener.
func Serve(l net.Listener, e sandbox.Egress, dial sandbox.Outlet) *Proxy {
	p := &Proxy{egress: e.OrDefault(), dial: dial, served: make(chan struct{})}
	p.left.Store(p.egress.Bytes)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.plain = p.forwarder()
	p.server = &http.Server{
		Handler: p, ReadHeaderTimeout: HeaderTime, MaxHeaderBytes: maxHeader, ErrorLog: log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return p.ctx },
	}
	p.server.SetKeepAlivesEnabled(false)
	go func() {
		defer close(p.served)
		_ = p.server.Serve(newGate(p.ctx, l, p.egress)) // it ends with Close
	}()
	return p
}

// Close cuts every connection and returns when all is told and nothing of p is left.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	_ = p.server.Close()
	<-p.served
	p.work.Wait()
}

// begin reports whether a handler, or a connection, may begin.
func (p *Proxy) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.work.Add(1)
	return true
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.begin() {
		return
	}
	defer p.work.Done()
	switch {
	case r.Method == http.MethodConnect:
		p.connect(w, r)
	case r.URL.Scheme == "http" && r.URL.Host != "" && r.URL.Opaque == "":
		p.plain.ServeHTTP(w, r)
	default:
		http.Error(w, "isekai: this is a proxy: it takes CONNECT, and http:// URLs", http.StatusBadRequest)
	}
}

// open connects to where the box wants to go, if that is allowed: the one way through.
func (p *Proxy) open(ctx context.Context, to string) (*flow, error) {
	host, port, err := sandbox.SplitHostPort(to)
	name, ok := sandbox.NormalHost(host)
	if err != nil || !ok {
		return nil, core.E(core.Invalid, "sandbox.egress", "that isn't a host and a port")
	}
	if !p.begin() {
		return nil, errClosed
	}
	c := sandbox.Connection{Host: name, Port: port, Began: time.Now()}
	conn, err := p.reach(ctx, name, port)
	if err != nil {
		c.Err = err
		p.tell(c)
		p.work.Done()
		return nil, err
	}
	return &flow{Conn: conn, proxy: p, about: c}, nil
}

// reach connects to a host that is allowed.
func (p *Proxy) reach(ctx context.Context, host string, port uint16) (net.Conn, error) {
	if err := p.allows(host, port); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)() // a Transport dials in a context of its own
	return p.dial(ctx, host, port)
}

func (p *Proxy) allows(host string, port uint16) error {
	for _, d := range p.egress.Allow {
		if d.Covers(host, port) {
			if p.left.Load() <= 0 {
				return spent()
			}
			return nil
		}
	}
	return core.E(core.Denied, "sandbox.egress", "the box may not reach "+host+" at this port").Because(errNotListed)
}

// errNotListed is of what the Egress doesn't allow; what the Outlet refuses is denied, too.
var errNotListed = errors.New("not listed")

func spent() error {
	return core.E(core.Exhausted, "sandbox.egress", "the box has sent and received all that it may")
}

func (p *Proxy) tell(c sandbox.Connection) {
	c.Took = time.Since(c.Began)
	if p.egress.Observe != nil {
		p.egress.Observe(c)
	}
}

// forwarder passes plain requests on, each on a connection of its own. It drops the headers
// that are between the box and the proxy, and writes the request anew, so that no two read it
// differently.
func (p *Proxy) forwarder() http.Handler {
	return &httputil.ReverseProxy{
		Transport: &http.Transport{
			DialContext:       func(ctx context.Context, _, address string) (net.Conn, error) { return p.openConn(ctx, address) },
			DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
		},
		Rewrite:       func(r *httputil.ProxyRequest) { r.Out.Host = r.In.URL.Host },
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, err error) { refuse(w, err) },
		ErrorLog:      log.New(io.Discard, "", 0),
		FlushInterval: -1,
	}
}

// openConn is open for those who take any net.Conn.
func (p *Proxy) openConn(ctx context.Context, to string) (net.Conn, error) {
	f, err := p.open(ctx, to)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// refuse answers with why a request goes nowhere, for whoever reads what the program says.
func refuse(w http.ResponseWriter, err error) {
	status, why := http.StatusBadGateway, "the host doesn't answer as it should"
	switch code := core.CodeOf(err); {
	case code == core.Invalid:
		status, why = http.StatusBadRequest, "that isn't a host and a port"
	case errors.Is(err, errNotListed):
		status, why = http.StatusForbidden, "this host and port aren't allowed; isekai sandbox egress allow HOST:PORT allows some for a project"
	case code == core.Denied: // its address isn't said, which may be of a network that is nobody's business
		status, why = http.StatusForbidden, "the installation lets nobody reach this host and port; an operator can open it by egress.allow"
	case code == core.NotFound:
		why = "there is no such host"
	case code == core.Exhausted:
		status, why = http.StatusForbidden, "the box has sent and received all that it may"
	}
	http.Error(w, "isekai: "+why, status)
}
