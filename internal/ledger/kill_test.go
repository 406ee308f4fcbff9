package ledger_test

import (
	"context"
	"encoding/json"
	"iter"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
	"github.com/isekai-run/isekai/internal/store/storetest"
	"github.com/isekai-run/isekai/internal/tool"
)

// installation is what outlives its processes.
type installation struct {
	t     *testing.T
	dir   string
	store *sqlite.Store
	blobs *local.Store
	org   core.OrgID   // that is looked at
	clock atomic.Int64 // ahead of the real time, in nanoseconds
}

func newInstallation(t *testing.T) *installation {
	i := &installation{t: t, dir: t.TempDir()}
	i.store = sqlitetest.Open(t, sqlite.Config{Path: filepath.Join(i.dir, "db"), Now: i.now})
	var err error
	if i.blobs, err = local.Open(filepath.Join(i.dir, "blobs")); err != nil {
		t.Fatal(err)
	}
	return i
}

func (i *installation) now() time.Time { return time.Now().Add(time.Duration(i.clock.Load())) }

// planner plans one step that makes one call, and says that it went well.
type planner struct{}

func (planner) Stream(_ context.Context, q model.Request) iter.Seq2[model.Chunk, error] {
	c := model.Chunk{Usage: &core.Usage{Input: 1000, Output: 100}, Done: true}
	switch {
	case q.Purpose == model.Plan:
		c.Text = `{"title":"Act","steps":[{"title":"Act"}]}`
	case q.Purpose == model.Judge:
		c.Text = `{"verdict":"SUCCESS","reason":"it acted"}`
	case len(q.Messages) == 1:
		c.Call = &core.Call{ID: "x", Tool: "act", Arguments: json.RawMessage(`{}`)}
	default:
		c.Text = "done"
	}
	return func(yield func(model.Chunk, error) bool) { yield(c, nil) }
}

// act is a tool that does nothing.
type act struct{}

func (act) Spec() tool.Spec {
	return tool.Spec{Name: "act", Version: "1", Description: "Acts.", Effect: core.Idempotent, Schema: json.RawMessage(`{"type":"object"}`), Bare: true}
}
func (act) Call(context.Context, tool.Call) (tool.Result, error) {
	return tool.Result{Output: "ok"}, nil
}

// The costs of the task: four calls of the model (to plan, to work twice, to judge), and
// one of the tool.
const (
	perModelCall = 3000
	perToolCall  = 500
	whole        = 4*perModelCall + perToolCall
)

// process is one that works on tasks and charges them, all its writes through m.
func (i *installation) process(m *storetest.Mortal) (tasks *agent.Service, stop func()) {
	tools, err := tool.NewRegistry(act{})
	if err != nil {
		i.t.Fatal(err)
	}
	books := newLedger(i.t, m)
	tasks = &agent.Service{Events: m, IDs: core.NewID, Charge: true}
	hub := notify.New(notify.Config{Events: i.store, Wake: i.store.OutboxWake})
	w := agent.NewWorker(agent.WorkerConfig{
		Name: core.NewID("wrk"), Events: m, Work: i.store, Blobs: i.blobs, Tools: tools, Prices: agent.Listed{List: books},
		Models:  func(core.Scope, core.TaskID, string) (model.Model, string, error) { return planner{}, "m", nil },
		Changed: hub.Watch, Wake: i.store.WorkWake, Dir: filepath.Join(i.dir, "work"), Grace: time.Millisecond, Poll: 20 * time.Millisecond, Now: i.now,
	})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, run := range []func(context.Context) error{hub.Run, w.Run, func(ctx context.Context) error { return i.carry(ctx, m, books.Handler(tasks)) }} {
		wg.Go(func() {
			if err := run(ctx); err != nil {
				i.t.Error(err)
			}
		})
	}
	return tasks, sync.OnceFunc(func() { cancel(); wg.Wait() })
}

// carry delivers every event of the org, from the first, to the ledger: so a process that
// follows another one says all of it again.
func (i *installation) carry(ctx context.Context, m *storetest.Mortal, handle func(context.Context, core.Event) error) error {
	for after := int64(0); ; {
		wake := i.store.OutboxWake()
		events, err := i.store.ReadOrg(context.Background(), i.org, after, 100)
		if err != nil {
			return err
		}
		for _, e := range events {
			for handle(ctx, e) != nil {
				if ctx.Err() != nil || m.Dead.Load() {
					return nil
				}
			}
			after = e.Position
		}
		if len(events) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
		}
	}
}

