package agent_test

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool"
)

// full is a blob store that has no room for what refuse names.
type full struct {
	blob.Store
	refuse string
}

func (f full) Put(ctx context.Context, org core.OrgID, r io.Reader, limit int64) (core.Digest, int64, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return "", 0, err
	}
	if strings.Contains(string(b), f.refuse) {
		return "", 0, core.E(core.Exhausted, "blob.put", "no room for this")
	}
	return f.Store.Put(ctx, org, strings.NewReader(string(b)), limit)
}

// TestWhatCantBeKept lets calls leave behind more than can be stored. What they
// did is known, so they are settled as failed, and not made again for ever.
func TestWhatCantBeKept(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(c tool.Call) (tool.Result, error){
		"a workspace": func(c tool.Call) (tool.Result, error) {
			return tool.Result{Output: "ok"}, writeFile(c, "big", "too much")
		},
		"an output": func(tool.Call) (tool.Result, error) {
			return tool.Result{Output: strings.Repeat("too much ", core.MaxInline)}, nil
		},
	} {
		for _, effect := range []core.Effect{core.Idempotent, core.Once} {
			t.Run(name+" "+string(effect), func(t *testing.T) {
				t.Parallel()
				var runs atomic.Int64
				r := newRig(t, oneCall, newFn("act", effect, func(_ context.Context, c tool.Call) (tool.Result, error) {
					runs.Add(1)
					return call(c)
				}))
				r.keep = full{r.blobs, "too much"}
				defer r.worker("w1", nil)()
				st := r.wait(r.create(core.KindTask, "m"), "over", over)
				if runs.Load() != 1 || !strings.Contains(st.Finished.Answer.Text, "no room for this") {
					t.Errorf("%d runs: %+v", runs.Load(), st.Finished)
				}
			})
		}
	}
}

func TestAnAnswerThatCantBeKept(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	r := newRig(t, func(q model.Request) (model.Answer, error) {
		if q.Purpose == model.Work {
			asked.Add(1)
			return model.Answer{Text: strings.Repeat("too much ", core.MaxInline)}, nil
		}
		return oneCall(q)
	})
	r.keep = full{r.blobs, "too much"}
	defer r.worker("w1", nil)()
	st := r.wait(r.create(core.KindTask, "m"), "over", over)
	if st.Status != core.StatusFailed || st.Finished.Error.Code != core.Exhausted || asked.Load() != 1 {
		t.Errorf("asked %d times: %+v", asked.Load(), st.Finished)
	}
}

// TestAWorkspaceThatIsGone starts a task from files that there aren't: it fails,
// and isn't tried again for ever.
func TestAWorkspaceThatIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, builder, platformTools(&effects{})...)
	defer r.worker("w1", nil)()
	st, err := r.tasks.Create(t.Context(), scope, agent.NewTask{
		Kind: core.KindApp, Prompt: "change it", Model: agent.Blueprint, App: "app_a", Base: 1,
		Tree: core.Digest("sha256:" + strings.Repeat("0", 64)),
	})
	if err != nil {
		t.Fatal(err)
	}
	st = r.wait(st.Task, "over", over)
	if st.Status != core.StatusFailed || st.Finished.Error.Code != core.NotFound {
		t.Errorf("%+v", st.Finished)
	}
}

// TestALimitBoundsWhatIsSpent ends a task whose last call is the last that it
// may make: nothing more is spent, so nothing is exceeded.
func TestALimitBoundsWhatIsSpent(t *testing.T) {
	t.Parallel()
	log := &effects{}
	r := newRig(t, builder, platformTools(log)...)
	defer r.worker("w1", nil)()
	st := r.wait(r.create(core.KindApp, agent.Blueprint), "over", over)
	for calls, want := range map[int]core.TaskStatus{st.Calls: core.StatusSucceeded, st.Calls - 1: core.StatusFailed} {
		st, err := r.tasks.Create(t.Context(), scope, agent.NewTask{
			Kind: core.KindApp, Prompt: "p", Model: agent.Blueprint, Limits: core.Limits{Calls: calls},
		})
		if err != nil {
			t.Fatal(err)
		}
		st = r.wait(st.Task, "over", over)
		if st.Status != want || want == core.StatusFailed && st.Finished.Error.Code != core.Exhausted {
			t.Errorf("with %d calls: %+v", calls, st.Finished)
		}
	}
}

