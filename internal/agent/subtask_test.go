package agent_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
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

// carry brings the org's events to the consumer that tells parents, as the bus does, each twice.
func (r *rig) carry() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	handle := r.tasks.Handler()
	go func() {
		defer close(done)
		for after := int64(0); ctx.Err() == nil; {
			events, err := r.store.ReadOrg(ctx, scope.Org, after, 100)
			if err != nil {
				break
			}
			for _, e := range events {
				for range 2 {
					if err := handle(ctx, e); err != nil && ctx.Err() == nil {
						r.t.Error(err)
					}
				}
				after = e.Position
			}
			if len(events) == 0 {
				time.Sleep(2 * time.Millisecond)
			}
		}
	}()
	return func() { cancel(); <-done }
}

// family scripts a task that delegates, and its sub-tasks by their prompts.
func family(parent func(turn int, last string) model.Answer, children map[string]func(turn int, last string) (model.Answer, error)) func(model.Request) (model.Answer, error) {
	return func(q model.Request) (model.Answer, error) {
		switch q.Purpose {
		case model.Plan:
			return model.Answer{Text: `{"title":"T","steps":[{"title":"Work"}]}`, Usage: core.Usage{Input: 100, Output: 10}}, nil
		case model.Judge:
			return model.Answer{Text: `{"verdict":"SUCCESS","reason":"it is so"}`}, nil
		}
		turn, last := 0, ""
		for _, m := range q.Messages {
			if m.Role == model.Assistant {
				turn++
			}
			last = m.Text
		}
		if child := children[q.Brief.Prompt]; child != nil {
			return child(turn, last)
		}
		return parent(turn, last), nil
	}
}

func call(name, args string) model.Answer {
	return model.Answer{Calls: []core.Call{{ID: "1", Tool: name, Arguments: json.RawMessage(args)}}, Usage: core.Usage{Input: 100, Output: 10}}
}

func say(text string) model.Answer {
	return model.Answer{Text: text, Usage: core.Usage{Input: 100, Output: 10}}
}

// A part of the work is done by a task of its own, with the files as they are, and its changes and
// its answer come back.
func TestASubtask(t *testing.T) {
	t.Parallel()
	log := &effects{}
	seen := make(chan string, 8)
	look := newFn("look", core.Pure, func(_ context.Context, c tool.Call) (tool.Result, error) {
		var all []string
		for _, name := range []string{"a.txt", "b.txt"} {
			b, _ := os.ReadFile(filepath.Join(c.Workspace.Dir, name))
			all = append(all, string(b))
		}
		seen <- strings.Join(all, ",")
		return tool.Result{Output: strings.Join(all, ",")}, nil
	})
	r := newRig(t, family(func(turn int, last string) model.Answer {
		switch turn {
		case 0:
			return call("write", `{"path":"a.txt","text":"alpha"}`)
		case 1:
			return call(agent.Delegate, `{"prompt":"the part"}`)
		case 2:
			return call("look", `{}`)
		}
		return say("with " + last)
	}, map[string]func(int, string) (model.Answer, error){"the part": func(turn int, last string) (model.Answer, error) {
		switch turn {
		case 0:
			return call("look", `{}`), nil
		case 1:
			return call("write", `{"path":"b.txt","text":"beta"}`), nil
		}
		return say("the part is done"), nil
	}}), append(platformTools(log), look)...)
	defer r.carry()()
	defer r.worker("w1", nil)()
	st := r.wait(r.create(core.KindTask, "m"), "over", over)
	if st.Status != core.StatusSucceeded || st.Finished.Answer.Text != "with alpha,beta" || <-seen != "alpha," || <-seen != "alpha,beta" || st.Subtasks != 1 {
		t.Errorf("%s: %+v", st.Status, st.Finished)
	}
	var told core.ToolSettled
	for _, p := range r.payloads(st.Task) {
		if s, ok := p.(core.ToolSettled); ok && strings.Contains(string(s.Data), "tsk_") {
			told = s
		}
	}
	var data struct{ Task core.TaskID }
	if err := json.Unmarshal(told.Data, &data); err != nil || told.Output.Text != "the part is done" {
		t.Fatalf("%+v, %v", told, err)
	}
	child, err := r.tasks.Get(t.Context(), scope, data.Task)
	if err != nil || child.Status != core.StatusSucceeded || child.Created.Parent.Task != st.Task || child.Summary().Parent != st.Task {
		t.Errorf("%+v, %v", child.Created, err)
	}
}

