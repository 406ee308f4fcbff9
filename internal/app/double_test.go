package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

// double is a sandbox driver whose workloads are functions in this process: for
// tests of what happens around a box, at every point where it can go wrong. What
// happens inside one is tested with the real driver in live_test.go.
type double struct {
	mu       sync.Mutex
	boxes    map[*doubleBox]bool
	writers  map[string]int // data folder: how many workloads have it now
	overlaps int            // how often there were two
	execs    sync.WaitGroup
	handler  http.Handler // of the workload talk
}

func newDouble() *double { return &double{boxes: map[*doubleBox]bool{}, writers: map[string]int{}} }

func (d *double) Create(ctx context.Context, scope core.Scope, spec sandbox.Spec) (sandbox.Box, error) {
	if err := errors.Join(ctx.Err(), scope.Valid()); err != nil {
		return nil, err
	}
	b := &doubleBox{driver: d, conns: make(chan net.Conn), killed: make(chan struct{})}
	for _, m := range spec.Mounts {
		if info, err := os.Stat(m.Host); err != nil || !info.IsDir() {
			return nil, core.E(core.Invalid, "double", "no folder "+m.Host)
		}
		if m.Target == dataMount && m.Writable {
			b.data = m.Host
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.boxes[b] = true
	return b, nil
}

func (d *double) Sweep(context.Context) (int, error)   { return 0, nil }
func (d *double) Probe(context.Context) sandbox.Report { return sandbox.Report{} }

func (d *double) running() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.boxes)
}

// killAll ends every box at once, as the death of the platform does.
func (d *double) killAll() {
	d.mu.Lock()
	boxes := d.boxes
	d.boxes = map[*doubleBox]bool{}
	d.mu.Unlock()
	for b := range boxes {
		b.once.Do(func() { close(b.killed) })
	}
	d.execs.Wait()
}

func (d *double) write(dir string, by int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.writers[dir] += by; d.writers[dir] > 1 {
		d.overlaps++
	}
}

type doubleBox struct {
	driver *double
	data   string
	conns  chan net.Conn
	up     atomic.Bool
	once   sync.Once
	killed chan struct{}
}

// Exec runs the function that the second argument names.
func (b *doubleBox) Exec(ctx context.Context, c sandbox.Command) (sandbox.Exit, error) {
	select {
	case <-b.killed:
		return sandbox.Exit{}, core.E(core.Unavailable, "double", "the box is gone")
	default:
	}
	b.driver.execs.Add(1)
	defer b.driver.execs.Done()
	b.driver.write(b.data, 1)
	defer b.driver.write(b.data, -1)
	crash := make(chan struct{})
	switch c.Argv[1] {
	case "broken":
		_, _ = io.WriteString(c.Stderr, "no such table: books\n")
		return sandbox.Exit{Code: 1, Reason: sandbox.Exited}, nil
	case "silent":
	case "talk":
		defer b.serve(b.driver.handler)()
	case "teapot":
		defer b.serve(http.NotFoundHandler())()
	default:
		_, _ = fmt.Fprintf(c.Stdout, "serving %s\n", c.Argv[1])
		defer b.serve(b.web(c.Argv[1], sync.OnceFunc(func() { close(crash) })))()
	}
	select {
	case <-ctx.Done():
		return sandbox.Exit{Reason: sandbox.KilledOff}, nil
	case <-b.killed:
		return sandbox.Exit{Reason: sandbox.KilledOff}, nil
	case <-crash:
		return sandbox.Exit{Code: 3, Reason: sandbox.Exited}, nil
	}
}

// web is an app that says its name and keeps a note.
func (b *doubleBox) web(name string, crash func()) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "<title>%s</title>", name) })
	// A POST: a GET that a kept connection didn't answer is sent once more, and may crash the next run too.
	mux.HandleFunc("POST /crash", func(http.ResponseWriter, *http.Request) { crash(); panic(http.ErrAbortHandler) })
	mux.HandleFunc("GET /note", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, filepath.Join(b.data, "note")) })
	mux.HandleFunc("POST /note", func(w http.ResponseWriter, r *http.Request) {
		note, _ := io.ReadAll(r.Body)
		if err := os.WriteFile(filepath.Join(b.data, "note"), note, 0o644); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	return mux
}

func (b *doubleBox) serve(h http.Handler) (stop func()) {
	srv := &http.Server{Handler: h}
	done, l := make(chan struct{}), pipeListener{b, make(chan struct{})}
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	b.up.Store(true)
	return func() {
		b.up.Store(false)
		close(l.closed)
		_ = srv.Close()
		<-done
	}
}

func (b *doubleBox) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if !b.up.Load() {
		return nil, errors.New("connection refused")
	}
	here, there := net.Pipe()
	select {
	case b.conns <- there:
		return here, nil
	case <-b.killed:
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
	return nil, errors.New("connection refused")
}

func (b *doubleBox) Kill(context.Context) error {
	b.once.Do(func() { close(b.killed) })
	b.driver.mu.Lock()
	defer b.driver.mu.Unlock()
	delete(b.driver.boxes, b)
	return nil
}

func (b *doubleBox) Copy(context.Context, string, io.Writer, int64) (int64, error) {
	return 0, core.E(core.Unsupported, "double", "copy")
}

func (b *doubleBox) Stats(context.Context) (sandbox.Stats, error) { return sandbox.Stats{}, nil }

// pipeListener accepts what Dial hands over.
type pipeListener struct {
	box    *doubleBox
	closed chan struct{}
}

func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.box.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (pipeListener) Close() error   { return nil }
func (pipeListener) Addr() net.Addr { return &net.TCPAddr{} }
