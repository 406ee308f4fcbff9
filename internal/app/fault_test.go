package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool"
	toolapp "github.com/isekai-run/isekai/internal/tool/app"
)

// meter counts the moments before and after every call of a port, and fails at
// one of them, or at one and at all that follow: then the process is as good as
// dead. A failure after a call is an answer that got lost.
type meter struct {
	count  atomic.Int64
	failAt atomic.Int64 // 0: never
	dead   atomic.Bool  // fail from then on
	die    func()       // called when it is dead
	deadly bool         // don't fail: die
}

var errFault = errors.New("injected fault")

func (m *meter) hit() error {
	n, at := m.count.Add(1), m.failAt.Load()
	if n == at && m.deadly {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	if n == at && m.dead.Load() {
		m.die()
	}
	if n == at || (m.dead.Load() && at > 0 && n > at) {
		return core.E(core.Unavailable, "fault", "injected").Because(errFault)
	}
	return nil
}

func metered[T any](m *meter, call func() (T, error)) (T, error) {
	var zero T
	if err := m.hit(); err != nil {
		return zero, err
	}
	v, err := call()
	if err == nil {
		err = m.hit()
	}
	if err != nil {
		return zero, err
	}
	return v, nil
}

type faultyStore struct {
	Store
	*meter
}

func (f faultyStore) Append(ctx context.Context, scope core.Scope, a store.Append) ([]core.Event, error) {
	return metered(f.meter, func() ([]core.Event, error) { return f.Store.Append(ctx, scope, a) })
}

func (f faultyStore) ReadStream(ctx context.Context, org core.OrgID, stream core.StreamID, after int64, limit int) ([]core.Event, error) {
	return metered(f.meter, func() ([]core.Event, error) { return f.Store.ReadStream(ctx, org, stream, after, limit) })
}

type faultyBlobs struct {
	blob.Store
	*meter
}

func (f faultyBlobs) Put(ctx context.Context, org core.OrgID, r io.Reader, limit int64) (core.Digest, int64, error) {
	var size int64
	d, err := metered(f.meter, func() (d core.Digest, err error) {
		d, size, err = f.Store.Put(ctx, org, r, limit)
		return d, err
	})
	return d, size, err
}

func (f faultyBlobs) Open(ctx context.Context, org core.OrgID, d core.Digest) (io.ReadCloser, error) {
	return metered(f.meter, func() (io.ReadCloser, error) { return f.Store.Open(ctx, org, d) })
}

type faultyDriver struct {
	sandbox.Driver
	*meter
}

// Create fails before the call alone: a driver that fails has left no box.
func (f faultyDriver) Create(ctx context.Context, scope core.Scope, spec sandbox.Spec) (sandbox.Box, error) {
	if err := f.hit(); err != nil {
		return nil, err
	}
	box, err := f.Driver.Create(ctx, scope, spec)
	return faultyBox{box, f.meter}, err
}

type faultyBox struct {
	sandbox.Box
	*meter
}

func (f faultyBox) Exec(ctx context.Context, c sandbox.Command) (sandbox.Exit, error) {
	return metered(f.meter, func() (sandbox.Exit, error) { return f.Box.Exec(ctx, c) })
}

func (f faultyBox) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return metered(f.meter, func() (net.Conn, error) { return f.Box.Dial(ctx, network, address) })
}

func (f faultyBox) Kill(ctx context.Context) error {
	_, err := metered(f.meter, func() (struct{}, error) { return struct{}{}, f.Box.Kill(ctx) })
	return err
}

// saga is a task's end as the agent drives it: publish, preview, and on failure
// the compensations in reverse.
type saga struct {
	tools *tool.Registry
	call  tool.Call
	undo  []core.Call
}

func newSaga(s *Service, scope core.Scope, app core.AppID, base int, dir string) (*saga, error) {
	tools, err := tool.NewRegistry(toolapp.Tools(s)...)
	return &saga{tools: tools, call: tool.Call{
		Scope: scope.As(core.ActorWorker, "w1"), Task: "tsk_saga", Workspace: tool.Workspace{Dir: dir},
		Facts: tool.Facts{Prompt: "change it", App: app, Base: base},
	}}, err
}

