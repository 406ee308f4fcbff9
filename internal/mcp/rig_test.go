//go:build linux

package mcp_test

import (
	"archive/zip"
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/mcp"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/archive"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/tool"
)

// boxes is the real sandbox, which all tests share: a host that can't isolate fails them.
var boxes sandbox.Driver

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "isekai-mcp-*")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	d, err := ns.New(ns.Config{RunDir: dir})
	if err != nil {
		panic(err)
	}
	boxes = d
	code := m.Run()
	if err := d.Close(); err != nil {
		panic(err)
	}
	if err := goleak.Find(); err != nil && code == 0 {
		println(err.Error())
		return 1
	}
	return code
}

// patience bounds every wait: long, for a machine under load.
const patience = time.Minute

// rig is a service on real stores, with the real sandbox.
type rig struct {
	*mcp.Service
	t       *testing.T
	scope   core.Scope
	outside *outside
}

func newRig(t *testing.T, configure ...func(*mcp.Config)) *rig {
	t.Helper()
	dir := t.TempDir()
	blobs, err := local.Open(filepath.Join(dir, "blobs"))
	ok(t, err)
	t.Cleanup(func() { _ = blobs.Close() })
	var ports []int // the tests' own servers have any
	for p := 1024; p < 1<<16; p++ {
		ports = append(ports, p)
	}
	guard, err := egress.New(egress.Config{Allow: []string{"127.0.0.0/8"}, Ports: append(ports, 443), Timeout: -1, Silence: patience})
	ok(t, err)
	t.Cleanup(guard.Close)
	r := &rig{t: t, scope: scope("prj_a"), outside: &outside{client: guard.Client(), secrets: map[string]string{}}}
	cfg := mcp.Config{
		Records: sqlitetest.Open(t, sqlite.Config{Path: filepath.Join(dir, "isekai.db")}), Blobs: blobs, Boxes: boxes, Outside: r.outside,
		Dir: filepath.Join(dir, "mcp"), Connect: patience,
	}
	for _, c := range configure {
		c(&cfg)
	}
	r.Service, err = mcp.New(cfg)
	ok(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		ok(t, r.Shutdown(ctx))
		if left, _ := filepath.Glob(filepath.Join(dir, "mcp", "*")); len(left) > 0 {
			t.Errorf("files are left: %q", left)
		}
	})
	return r
}

func scope(project core.ProjectID) core.Scope {
	return core.Scope{Org: "org_a", Project: project, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_a"}}
}

// outside has the test's own secrets.
type outside struct {
	client *http.Client

	mu      sync.Mutex
	secrets map[string]string
	used    []tool.Call
}

func (o *outside) Client() *http.Client { return o.client }

func (o *outside) Authorize(ctx context.Context, c tool.Call, name, credential string, r *http.Request) error {
	v, err := o.Credential(ctx, c, name, credential, r.URL.Host)
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+v.Secret)
	}
	return err
}

func (o *outside) Credential(_ context.Context, c tool.Call, _, credential, _ string) (tool.Credential, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.used = append(o.used, c)
	if o.secrets[credential] == "" {
		return tool.Credential{}, core.E(core.NotFound, "credential", "there is no such credential")
	}
	return tool.Credential{Secret: o.secrets[credential]}, nil
}

func (o *outside) uses() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.used)
}

// until waits for a condition.
func (r *rig) until(what string, is func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatalf("it doesn't come to it that %s", what)
		}
	}
}

// program puts testdata/server.py as a server of the project.
func (r *rig) program(name, how string, change ...func(*mcp.Spec)) mcp.Server {
	r.t.Helper()
	spec := mcp.Spec{Name: name, Transport: mcp.Stdio, Argv: []string{"python3", "-I", "server.py", how}}
	for _, c := range change {
		c(&spec)
	}
	_, err := r.Put(r.t.Context(), r.scope, spec, 0)
	ok(r.t, err)
	b, err := os.ReadFile("testdata/server.py")
	ok(r.t, err)
	packed := pack(r.t, map[string]string{"server.py": string(b)})
	srv, err := r.PutFiles(r.t.Context(), r.scope, name, bytes.NewReader(packed), int64(len(packed)), archive.Zip, 0)
	ok(r.t, err)
	return srv
}

func pack(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range files {
		w, err := z.Create(name)
		ok(t, err)
		_, err = w.Write([]byte(text))
		ok(t, err)
	}
	ok(t, z.Close())
	return b.Bytes()
}

// use is a call of a task.
func (r *rig) use(args string) tool.Call {
	return tool.Call{Scope: r.scope, Task: "tsk_a", ID: "cal_a", Arguments: []byte(args)}
}

// call calls a tool by the server's name of it.
func (r *rig) call(server, name, args string) (tool.Result, error) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	return r.Call(ctx, r.use(args), server, name)
}

// says calls a tool that succeeds and returns its output.
func (r *rig) says(server, name, args string) string {
	r.t.Helper()
	got, err := r.call(server, name, args)
	if err != nil || got.Failed {
		r.t.Fatalf("%s of %s: %+v, %v (%s)", name, server, got, err, core.HintOf(err))
	}
	return got.Output
}

// tools are what a task is offered, by name.
func (r *rig) tools() map[string]tool.Tool {
	r.t.Helper()
	all, err := r.Tools(r.t.Context(), r.scope, "tsk_a")
	ok(r.t, err)
	by := map[string]tool.Tool{}
	for _, t := range all {
		checked, err := tool.Checked(t, nil)
		ok(r.t, err)
		if by[t.Spec().Name] != nil {
			r.t.Errorf("two tools are named %s", t.Spec().Name)
		}
		by[t.Spec().Name] = checked
	}
	return by
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%s)", err, core.HintOf(err))
	}
}
