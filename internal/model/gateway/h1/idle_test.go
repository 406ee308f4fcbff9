package h1

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// The connection used last is used next: the others grow old and are closed.
func TestLastUsedFirst(t *testing.T) {
	t.Parallel()
	p := listen(t, func(n int, c *net.TCPConn, r *bufio.Reader) {
		always("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"+string(rune('0'+n)))(n, c, r)
	})
	tr := newTransport(t)
	open(t, tr, p, 3)
	var last string
	for n := range 5 {
		_, got, err := do(tr, post(t, p.url, "a"))
		if err != nil || n > 0 && got != last {
			t.Fatalf("connection %s after %s, %v", got, last, err)
		}
		last = got
	}
	if tr.kept() != 3 || p.accepted() != 3 {
		t.Fatalf("%d kept, %d made", tr.kept(), p.accepted())
	}
}

// open does n calls at once, and returns when their connections aren't used any more.
func open(t *testing.T, tr *Transport, p *peer, n int) {
	t.Helper()
	bodies := make([]io.ReadCloser, n)
	for i := range bodies {
		res, err := tr.RoundTrip(post(t, p.url, "a"))
		if err != nil {
			t.Fatal(err)
		}
		bodies[i] = res.Body
	}
	for _, b := range bodies {
		if _, err := io.ReadAll(b); err != nil {
			t.Fatal(err)
		}
		b.Close()
	}
}

func TestIdleBounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name          string
		perHost, most int
		kept          int // of 4 connections to each of two servers
	}{
		{"per host", 3, 0, 6},
		{"in all", 0, 5, 5},
		{"both", 3, 4, 4},
		{"defaults", 0, 0, 8},
		{"none", -1, 0, 0},
		{"none in all", 0, -1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := listen(t, always(hello)), listen(t, always(hello))
			tr := newTransport(t)
			tr.MaxIdlePerHost, tr.MaxIdle = c.perHost, c.most
			open(t, tr, a, 4)
			open(t, tr, b, 4)
			within(t, "the others closed", func() bool { return a.openNow()+b.openNow() == c.kept })
			if tr.kept() != c.kept {
				t.Fatalf("%d kept", tr.kept())
			}
			tr.CloseIdleConnections()
			within(t, "all closed", func() bool { return a.openNow()+b.openNow() == 0 })
			mustDo(t, tr, post(t, a.url, "a"), "hello")
		})
	}
}

// What is idle for too long is closed, whether or not there are calls.
func TestIdleTimeout(t *testing.T) {
	t.Parallel()
	p := listen(t, always(hello))
	tr := newTransport(t)
	tr.IdleTimeout = 30 * time.Millisecond
	open(t, tr, p, 3)
	within(t, "all closed", func() bool { return p.openNow() == 0 })
	if tr.kept() != 0 {
		t.Fatal("kept")
	}
	tr.idle.mu.Lock()
	hosts := len(tr.idle.hosts)
	tr.idle.mu.Unlock()
	if hosts != 0 {
		t.Fatal("addresses are kept")
	}
	mustDo(t, tr, post(t, p.url, "a"), "hello")
	tr.idle.mu.Lock()
	for _, c := range tr.idle.hosts[p.ln.Addr().String()] {
		c.since = c.since.Add(-time.Hour) // before the sweeper comes
	}
	tr.idle.mu.Unlock()
	mustDo(t, tr, post(t, p.url, "a"), "hello")
	if p.accepted() != 5 {
		t.Fatalf("%d connections", p.accepted())
	}
}

