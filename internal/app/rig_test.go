package app

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
)

// rig is a service on real stores, with a scope and a way to ask its proxy.
type rig struct {
	*Service
	t      *testing.T
	scope  core.Scope
	store  Store
	blobs  blob.Store
	double *double
	dir    string
}

// newRig returns a rig whose sandbox is a double.
func newRig(t *testing.T, configure ...func(*Config)) *rig {
	t.Helper()
	d := newDouble()
	r := newRigOn(t, d, configure...)
	r.double = d
	return r
}

func newRigOn(t *testing.T, driver sandbox.Driver, configure ...func(*Config)) *rig {
	t.Helper()
	dir := t.TempDir()
	st := sqlitetest.Open(t, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
	blobs, err := local.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = blobs.Close() })
	r := &rig{t: t, store: st, blobs: blobs, dir: filepath.Join(dir, "apps"), scope: core.Scope{
		Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_1"},
	}}
	r.Service = r.open(st, blobs, driver, configure...)
	return r
}

// beside returns a rig with the same stores, for another app on another machine.
func (r *rig) beside(t *testing.T) *rig {
	d := newDouble()
	n := &rig{t: t, store: r.store, blobs: r.blobs, double: d, dir: t.TempDir(), scope: r.scope}
	n.Service = n.open(r.store, r.blobs, d)
	return n
}

// open returns another service on the rig's folder, as after a restart.
func (r *rig) open(st Store, blobs blob.Store, driver sandbox.Driver, configure ...func(*Config)) *Service {
	r.t.Helper()
	cfg := Config{Dir: r.dir, Logger: slog.New(slog.DiscardHandler), Backoff: time.Millisecond}
	for _, c := range configure {
		c(&cfg)
	}
	s := New(st, blobs, driver, cfg)
	r.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), undoing)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			r.t.Errorf("shutdown: %v", err)
		}
	})
	return s
}

// restore does what the platform does at its start.
func restore(ctx context.Context, s *Service) error {
	if _, err := NewProjector(s.store).CatchUp(ctx, core.DefaultOrg, 0); err != nil {
		return err
	}
	return s.Restore(ctx)
}

// app writes an app whose workload is the double's function start, and returns its folder.
func (r *rig) app(title, start string) string {
	r.t.Helper()
	dir := r.t.TempDir()
	manifest, err := json.Marshal(core.Manifest{
		Title: title, Runtime: "python", Start: []string{"python3", start}, Test: []string{"python3", "tests.py"},
		Suggestions: []string{"add a search"},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.write(dir, core.ManifestName, string(manifest))
	r.write(dir, "static/style.css", "body { color: #"+title+" }\n")
	return dir
}

func (r *rig) write(dir, name, text string) {
	r.t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// publish publishes a folder as the app's next version.
func (r *rig) publish(app core.AppID, base int, dir string) core.AppVersioned {
	r.t.Helper()
	v, err := r.Publish(r.t.Context(), r.scope, core.Publication{
		App: app, Base: base, Task: core.TaskID(core.NewID("tsk")), Call: core.CallID(core.NewID("cal")), Prompt: "make it", Dir: dir,
	})
	if err != nil {
		r.t.Fatalf("publish: %v", err)
	}
	return v
}

func (r *rig) get(app core.AppID) State {
	r.t.Helper()
	st, err := r.Get(r.t.Context(), r.scope, app)
	if err != nil {
		r.t.Fatalf("get: %v", err)
	}
	return st
}

func (r *rig) start(app core.AppID) State {
	r.t.Helper()
	st, err := r.Start(r.t.Context(), r.scope, app, 0)
	if err != nil {
		r.t.Fatalf("start: %v", err)
	}
	return st
}

// ask sends a request for an app's host to a service's proxy.
func (r *rig) ask(s *Service, method, name, path string, body io.Reader) (int, string) {
	r.t.Helper()
	req := httptest.NewRequestWithContext(r.t.Context(), method, "http://"+name+".localhost:7777"+path, body)
	w := httptest.NewRecorder()
	func() {
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		(&Proxy{Service: s, Base: "localhost"}).ServeHTTP(w, req)
	}()
	return w.Code, w.Body.String()
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}
