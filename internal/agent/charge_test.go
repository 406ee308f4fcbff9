package agent_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/tool"
)

// list is a price list that a test writes.
type list struct {
	mu     sync.Mutex
	prices map[string]core.Price
	by     map[model.Origin]core.Price // of models; nil: as prices says
	err    error
	asked  atomic.Int64
}

func (l *list) Quote(_ context.Context, _ core.OrgID, name string) (agent.Quote, error) {
	l.asked.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	p, ok := l.prices[name]
	if l.err == nil && !ok {
		return agent.Quote{}, core.E(core.NotFound, "price", "there is no price for "+name).WithHint("set one")
	}
	if l.by != nil && strings.HasPrefix(name, "model/") {
		return agent.Ceiling(l.by), l.err
	}
	return agent.Quote{Price: p}, l.err
}

func (l *list) set(name string, p core.Price) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.prices[name] = p
}

// charged makes a rig whose tasks hold credits. Calls cost what prices says.
func charged(t *testing.T, answer func(model.Request) (model.Answer, error), prices map[string]core.Price, tools ...tool.Tool) (*rig, *list) {
	r := newRig(t, answer, tools...)
	l := &list{prices: prices}
	r.tasks.Charge, r.cost = true, l
	return r, l
}

// hold creates a task and gives it its credits.
func (r *rig) hold(n agent.NewTask) core.TaskID {
	r.t.Helper()
	n.Prompt = "do it"
	st, err := r.tasks.Create(r.t.Context(), scope, n)
	if err != nil {
		r.t.Fatal(err)
	}
	r.answer(st.Task, core.CreditsHeld{Amount: st.Created.Hold})
	return st.Task
}