// A sub-task that fails leaves its parent's files as they were, and the parent knows why.
func TestASubtaskFails(t *testing.T) {
	t.Parallel()
	r := newRig(t, family(func(turn int, last string) model.Answer {
		if turn == 0 {
			return call(agent.Delegate, `{"prompt":"the part"}`)
		}
		return say("it says: " + last)
	}, map[string]func(int, string) (model.Answer, error){"the part": func(turn int, _ string) (model.Answer, error) {
		if turn == 0 {
			return call("write", `{"path":"b.txt","text":"beta"}`), nil
		}
		return model.Answer{}, core.E(core.Denied, "model", "no more of that").WithHint("ask for something else")
	}}), platformTools(&effects{})...)
	defer r.carry()()
	defer r.worker("w1", nil)()
	st := r.wait(r.create(core.KindTask, "m"), "over", over)
	if st.Status != core.StatusSucceeded || !strings.Contains(st.Finished.Answer.Text, "no more of that") || !strings.Contains(st.Finished.Answer.Text, "ask for something else") || st.Tree != "" {
		t.Errorf("%s: %+v", st.Status, st.Finished)
	}
}

// A worker that is lost while a sub-task is under way, and a consumer that never says a word, keep
// nobody waiting for good.
func TestASubtaskOutlivesWorkers(t *testing.T) {
	t.Parallel()
	var begun atomic.Int64
	entered := make(chan struct{}, 4)
	slow := newFn("slow", core.Idempotent, func(ctx context.Context, _ tool.Call) (tool.Result, error) {
		entered <- struct{}{}
		if begun.Add(1) == 1 {
			<-ctx.Done()
			return tool.Result{}, ctx.Err()
		}
		return tool.Result{Output: "done"}, nil
	})
	r := newRig(t, family(func(turn int, last string) model.Answer {
		if turn == 0 {
			return call(agent.Delegate, `{"prompt":"the part"}`)
		}
		return say(last)
	}, map[string]func(int, string) (model.Answer, error){"the part": func(turn int, last string) (model.Answer, error) {
		if turn == 0 {
			return call("slow", `{}`), nil
		}
		return say("the part is " + last), nil
	}}), slow)
	r.lease = 24 * time.Hour
	stop := r.worker("w1", nil)
	id := r.create(core.KindTask, "m")
	<-entered
	stop()
	defer r.worker("w2", nil)()
	<-entered
	parent := r.wait(id, "waiting for its part", func(s agent.State) bool { return s.Pending != nil })
	if parent.Subtask != nil {
		t.Fatal("it was told")
	}
	st := r.wait(id, "over", func(s agent.State) bool {
		r.clock.Add(int64(time.Second)) // nobody tells; it looks by itself
		return over(s)
	})
	if st.Status != core.StatusSucceeded || st.Finished.Answer.Text != "the part is done" || st.Subtasks != 1 {
		t.Errorf("%s: %+v", st.Status, st.Finished)
	}
}

// Who cancels a task cancels what it has delegated.
func TestCancelReachesASubtask(t *testing.T) {
	t.Parallel()
	entered := make(chan core.TaskID, 1)
	slow := newFn("slow", core.Idempotent, func(ctx context.Context, c tool.Call) (tool.Result, error) {
		entered <- c.Task
		<-ctx.Done()
		return tool.Result{}, ctx.Err()
	})
	r := newRig(t, family(func(int, string) model.Answer { return call(agent.Delegate, `{"prompt":"the part"}`) },
		map[string]func(int, string) (model.Answer, error){"the part": func(int, string) (model.Answer, error) { return call("slow", `{}`), nil }}), slow)
	defer r.carry()()
	defer r.worker("w1", nil)()
	id := r.create(core.KindTask, "m")
	child := <-entered
	if _, err := r.tasks.Cancel(t.Context(), scope, id, ""); err != nil {
		t.Fatal(err)
	}
	st := r.wait(id, "over", over)
	part, err := r.tasks.Get(t.Context(), scope, child)
	if err != nil || st.Status != core.StatusCanceled || part.Status != core.StatusCanceled {
		t.Errorf("%s, and its part %s, %v", st.Status, part.Status, err)
	}
}