// TestTheSameKeyIsTheSameTask repeats requests whose answers got lost.
func TestTheSameKeyIsTheSameTask(t *testing.T) {
	t.Parallel()
	r := newRig(t, builder)
	first := agent.NewTask{Kind: core.KindApp, Prompt: "p", Model: "m", App: "app_a", Base: 1, Key: "k"}
	st, err := r.tasks.Create(t.Context(), scope, first)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*agent.NewTask)
		code   core.Code
	}{
		"as it was":                 {func(*agent.NewTask) {}, ""},
		"after its version is made": {func(n *agent.NewTask) { n.Base, n.Tree = 2, "sha256:t" }, ""},
		"another app":               {func(n *agent.NewTask) { n.App = "app_b" }, core.Conflict},
		"a new app":                 {func(n *agent.NewTask) { n.App, n.Base = "", 0 }, core.Conflict},
		"another prompt":            {func(n *agent.NewTask) { n.Prompt = "q" }, core.Conflict},
		"other limits":              {func(n *agent.NewTask) { n.Limits.Calls = 7 }, core.Conflict},
		"another workspace":         {func(n *agent.NewTask) { n.Kind, n.Workspace = core.KindTask, "/w" }, core.Conflict},
	} {
		n := first
		c.change(&n)
		again, err := r.tasks.Create(t.Context(), scope, n)
		if core.CodeOf(err) != c.code || err == nil && again.Task != st.Task {
			t.Errorf("%s: %s, %v", name, again.Task, err)
		}
	}
}

// busy answers the first append that passes when with a conflict, after
// somebody else has appended.
type busy struct {
	store.Events
	when   func(store.Append) bool
	before func()
	done   atomic.Bool
}

func (b *busy) Append(ctx context.Context, s core.Scope, a store.Append) ([]core.Event, error) {
	if b.when(a) && b.done.CompareAndSwap(false, true) {
		b.before()
	}
	return b.Events.Append(ctx, s, a)
}

func has(a store.Append, p core.Payload) bool {
	for _, e := range a.Events {
		if e.Type == p.EventType() {
			return true
		}
	}
	return false
}

// TestACancelBetweenTheCallAndTheStop cancels a task just before its worker, which is
// stopping, stores the outcome of a call: the outcome isn't lost.
func TestACancelBetweenTheCallAndTheStop(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	r := newRig(t, oneCall, newFn("act", core.Once, func(context.Context, tool.Call) (tool.Result, error) {
		close(entered)
		<-leave
		return tool.Result{Output: "acted"}, nil
	}))
	r.grace = 10 * time.Second
	var id core.TaskID
	b := &busy{Events: r.store, when: func(a store.Append) bool { return has(a, core.ToolSettled{}) }, before: func() {
		if _, err := r.tasks.Cancel(context.Background(), scope, id, "x"); err != nil {
			t.Error(err)
		}
	}}
	stop := r.worker("w1", b)
	id = r.create(core.KindTask, "m")
	<-entered
	go func() { time.Sleep(10 * time.Millisecond); close(leave) }() // the stop comes first
	stop()
	st, err := r.tasks.Get(t.Context(), scope, id)
	if err != nil || st.Pending != nil || !b.done.Load() {
		t.Errorf("the outcome was lost: %+v, %v", st.Pending, err)
	}
}

// TestACancelEndsTheLastAttempt cancels a task while it is in a call after which
// nothing else would be tried: it was canceled, and didn't fail.
func TestACancelEndsTheLastAttempt(t *testing.T) {
	t.Parallel()
	r := newRig(t, oneCall)
	r.stall = make(chan struct{})
	defer r.worker("w1", nil)()
	id := r.create(core.KindApp, agent.Blueprint)
	<-r.stall
	if _, err := r.tasks.Cancel(t.Context(), scope, id, "enough"); err != nil {
		t.Fatal(err)
	}
	if st := r.wait(id, "over", over); st.Status != core.StatusCanceled || st.Finished.Error != nil {
		t.Errorf("%s: %+v", st.Status, st.Finished)
	}
}

