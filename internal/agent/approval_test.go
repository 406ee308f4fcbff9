package agent_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/agent/permission"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/tool"
)

// pusher scripts a model that makes these calls, one an answer, then says what came of them.
func pusher(calls ...core.Call) func(model.Request) (model.Answer, error) {
	return func(q model.Request) (model.Answer, error) {
		switch q.Purpose {
		case model.Plan:
			return model.Answer{Text: `{"title":"T","steps":[{"title":"Push"}]}`}, nil
		case model.Judge:
			return model.Answer{Text: `{"verdict":"SUCCESS","reason":"it is so"}`}, nil
		}
		turn := 0
		var heard []string
		for _, m := range q.Messages {
			switch m.Role {
			case model.Assistant:
				turn++
			case model.Tool:
				heard = append(heard, m.Text)
			}
		}
		if turn < len(calls) {
			return model.Answer{Calls: []core.Call{calls[turn]}}, nil
		}
		return model.Answer{Text: strings.Join(heard, "|")}, nil
	}
}

func push(branch string) core.Call {
	return core.Call{ID: "1", Tool: "push", Arguments: json.RawMessage(`{"branch":"` + branch + `"}`)}
}

// newPush is a tool that counts what it pushed, and changes something elsewhere each time.
func newPush(runs *atomic.Int64) fn {
	return newFn("push", core.Once, func(context.Context, tool.Call) (tool.Result, error) {
		runs.Add(1)
		return tool.Result{Output: "pushed"}, nil
	})
}

func (r *rig) says(id core.TaskID, reply agent.Reply) {
	r.t.Helper()
	if _, err := r.tasks.Resume(r.t.Context(), scope, id, reply); err != nil {
		r.t.Fatal(err)
	}
}

// asked waits until the task asks, and returns what.
func (r *rig) asked(id core.TaskID) core.ApprovalRequested {
	r.t.Helper()
	return *r.wait(id, "waiting", waiting).Question()
}

// What changes something elsewhere is asked about, and not made until a person allows it.
func TestACallIsAskedAbout(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply agent.Reply
		runs  int64
		said  string
	}{
		"allowed": {agent.Reply{Answer: core.AnswerAllow}, 1, "pushed"},
		"denied":  {agent.Reply{Answer: core.AnswerDeny, Text: "not on a Friday"}, 0, "not on a Friday"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var runs atomic.Int64
			r := newRig(t, pusher(push("main")), newPush(&runs))
			r.rules = permission.New(r.store, r.now)
			stop := r.worker("w1", nil)
			id := r.create(core.KindTask, "m")
			q := r.asked(id)
			if q.Why != core.AskPermission || q.Tool != "push" || q.Until.Before(r.now().Add(23*time.Hour)) || q.Otherwise != core.AnswerDeny || runs.Load() != 0 ||
				q.Question != `May the task call push: {"branch":"main"}?` {
				t.Fatalf("asked %+v after %d runs", q, runs.Load())
			}
			stop() // who answers doesn't have to find the same worker
			for what, bad := range map[string]agent.Reply{
				"another answer": {Answer: core.AnswerDone}, "none": {}, "a reply": {Answer: core.AnswerReply, Text: "x"}, "denied always": {Answer: core.AnswerDeny, Always: true},
			} {
				if _, err := r.tasks.Resume(t.Context(), scope, id, bad); core.CodeOf(err) != core.Invalid {
					t.Errorf("%s: %v", what, err)
				}
			}
			if _, err := r.tasks.Resume(t.Context(), scope, id, agent.Reply{Call: "cal_other", Answer: core.AnswerAllow}); core.CodeOf(err) != core.Conflict {
				t.Errorf("an answer about another call: %v", err)
			}
			c.reply.Call = q.Call
			r.says(id, c.reply)
			defer r.worker("w2", nil)()
			st := r.wait(id, "over", over)
			if st.Status != core.StatusSucceeded || runs.Load() != c.runs || !strings.Contains(st.Finished.Answer.Text, c.said) {
				t.Errorf("%s after %d runs: %+v", st.Status, runs.Load(), st.Finished)
			}
		})
	}
}

