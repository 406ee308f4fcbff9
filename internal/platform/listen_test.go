package platform

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/core"
)

func TestByHost(t *testing.T) {
	t.Parallel()
	say := func(s string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) })
	}
	h := byHost(say("api"), say("preview"))
	const none = "no such host here\n"
	for host, want := range map[string]string{
		"localhost": "api", "localhost:7777": "api", "LOCALHOST:1": "api", "127.0.0.1:7777": "api", "127.8.9.1": "api",
		"[::1]:7777": "api", "[::1]": "api", "[::ffff:127.0.0.1]:1": "api",
		"books.localhost": "preview", "books.localhost:7777": "preview", "BOOKS.LocalHost:1": "preview",
		"": none, "evil.example": none, "localhost.evil.example": none, "evillocalhost": none, "10.0.0.1": none, "[2001:db8::1]:1": none,
		"localhost.": none, "books.localhost.": none, "127.1": none, "2130706433": none, "0.0.0.0": none, "[::]": none,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Body.String() != want || (want == none) != (w.Code == http.StatusMisdirectedRequest) {
			t.Errorf("%q: %d %q, want %q", host, w.Code, w.Body, want)
		}
	}
}

func TestListen(t *testing.T) {
	t.Parallel()
	l, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for address, want := range map[string]core.Code{
		l.Addr().String(): core.Conflict, "7777": core.Invalid, "0.0.0.0:0": core.Unsupported, ":0": core.Unsupported, "[::]:0": core.Unsupported,
		"example.com:0": core.Unsupported, "192.0.2.1:0": core.Unsupported, "127.0.0.1:99999": core.Unavailable,
	} {
		if l, err := listen(address); core.CodeOf(err) != want || core.CodeOf(err) != core.Unavailable && core.HintOf(err) == "" {
			t.Errorf("%s: %v, %v", address, l, err)
		}
	}
}

// TestPipes serves over pipes and leaves nothing behind.
func TestPipes(t *testing.T) {
	defer goleak.VerifyNone(t)
	for range 20 {
		p := newPipes()
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })}
		done := make(chan error, 1)
		go func() { done <- s.Serve(p) }()
		c := &http.Client{Transport: p.transport()}
		res, err := c.Get("http://localhost/")
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || string(b) != "hello" {
			t.Fatalf("%q, %v", b, err)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil { // again
			t.Fatal(err)
		}
		if _, err := c.Get("http://localhost/"); !errors.Is(err, net.ErrClosed) {
			t.Fatalf("after the close: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newPipes().transport().DialContext(ctx, "", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody accepts: %v", err)
	}
}
