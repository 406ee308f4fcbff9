package agent_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/blob"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/tool"
)

// writer scripts a model that writes two files, one an answer, and says which it finds.
func writer(q model.Request) (model.Answer, error) {
	switch q.Purpose {
	case model.Plan:
		return model.Answer{Text: `{"title":"T","steps":[{"title":"Write"},{"title":"Look"}]}`, Usage: core.Usage{Input: 10, Output: 10}}, nil
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
	switch {
	case q.Brief.Step.Title == "Look" && turn == 0:
		return call("look", `{}`), nil
	case q.Brief.Step.Title == "Look":
		return say(q.Model + " finds " + last), nil
	case turn == 0:
		return call("write", `{"path":"a.txt","text":"alpha"}`), nil
	case turn == 1:
		return call("write", `{"path":"b.txt","text":"`+q.Brief.Prompt+`"}`), nil
	}
	return say("written"), nil
}

func newLook() fn {
	return newFn("look", core.Pure, func(_ context.Context, c tool.Call) (tool.Result, error) {
		var all []string
		for _, name := range []string{"a.txt", "b.txt"} {
			b, _ := os.ReadFile(filepath.Join(c.Workspace.Dir, name))
			all = append(all, string(b))
		}
		return tool.Result{Output: strings.Join(all, ",")}, nil
	})
}

func (r *rig) replay(id core.TaskID) []agent.Frame {
	r.t.Helper()
	frames, err := r.tasks.Replay(r.t.Context(), scope, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return frames
}

// A replay rebuilds what was, calls nothing, and finds each event to be what the task wanted.
func TestReplay(t *testing.T) {
	t.Parallel()
	log := &effects{}
	r := newRig(t, writer, append(platformTools(log), newLook())...)
	stop := r.worker("w1", nil)
	st := r.wait(r.create(core.KindTask, "m"), "over", over)
	stop()
	before := log.String()
	frames := r.replay(st.Task)
	if log.String() != before || int64(len(frames)) != st.Version {
		t.Fatalf("%d frames of %d events; effects %s, then %s", len(frames), st.Version, before, log)
	}
	for _, f := range frames {
		if f.Diverges != "" {
			t.Errorf("%d %s: %s", f.Version, f.Type, f.Diverges)
		}
	}
	last := frames[len(frames)-1]
	if last.Tree != st.Tree || last.Status != st.Status || last.Tokens != st.Tokens || last.Calls != st.Calls || last.Next != "rest" {
		t.Errorf("it ends with %+v, not %+v", last, st)
	}
	if _, err := r.tasks.Replay(t.Context(), core.Scope{Org: scope.Org, Project: "prj_b", Actor: scope.Actor}, st.Task); core.CodeOf(err) != core.NotFound {
		t.Errorf("another project's: %v", err)
	}
}

// An event that the task didn't want is found, whichever it is.
func TestReplayFindsWhatWasntWanted(t *testing.T) {
	t.Parallel()
	r := newRig(t, writer, append(platformTools(&effects{}), newLook())...)
	stop := r.worker("w1", nil)
	st := r.wait(r.create(core.KindTask, "m"), "over", over)
	stop()
	events, err := r.store.ReadStream(t.Context(), scope.Org, st.Task.Stream(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		p, err := e.Payload()
		if err != nil {
			t.Fatal(err)
		}
		var other core.Payload
		switch p := p.(type) {
		case core.ModelRequested:
			p.Purpose = "judge_" + p.Purpose
			other = p
		case core.ToolRequested:
			p.Call.Tool = "rm"
			other = p
		case core.ToolSettled:
			p.Call = "cal_other"
			other = p
		case core.VerdictGiven:
			p.Verdict = core.Retry
			other = p
		case core.StepStarted:
			p.Attempt += 5
			other = p
		case core.TaskFinished:
			p.Status = core.StatusCanceled
			other = p
		default:
			continue
		}
		data, err := core.EncodePayload(other)
		if err != nil {
			t.Fatal(err)
		}
		changed := append([]core.Event(nil), events[:i+1]...)
		changed[i].Data = data
		frames, err := agent.Replay(changed)
		if err != nil || frames[i].Diverges == "" {
			t.Errorf("%s: %+v, %v", e.Type, frames, err)
		}
	}
}

// A fork goes on with the files as they were, does nothing twice, and pays for itself alone.
func TestFork(t *testing.T) {
	t.Parallel()
	log := &effects{}
	r, _ := charged(t, writer, map[string]core.Price{"model/m": {Output: core.Credit}, "model/n": {Output: core.Credit}, "tool/write": {}, "tool/look": {}}, append(platformTools(log), newLook())...)
	defer r.worker("w1", nil)()
	st := r.wait(r.hold(agent.NewTask{Kind: core.KindTask, Model: "m"}), "over", over)
	var first int64 // the event with which the first file is there
	for _, f := range r.replay(st.Task) {
		if f.Type == (core.ToolSettled{}).EventType() {
			first = f.Version
			break
		}
	}
	writes := strings.Count(log.String(), "write")
	fork := func(f agent.Fork) agent.State {
		t.Helper()
		forked, err := r.tasks.Fork(t.Context(), scope, st.Task, f)
		if err != nil {
			t.Fatal(err)
		}
		r.wait(forked.Task, "asking for credits", func(s agent.State) bool { return s.Asked })
		r.answer(forked.Task, core.CreditsHeld{Amount: forked.Created.Hold})
		return r.wait(forked.Task, "over", over)
	}
	got := fork(agent.Fork{At: first, Model: "n"})
	if got.Status != core.StatusSucceeded || got.Forked.At != first || !strings.Contains(got.Finished.Answer.Text, "alpha,do it") || strings.Count(log.String(), "write") != writes+1 {
		t.Errorf("%s: %+v after %s", got.Status, got.Finished, log)
	}
	var paid core.Credits
	for _, p := range r.payloads(got.Task) {
		if s, ok := p.(core.ModelSettled); ok {
			paid += s.Cost
		}
	}
	if paid != got.Spent || paid >= st.Spent || paid == 0 {
		t.Errorf("it paid %s, and spent %s; the other %s", paid, got.Spent, st.Spent)
	}
	wish := fork(agent.Fork{Prompt: "another wish"})
	if !strings.Contains(wish.Finished.Answer.Text, "alpha,another wish") || wish.Created.Prompt != "another wish" {
		t.Errorf("%s: %+v", wish.Status, wish.Finished)
	}
	for _, f := range r.replay(wish.Task) {
		if f.Diverges != "" && f.Version > wish.Forked.At {
			t.Errorf("%d %s: %s", f.Version, f.Type, f.Diverges)
		}
	}
	c, err := r.tasks.Compare(t.Context(), scope, r.blobs, st.Task, wish.Task)
	if err != nil || !strings.Contains(c.Lines, "+prompt: another wish") || len(c.Files) != 1 || c.Files[0].Path != "b.txt" || c.Files[0].Change != blob.Modified {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = r.tasks.Compare(t.Context(), scope, r.blobs, st.Task, st.Task); err != nil || c.Lines != "" || len(c.Files) != 0 {
		t.Errorf("a task differs from itself: %+v, %v", c, err)
	}
}

// A task can be forked at each of its points, or it is said why not; and the same wish, told twice,
// is one fork.
func TestForkAnywhere(t *testing.T) {
	t.Parallel()
	r := newRig(t, writer, append(platformTools(&effects{}), newLook())...)
	r.planner = builder
	defer r.worker("w1", nil)()
	st := r.wait(r.create(core.KindTask, "m"), "over", over)
	app := r.wait(r.create(core.KindApp, agent.Blueprint), "over", over)
	for at := int64(1); at <= st.Version; at++ {
		forked, err := r.tasks.Fork(t.Context(), scope, st.Task, agent.Fork{At: at})
		if at == st.Version {
			if core.CodeOf(err) != core.Invalid || !strings.Contains(core.HintOf(err), "the last point before that") {
				t.Errorf("after its end: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("at %d: %v", at, err)
		}
		if end := r.wait(forked.Task, "over", over); end.Status != core.StatusSucceeded || end.Forked.At > at || end.Tree != st.Tree {
			t.Errorf("at %d: %s, %+v", at, end.Status, end.Forked)
		}
	}
	forked, err := r.tasks.Fork(t.Context(), scope, app.Task, agent.Fork{})
	if err != nil || forked.Created.App == app.Created.App || forked.Published != 0 {
		t.Fatalf("%+v, %v", forked.Created, err)
	}
	if end := r.wait(forked.Task, "over", over); end.Status != core.StatusSucceeded || end.Published != 1 {
		t.Errorf("%s: %+v", end.Status, end.Finished)
	}
	for name, c := range map[string]struct {
		fork agent.Fork
		want core.Code
	}{
		"before the first": {agent.Fork{At: -1}, core.Invalid}, "after the last": {agent.Fork{At: 1000}, core.Invalid},
		"the planner": {agent.Fork{Model: agent.Blueprint}, core.Unsupported}, "a long wish": {agent.Fork{Prompt: strings.Repeat("x", 6000)}, core.Invalid},
	} {
		if _, err := r.tasks.Fork(t.Context(), scope, st.Task, c.fork); core.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	one, err := r.tasks.Fork(t.Context(), scope, st.Task, agent.Fork{Key: "k", At: 2})
	if err != nil {
		t.Fatal(err)
	}
	two, err := r.tasks.Fork(t.Context(), scope, st.Task, agent.Fork{Key: "k", At: 2})
	if err != nil || one.Task != two.Task {
		t.Errorf("%s and %s, %v", one.Task, two.Task, err)
	}
	if _, err := r.tasks.Fork(t.Context(), scope, st.Task, agent.Fork{Key: "k", At: 3, Prompt: "other"}); core.CodeOf(err) != core.Conflict {
		t.Errorf("another wish with the same key: %v", err)
	}
}

// Whatever events there are, a replay says what it finds, or that they can't be.
func FuzzReplay(f *testing.F) {
	f.Add([]byte(`[{"type":"task.created","data":{"kind":"task","prompt":"p"}},{"type":"step.started","data":{"step":7}},{"type":"tool.settled","data":{"call":"x"}}]`))
	f.Fuzz(func(_ *testing.T, b []byte) {
		var raw []struct {
			Type string
			Data json.RawMessage
		}
		if json.Unmarshal(b, &raw) != nil || len(raw) > 50 {
			return
		}
		events := make([]core.Event, len(raw))
		for i, e := range raw {
			events[i] = core.Event{Stream: "tsk_a", Version: int64(i + 1), Type: e.Type, Data: e.Data}
		}
		_, _ = agent.Replay(events)
	})
}