// What a sub-task spends is its parent's, which gives it no more than it asks for, and it is in
// one place of the books alone.
func TestASubtaskSpendsItsParentsCredits(t *testing.T) {
	t.Parallel()
	price := core.Price{Output: 1_000_000 * core.Credit / 100} // an answer of 10 tokens costs 0.1
	r, _ := charged(t, family(func(turn int, last string) model.Answer {
		if turn == 0 {
			return call(agent.Delegate, `{"prompt":"the part","credits":20}`)
		}
		return say(last)
	}, map[string]func(int, string) (model.Answer, error){"the part": func(turn int, last string) (model.Answer, error) {
		if turn < 3 {
			return call(agent.ReadResult, `{"call":"none`+strings.Repeat("x", turn)+`"}`), nil
		}
		return say("done"), nil
	}}), map[string]core.Price{"model/m": price})
	defer r.carry()()
	defer r.worker("w1", nil)()
	id := r.hold(agent.NewTask{Kind: core.KindTask, Model: "m"})
	st := r.wait(id, "over", over)
	var own, parts core.Credits
	var child core.TaskID
	for _, p := range r.payloads(id) {
		switch p := p.(type) {
		case core.ModelSettled:
			own += p.Cost
		case core.SubtaskFinished:
			parts, child = parts+p.Cost, p.Task
		}
	}
	sub, err := r.tasks.Get(t.Context(), scope, child)
	if err != nil || st.Status != core.StatusSucceeded || sub.Created.Allowance != 20*core.Credit || sub.Created.Hold != 0 {
		t.Fatalf("%s; %+v, %v", st.Status, sub.Created, err)
	}
	for _, p := range r.payloads(child) {
		if s, ok := p.(core.ModelSettled); ok && s.Cost != 0 {
			t.Errorf("the books would take %s for a call of the sub-task", s.Cost)
		}
	}
	if parts == 0 || parts != sub.Spent || own == 0 || own+parts != st.Spent || st.Finished.Spent != st.Spent {
		t.Errorf("own %s, parts %s of %s, in all %s", own, parts, sub.Spent, st.Spent)
	}
	if _, err := r.tasks.Create(t.Context(), scope, agent.NewTask{Kind: core.KindTask, Prompt: "x", Model: "m"}); err != nil {
		t.Fatal(err)
	}
}

// A sub-task that may spend nothing more ends, and its parent goes on.
func TestASubtaskRunsOut(t *testing.T) {
	t.Parallel()
	price := core.Price{Output: 1_000_000 * core.Credit / 100}
	r, _ := charged(t, family(func(turn int, last string) model.Answer {
		if turn == 0 {
			return call(agent.Delegate, `{"prompt":"the part","credits":1}`) // an answer may cost ten
		}
		return say(last)
	}, map[string]func(int, string) (model.Answer, error){"the part": func(int, string) (model.Answer, error) { return say("never"), nil }}),
		map[string]core.Price{"model/m": price})
	defer r.carry()()
	defer r.worker("w1", nil)()
	st := r.wait(r.hold(agent.NewTask{Kind: core.KindTask, Model: "m"}), "over", over)
	if st.Status != core.StatusSucceeded || !strings.Contains(st.Finished.Answer.Text, "used 0 of its 1 credits") {
		t.Errorf("%s: %+v", st.Status, st.Finished)
	}
}