// forward runs the two calls and reports whether both succeeded.
func (g *saga) forward(ctx context.Context) bool {
	for _, name := range []string{"publish_app", "preview_app"} {
		c := g.call
		c.ID, c.Arguments = core.CallID("cal_"+name), json.RawMessage("{}")
		res, err := g.tools.Call(ctx, name, c)
		if res.Undo != nil {
			g.undo = append(g.undo, *res.Undo)
		}
		if err != nil || res.Failed {
			return false
		}
	}
	return true
}

// back compensates, each call repeated until it succeeds, as the agent does.
func (g *saga) back(t *testing.T) {
	t.Helper()
	for i := len(g.undo) - 1; i >= 0; i-- {
		c := g.call
		c.ID, c.Arguments = core.CallID(fmt.Sprint("cal_undo", i)), g.undo[i].Arguments
		var err error
		for range 5 {
			if _, err = g.tools.Call(t.Context(), g.undo[i].Tool, c); err == nil {
				break
			}
		}
		if err != nil {
			t.Fatalf("%s: %v", g.undo[i].Tool, err)
		}
	}
}

// faultCase is one way for the saga to go wrong, at one point.
type faultCase struct {
	*rig
	ctx   context.Context // ends when the process is dead
	meter *meter
	base  int
	app   core.AppID
	saga  *saga
}

// newFaultCase prepares an app (base 0: none, 1: version 1 runs) and a service
// that will fail at its call number at.
func newFaultCase(r *rig, base int, at int64, dead bool) *faultCase {
	t := r.t
	c := &faultCase{rig: r, base: base, app: core.AppID(core.NewID("app")), meter: &meter{}}
	if base == 1 {
		r.publish(c.app, 0, r.app("One", "one"))
		r.start(c.app)
		if err := r.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	m := c.meter
	r.Service = r.open(faultyStore{r.store, m}, faultyBlobs{r.blobs, m}, faultyDriver{r.double, m})
	if err := restore(t.Context(), r.Service); err != nil {
		t.Fatal(err)
	}
	if base == 1 {
		if status, _ := r.ask(r.Service, "GET", r.get(c.app).Name, "/", nil); status != 200 {
			t.Fatalf("version 1 answers %d", status)
		}
	}
	c.ctx, m.die = context.WithCancel(t.Context())
	t.Cleanup(m.die)
	m.count.Store(0)
	m.failAt.Store(at)
	m.dead.Store(dead)
	g, err := newSaga(r.Service, r.scope, c.app, base, r.app("Two", "two"))
	if err != nil {
		t.Fatal(err)
	}
	c.saga = g
	return c
}

// whole asserts that the app is at its new version, once, and runs it.
func (c *faultCase) whole(s *Service) {
	c.t.Helper()
	st, err := s.Get(c.t.Context(), c.scope, c.app)
	if err != nil {
		c.t.Fatalf("the app is gone: %v", err)
	}
	if len(st.Versions) != c.base+1 || st.Current != c.base+1 || st.Started != c.base+1 {
		c.t.Fatalf("%d versions, current %d, started %d; want one more than %d", len(st.Versions), st.Current, st.Started, c.base)
	}
	c.answers(s, st, "<title>two</title>")
}

// asBefore asserts that the app is as it was before the saga.
func (c *faultCase) asBefore(s *Service) {
	c.t.Helper()
	st, err := s.Get(c.t.Context(), c.scope, c.app)
	if c.base == 0 {
		if core.CodeOf(err) != core.NotFound {
			c.t.Fatalf("a half-made app is left: %+v, %v", st.effective(), err)
		}
		if n := c.double.running(); n != 0 {
			c.t.Fatalf("%d boxes are left", n)
		}
		if _, err := os.Stat(s.folder(c.scope.Org, c.app)); !errors.Is(err, os.ErrNotExist) {
			c.t.Fatalf("its folder is left: %v", err)
		}
		return
	}
	if err != nil || st.Current != 1 || st.Started != 1 || len(st.Live()) != 1 {
		c.t.Fatalf("not as before: %+v, %v", st.effective(), err)
	}
	c.answers(s, st, "<title>one</title>")
}

// answers asserts that the app answers, in one box, and that two never shared
// its data.
func (c *faultCase) answers(s *Service, st State, want string) {
	c.t.Helper()
	if status, body := c.ask(s, "GET", st.Name, "/", nil); status != 200 || body != want {
		c.t.Fatalf("the app answered %d %q; want %q", status, body, want)
	}
	if n := c.double.running(); n != 1 {
		c.t.Fatalf("%d boxes run", n)
	}
	if c.double.overlaps != 0 {
		c.t.Fatal("two versions had the data folder at once")
	}
}

// everyPoint runs a case with a fault at the first moment, the second, and so on
// until the saga gets through without meeting one.
func everyPoint(t *testing.T, dead bool, check func(t *testing.T, c *faultCase, through bool)) {
	for base, name := range []string{"new app", "change"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shared := newRig(t)
			for at := int64(1); ; at++ {
				met := true
				ok := t.Run(fmt.Sprint("fault ", at), func(t *testing.T) {
					c := newFaultCase(shared.beside(t), base, at, dead)
					through := c.saga.forward(c.ctx)
					if met = c.meter.count.Load() >= at; !met {
						c.meter.failAt.Store(0)
					}
					check(t, c, through)
				})
				if !ok || !met {
					if at < 15 {
						t.Fatalf("only %d points were met", at)
					}
					return
				}
			}
		})
	}
}

