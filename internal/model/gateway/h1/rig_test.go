package h1

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// peer is a server that does with each of its connections what a test says.
type peer struct {
	url   string
	ln    net.Listener
	wg    sync.WaitGroup
	mu    sync.Mutex
	open  map[*net.TCPConn]bool
	conns int
}

// listen starts a peer. n counts its connections from 0. The connection is closed when
// serve returns.
func listen(t testing.TB, serve func(n int, c *net.TCPConn, r *bufio.Reader)) *peer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{url: "http://" + ln.Addr().String(), ln: ln, open: map[*net.TCPConn]bool{}}
	p.wg.Go(func() {
		for n := 0; ; n++ {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			c := nc.(*net.TCPConn)
			p.mu.Lock()
			p.open[c] = true
			p.conns++
			p.mu.Unlock()
			p.wg.Go(func() {
				serve(n, c, bufio.NewReader(c))
				c.Close()
				p.mu.Lock()
				delete(p.open, c)
				p.mu.Unlock()
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		p.mu.Lock()
		for c := range p.open {
			c.Close()
		}
		p.mu.Unlock()
		p.wg.Wait()
	})
	return p
}

func (p *peer) accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns
}

func (p *peer) openNow() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.open)
}

// request reads a request with its body; nil when there is none any more.
func request(r *bufio.Reader) (*http.Request, []byte) {
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, nil
	}
	b, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, nil
	}
	return req, b
}

// always answers each request with the same bytes.
func always(answer string) func(int, *net.TCPConn, *bufio.Reader) {
	return func(_ int, c *net.TCPConn, r *bufio.Reader) {
		for {
			if req, _ := request(r); req == nil {
				return
			}
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
		}
	}
}

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

func newTransport(t testing.TB) *Transport {
	tr := &Transport{IdleTimeout: time.Minute}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

func post(t testing.TB, url, body string) *http.Request {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, r)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// call does a call and reads its answer.
func do(rt http.RoundTripper, req *http.Request) (*http.Response, string, error) {
	res, err := rt.RoundTrip(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res, string(b), err
}

func mustDo(t testing.TB, rt http.RoundTripper, req *http.Request, want string) *http.Response {
	t.Helper()
	res, got, err := do(rt, req)
	if err != nil || got != want {
		t.Fatalf("got %q, %v; want %q", got, err, want)
	}
	return res
}

// within waits for a condition.
func within(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 10 s", what)
		}
	}
}

func (t *Transport) kept() int {
	t.idle.mu.Lock()
	defer t.idle.mu.Unlock()
	return t.idle.n
}

// bare is a connection that can't be looked at, as those of other systems.
type bare struct{ net.Conn }

func dialBare(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	return bare{c}, err
}

// tape is a connection on which an answer has been recorded.
type tape struct{ r io.Reader }

func (c *tape) Read(p []byte) (int, error)       { return c.r.Read(p) }
func (c *tape) Write(p []byte) (int, error)      { return len(p), nil }
func (c *tape) Close() error                     { return nil }
func (c *tape) LocalAddr() net.Addr              { return nil }
func (c *tape) RemoteAddr() net.Addr             { return nil }
func (c *tape) SetDeadline(time.Time) error      { return nil }
func (c *tape) SetReadDeadline(time.Time) error  { return nil }
func (c *tape) SetWriteDeadline(time.Time) error { return nil }