func (r *rig) answer(id core.TaskID, a core.Payload) {
	r.t.Helper()
	if err := r.tasks.Answer(r.t.Context(), scope.Org, id, a); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) payloads(id core.TaskID) (all []core.Payload) {
	r.t.Helper()
	events, err := r.store.ReadStream(r.t.Context(), scope.Org, id.Stream(), 0, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range events {
		p, err := e.Payload()
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

func actTool() fn {
	return newFn("act", core.Idempotent, func(context.Context, tool.Call) (tool.Result, error) {
		return tool.Result{Output: "acted"}, nil
	})
}

// metered is oneCall by a model that says what it used.
func metered(q model.Request) (model.Answer, error) {
	a, err := oneCall(q)
	a.Usage = core.Usage{Input: 1000, Output: 100, Cached: 400}
	return a, err
}

func TestAChargedTask(t *testing.T) {
	t.Parallel()
	r, _ := charged(t, metered, map[string]core.Price{
		"model/m":  {Input: 2_000_000, Cached: 1_000_000, Output: 5_000_000, Version: 7},
		"tool/act": {Call: 30, Version: 8},
	}, actTool())
	defer r.worker("w1", nil)()
	byKey := scope.As(core.ActorKey, "key_a")
	st, err := r.tasks.Create(t.Context(), byKey, agent.NewTask{Kind: core.KindTask, Prompt: "do it", Model: "m"})
	if err != nil {
		t.Fatal(err)
	}
	asked := core.CreditsRequested{Amount: core.DefaultLimits.Credits, Key: "key_a"}
	if got := r.payloads(st.Task); len(got) != 2 || got[1] != core.Payload(asked) || st.Created.Hold != asked.Amount || st.Created.Key != "key_a" {
		t.Fatalf("%+v", got)
	}
	r.answer(st.Task, core.CreditsHeld{Amount: asked.Amount})
	st = r.wait(st.Task, "over", over)
	// Four calls of the model: 600 tokens at 2, 400 from its cache at 1, 100 at 5. One of the tool.
	const each = 600*2 + 400 + 100*5
	const whole = 4*each + 30
	if st.Status != core.StatusSucceeded || st.Spent != whole || st.Finished.Spent != whole || st.Finished.Hold != asked.Amount {
		t.Errorf("%s, spent %d of %d, want %d: %+v", st.Status, st.Spent, st.Held, whole, st.Finished)
	}
	for _, p := range r.payloads(st.Task) {
		switch p := p.(type) {
		case core.ModelSettled:
			if p.Cost != each || p.Prices != 7 {
				t.Errorf("%+v", p)
			}
		case core.ToolSettled:
			if p.Cost != 30 || p.Prices != 8 {
				t.Errorf("%+v", p)
			}
		}
	}
	again := core.CreditsRefused{Reason: "too late"}
	if err := r.tasks.Answer(t.Context(), scope.Org, st.Task, again); err != nil {
		t.Errorf("an answer that comes again: %v", err)
	}
}

// A task that isn't charged is as if there were no prices.
func TestAFreeTask(t *testing.T) {
	t.Parallel()
	r, prices := charged(t, metered, nil, actTool())
	r.tasks.Charge = false
	defer r.worker("w1", nil)()
	id := r.create(core.KindTask, "m")
	st := r.wait(id, "over", over)
	if st.Status != core.StatusSucceeded || prices.asked.Load() != 0 || st.Spent != 0 {
		t.Errorf("%s, asked for %d prices: %+v", st.Status, prices.asked.Load(), st.Finished)
	}
	events, err := r.store.ReadStream(t.Context(), scope.Org, id.Stream(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		for _, word := range []string{"hold", "cost", "spent", `"prices"`} {
			if strings.HasPrefix(e.Type, "credits.") || strings.Contains(string(e.Data), word) {
				t.Errorf("%s: %s", e.Type, e.Data)
			}
		}
	}
	if err := r.tasks.Answer(t.Context(), scope.Org, id, core.CreditsHeld{Amount: 1}); core.CodeOf(err) != core.Invalid {
		t.Errorf("credits for a task that asked for none: %v", err)
	}
}

func TestCreditsAreRefused(t *testing.T) {
	t.Parallel()
	r, _ := charged(t, nil, nil)
	defer r.worker("w1", nil)()
	st, err := r.tasks.Create(t.Context(), scope, agent.NewTask{Kind: core.KindTask, Prompt: "do it", Model: "m", Limits: core.Limits{Credits: 7}})
	if err != nil {
		t.Fatal(err)
	}
	r.answer(st.Task, core.CreditsRefused{Reason: "the budget is used up", Hint: "ask for more"})
	st = r.wait(st.Task, "over", over)
	want := core.TaskFinished{Status: core.StatusFailed, Summary: "the budget is used up", Error: &core.Failure{Code: core.Exhausted, Msg: "the budget is used up", Hint: "ask for more"}}
	if diff := cmp.Diff(want, *st.Finished); diff != "" || st.Calls != 0 {
		t.Errorf("%d calls: %s", st.Calls, diff)
	}
}

// Who doesn't want to wait for the ledger cancels the task. What is held later, it doesn't
// take.
func TestATaskThatWaitsForCreditsIsCanceled(t *testing.T) {
	t.Parallel()
	r, _ := charged(t, nil, nil)
	defer r.worker("w1", nil)()
	id := r.create(core.KindTask, "m")
	if _, err := r.tasks.Cancel(t.Context(), scope, id, ""); err != nil {
		t.Fatal(err)
	}
	st := r.wait(id, "over", over)
	if st.Status != core.StatusCanceled || st.Finished.Hold != core.DefaultLimits.Credits || st.Calls != 0 {
		t.Errorf("%+v", st.Finished)
	}
	if err := r.tasks.Answer(t.Context(), scope.Org, id, core.CreditsHeld{Amount: 1}); core.CodeOf(err) != core.Conflict {
		t.Errorf("credits for a task that is over: %v", err)
	}
}

func TestWhatHasNoPriceIsntCalled(t *testing.T) {
	t.Parallel()
	for name, prices := range map[string]map[string]core.Price{
		"model/m": {"tool/act": {}}, "tool/act": {"model/m": {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ran := false
			act := actTool()
			act.call = func(context.Context, tool.Call) (tool.Result, error) {
				ran = true
				return tool.Result{}, nil
			}
			r, _ := charged(t, metered, prices, act)
			defer r.worker("w1", nil)()
			st := r.wait(r.hold(agent.NewTask{Kind: core.KindTask, Model: "m"}), "over", over)
			if f := st.Finished; f.Status != core.StatusFailed || f.Error.Code != core.NotFound || !strings.Contains(f.Error.Msg, name) || f.Error.Hint != "set one" || ran {
				t.Errorf("%+v", f)
			}
		})
	}
}

// A price that can't be read at the moment is waited for.
func TestPricesThatAreDown(t *testing.T) {
	t.Parallel()
	r, prices := charged(t, metered, map[string]core.Price{"model/m": {Call: 1}, "tool/act": {Call: 1}}, actTool())
	prices.err = core.E(core.Unavailable, "price", "the store is down")
	defer r.worker("w1", nil)()
	id := r.hold(agent.NewTask{Kind: core.KindTask, Model: "m"})
	for prices.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	prices.mu.Lock()
	prices.err = nil
	prices.mu.Unlock()
	r.clock.Add(int64(10 * time.Second)) // the pause after a failure
	if st := r.wait(id, "over", over); st.Status != core.StatusSucceeded || st.Spent != 5 {
		t.Errorf("%+v", st.Finished)
	}
}

// TestCreditsRunOut ends a task before the call that it can't pay for; what it did is
// undone, at no cost.
func TestCreditsRunOut(t *testing.T) {
	t.Parallel()
	log := &effects{}
	prices := map[string]core.Price{"model/" + agent.Blueprint: {}}
	for _, name := range []string{"write", agent.ToolTest, agent.ToolPublish, agent.ToolPreview, "retract", "stop"} {
		prices["tool/"+name] = core.Price{Call: 10}
	}
	r, _ := charged(t, builder, prices, platformTools(log)...)
	defer r.worker("w1", nil)()
	for credits, want := range map[core.Credits]string{
		49: "[write write publish retract]", 50: "[write write publish preview]",
	} {
		log.mu.Lock()
		log.list = nil
		log.mu.Unlock()
		st := r.wait(r.hold(agent.NewTask{Kind: core.KindApp, Model: agent.Blueprint, Limits: core.Limits{Credits: credits}}), "over", over)
		f := st.Finished
		if got := log.String(); got != want || f.Spent != credits/10*10 || f.Hold != credits {
			t.Errorf("with %d: %s: %+v", credits, got, f)
		}
		if failed := credits < 50; failed != (f.Error != nil) || failed && (f.Error.Code != core.Exhausted || f.Error.Hint == "") {
			t.Errorf("with %d: %+v", credits, f.Error)
		}
	}
}

// TestAFailureThatIsFree: a call that fails costs as one that doesn't, unless its tool says otherwise.
func TestAFailureThatIsFree(t *testing.T) {
	t.Parallel()
	for free, cost := range map[bool]core.Credits{false: 7, true: 0} {
		act := actTool()
		act.spec.FreeIfFailed = free
		act.call = func(context.Context, tool.Call) (tool.Result, error) {
			return tool.Result{Failed: true, Output: "it didn't work"}, nil
		}
		r, _ := charged(t, metered, map[string]core.Price{"model/m": {}, "tool/act": {Call: 7}}, act)
		stop := r.worker("w1", nil)
		id := r.hold(agent.NewTask{Kind: core.KindTask, Model: "m"})
		r.wait(id, "over", over)
		stop()
		calls := 0
		for _, p := range r.payloads(id) {
			if p, ok := p.(core.ToolSettled); ok {
				if calls++; p.Cost != cost {
					t.Errorf("free %t: %d credits", free, p.Cost)
				}
			}
		}
		if calls == 0 {
			t.Error("no call was made")
		}
	}
}

// What a call used before its task was canceled is paid for: a tool's time, and about what
// a model had read and written.
func TestACanceledCallIsPaidFor(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{}, 1)
	act := actTool()
	act.call = func(ctx context.Context, _ tool.Call) (tool.Result, error) {
		entered <- struct{}{}
		<-ctx.Done()
		return tool.Result{}, ctx.Err()
	}
	r, _ := charged(t, metered, map[string]core.Price{"model/m": {}, "tool/act": {Call: 7, Second: 1_000_000}}, act)
	stop := r.worker("w1", nil)
	id := r.hold(agent.NewTask{Kind: core.KindTask, Model: "m"})
	<-entered
	if _, err := r.tasks.Cancel(t.Context(), scope, id, ""); err != nil {
		t.Fatal(err)
	}
	st := r.wait(id, "over", over)
	stop()
	if st.Status != core.StatusCanceled || st.Finished.Spent <= 7 {
		t.Errorf("a tool that was stopped cost %d: %+v", st.Finished.Spent, st.Finished)
	}

	r, _ = charged(t, func(q model.Request) (model.Answer, error) {
		return model.Answer{Text: strings.Repeat("word ", 600)}, core.E(core.Unavailable, "model", "cut")
	}, map[string]core.Price{"model/m": {Input: 1_000_000, Output: 1_000_000}, "tool/act": {}}, actTool())
	defer r.worker("w1", nil)()
	id = r.hold(agent.NewTask{Kind: core.KindTask, Model: "m"})
	var first core.ModelSettled
	r.wait(id, "a call that was cut", func(agent.State) bool {
		for _, p := range r.payloads(id) {
			if s, ok := p.(core.ModelSettled); ok {
				first = s
				return true
			}
		}
		return false
	})
	if u := first.Usage; !u.Estimated || u.Output != 1000 || u.Input < 100 || first.Cost != core.Credits(u.Input+u.Output) {
		t.Errorf("an answer that was cut costs %d for %+v", first.Cost, u)
	}
}

// What a provider had read when its time was over is paid for; what nobody had isn't.
func TestWorkWithoutAnAnswerIsPaidFor(t *testing.T) {
	t.Parallel()
	for _, worked := range []bool{false, true} {
		err := core.E(core.Unavailable, "model", "nothing came in time")
		if worked {
			err = err.Because(model.ErrWorked)
		}
		r, _ := charged(t, func(model.Request) (model.Answer, error) { return model.Answer{}, err },
			map[string]core.Price{"model/m": {Input: 1_000_000, Output: 1_000_000}, "tool/act": {}}, actTool())
		stop := r.worker("w1", nil)
		id := r.hold(agent.NewTask{Kind: core.KindTask, Model: "m"})
		st := r.wait(id, "a call that came to nothing", func(s agent.State) bool { return s.ModelCalls > 0 })
		stop()
		if paid := st.Spent > 0 && st.Spent == core.Credits(st.Used.Input); paid != worked || !worked && st.Spent != 0 {
			t.Errorf("worked %v: it cost %d for %+v", worked, st.Spent, st.Used)
		}
	}
}

// The last answers are no longer than what is left can pay for.
func TestAnAnswerIsAsLongAsItCanBePaid(t *testing.T) {
	t.Parallel()
	for credits, want := range map[core.Credits]func(tokens int) bool{
		1_000_000: func(n int) bool { return n == 16<<10 },
		8_000:     func(n int) bool { return n > 6000 && n <= 8000 },
	} {
		var got atomic.Int64
		r, _ := charged(t, func(q model.Request) (model.Answer, error) {
			got.CompareAndSwap(0, int64(q.MaxTokens)+1)
			return metered(q)
		}, map[string]core.Price{"model/m": {Input: 1_000_000, Output: 1_000_000}, "tool/act": {}}, actTool())
		stop := r.worker("w1", nil)
		r.wait(r.hold(agent.NewTask{Kind: core.KindTask, Model: "m", Limits: core.Limits{Credits: credits}}), "over", over)
		stop()
		if n := int(got.Load()) - 1; !want(n) {
			t.Errorf("with %d credits the model was asked for %d tokens", credits, n)
		}
	}
	r, _ := charged(t, metered, map[string]core.Price{"model/m": {Output: 1_000_000}}, actTool())
	defer r.worker("w1", nil)()
	st := r.wait(r.hold(agent.NewTask{Kind: core.KindTask, Model: "m", Limits: core.Limits{Credits: 1023}}), "over", over)
	if st.Calls != 0 || st.Finished.Error.Code != core.Exhausted {
		t.Errorf("a model was asked for less than is worth it: %+v", st.Finished)
	}
}

// A call that was requested before a crash was admitted then: it is made again even if
// nobody knows its price any more.
func TestACallOfBeforeACrashIsMade(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{}, 1)
	var runs atomic.Int64
	act := actTool()
	act.call = func(ctx context.Context, _ tool.Call) (tool.Result, error) {
		if runs.Add(1) == 1 {
			entered <- struct{}{}
			<-ctx.Done()
			return tool.Result{}, ctx.Err()
		}
		return tool.Result{Output: "acted"}, nil
	}
	r, prices := charged(t, metered, map[string]core.Price{"model/m": {Call: 10}, "tool/act": {Call: 5}}, act)
	stop := r.worker("w1", nil)
	id := r.hold(agent.NewTask{Kind: core.KindTask, Model: "m"})
	<-entered
	stop()
	prices.mu.Lock()
	delete(prices.prices, "tool/act")
	prices.mu.Unlock()
	prices.set("model/m", core.Price{Call: 1})
	defer r.worker("w2", nil)()
	st := r.wait(id, "over", over)
	if st.Status != core.StatusSucceeded || runs.Load() != 2 || st.Spent != 10+10+1+1 {
		t.Errorf("%d runs, %d spent: %+v", runs.Load(), st.Spent, st.Finished)
	}
}

// Who isn't there for now isn't asked again at once: the model is told, and nothing is paid for.
func TestACallOfWhoIsAway(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	act := actTool()
	act.call = func(context.Context, tool.Call) (tool.Result, error) {
		runs.Add(1)
		return tool.Result{}, fmt.Errorf("%w: %w", tool.ErrAway, core.E(core.Unavailable, "peer", "nobody listens").WithHint("look later"))
	}
	r, _ := charged(t, metered, map[string]core.Price{"model/m": {}, "tool/act": {Call: 5}}, act)
	defer r.worker("w1", nil)()
	st := r.wait(r.hold(agent.NewTask{Kind: core.KindTask, Model: "m"}), "over", over)
	calls := map[core.CallID]bool{}
	for _, p := range r.payloads(st.Task) {
		if s, ok := p.(core.ToolSettled); ok {
			calls[s.Call] = true
			if !s.Failed || s.Error != nil || s.Cost != 0 || !strings.Contains(s.Output.Text, "nobody listens") || !strings.Contains(s.Output.Text, "look later") {
				t.Errorf("%+v", s)
			}
		}
	}
	if int(runs.Load()) != len(calls) || len(calls) == 0 || st.Spent != 0 {
		t.Errorf("%d runs of %d calls, %d spent", runs.Load(), len(calls), st.Spent)
	}
}
