package h1

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Defaults of [Transport], and the bounds that aren't for setting.
const (
	DefaultDialTimeout    = 10 * time.Second
	DefaultMaxIdlePerHost = 256
	DefaultMaxIdle        = 1024
	// DefaultIdleTimeout is below the 5 s after which vLLM and llama.cpp close a connection.
	DefaultIdleTimeout = 4 * time.Second

	maxHeader  = 64 << 10               // bytes of an answer's header, with all 1xx before it
	maxAtOnce  = 64 << 10               // bytes of a request that are gathered for one write
	maxDrain   = 4 << 10                // bytes of an answer that Close reads for its end ...
	drainTime  = 5 * time.Millisecond   // ... and how long it waits for them
	writerTime = 10 * time.Millisecond  // for the rest of a request whose answer has come
	lastWords  = 250 * time.Millisecond // for an answer of a server that takes no more of the request
)

// Transport is an [http.RoundTripper]. Its zero value works. Fields must not be changed once
// it is used, and it must not be copied then. Safe for concurrent use.
//
// How many connections are in use is bounded by how many callers there are: each call uses
// one, in the caller's goroutine, until its answer's body was read to its end or closed.
// How long a call may take is for its context to say.
type Transport struct {
	// Dial opens a connection. It has to end with its context. nil: a [net.Dialer] with
	// DefaultDialTimeout. Only a connection that has a SyscallConn is used for more than
	// one call (net's own do): others can't be looked at for having been closed meanwhile.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// MaxIdlePerHost and MaxIdle bound the connections that are kept between calls, to one
	// address and in all; at the bound, one that has been used is closed. 0: the default;
	// below 0: none is kept.
	MaxIdlePerHost, MaxIdle int
	// IdleTimeout is how long a connection is kept between calls. It should be below that
	// of the servers. 0: DefaultIdleTimeout.
	IdleTimeout time.Duration
	// Proxy says by which proxy a request goes, as with net/http's Transport; one that goes by
	// any is for Else, which has to know it, too. nil: none does.
	Proxy func(*http.Request) (*url.URL, error)
	// Else gets the requests that aren't plain HTTP with a known length: other schemes,
	// CONNECT, trailers, and bodies without ContentLength or GetBody (those may block, which
	// takes a goroutine). nil: they are refused.
	Else http.RoundTripper

	idle idle
}

// idle are the connections between calls.
type idle struct {
	mu    sync.Mutex
	hosts map[string][]*conn // by address; the one used last is last
	n     int                // of all addresses
	sweep *time.Timer
	armed bool
}

// ErrUnsent is in the error of a call of which the server has got nothing.
var ErrUnsent = errors.New("h1: nothing was sent")

// RoundTrip does one call, as [http.RoundTripper] demands. When the context ends, at
// whatever point, so does the call, within milliseconds, with [context.Cause], and the
// connection is closed. A call that was sent on a kept connection, which turned out to be
// closed before a byte of the answer came, is sent once more, on a new one, if none of it
// had been written or it may be repeated: by its method, or as its header has an
// Idempotency-Key (with a nil value it isn't sent), as with net/http's Transport.
//
// An answer that comes before the whole request was sent is returned; the connection
// isn't used again then. Once RoundTrip has returned an error, or the answer's body was read
// to its end or closed, the request's body isn't read any more.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !simple(req) || t.proxied(req) {
		return t.other(req)
	}
	ctx := req.Context()
	m, err := encode(req)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		m.free()
		return nil, unsent(context.Cause(ctx))
	}
	addr := address(req.URL)
	for c := t.take(addr); ; c = nil {
		kept := c != nil
		if !kept {
			if c, err = t.dial(ctx, addr); err != nil {
				m.free()
				return nil, unsent(err)
			}
		}
		x := begin(t, c, ctx, m)
		res, err := x.do(req)
		if err == nil {
			return res, nil
		}
		x.abandon()
		if !kept || !x.unserved(req, err) || m.rewind(req) != nil {
			m.free()
			return nil, x.why(err)
		}
	}
}

func unsent(err error) error { return fmt.Errorf("%w: %w", ErrUnsent, err) }

// proxied reports whether a request goes by a proxy, or nobody knows; then Else says why.
func (t *Transport) proxied(req *http.Request) bool {
	if t.Proxy == nil {
		return false
	}
	proxy, err := t.Proxy(req)
	return proxy != nil || err != nil
}

// other hands a request to the other transport.
func (t *Transport) other(req *http.Request) (*http.Response, error) {
	if t.Else != nil {
		return t.Else.RoundTrip(req)
	}
	if req.Body != nil {
		_ = req.Body.Close()
	}
	return nil, errors.New("h1: no transport for a request that isn't plain http with a body of known length that GetBody can give again")
}

func (t *Transport) dial(ctx context.Context, addr string) (*conn, error) {
	dial := t.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: DefaultDialTimeout}).DialContext
	}
	nc, err := dial(ctx, "tcp", addr)
	if err == nil && ctx.Err() != nil {
		_ = nc.Close()
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	return newConn(nc, addr), nil
}
