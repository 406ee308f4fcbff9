package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool"
)

func TestAnAppIsBuilt(t *testing.T) {
	t.Parallel()
	log := &effects{}
	r := newRig(t, builder, platformTools(log)...)
	stop := r.worker("w1", nil)
	defer stop()
	id := r.create(core.KindApp, agent.Blueprint)
	st := r.wait(id, "over", over)
	if st.Status != core.StatusSucceeded || st.Finished.Version != 1 || st.Tests.Passed != 2 {
		t.Fatalf("%+v", st.Finished)
	}
	if got := log.String(); got != "[write write publish preview]" {
		t.Errorf("effects: %s", got)
	}
	stop() // the workspace goes last
	if _, err := os.Stat(filepath.Join(r.dir, "work", string(scope.Org), string(id))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the workspace is still there: %v", err)
	}
}

func TestAFailureUndoesNewestFirst(t *testing.T) {
	t.Parallel()
	log := &effects{previewFails: true}
	r := newRig(t, builder, platformTools(log)...)
	defer r.worker("w1", nil)()
	st := r.wait(r.create(core.KindApp, agent.Blueprint), "over", over)
	if st.Status != core.StatusFailed || st.Finished.Version != 0 || st.Finished.Error == nil {
		t.Fatalf("%+v", st.Finished)
	}
	if got := log.String(); got != "[write write publish preview stop retract]" {
		t.Errorf("effects: %s", got)
	}
}

// dying is the store as a worker sees it that is killed at its nth append: the
// append doesn't take place, or does and the worker never learns of it; nothing
// works after that.
type dying struct {
	store.Events
	left  atomic.Int64
	after bool
	dead  chan struct{}
}

var errDead = errors.New("the process is dead")

func (d *dying) Append(ctx context.Context, s core.Scope, a store.Append) ([]core.Event, error) {
	n := d.left.Add(-1)
	if n == 0 && d.after {
		if _, err := d.Events.Append(ctx, s, a); err != nil {
			return nil, err
		}
	}
	if n <= 0 {
		if n == 0 {
			close(d.dead)
		}
		return nil, errDead
	}
	return d.Events.Append(ctx, s, a)
}

// TestACrashAtEveryAppend kills the first worker at each of its appends in turn,
// before and after it took place, and sees the second one bring the task to the
// same end, with each effect settled once.
func TestACrashAtEveryAppend(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for n := int64(1); ; n++ {
			log := &effects{}
			r := newRig(t, builder, platformTools(log)...)
			d := &dying{Events: r.store, after: after, dead: make(chan struct{})}
			d.left.Store(n)
			stop := r.worker("w1", d)
			id := r.create(core.KindApp, agent.Blueprint)
			survived := false
			for !survived {
				st, err := r.tasks.Get(t.Context(), scope, id)
				if err != nil {
					t.Fatal(err)
				}
				survived = over(st)
				select {
				case <-d.dead:
					survived = false
				case <-time.After(time.Millisecond):
					continue
				}
				break
			}
			stop()
			r.clock.Add(int64(time.Hour / 2)) // its lease has run out
			stop = r.worker("w2", nil)
			st := r.wait(id, "over", over)
			stop()
			if st.Status != core.StatusSucceeded || st.Finished.Version != 1 || st.Tests.Passed != 2 {
				t.Fatalf("append %d (after: %t): %+v", n, after, st.Finished)
			}
			for what, want := range map[string]int{"write": 2, "publish": 1, "preview": 1, "retract": 0, "stop": 0} {
				if got := log.distinct(what); got != want {
					t.Fatalf("append %d (after: %t): %d different %s calls, want %d", n, after, got, what, want)
				}
			}
			once(t, r, id)
			if survived {
				t.Logf("%d appends (after: %t)", n-1, after)
				if n < 5 {
					t.Fatalf("the task took %d appends: the test looks at the wrong place", n)
				}
				break
			}
		}
	}
}

