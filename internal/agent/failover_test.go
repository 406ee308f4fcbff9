package agent_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/tool"
)

// gone is what a model says that nobody can use; no wait mends it.
var gone = core.E(core.Unauthenticated, "model", "no provider of gpt can answer: near: no connection; far: status 401")

// dyingModel begins an app, and is gone once it has written a file that is in the way.
func dyingModel(q model.Request) (model.Answer, error) {
	switch {
	case q.Purpose == model.Plan:
		return model.Answer{Text: `{"title":"Half an app","steps":[{"title":"Begin"},{"title":"Go on"}]}`, Usage: core.Usage{Input: 1000, Output: 100}}, nil
	case len(q.Messages) == 1:
		return model.Answer{Usage: core.Usage{Input: 2000, Output: 200}, Calls: []core.Call{
			{ID: "1", Tool: "write", Arguments: json.RawMessage(`{"path":"half.txt","text":"half"}`)},
		}}, nil
	}
	return model.Answer{}, gone
}

// tidy makes the tests of an app fail when files are there that aren't its planner's.
func tidy(tools []tool.Tool) []tool.Tool {
	for i, t := range tools {
		if f := t.(fn); f.spec.Name == agent.ToolTest {
			inner := f.call
			f.call = func(ctx context.Context, c tool.Call) (tool.Result, error) {
				if _, err := os.Stat(filepath.Join(c.Workspace.Dir, "half.txt")); err == nil {
					return tool.Result{Evidence: &core.Evidence{Kind: "tests", Text: "half an app is in the way", Failed: 1}}, nil
				}
				return inner(ctx, c)
			}
			tools[i] = f
		}
	}
	return tools
}

// A model that is gone in the middle of an app: the planner builds it from the beginning, and
// what was used until then is paid for, once.
func TestThePlannerFinishesWhatAModelBegan(t *testing.T) {
	t.Parallel()
	free := map[string]core.Price{"model/gpt": {Input: 1_000_000, Output: 2_000_000}, "model/blueprint": {}}
	for _, name := range []string{"write", agent.ToolTest, agent.ToolPublish, agent.ToolPreview} {
		free["tool/"+name] = core.Price{Call: 11}
	}
	log := &effects{}
	r, _ := charged(t, dyingModel, free, tidy(platformTools(log))...)
	r.planner = builder
	defer r.worker("w1", nil)()
	id := r.hold(agent.NewTask{Kind: core.KindApp, Model: "gpt"})
	st := r.wait(id, "over", over)
	if st.Status != core.StatusSucceeded || st.Model != agent.Blueprint || st.Plan.Title != "An app" || st.Finished.Version != 1 {
		t.Fatalf("%s with %s: %+v", st.Status, st.Model, st.Finished)
	}
	if want := core.Credits(1000 + 200 + 2000 + 400 + 6*11); st.Spent != want { // three writes, the tests, the version, the preview
		t.Errorf("it cost %s, want %s", st.Spent, want)
	}
	switches := 0
	for _, p := range r.payloads(id) {
		if s, ok := p.(core.ModelSwitched); ok {
			switches++
			if s.From != "gpt" || s.To != agent.Blueprint || !strings.Contains(s.Reason, "near: no connection; far: status 401") {
				t.Errorf("%+v", s)
			}
		}
	}
	if got := log.String(); switches != 1 || got != "[write write write publish preview]" {
		t.Errorf("%d switches, effects: %s", switches, got)
	}
}

// Whenever the worker is lost, its successor has the planner finish the app alike.
func TestACrashAtEveryAppendOfASwitch(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for n, survived := int64(1), false; !survived; n++ {
			log := &effects{}
			r := newRig(t, dyingModel, tidy(platformTools(log))...)
			r.planner = builder
			d := &dying{Events: r.store, after: after, dead: make(chan struct{})}
			d.left.Store(n)
			stop := r.worker("w1", d)
			id := r.create(core.KindApp, "gpt")
			for wait := true; wait; {
				select {
				case <-d.dead:
					wait = false
				case <-time.After(time.Millisecond):
					st, err := r.tasks.Get(t.Context(), scope, id)
					if err != nil {
						t.Fatal(err)
					}
					survived = over(st)
					wait = !survived
				}
			}
			stop()
			r.clock.Add(int64(time.Hour / 2)) // its lease has run out
			stop = r.worker("w2", nil)
			st := r.wait(id, "over", over)
			stop()
			if st.Status != core.StatusSucceeded || st.Model != agent.Blueprint || st.Finished.Version != 1 {
				t.Fatalf("append %d (after: %t): %+v", n, after, st.Finished)
			}
			if a, b := log.distinct("write"), log.distinct("publish"); a != 3 || b != 1 {
				t.Fatalf("append %d (after: %t): %d writes, %d publications", n, after, a, b)
			}
		}
	}
}

// What isn't an outage, or what the planner can't do, ends the task, and says why.
func TestWhatThePlannerIsntAskedFor(t *testing.T) {
	t.Parallel()
	unable := func(model.Request) (model.Answer, error) {
		return model.Answer{}, core.E(core.Unsupported, "blueprint", "the app wasn't made by it").WithHint("say it in other words")
	}
	for name, c := range map[string]struct {
		kind    core.TaskKind
		err     error
		planner func(model.Request) (model.Answer, error)
		by      string // the model at the end
		code    core.Code
		says    []string
	}{
		"a request that can't be right": {core.KindApp, core.E(core.Invalid, "model", "too long"), builder, "gpt", core.Invalid, []string{"too long"}},
		"a policy":                      {core.KindApp, core.E(core.Denied, "model", "the policy"), builder, "gpt", core.Denied, []string{"the policy"}},
		"a task":                        {core.KindTask, gone, builder, "gpt", core.Unauthenticated, []string{"near: no connection; far: status 401"}},
		"a change that it can't make": {core.KindApp, gone, unable, agent.Blueprint, core.Unavailable,
			[]string{"near: no connection; far: status 401", "the app wasn't made by it"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(model.Request) (model.Answer, error) { return model.Answer{}, c.err }, platformTools(&effects{})...)
			r.planner = c.planner
			defer r.worker("w1", nil)()
			st := r.wait(r.create(c.kind, "gpt"), "over", over)
			if st.Status != core.StatusFailed || st.Model != c.by || st.Finished.Error.Code != c.code {
				t.Fatalf("%s with %s: %+v", st.Status, st.Model, st.Finished.Error)
			}
			for _, words := range c.says {
				if !strings.Contains(st.Finished.Error.Msg, words) {
					t.Errorf("%q doesn't say %q", st.Finished.Error.Msg, words)
				}
			}
		})
	}
}

