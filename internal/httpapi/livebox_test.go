package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// box is a sandbox whose one app says what it is told to, and answers nobody.
type box struct {
	noBox
	t       testing.TB
	lines   chan string
	began   chan struct{} // closed when it runs
	service *app.Service
}

func newBox(t testing.TB) *box {
	return &box{t: t, lines: make(chan string), began: make(chan struct{})}
}

// apps are those of a rig, in such a box.
func (b *box) apps(cfg *httpapi.Config) *app.Service {
	b.service = app.New(cfg.Events.(*sqlite.Store), cfg.Blobs, b, app.Config{Dir: filepath.Join(b.t.TempDir(), "apps"), Logger: cfg.Logger, Ready: time.Hour})
	b.t.Cleanup(func() { _ = b.service.Shutdown(context.Background()) })
	return b.service
}

// start has the rig's app run, to the test's end.
func (b *box) start(r *rig) {
	ctx, stop := context.WithCancel(context.Background())
	var starting sync.WaitGroup
	starting.Go(func() { _, _ = b.service.Start(ctx, scope, r.app, 0) }) // which waits for an answer
	b.t.Cleanup(func() { stop(); starting.Wait() })
	<-b.began
}

// say has the app write lines.
func (b *box) say(lines ...string) {
	for _, l := range lines {
		b.lines <- l
	}
}

// Create implements sandbox.Driver.
func (b *box) Create(context.Context, core.Scope, sandbox.Spec) (sandbox.Box, error) { return b, nil }

// Exec implements sandbox.Box.
func (b *box) Exec(ctx context.Context, c sandbox.Command) (sandbox.Exit, error) {
	close(b.began)
	for {
		select {
		case l := <-b.lines:
			fmt.Fprintln(c.Stdout, l)
		case <-ctx.Done():
			return sandbox.Exit{Reason: sandbox.KilledOff}, nil
		}
	}
}

// Dial implements sandbox.Box.
func (b *box) Dial(context.Context, string, string) (net.Conn, error) { return nil, errNoBox }

// Copy implements sandbox.Box.
func (b *box) Copy(context.Context, string, io.Writer, int64) (int64, error) { return 0, errNoBox }

// Kill implements sandbox.Box.
func (b *box) Kill(context.Context) error { return nil }

// Stats implements sandbox.Box.
func (b *box) Stats(context.Context) (sandbox.Stats, error) { return sandbox.Stats{}, nil }