// once fails the test if a call of the task is settled more or less than once.
func once(t *testing.T, r *rig, id core.TaskID) {
	t.Helper()
	events, err := r.store.ReadStream(t.Context(), scope.Org, id.Stream(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	requested, settled := map[core.CallID]int{}, map[core.CallID]int{}
	for _, e := range events {
		p, err := e.Payload()
		if err != nil {
			t.Fatal(err)
		}
		switch p := p.(type) {
		case core.ToolRequested:
			requested[p.Call.ID]++
		case core.ToolSettled:
			settled[p.Call]++
		case core.ModelRequested:
			requested[p.Call]++
		case core.ModelSettled:
			settled[p.Call]++
		}
	}
	for c, n := range requested {
		if n != 1 || settled[c] != 1 {
			t.Errorf("call %s: requested %d times, settled %d times", c, n, settled[c])
		}
	}
}

// oneCall is a model that calls the tool "act" once and then says what it got.
func oneCall(q model.Request) (model.Answer, error) {
	switch {
	case q.Purpose == model.Plan:
		return model.Answer{Text: `{"title":"Act","steps":[{"title":"Act"}]}`}, nil
	case q.Purpose == model.Judge:
		return model.Answer{Text: `{"verdict":"SUCCESS","reason":"it acted"}`}, nil
	case len(q.Messages) == 1:
		return model.Answer{Calls: []core.Call{{ID: "x", Tool: "act", Arguments: json.RawMessage(`{}`)}}}, nil
	}
	return model.Answer{Text: "the tool said: " + q.Messages[len(q.Messages)-1].Text}, nil
}

// TestAnUnrepeatableCallIsAskedAbout loses the worker while a once-only tool
// runs: it must not run again unless a person says so.
func TestAnUnrepeatableCallIsAskedAbout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer core.Answer
		runs   int64
		said   string
	}{
		{core.AnswerDone, 1, "took effect"},
		{core.AnswerFailed, 1, "not done"},
		{core.AnswerRepeat, 2, "acted"},
	} {
		t.Run(string(c.answer), func(t *testing.T) {
			t.Parallel()
			var runs atomic.Int64
			entered := make(chan struct{}, 1)
			act := newFn("act", core.Once, func(ctx context.Context, _ tool.Call) (tool.Result, error) {
				if runs.Add(1) == 1 {
					entered <- struct{}{}
					<-ctx.Done() // the worker is lost in the middle of it
					return tool.Result{}, ctx.Err()
				}
				return tool.Result{Output: "acted"}, nil
			})
			r := newRig(t, oneCall, act)
			stop := r.worker("w1", nil)
			id := r.create(core.KindTask, "m")
			<-entered
			stop()
			defer r.worker("w2", nil)()
			st := r.wait(id, "waiting", waiting)
			if st.Question() == nil || runs.Load() != 1 {
				t.Fatalf("question %+v after %d runs", st.Question(), runs.Load())
			}
			if _, err := r.tasks.Resume(t.Context(), scope, id, agent.Reply{Answer: "perhaps"}); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
				t.Errorf("a wrong answer: %v", err)
			}
			if _, err := r.tasks.Resume(t.Context(), scope, id, agent.Reply{Answer: c.answer}); err != nil {
				t.Fatal(err)
			}
			st = r.wait(id, "over", over)
			if st.Status != core.StatusSucceeded || runs.Load() != c.runs || !strings.Contains(st.Finished.Answer.Text, c.said) {
				t.Errorf("%s after %d runs: %+v", st.Status, runs.Load(), st.Finished)
			}
		})
	}
}

// TestACallThatResumesIsMadeAgain, with its id, when its worker is lost: nobody is asked about it.
func TestACallThatResumesIsMadeAgain(t *testing.T) {
	t.Parallel()
	entered, ids := make(chan struct{}, 1), make(chan core.CallID, 10)
	act := newFn("act", core.Once, func(ctx context.Context, c tool.Call) (tool.Result, error) {
		if ids <- c.ID; len(ids) == 1 {
			entered <- struct{}{}
			<-ctx.Done()
			return tool.Result{}, ctx.Err()
		}
		return tool.Result{Output: "acted"}, nil
	})
	act.spec.Resumes = true
	r := newRig(t, oneCall, act)
	stop := r.worker("w1", nil)
	id := r.create(core.KindTask, "m")
	<-entered
	stop()
	defer r.worker("w2", nil)()
	st := r.wait(id, "over", over)
	if a, b := <-ids, <-ids; st.Status != core.StatusSucceeded || a != b || len(ids) != 0 || !strings.Contains(st.Finished.Answer.Text, "acted") {
		t.Errorf("%s, %s and %s: %+v", st.Status, a, b, st.Finished)
	}
}