// A task has no more sub-tasks, and none deeper, than is said.
func TestSubtasksAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(q model.Request) (model.Answer, error) {
		if q.Purpose != model.Work {
			return say(`{"title":"T","steps":[{"title":"Work"}],"verdict":"SUCCESS","reason":"so"}`), nil
		}
		offered := false
		for _, o := range q.Tools {
			offered = offered || o.Name == agent.Delegate
		}
		last := q.Messages[len(q.Messages)-1]
		if last.Role == model.Tool {
			return say("deeper: " + last.Text), nil
		}
		if !offered {
			return call(agent.Delegate, `{"prompt":"again"}`), nil
		}
		return call(agent.Delegate, `{"prompt":"deeper"}`), nil
	})
	defer r.carry()()
	defer r.worker("w1", nil)()
	st := r.wait(r.create(core.KindTask, "m"), "over", over)
	if st.Status != core.StatusSucceeded || !strings.HasPrefix(st.Finished.Answer.Text, "deeper: deeper: deeper: This is a sub-task of a sub-task") {
		t.Errorf("%s: %+v", st.Status, st.Finished)
	}
}

// What a person has allowed for a task is allowed for that one: not for its parts, and not for
// what goes on from it, which are asked about anew.
func TestAllowedAlwaysIsOfOneTask(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	r := newRig(t, family(func(turn int, last string) model.Answer {
		switch turn {
		case 0:
			return call("push", `{"branch":"main"}`)
		case 1:
			return call("push", `{"branch":"side"}`)
		case 2:
			return call(agent.Delegate, `{"prompt":"the part"}`)
		}
		return say(last)
	}, map[string]func(int, string) (model.Answer, error){"the part": func(turn int, last string) (model.Answer, error) {
		if turn == 0 {
			return call("push", `{"branch":"part"}`), nil
		}
		return say(last), nil
	}}), newPush(&runs))
	r.rules = permission.New(r.store, r.now)
	defer r.carry()()
	defer r.worker("w1", nil)()
	id := r.create(core.KindTask, "m")
	r.says(id, agent.Reply{Call: r.asked(id).Call, Answer: core.AnswerAllow, Always: true})
	part := r.part(id)
	if q := r.asked(part); q.Tool != "push" || q.Why != core.AskPermission || runs.Load() != 2 {
		t.Fatalf("the part asks %+v after %d runs", q, runs.Load())
	}
	r.says(part, agent.Reply{Answer: core.AnswerDeny})
	if st := r.wait(id, "over", over); st.Status != core.StatusSucceeded || runs.Load() != 2 {
		t.Errorf("%s after %d runs: %+v", st.Status, runs.Load(), st.Finished)
	}
	for i, p := range r.payloads(id) {
		if a, ok := p.(core.ApprovalAnswered); ok && a.Always {
			fork, err := r.tasks.Fork(t.Context(), scope, id, agent.Fork{At: r.settledAfter(id, i)})
			if err != nil {
				t.Fatal(err)
			}
			if q := r.asked(fork.Task); q.Tool != "push" || runs.Load() != 2 {
				t.Errorf("the fork asks %+v after %d runs", q, runs.Load())
			}
		}
	}
}

// part waits for the first sub-task of a task.
func (r *rig) part(of core.TaskID) (id core.TaskID) {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); id == ""; time.Sleep(2 * time.Millisecond) {
		events, err := r.store.ReadOrg(r.t.Context(), scope.Org, 0, 1000)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, e := range events {
			p, err := e.Payload()
			if err != nil {
				r.t.Fatal(err)
			}
			if c, ok := p.(core.TaskCreated); ok && c.Parent != nil && c.Parent.Task == of {
				id = core.TaskID(e.Stream)
			}
		}
		if time.Now().After(deadline) {
			r.t.Fatal("the task has no part")
		}
	}
	return id
}

// settledAfter is the version at which the first call of a tool after a place settled.
func (r *rig) settledAfter(id core.TaskID, place int) int64 {
	r.t.Helper()
	for i, p := range r.payloads(id) {
		if _, ok := p.(core.ToolSettled); ok && i > place {
			return int64(i + 1)
		}
	}
	r.t.Fatal("no call was made then")
	return 0
}