// Who denied a call isn't asked about the same one again, but about another; and who allowed the
// tool for the task isn't asked any more.
func TestAnAnswerIsRemembered(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	r := newRig(t, pusher(push("main"), push("main"), push("side"), push("tail")), newPush(&runs))
	r.rules = permission.New(r.store, r.now)
	defer r.worker("w1", nil)()
	id := r.create(core.KindTask, "m")
	first := r.asked(id)
	r.says(id, agent.Reply{Call: first.Call, Answer: core.AnswerDeny})
	second := *r.wait(id, "asking again", func(s agent.State) bool { q := s.Question(); return q != nil && q.Call != first.Call }).Question()
	r.says(id, agent.Reply{Call: second.Call, Answer: core.AnswerAllow, Always: true})
	st := r.wait(id, "over", over)
	if got := strings.Split(st.Finished.Answer.Text, "|"); len(got) != 4 || runs.Load() != 2 || !strings.Contains(got[1], "isn't asked again") || got[2] != "pushed" || got[3] != "pushed" {
		t.Errorf("%d runs: %q", runs.Load(), got)
	}
}

// A rule that denies leaves the model to go another way, and no person is asked; not even one who
// has allowed the tool before.
func TestARuleDenies(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	r := newRig(t, pusher(push("side"), push("main")), newPush(&runs))
	r.rules = permission.New(r.store, r.now)
	policy := permission.Policy{Rules: []permission.Rule{{Do: core.Deny, Tool: "push", With: map[string]string{"branch": "main"}}}}
	if err := r.rules.Put(t.Context(), scope.Org, scope.Project, 0, policy); err != nil {
		t.Fatal(err)
	}
	defer r.worker("w1", nil)()
	id := r.create(core.KindTask, "m")
	r.says(id, agent.Reply{Call: r.asked(id).Call, Answer: core.AnswerAllow, Always: true})
	st := r.wait(id, "over", over)
	if got := strings.Split(st.Finished.Answer.Text, "|"); st.Status != core.StatusSucceeded || runs.Load() != 1 || len(got) != 2 || !strings.Contains(got[1], "deny push with branch=main") {
		t.Errorf("%s, %d runs: %q", st.Status, runs.Load(), got)
	}
}

// A tool of which no call is allowed isn't offered to models. A call of it is refused all the same.
func TestWhatIsDeniedIsNotOffered(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	var offered atomic.Value
	answer := pusher(push("side"))
	r := newRig(t, func(q model.Request) (model.Answer, error) {
		if len(q.Tools) > 0 {
			var names []string
			for _, s := range q.Tools {
				names = append(names, s.Name)
			}
			offered.Store(names)
		}
		return answer(q)
	}, newPush(&runs))
	r.rules = permission.New(r.store, r.now)
	policy := permission.Policy{Rules: []permission.Rule{{Do: core.Deny, Tool: "pu*"}, {Do: core.Deny, Tool: "ask_person", With: map[string]string{"question": "*"}}}}
	if err := r.rules.Put(t.Context(), scope.Org, scope.Project, 0, policy); err != nil {
		t.Fatal(err)
	}
	defer r.worker("w1", nil)()
	st := r.wait(r.create(core.KindTask, "m"), "over", over)
	if names, _ := offered.Load().([]string); slices.Contains(names, "push") || !slices.Contains(names, "ask_person") {
		t.Errorf("offered: %q", names)
	}
	if got := st.Finished.Answer.Text; st.Status != core.StatusSucceeded || runs.Load() != 0 || !strings.Contains(got, "deny pu*") {
		t.Errorf("%s, %d runs: %q", st.Status, runs.Load(), got)
	}
}