// TestACancelBetweenTheCrashAndTheQuestion cancels a task just before a person is
// asked about a call of it: nobody is, and nothing waits.
func TestACancelBetweenTheCrashAndTheQuestion(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	r := newRig(t, oneCall, newFn("act", core.Once, func(ctx context.Context, _ tool.Call) (tool.Result, error) {
		close(entered)
		<-ctx.Done()
		return tool.Result{}, ctx.Err()
	}))
	stop := r.worker("w1", nil)
	id := r.create(core.KindTask, "m")
	<-entered
	stop()
	b := &busy{Events: r.store, when: func(a store.Append) bool { return has(a, core.ApprovalRequested{}) }, before: func() {
		if _, err := r.tasks.Cancel(context.Background(), scope, id, "x"); err != nil {
			t.Error(err)
		}
	}}
	began := time.Now()
	defer r.worker("w2", b)()
	st := r.wait(id, "over", over)
	if st.Status != core.StatusCanceled || time.Since(began) > 3*time.Second {
		t.Errorf("%s after %s", st.Status, time.Since(began))
	}
}

// TestACancelIsSeenWithoutAWakeUp cancels a task while nothing tells of it.
func TestACancelIsSeenWithoutAWakeUp(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	r := newRig(t, oneCall, newFn("act", core.Idempotent, func(ctx context.Context, _ tool.Call) (tool.Result, error) {
		close(entered)
		<-ctx.Done()
		return tool.Result{}, ctx.Err()
	}))
	defer r.worker("w1", nil)()
	id := r.create(core.KindTask, "m")
	<-entered
	if _, err := r.tasks.Cancel(t.Context(), scope, id, "x"); err != nil {
		t.Fatal(err)
	}
	if st := r.wait(id, "over", over); st.Status != core.StatusCanceled {
		t.Errorf("%s", st.Status)
	}
}

// lostWork is a queue whose leases can't be renewed: it hangs.
type lostWork struct{ store.Work }

func (lostWork) Renew(ctx context.Context, l store.Lease, _ time.Duration) (store.Lease, error) {
	<-ctx.Done()
	return l, ctx.Err()
}

// TestALeaseThatCantBeRenewed ends a call whose lease has run out because the
// store doesn't answer, within about the time of the lease.
func TestALeaseThatCantBeRenewed(t *testing.T) {
	t.Parallel()
	entered, left := make(chan struct{}, 100), make(chan struct{}, 100)
	r := newRig(t, oneCall, newFn("act", core.Idempotent, func(ctx context.Context, _ tool.Call) (tool.Result, error) {
		entered <- struct{}{}
		<-ctx.Done()
		left <- struct{}{}
		return tool.Result{}, ctx.Err()
	}))
	r.work, r.lease = lostWork{r.store}, 600*time.Millisecond
	defer r.worker("w1", nil)()
	r.create(core.KindTask, "m")
	<-entered
	select {
	case <-left:
	case <-time.After(6 * time.Second): // the tool's own timeout is longer
		t.Error("the call goes on without a lease")
	}
}

func TestResumeOfATaskThatIsOverOrWaitsForNobody(t *testing.T) {
	t.Parallel()
	r := newRig(t, builder, platformTools(&effects{})...)
	id := r.create(core.KindApp, agent.Blueprint)
	st, err := r.tasks.Resume(t.Context(), scope, id, agent.Reply{Answer: core.AnswerDone})
	if err != nil || st.Version != 1 {
		t.Errorf("of a queued task: version %d, %v", st.Version, err)
	}
	defer r.worker("w1", nil)()
	r.wait(id, "over", over)
	if _, err := r.tasks.Resume(t.Context(), scope, id, agent.Reply{Answer: core.AnswerDone}); core.CodeOf(err) != core.Conflict {
		t.Errorf("of a finished task: %v", err)
	}
}