// TestAKillAtEveryWriteOfAChargedTask kills the process at each write in turn, of the
// worker, of the ledger and of its answer, before and after it took place. The next one
// brings the task to the same end: charged once, with nothing held.
func TestAKillAtEveryWriteOfAChargedTask(t *testing.T) {
	t.Parallel()
	i := newInstallation(t)
	for _, after := range []bool{false, true} {
		for n := int64(1); ; n++ {
			if !i.killAt(t, n, after) {
				t.Logf("%d writes (after: %t)", n-1, after)
				if n < 12 {
					t.Fatalf("there were %d writes: the test looks at the wrong place", n-1)
				}
				break
			}
		}
	}
}

// killAt charges a task of a new org, and reports whether the process came to its nth
// write.
func (i *installation) killAt(t *testing.T, n int64, after bool) (killed bool) {
	i.org = newOrg()
	ctx := context.Background()
	s := newLedger(t, i.store)
	grant(t, s, i.org, 1000*core.Credit)
	for name, p := range map[string]core.Price{"model/m": {Call: perModelCall}, "tool/act": {Call: perToolCall}} {
		if err := s.SetPrice(ctx, i.org, name, &p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.SetBudget(ctx, i.org, ledger.OfOrg, whole, ledger.Month); err != nil {
		t.Fatal(err)
	}
	scope := core.Scope{Org: i.org, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "u"}}
	first := &agent.Service{Events: i.store, IDs: core.NewID, Charge: true}
	st, err := first.Create(ctx, scope, agent.NewTask{Kind: core.KindTask, Prompt: "act", Model: "m", Limits: core.Limits{Credits: whole}})
	if err != nil {
		t.Fatal(err)
	}
	m := &storetest.Mortal{Store: i.store, After: after}
	m.Left.Store(n)
	tasks, stop := i.process(m)
	released := func() bool {
		b, err := s.Budget(ctx, i.org, ledger.OfOrg)
		if err != nil {
			t.Fatal(err)
		}
		told, err := i.store.ReadStream(ctx, i.org, ledger.NoticeStream(ledger.OfOrg, b.Period), 0, 10)
		return err == nil && b.Used == whole && len(told) == 3
	}
	wait(t, "killed or over", func() bool { return m.Dead.Load() || released() })
	stop()
	if killed = m.Dead.Load(); killed {
		i.clock.Add(int64(time.Minute)) // the lease of the dead one has run out
		tasks, stop = i.process(&storetest.Mortal{Store: i.store})
		wait(t, "over", released)
		stop()
	}
	if st, err = tasks.Get(ctx, scope, st.Task); err != nil && !killed {
		t.Fatal(err)
	}
	st, err = first.Get(ctx, scope, st.Task)
	if err != nil || st.Finished == nil || st.Status != core.StatusSucceeded || st.Spent != whole {
		t.Fatalf("write %d (after: %t): %s, %+v: %v", n, after, st.Status, st.Finished, err)
	}
	want := ledger.Balance{Available: 1000*core.Credit - whole, Spent: whole, Granted: 1000 * core.Credit}
	if b := balance(t, s, i.org); b != want {
		t.Fatalf("write %d (after: %t): %+v, want %+v", n, after, b, want)
	}
	chargedOnce(t, i.store, i.org, n, after)
	return killed
}

// chargedOnce holds the ledger to one consumption of each call, one hold and one release.
func chargedOnce(t *testing.T, st store.Books, org core.OrgID, n int64, after bool) {
	t.Helper()
	effects := map[string]map[string]bool{}
	for _, e := range entries(t, st, org) {
		if effects[e.Kind] == nil {
			effects[e.Kind] = map[string]bool{}
		}
		effects[e.Kind][e.Effect] = true
	}
	for kind, want := range map[string]int{"hold": 1, "consume": 5, "release": 1, "refuse": 0, "grant": 1, "budget": 1} {
		if got := len(effects[kind]); got != want {
			t.Fatalf("write %d (after: %t): %d postings of kind %s, want %d", n, after, got, kind, want)
		}
	}
}

func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not %s after 20 s", what)
		}
	}
}
