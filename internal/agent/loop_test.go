package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/tool"
)

// What gives the same again and again isn't made any more, and a model that doesn't hear that
// fails its attempt, however many turns it has left.
func TestALoopIsStopped(t *testing.T) {
	t.Parallel()
	var looks atomic.Int64
	look := newFn("look", core.Pure, func(context.Context, tool.Call) (tool.Result, error) {
		looks.Add(1)
		return tool.Result{Output: "nothing new"}, nil
	})
	r := newRig(t, func(q model.Request) (model.Answer, error) {
		if q.Purpose != model.Work {
			return model.Answer{Text: `{"title":"T","steps":[{"title":"Look"}],"verdict":"SUCCESS"}`}, nil
		}
		return model.Answer{Calls: []core.Call{{ID: "1", Tool: "look", Arguments: json.RawMessage(`{"at":"x"}`)}}}, nil
	}, look)
	defer r.worker("w1", nil)()
	st, err := r.tasks.Create(t.Context(), scope, agent.NewTask{Kind: core.KindTask, Prompt: "look", Model: "m", Limits: core.Limits{Attempts: 2, Plans: 1}})
	if err != nil {
		t.Fatal(err)
	}
	st = r.wait(st.Task, "over", over)
	if st.Status != core.StatusFailed || looks.Load() != 6 || !strings.Contains(st.Finished.Error.Msg, "went in circles") || st.ModelCalls > 20 {
		t.Errorf("%s after %d looks and %d answers: %+v", st.Status, looks.Load(), st.ModelCalls, st.Finished.Error)
	}
}

// The same call is made again when something has changed since, or when it says something else.
func TestWhatChangesIsNoLoop(t *testing.T) {
	t.Parallel()
	var checks atomic.Int64
	check := newFn("check", core.Pure, func(context.Context, tool.Call) (tool.Result, error) {
		checks.Add(1)
		return tool.Result{Output: "1 test fails"}, nil
	})
	count := newFn("count", core.Pure, func(context.Context, tool.Call) (tool.Result, error) {
		return tool.Result{Output: fmt.Sprint(checks.Add(1))}, nil
	})
	var script []core.Call
	for i := range 6 {
		edit := fmt.Sprintf(`{"path":"a.txt","text":"%d"}`, i)
		script = append(script, core.Call{ID: "1", Tool: "check"}, core.Call{ID: "2", Tool: "write", Arguments: json.RawMessage(edit)})
	}
	for range 6 {
		script = append(script, core.Call{ID: "1", Tool: "count"})
	}
	r := newRig(t, pusher(script...), append(platformTools(&effects{}), check, count)...)
	defer r.worker("w1", nil)()
	st := r.wait(r.create(core.KindTask, "m"), "over", over)
	if st.Status != core.StatusSucceeded || checks.Load() != 12 || strings.Contains(st.Finished.Answer.Text, "isn't made again") {
		t.Errorf("%s after %d checks: %+v", st.Status, checks.Load(), st.Finished)
	}
}

// Many long results don't make requests longer than a model takes; what is left out can be
// read again; and what is stored grows with what is new alone.
func TestContextIsBounded(t *testing.T) {
	t.Parallel()
	const calls = 36 // of an attempt's 40 turns
	text := func(n int) string { return strings.Repeat(fmt.Sprintf("line of result %d\n", n), 1500) }
	var n atomic.Int64
	long := newFn("long", core.Pure, func(context.Context, tool.Call) (tool.Result, error) {
		return tool.Result{Output: text(int(n.Add(1)))}, nil
	})
	var longest, cut atomic.Int64
	r := newRig(t, func(q model.Request) (model.Answer, error) {
		if q.Purpose != model.Work {
			return model.Answer{Text: `{"title":"T","steps":[{"title":"Read"}],"verdict":"SUCCESS","reason":"read"}`}, nil
		}
		size, turns, first := 0, 0, core.CallID("")
		for _, m := range q.Messages {
			size += len(m.Text)
			if m.Role == model.Tool {
				if turns++; first == "" {
					first = m.CallID
				}
				if strings.Contains(m.Text, "are left out here") {
					cut.Add(1)
				}
			}
		}
		longest.Store(max(longest.Load(), int64(size)))
		switch {
		case turns < calls:
			return model.Answer{Calls: []core.Call{{ID: "1", Tool: "long", Arguments: json.RawMessage(fmt.Sprintf(`{"n":%d}`, turns))}}}, nil
		case turns == calls:
			return model.Answer{Calls: []core.Call{{ID: "1", Tool: agent.ReadResult, Arguments: json.RawMessage(fmt.Sprintf(`{"call":%q,"offset":17}`, first))}}}, nil
		}
		return model.Answer{Text: q.Messages[len(q.Messages)-1].Text[:32]}, nil
	}, long)
	defer r.worker("w1", nil)()
	st := r.wait(r.create(core.KindTask, "m"), "over", over)
	if st.Status != core.StatusSucceeded || longest.Load() > 310_000 || cut.Load() == 0 || st.Finished.Answer.Text != "line of result 1\nline of result " {
		t.Errorf("%s; requests of up to %d bytes, %d times something left out; it ends with %q, %+v", st.Status, longest.Load(), cut.Load(), st.Finished.Answer.Text, st.Finished.Error)
	}
	events, err := r.store.ReadStream(t.Context(), scope.Org, core.StreamID(st.Task), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	half, whole := 0, 0
	for i, e := range events {
		if whole += len(e.Data); i < len(events)/2 {
			half += len(e.Data)
		}
	}
	if whole > 600*len(events) || whole > 5*half/2 {
		t.Errorf("%d events take %d bytes, the first half %d", len(events), whole, half)
	}
}