func TestTheListOfTasks(t *testing.T) {
	t.Parallel()
	r := newRig(t, builder, platformTools(&effects{})...)
	id := r.create(core.KindApp, agent.Blueprint)
	p := agent.NewProjector(r.store)
	row := func() agent.Summary {
		t.Helper()
		if _, err := p.CatchUp(t.Context(), scope.Org, 0); err != nil {
			t.Fatal(err)
		}
		row, err := r.store.Get(t.Context(), scope.Org, agent.View, string(id))
		if err != nil {
			t.Fatal(err)
		}
		s, err := agent.FromRow(row)
		if err != nil || row.Status != string(s.Status) || row.Project != scope.Project || row.Kind != string(s.Kind) {
			t.Fatalf("%+v: %v", row, err)
		}
		return s
	}
	if s := row(); s.Status != core.StatusQueued || s.Prompt != "do it" {
		t.Errorf("at first: %+v", s)
	}
	defer r.worker("w1", nil)()
	r.wait(id, "over", over)
	if s := row(); s.Status != core.StatusSucceeded || s.Version != 1 || s.Title != "An app" || s.Summary == "" {
		t.Errorf("at last: %+v", s)
	}
	if _, err := agent.FromRow(store.Row{ID: "x", Data: json.RawMessage(`[`)}); core.CodeOf(err) != core.Internal {
		t.Errorf("a row that is cut: %v", err)
	}
	u := agent.NewUsageProjector(r.store)
	if _, err := u.CatchUp(t.Context(), scope.Org, 0); err != nil {
		t.Fatal(err)
	}
	row2, err := r.store.Get(t.Context(), scope.Org, agent.UsageView, string(id))
	if err != nil {
		t.Fatal(err)
	}
	st, err := r.tasks.Get(t.Context(), scope, id)
	if err != nil {
		t.Fatal(err)
	}
	used, err := agent.UsageFromRow(row2)
	if err != nil || used.ModelCalls == 0 || used.ToolCalls == 0 || used.ModelCalls+used.ToolCalls != st.Calls || used.Input+used.Output != st.Tokens || used.Model != st.Model {
		t.Errorf("used: %+v, %v; the task %+v", used, err, st)
	}
	for _, p := range []*store.Projector{p, u} {
		if rows, differ, err := p.Verify(t.Context(), scope.Org); err != nil || rows != 1 || len(differ) != 0 {
			t.Errorf("%s: %d rows, %v, %v", p.View, rows, differ, err)
		}
	}
}

// TestTheListOfTasksWithoutAWorker cancels a task that waits for a person when
// nobody is at work: the list asks nobody any more.
func TestTheListOfTasksWithoutAWorker(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{}, 1)
	act := newFn("act", core.Once, func(ctx context.Context, _ tool.Call) (tool.Result, error) {
		entered <- struct{}{}
		<-ctx.Done()
		return tool.Result{}, ctx.Err()
	})
	r := newRig(t, oneCall, act)
	stop := r.worker("w1", nil)
	id := r.create(core.KindTask, "m")
	<-entered
	stop()
	stop = r.worker("w2", nil)
	r.wait(id, "waiting", waiting)
	stop()
	p := agent.NewProjector(r.store)
	listed := func() string {
		t.Helper()
		if _, err := p.CatchUp(t.Context(), scope.Org, 0); err != nil {
			t.Fatal(err)
		}
		row, err := r.store.Get(t.Context(), scope.Org, agent.View, string(id))
		if err != nil {
			t.Fatal(err)
		}
		return row.Status
	}
	if s := listed(); s != string(core.StatusWaiting) {
		t.Errorf("before: %s", s)
	}
	st, err := r.tasks.Cancel(t.Context(), scope, id, "enough")
	if err != nil {
		t.Fatal(err)
	}
	if s := listed(); s != string(st.Status) || st.Status == core.StatusWaiting {
		t.Errorf("the list says %s, the task %s", s, st.Status)
	}
}