// A plan that names the call of each step is done without asking the model again, and
// reaches no tool that models aren't offered.
func TestAPlanNamesItsCalls(t *testing.T) {
	t.Parallel()
	log := &effects{}
	note := func(name string) fn {
		return newFn(name, core.Idempotent, func(_ context.Context, c tool.Call) (tool.Result, error) {
			log.add(name+string(c.Arguments), c.ID)
			return tool.Result{Output: "ok"}, nil
		})
	}
	internal := note("internal")
	internal.spec.Internal = true
	answer := func(q model.Request) (model.Answer, error) {
		switch {
		case q.Purpose != model.Plan:
			return model.Answer{}, core.E(core.Invalid, "model", "asked for "+string(q.Purpose))
		case q.Brief.Feedback != "":
			return model.Answer{Text: `{"title":"T","steps":[{"title":"a","call":{"tool":"act","arguments":{"n":3}}}]}`}, nil
		}
		return model.Answer{Text: `{"title":"T","steps":[{"title":"a","call":{"tool":"act","arguments":{"n":1}}},
			{"title":"b","call":{"tool":"act"}},{"title":"c","call":{"tool":"internal"}}]}`}, nil
	}
	r := newRig(t, answer, note("act"), internal)
	defer r.worker("w1", nil)()
	st := r.wait(r.create(core.KindTask, "m"), "over", over)
	if got := log.String(); st.Status != core.StatusSucceeded || got != `[act{"n":1} act{} act{"n":3}]` {
		t.Errorf("%s after %s: %+v", st.Status, got, st.Finished)
	}
}

func TestCancelStopsARunningCall(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	act := newFn("act", core.Idempotent, func(ctx context.Context, _ tool.Call) (tool.Result, error) {
		close(entered)
		<-ctx.Done()
		return tool.Result{}, ctx.Err()
	})
	r := newRig(t, oneCall, act)
	defer r.worker("w1", nil)()
	id := r.create(core.KindTask, "m")
	<-entered
	if _, err := r.tasks.Cancel(t.Context(), scope, id, "enough"); err != nil {
		t.Fatal(err)
	}
	st := r.wait(id, "over", over)
	if st.Status != core.StatusCanceled {
		t.Errorf("%s: %+v", st.Status, st.Finished)
	}
	if _, err := r.tasks.Cancel(t.Context(), scope, id, "again"); err != nil {
		t.Errorf("canceling a canceled task: %v", err)
	}
}

// The model's silence isn't taken for a failure that the cancel came after.
func TestCancelStopsAModelCall(t *testing.T) {
	t.Parallel()
	for kind, name := range map[core.TaskKind]string{core.KindTask: "m", core.KindApp: agent.Blueprint} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			r.stall = make(chan struct{})
			defer r.worker("w1", nil)()
			id := r.create(kind, name)
			<-r.stall
			if _, err := r.tasks.Cancel(t.Context(), scope, id, "enough"); err != nil {
				t.Fatal(err)
			}
			st := r.wait(id, "over", over)
			if st.Status != core.StatusCanceled || st.Calls != 1 {
				t.Errorf("%s after %d calls: %+v", st.Status, st.Calls, st.Finished)
			}
		})
	}
}

// TestAStaleWorkerWritesNothing takes the lease away from a worker that is in
// the middle of a call.
func TestAStaleWorkerWritesNothing(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	var runs atomic.Int64
	act := newFn("act", core.Idempotent, func(context.Context, tool.Call) (tool.Result, error) {
		if runs.Add(1) == 1 {
			close(entered)
			<-leave // frozen: it doesn't even hear that it lost its lease
			return tool.Result{Output: "stale"}, nil
		}
		return tool.Result{Output: "fresh"}, nil
	})
	r := newRig(t, oneCall, act)
	stop1 := r.worker("w1", nil)
	defer stop1()
	id := r.create(core.KindTask, "m")
	<-entered
	r.clock.Add(int64(time.Minute))
	// The lease has run out by the store's clock; whoever is first takes it.
	defer r.worker("w2", nil)()
	st := r.wait(id, "over", over)
	close(leave)
	stop1()
	after, err := r.tasks.Get(t.Context(), scope, id)
	if err != nil {
		t.Fatal(err)
	}
	if after.Version != st.Version || !strings.Contains(st.Finished.Answer.Text, "fresh") {
		t.Errorf("version %d, then %d; %q", st.Version, after.Version, st.Finished.Answer.Text)
	}
	once(t, r, id)
}

func TestTheSupervisor(t *testing.T) {
	t.Parallel()
	// The first attempt writes a wrong file; the feedback of the tests makes the
	// second one right.
	tries := 0
	r := newRig(t, func(q model.Request) (model.Answer, error) {
		if q.Purpose == model.Work && len(q.Messages) == 1 && q.Brief.Attempt == 1 {
			tries++
			return model.Answer{Calls: []core.Call{{ID: "1", Tool: "write", Arguments: json.RawMessage(`{"path":"a.txt","text":"wrong"}`)}}}, nil
		}
		if q.Purpose == model.Work && q.Brief.Attempt == 2 && !strings.Contains(q.Messages[0].Text, "a.txt is wrong") && !strings.Contains(q.Messages[0].Text, "b.txt is wrong") {
			return model.Answer{}, core.E(core.Invalid, "test", "no feedback: "+q.Messages[0].Text)
		}
		return builder(q)
	}, platformTools(&effects{})...)
	defer r.worker("w1", nil)()
	st := r.wait(r.create(core.KindApp, "m"), "over", over)
	if st.Status != core.StatusSucceeded || st.Steps != 4 || tries != 1 {
		t.Errorf("%s after %d attempts: %+v", st.Status, st.Steps, st.Finished)
	}
}