// Nobody has to be there: after its time a question is answered by itself, and what a person takes
// to answer isn't the task's time.
func TestAQuestionRunsOut(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	r := newRig(t, pusher(push("main")), newPush(&runs))
	r.rules = permission.New(r.store, r.now)
	defer r.worker("w1", nil)()
	id := r.create(core.KindTask, "m")
	r.asked(id)
	r.clock.Store(int64(24*time.Hour + time.Minute)) // and the task's limit is an hour
	st := r.wait(id, "over", over)
	if st.Status != core.StatusSucceeded || runs.Load() != 0 || !strings.Contains(st.Finished.Answer.Text, "Nobody allowed") || st.Waited < 24*time.Hour {
		t.Errorf("%s, %d runs, waited %s: %+v", st.Status, runs.Load(), st.Waited, st.Finished)
	}
	if _, err := r.tasks.Resume(t.Context(), scope, id, agent.Reply{Answer: core.AnswerAllow}); core.CodeOf(err) != core.Conflict {
		t.Errorf("an answer that is late: %v", err)
	}
}

// A model asks a person, who answers in words, or by one of the choices.
func TestAPersonIsAsked(t *testing.T) {
	t.Parallel()
	ask := func(args string) core.Call {
		return core.Call{ID: "1", Tool: agent.AskPerson, Arguments: json.RawMessage(args)}
	}
	r := newRig(t, pusher(ask(`{"question":"Which color?"}`), ask(`{"question":"Which size?","choices":["S","L"]}`), ask(`{"question":" "}`), ask(`{"question":"And?"}`)))
	r.rules = permission.New(r.store, r.now)
	defer r.worker("w1", nil)()
	id := r.create(core.KindTask, "m")
	var calls []core.CallID
	next := func() core.ApprovalRequested {
		q := *r.wait(id, "asking", func(s agent.State) bool { q := s.Question(); return q != nil && !slices.Contains(calls, q.Call) }).Question()
		calls = append(calls, q.Call)
		return q
	}
	q := next()
	if q.Why != core.AskQuestion || q.Question != "Which color?" {
		t.Fatalf("%+v", q)
	}
	if _, err := r.tasks.Resume(t.Context(), scope, id, agent.Reply{Answer: core.AnswerReply, Text: " "}); core.CodeOf(err) != core.Invalid {
		t.Errorf("an empty reply: %v", err)
	}
	r.says(id, agent.Reply{Answer: core.AnswerReply, Text: "green"})
	next()
	if _, err := r.tasks.Resume(t.Context(), scope, id, agent.Reply{Answer: core.AnswerReply, Text: "M"}); core.CodeOf(err) != core.Invalid || !strings.Contains(core.HintOf(err), "S, L") {
		t.Errorf("a reply that is no choice: %v", err)
	}
	r.says(id, agent.Reply{Answer: core.AnswerReply, Text: "L"})
	next()
	r.says(id, agent.Reply{Answer: core.AnswerDeny})
	st := r.wait(id, "over", over)
	got := strings.Split(st.Finished.Answer.Text, "|")
	if st.Status != core.StatusSucceeded || len(got) != 4 || !strings.Contains(got[0], "green") || !strings.Contains(got[1], "L") || !strings.Contains(got[2], "no question") || !strings.Contains(got[3], "no answer") {
		t.Errorf("%s: %q", st.Status, got)
	}
}

// A task that waits can be canceled, and has no call to make then.
func TestCancelWhileAsked(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	r := newRig(t, pusher(push("main")), newPush(&runs))
	r.rules = permission.New(r.store, r.now)
	defer r.worker("w1", nil)()
	id := r.create(core.KindTask, "m")
	r.asked(id)
	if _, err := r.tasks.Cancel(t.Context(), scope, id, ""); err != nil {
		t.Fatal(err)
	}
	if st := r.wait(id, "over", over); st.Status != core.StatusCanceled || runs.Load() != 0 {
		t.Errorf("%s after %d runs", st.Status, runs.Load())
	}
}