func TestFaultThenCompensation(t *testing.T) {
	t.Parallel()
	everyPoint(t, false, func(t *testing.T, c *faultCase, through bool) {
		if through {
			c.whole(c.Service)
			return
		}
		c.saga.back(t)
		c.asBefore(c.Service)
		c.saga.back(t)
		c.asBefore(c.Service)
	})
}

func TestFaultThenRepetition(t *testing.T) {
	t.Parallel()
	everyPoint(t, false, func(t *testing.T, c *faultCase, through bool) {
		if !through && !c.saga.forward(t.Context()) {
			t.Fatal("the same calls failed again without a fault")
		}
		c.whole(c.Service)
		if !c.saga.forward(t.Context()) {
			t.Fatal("the same calls failed after they had succeeded")
		}
		c.whole(c.Service)
	})
}

// TestDeathThenRestart: the process dies at some point; the next one sweeps, and
// then either repeats the saga or compensates it.
func TestDeathThenRestart(t *testing.T) {
	t.Parallel()
	for _, repeat := range []bool{true, false} {
		t.Run(fmt.Sprint("repeat ", repeat), func(t *testing.T) {
			t.Parallel()
			everyPoint(t, true, func(t *testing.T, c *faultCase, through bool) {
				if c.meter.failAt.Load() == 0 {
					return // it got through without meeting the fault
				}
				c.double.killAll()
				next := c.open(c.store, c.blobs, c.double)
				if err := errors.Join(next.Sweep(t.Context()), restore(t.Context(), next)); err != nil {
					t.Fatal(err)
				}
				c.swept(next)
				again, err := newSaga(next, c.scope, c.app, c.base, c.saga.call.Workspace.Dir)
				if err != nil {
					t.Fatal(err)
				}
				if repeat {
					if !again.forward(t.Context()) {
						t.Fatal("the saga can't be repeated")
					}
					c.whole(next)
					return
				}
				args, err := json.Marshal(map[string]string{"app": string(c.app), "call": "cal_publish_app"})
				if err != nil {
					t.Fatal(err)
				}
				again.undo = []core.Call{{Tool: "retract_app", Arguments: args}}
				again.back(t)
				c.asBefore(next)
			})
		})
	}
}

// swept asserts that only an app that exists has a folder, with data alone.
func (c *faultCase) swept(s *Service) {
	c.t.Helper()
	if left, _ := os.ReadDir(s.tmp()); len(left) != 0 {
		c.t.Fatalf("%d temporary folders are left", len(left))
	}
	if trees, _ := filepath.Glob(filepath.Join(s.cfg.Dir, "*", "*", treePrefix+"*")); len(trees) != 0 {
		c.t.Fatalf("checkouts are left: %v", trees)
	}
	homes, _ := filepath.Glob(filepath.Join(s.cfg.Dir, "*", "app_*"))
	if _, err := s.Get(c.t.Context(), c.scope, c.app); err != nil && len(homes) != 0 {
		c.t.Fatalf("folders of no app are left: %v", homes)
	}
}