// What was wrong with a model's plan is nothing to the planner, which hasn't tried yet.
func TestThePlannerTakesOverWithoutAReplan(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(q model.Request) (model.Answer, error) {
		if q.Brief.Feedback != "" {
			return model.Answer{}, gone
		}
		return dyingModel(q)
	}, tidy(platformTools(&effects{}))...)
	plain := r.model
	r.model = func(q model.Request) (model.Answer, error) { // no attempt passes the tests, so that it is to plan anew
		a, err := plain(q)
		if q.Purpose == model.Work && len(q.Messages) > 1 {
			return model.Answer{Text: "done"}, nil
		}
		return a, err
	}
	var said []string
	r.planner = func(q model.Request) (model.Answer, error) {
		if q.Brief.Feedback != "" {
			said = append(said, q.Brief.Feedback)
		}
		return builder(q)
	}
	defer r.worker("w1", nil)()
	st, err := r.tasks.Create(t.Context(), scope, agent.NewTask{Kind: core.KindApp, Prompt: "do it", Model: "gpt", Limits: core.Limits{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	st = r.wait(st.Task, "over", over)
	if st.Status != core.StatusSucceeded || st.Model != agent.Blueprint || len(said) > 0 {
		t.Errorf("%s with %s, told %q: %+v", st.Status, st.Model, said, st.Finished)
	}
}

// looking scripts a model that looks once an attempt and says that all is well, and a judge
// who believes it.
func looking(q model.Request) (model.Answer, error) {
	switch {
	case q.Purpose == model.Plan:
		return model.Answer{Text: `{"title":"Look","steps":[{"title":"Look"}]}`}, nil
	case q.Purpose == model.Judge:
		return model.Answer{Text: `{"verdict":"SUCCESS","reason":"it says so","feedback":""}`}, nil
	case len(q.Messages) > 1:
		return model.Answer{Text: "I see three files"}, nil
	}
	return model.Answer{Calls: []core.Call{{ID: "1", Tool: "look", Arguments: json.RawMessage(`{}`)}}}, nil
}

// What a model says after it failed to look isn't believed at once: it is to try again, and
// only the last attempt is left to the judge.
func TestAFailedLookIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		effect   core.Effect
		failures int // of how many calls
		verdicts string
	}{
		"it sees":              {core.Pure, 0, "SUCCESS"},
		"it sees later":        {core.Pure, 1, "RETRY SUCCESS"},
		"it never sees":        {core.Pure, 9, "RETRY RETRY SUCCESS"},
		"a call that changes":  {core.Once, 9, "SUCCESS"}, // another might change it twice
		"one that may be done": {core.Idempotent, 9, "SUCCESS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls, judged := 0, 0
			r := newRig(t, func(q model.Request) (model.Answer, error) {
				if q.Purpose == model.Judge {
					judged++
				}
				return looking(q)
			}, newFn("look", c.effect, func(context.Context, tool.Call) (tool.Result, error) {
				calls++
				return tool.Result{Output: "no such folder", Failed: calls <= c.failures}, nil
			}))
			defer r.worker("w1", nil)()
			id := r.create(core.KindTask, "m")
			r.wait(id, "over", over)
			var verdicts []string
			for _, p := range r.payloads(id) {
				v, ok := p.(core.VerdictGiven)
				if !ok {
					continue
				}
				verdicts = append(verdicts, string(v.Verdict))
				if v.Verdict == core.Retry && (v.Reason != "the last call failed: no such folder" || v.Feedback == "" || v.Evidence[0].OK) {
					t.Errorf("%+v", v)
				}
			}
			if got := strings.Join(verdicts, " "); got != c.verdicts || judged != 1 {
				t.Errorf("judged %d times: %s", judged, got)
			}
		})
	}
}

// Without a judge, a failed look isn't good enough; without a failed look, the work stands, and
// the verdict says that nobody judged it.
func TestAJudgeWhoIsGone(t *testing.T) {
	t.Parallel()
	for failed, want := range map[bool]core.TaskStatus{true: core.StatusFailed, false: core.StatusSucceeded} {
		r := newRig(t, func(q model.Request) (model.Answer, error) {
			if q.Purpose == model.Judge {
				return model.Answer{}, gone
			}
			return looking(q)
		}, newFn("look", core.Pure, func(context.Context, tool.Call) (tool.Result, error) {
			return tool.Result{Output: "no such folder", Failed: failed}, nil
		}))
		stop := r.worker("w1", nil)
		id := r.create(core.KindTask, "m")
		st := r.wait(id, "over", over)
		stop()
		all := r.payloads(id)
		last, _ := all[len(all)-2].(core.VerdictGiven)
		if st.Status != want || strings.Contains(last.Reason, "no model judged it: model: no provider of gpt") == failed {
			t.Errorf("%s: %+v", st.Status, last)
		}
	}
}