func TestAModelThatIsDownIsReplacedByThePlanner(t *testing.T) {
	t.Parallel()
	down := core.E(core.Unauthenticated, "model", "the key isn't valid")
	r := newRig(t, func(q model.Request) (model.Answer, error) { return builder(q) }, platformTools(&effects{})...)
	w := agent.NewWorker(agent.WorkerConfig{
		Name: "w", Events: r.store, Work: r.store, Blobs: r.blobs, Tools: r.tools, Changed: r.hub.Watch, Wake: r.store.WorkWake,
		Dir: filepath.Join(r.dir, "work"),
		Models: func(_ core.Scope, _ core.TaskID, name string) (model.Model, string, error) {
			if name != agent.Blueprint {
				return nil, "", down
			}
			return r, name, nil
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.Run(ctx) }()
	defer func() { cancel(); <-done }()

	st := r.wait(r.create(core.KindApp, "gpt"), "over", over)
	if st.Status != core.StatusSucceeded || st.Model != agent.Blueprint {
		t.Errorf("%s with %s", st.Status, st.Model)
	}
	st = r.wait(r.create(core.KindTask, "gpt"), "over", over)
	if st.Status != core.StatusFailed || st.Finished.Error.Code != core.Unauthenticated {
		t.Errorf("a task without a model: %s, %+v", st.Status, st.Finished.Error)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	r := newRig(t, builder)
	ctx := t.Context()
	first, err := r.tasks.Create(ctx, scope, agent.NewTask{Kind: core.KindApp, Prompt: "p", Model: agent.Blueprint, Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.tasks.Create(ctx, scope, agent.NewTask{Kind: core.KindApp, Prompt: "p", Model: agent.Blueprint, Key: "k"})
	if err != nil || again.Task != first.Task {
		t.Errorf("the same key made %s, then %s: %v", first.Task, again.Task, err)
	}
	if _, err := r.tasks.Create(ctx, scope, agent.NewTask{Kind: core.KindApp, Prompt: "q", Model: agent.Blueprint, Key: "k"}); core.CodeOf(err) != core.Conflict {
		t.Errorf("the same key for another prompt: %v", err)
	}
	other := scope
	other.Org = "org_b"
	theirs, err := r.tasks.Create(ctx, other, agent.NewTask{Kind: core.KindApp, Prompt: "p", Model: agent.Blueprint, Key: "k"})
	if err != nil || theirs.Task == first.Task {
		t.Errorf("two orgs share a key: %v", err)
	}
	for name, s := range map[string]core.Scope{"org": other, "project": {Org: scope.Org, Project: "prj_b", Actor: scope.Actor}} {
		if _, err := r.tasks.Get(ctx, s, first.Task); core.CodeOf(err) != core.NotFound {
			t.Errorf("another %s sees the task: %v", name, err)
		}
		if _, err := r.tasks.Cancel(ctx, s, first.Task, ""); core.CodeOf(err) != core.NotFound {
			t.Errorf("another %s cancels the task: %v", name, err)
		}
	}
	for name, n := range map[string]agent.NewTask{
		"empty":       {Kind: core.KindApp, Prompt: " \n", Model: agent.Blueprint},
		"too long":    {Kind: core.KindApp, Prompt: strings.Repeat("é", core.MaxPrompt+1), Model: agent.Blueprint},
		"binary":      {Kind: core.KindApp, Prompt: "a\xff\xfe", Model: agent.Blueprint},
		"control":     {Kind: core.KindApp, Prompt: "a\x00b", Model: agent.Blueprint},
		"no kind":     {Prompt: "p", Model: agent.Blueprint},
		"relative":    {Kind: core.KindTask, Prompt: "p", Model: "m", Workspace: "x"},
		"app with ws": {Kind: core.KindApp, Prompt: "p", Model: "m", Workspace: "/x"},
		"too much":    {Kind: core.KindApp, Prompt: "p", Model: "m", Limits: core.Limits{Credits: core.MaxCredits + 1}},
		"no model":    {Kind: core.KindTask, Prompt: "p", Model: agent.Blueprint},
	} {
		if _, err := r.tasks.Create(ctx, scope, n); err == nil || core.CodeOf(err) == core.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.tasks.Create(ctx, scope, agent.NewTask{Kind: core.KindApp, Prompt: strings.Repeat("é", core.MaxPrompt), Model: "m"}); err != nil {
		t.Errorf("a prompt of 5,000 characters: %v", err)
	}
}