// A connection that the server has closed, or on which it has said something unasked, isn't
// used: the request, which may not be repeated, isn't lost, and the answer is its own.
func TestStaleConnection(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*net.TCPConn){
		"closed":      func(c *net.TCPConn) { c.Close() },
		"reset":       func(c *net.TCPConn) { _ = c.SetLinger(0); c.Close() },
		"half closed": func(c *net.TCPConn) { _ = c.CloseWrite() },
		"unasked":     func(c *net.TCPConn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spoilt := make(chan struct{})
			p := listen(t, func(n int, c *net.TCPConn, r *bufio.Reader) {
				for {
					if req, _ := request(r); req == nil {
						return
					}
					_, _ = io.WriteString(c, hello)
					if n == 0 {
						<-spoilt
						spoil(c)
						spoilt <- struct{}{}
					}
				}
			})
			tr := newTransport(t)
			mustDo(t, tr, post(t, p.url, "a"), "hello")
			spoilt <- struct{}{}
			<-spoilt
			within(t, "it to arrive", func() bool {
				tr.idle.mu.Lock()
				defer tr.idle.mu.Unlock()
				return !tr.idle.hosts[p.ln.Addr().String()][0].fresh()
			})
			mustDo(t, tr, post(t, p.url, "a"), "hello")
			if p.accepted() != 2 {
				t.Fatalf("%d connections", p.accepted())
			}
		})
	}
}

// A kept connection that ends when it gets the request: the call is done again if it may be,
// once, and otherwise not.
func TestRepeat(t *testing.T) {
	t.Parallel()
	keyed := func(r *http.Request) { r.Header["Idempotency-Key"] = nil }
	for _, c := range []struct {
		name string
		req  func(*http.Request)
		size int
		dies int // connections that end so; of the first, the second request
		ok   bool
		asks int
	}{
		{"may not", nil, 10, 1, false, 2},
		{"may by its header", keyed, 10, 1, true, 3},
		{"large", keyed, 300_000, 1, true, 3},
		{"may by its method", func(r *http.Request) { r.Method = "GET" }, 0, 1, true, 3},
		{"once", keyed, 10, 2, false, 3},
		{"no second body", func(r *http.Request) {
			keyed(r)
			r.GetBody = func() (io.ReadCloser, error) { return nil, io.ErrClosedPipe }
		}, 300_000, 1, false, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			asks := 0
			p := listen(t, func(n int, conn *net.TCPConn, r *bufio.Reader) {
				for k := 0; ; k++ {
					req, b := request(r)
					if req == nil {
						return
					}
					mu.Lock()
					asks++
					mu.Unlock()
					if asked := n*10 + k; asked > 0 && n < c.dies {
						return
					}
					if n+k > 0 && len(b) != c.size {
						t.Errorf("%d bytes", len(b))
					}
					_, _ = io.WriteString(conn, hello)
				}
			})
			tr := newTransport(t)
			mustDo(t, tr, post(t, p.url, "a"), "hello")
			body := make([]byte, c.size)
			for i := range body {
				body[i] = 'x'
			}
			req := post(t, p.url, string(body))
			if c.req != nil {
				c.req(req)
			}
			_, got, err := do(tr, req)
			if (err == nil) != c.ok || c.ok && got != "hello" {
				t.Fatal(got, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if asks != c.asks {
				t.Fatalf("asked %d times, want %d", asks, c.asks)
			}
		})
	}
}

// A new connection that ends without an answer is an error: nothing says that another fares better.
func TestNewConnectionIsNotRepeated(t *testing.T) {
	t.Parallel()
	p := listen(t, func(_ int, _ *net.TCPConn, r *bufio.Reader) { request(r) })
	req := post(t, p.url, "a")
	req.Header["Idempotency-Key"] = nil
	if _, _, err := do(newTransport(t), req); err == nil || p.accepted() != 1 {
		t.Fatal(err, p.accepted())
	}
}

// A connection that can't be looked at serves one call.
func TestBareConnectionIsNotKept(t *testing.T) {
	t.Parallel()
	p := listen(t, always(hello))
	tr := newTransport(t)
	tr.Dial = dialBare
	for range 3 {
		mustDo(t, tr, post(t, p.url, "a"), "hello")
	}
	if p.accepted() != 3 || tr.kept() != 0 {
		t.Fatal(p.accepted(), tr.kept())
	}
}
