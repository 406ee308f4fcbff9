package proxy_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/proxy"
)

// mouth is a listener in memory: what a box's loopback is to the proxy.
type mouth struct {
	conns chan net.Conn
	ended chan struct{}
	once  sync.Once
}

func (m *mouth) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.ended:
		return nil, net.ErrClosed
	}
}

func (m *mouth) Close() error   { m.once.Do(func() { close(m.ended) }); return nil }
func (m *mouth) Addr() net.Addr { return &net.TCPAddr{} }

// dial returns a box's end of a connection, once it is accepted.
func (m *mouth) dial() net.Conn {
	ours, theirs := net.Pipe()
	m.conns <- theirs
	return ours
}

// rig is a proxy with the ends of what it has connected to outside.
type rig struct {
	*proxy.Proxy
	mouth   *mouth
	outside chan net.Conn
	mu      sync.Mutex
	told    []sandbox.Connection
}

// serve must be called in a bubble, in which time passes when everybody waits.
func serve(t *testing.T, e sandbox.Egress, outlet sandbox.Outlet) *rig {
	t.Helper()
	r := &rig{mouth: &mouth{conns: make(chan net.Conn), ended: make(chan struct{})}, outside: make(chan net.Conn, 100)}
	if outlet == nil {
		outlet = func(context.Context, string, uint16) (net.Conn, error) {
			ours, theirs := net.Pipe()
			r.outside <- theirs
			return ours, nil
		}
	}
	for _, s := range []string{"a.example:443", "a.example:80"} {
		d, err := sandbox.ParseDestination(s)
		if err != nil {
			t.Fatal(err)
		}
		e.Allow = append(e.Allow, d)
	}
	e.Observe = func(c sandbox.Connection) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.told = append(r.told, c)
	}
	r.Proxy = proxy.Serve(r.mouth, e, outlet)
	return r
}

// connect asks for a tunnel and returns the box's end of it and the other one.
func (r *rig) connect(t *testing.T) (box, outside net.Conn) {
	t.Helper()
	c := r.mouth.dial()
	if _, err := io.WriteString(c, "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	a, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodConnect})
	if err != nil || a.StatusCode != http.StatusOK {
		t.Fatal(a, err)
	}
	return c, <-r.outside
}

// A box that doesn't finish what it begins to say keeps no place by it.
func TestDripsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := serve(t, sandbox.Egress{Open: 1}, nil)
		defer r.Close()
		began := time.Now()
		c := r.mouth.dial()
		go func() {
			for _, err := io.WriteString(c, "GET http://a.example/ HTTP/1.1\r\n"); err == nil; _, err = io.WriteString(c, "X: y\r\n") {
				time.Sleep(time.Second)
			}
		}()
		second, _ := r.connect(t)
		if took := time.Since(began); took < proxy.HeaderTime || took > proxy.HeaderTime+3*time.Second {
			t.Errorf("its place was free after %v", took)
		}
		if _, err := second.Write([]byte{22}); err != nil { // a TLS handshake, of which no more comes
			t.Fatal(err)
		}
		began = time.Now()
		if _, err := second.Read(make([]byte, 1)); err == nil || time.Since(began) != proxy.HelloTime {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// New connections come at the pace that was set, after a burst.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := serve(t, sandbox.Egress{Open: 1000, Rate: 2}, nil)
		defer r.Close()
		began := time.Now()
		var at []time.Duration
		for range 14 {
			c := r.mouth.dial()
			defer c.Close()
			at = append(at, time.Since(began))
		}
		if at[7] != 0 || at[9] != time.Second || at[13] != 3*time.Second {
			t.Errorf("accepted at %v", at)
		}
	})
}

// Bytes are counted both ways, and end every connection when they are spent.
func TestBytesBothWays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := serve(t, sandbox.Egress{Bytes: 100}, nil)
		box, outside := r.connect(t)
		other, _ := r.connect(t)
		if _, err := io.WriteString(box, strings.Repeat("a", 60)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(outside, make([]byte, 60)); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.WriteString(outside, strings.Repeat("b", 60)) }()
		if b, err := io.ReadAll(box); err != nil || len(b) > 60 {
			t.Errorf("%d bytes, %v", len(b), err)
		}
		synctest.Wait() // until it is told of
		if _, err := io.WriteString(other, "more"); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Read(make([]byte, 1)); err == nil {
			t.Error("another connection goes on")
		}
		r.Close()
		for _, c := range r.told {
			if core.CodeOf(c.Err) != core.Exhausted {
				t.Errorf("told of %+v", c)
			}
		}
		if len(r.told) != 2 || r.told[0].Sent != 60 || r.told[0].Received != 60 {
			t.Errorf("told of %+v", r.told)
		}
	})
}

// Close ends what is going on: a dial, a tunnel, a request; all is told, and nothing is left,
// which the bubble sees.
func TestCloseEndsAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dialing := make(chan struct{}, 2)
		hung := serve(t, sandbox.Egress{}, func(ctx context.Context, _ string, _ uint16) (net.Conn, error) {
			dialing <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		})
		for _, say := range []string{"CONNECT a.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", "GET http://a.example/ HTTP/1.1\r\nHost: x\r\n\r\n"} {
			c := hung.mouth.dial()
			defer c.Close()
			if _, err := io.WriteString(c, say); err != nil {
				t.Fatal(err)
			}
			<-dialing
		}
		hung.Close()
		if len(hung.told) != 2 {
			t.Errorf("told of %+v", hung.told)
		}

		r := serve(t, sandbox.Egress{}, nil)
		_, outside := r.connect(t)
		plain := r.mouth.dial()
		defer plain.Close()
		if _, err := io.WriteString(plain, "GET http://a.example/ HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		server := <-r.outside
		if _, err := http.ReadRequest(bufio.NewReader(server)); err != nil {
			t.Fatal(err)
		}
		r.Close()
		for _, c := range []net.Conn{outside, server} {
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Error("a connection outside goes on")
			}
		}
		if len(r.told) != 2 {
			t.Errorf("told of %+v", r.told)
		}
	})
}
