package h1

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

var errWhy = errors.New("the reason")

// A call ends with its context in each phase, says why, and leaves no connection.
func TestCancel(t *testing.T) {
	t.Parallel()
	const header = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
	for _, c := range []struct {
		name string
		dial func(ctx context.Context, network, addr string) (net.Conn, error)
		body string
		// serve gets the request so far as it has come, and stops where the phase begins.
		serve func(c *net.TCPConn, r *bufio.Reader)
		read  int // bytes that the caller reads before
	}{
		{name: "before"},
		{name: "dial", dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			phase(ctx)
			<-ctx.Done()
			return nil, ctx.Err()
		}},
		{name: "dial that comes too late", dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			phase(ctx)
			<-ctx.Done()
			return net.Dial(network, addr)
		}},
		{name: "write", body: strings.Repeat("x", 32<<20), serve: func(_ *net.TCPConn, r *bufio.Reader) { _, _ = r.ReadByte() }},
		{name: "wait for the header", body: "a", serve: func(_ *net.TCPConn, r *bufio.Reader) { request(r) }},
		{name: "within the header", body: "a", serve: func(c *net.TCPConn, r *bufio.Reader) {
			request(r)
			_, _ = io.WriteString(c, header[:20])
		}},
		{name: "wait for the body", body: "a", serve: func(c *net.TCPConn, r *bufio.Reader) {
			request(r)
			_, _ = io.WriteString(c, header)
		}},
		{name: "within the body", body: "a", read: 3, serve: func(c *net.TCPConn, r *bufio.Reader) {
			request(r)
			_, _ = io.WriteString(c, header+"abc")
		}},
		{name: "within a stream", body: "a", read: 3, serve: func(c *net.TCPConn, r *bufio.Reader) {
			request(r)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
		}},
		{name: "until close", body: "a", read: 3, serve: func(c *net.TCPConn, r *bufio.Reader) {
			request(r)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nabc")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			begun := make(chan struct{}, 1)
			p := listen(t, func(_ int, conn *net.TCPConn, r *bufio.Reader) {
				if c.serve == nil {
					_, _ = io.Copy(io.Discard, r)
					return
				}
				c.serve(conn, r)
				begun <- struct{}{}
				if c.name != "write" {
					_, _ = io.Copy(io.Discard, r) // until the client closes
					return
				}
				for conn.SetDeadline(time.Now().Add(time.Minute)) == nil { // takes nothing until then
					if n, err := conn.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); n == 0 || err != nil {
						return
					}
					time.Sleep(time.Millisecond)
				}
			})
			ctx, cancel := context.WithCancelCause(context.WithValue(t.Context(), phaseKey{}, begun))
			defer cancel(nil)
			ended := make(chan time.Time, 1)
			if c.name == "before" {
				cancel(errWhy)
				ended <- time.Now()
			} else {
				go func() {
					<-begun
					now := time.Now()
					cancel(errWhy)
					ended <- now
				}()
			}
			tr := newTransport(t)
			tr.Dial = c.dial
			req := post(t, p.url, c.body).WithContext(ctx)
			res, err := tr.RoundTrip(req)
			if err == nil {
				var b []byte
				if b, err = io.ReadAll(res.Body); len(b) != c.read {
					t.Errorf("read %q", b)
				}
				res.Body.Close()
			}
			if !errors.Is(err, errWhy) {
				t.Errorf("%v, want the cause", err)
			}
			if took := time.Since(<-ended); took > 2*time.Second { // milliseconds, on a machine that isn't busy
				t.Errorf("ended after %v", took)
			}
			within(t, "the connection closed", func() bool { return p.openNow() == 0 })
			if tr.kept() != 0 {
				t.Error("kept")
			}
		})
	}
}

type phaseKey struct{}

func phase(ctx context.Context) { ctx.Value(phaseKey{}).(chan struct{}) <- struct{}{} }

// A context that ends after the body was read does nothing to the connection, which another
// call may be using.
func TestCancelAfterwards(t *testing.T) {
	t.Parallel()
	p := listen(t, always(hello))
	tr := newTransport(t)
	for range 200 {
		ctx, cancel := context.WithCancel(t.Context())
		mustDo(t, tr, post(t, p.url, "a").WithContext(ctx), "hello")
		cancel()
	}
	if p.accepted() != 1 {
		t.Fatalf("%d connections", p.accepted())
	}
}

// Close ends a read under way in another goroutine, and the call with it.
func TestCloseWhileReading(t *testing.T) {
	t.Parallel()
	p := listen(t, func(_ int, c *net.TCPConn, r *bufio.Reader) {
		request(r)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
		_, _ = io.Copy(io.Discard, r)
	})
	tr := newTransport(t)
	for range 20 {
		res, err := tr.RoundTrip(post(t, p.url, "a"))
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 3)
		if _, err := io.ReadFull(res.Body, b); err != nil {
			t.Fatal(err)
		}
		read := make(chan error)
		go func() { _, err := res.Body.Read(b); read <- err }()
		res.Body.Close()
		if err := <-read; !errors.Is(err, http.ErrBodyReadAfterClose) {
			t.Fatal(err)
		}
		if _, err := res.Body.Read(b); !errors.Is(err, http.ErrBodyReadAfterClose) {
			t.Fatal(err)
		}
	}
	within(t, "the connections closed", func() bool { return p.openNow() == 0 })
}

// Close before the end closes the connection, unless only the end was missing.
func TestCloseEarly(t *testing.T) {
	t.Parallel()
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, c := range []struct {
		name, answer string
		kept         bool
	}{
		{"the last chunk is missing", chunked + "3\r\nabc\r\n0\r\n\r\n", true},
		{"little is missing", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabcdefghij", true},
		{"much is missing", "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + strings.Repeat("x", 10_000), false},
		{"much is missing in chunks", chunked + "2710\r\n" + strings.Repeat("x", 10_000) + "\r\n0\r\n\r\n", false},
		{"it doesn't come", chunked + "3\r\nabc\r\n", false},
		{"it is broken", chunked + "3\r\nabcX", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := listen(t, always(c.answer))
			tr := newTransport(t)
			res, err := tr.RoundTrip(post(t, p.url, "a"))
			if err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 3)
			if _, err := io.ReadFull(res.Body, b); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := res.Body.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if got := tr.kept() == 1; got != c.kept {
				t.Fatalf("kept: %v", got)
			}
			if !c.kept {
				within(t, "the connection closed", func() bool { return p.openNow() == 0 })
			}
		})
	}
}
