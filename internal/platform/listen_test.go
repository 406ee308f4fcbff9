package platform

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/core"
)

func TestListen(t *testing.T) {
	t.Parallel()
	l, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for address, want := range map[string]core.Code{l.Addr().String(): core.Conflict, "127.0.0.1:99999": core.Unavailable} {
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
