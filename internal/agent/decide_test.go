package agent

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
)

// world answers effects at random, as models, tools and people do, and keeps the
// events like a store.
type world struct {
	t      *rapid.T
	now    time.Time
	state  State
	events []core.Event

	undoable map[core.CallID]bool // calls with a compensation that took effect
	settled  map[core.CallID]int  // how often each call was settled
	ran      map[core.CallID]int  // how often each call of a once-only tool was run
	most     core.Credits         // what the call at hand may cost
	cost     core.Credits         // of all calls
	over     bool                 // a call has cost more than it may
	switched int                  // how often another model took over
}

func newWorld(t *rapid.T, created core.TaskCreated) *world {
	w := &world{
		t: t, now: time.Unix(1_700_000_000, 0).UTC(),
		undoable: map[core.CallID]bool{}, settled: map[core.CallID]int{}, ran: map[core.CallID]int{},
	}
	w.append(created)
	return w
}

func (w *world) append(p core.Payload) {
	data, err := core.EncodePayload(p)
	if err != nil {
		w.t.Fatal(err)
	}
	w.now = w.now.Add(time.Millisecond)
	e := core.Event{
		ID: core.EventID(fmt.Sprintf("evt_%d", len(w.events))), Stream: "tsk_test", Version: int64(len(w.events) + 1),
		Type: p.EventType(), At: w.now, Data: data,
	}
	w.events = append(w.events, e)
	if w.state, err = Fold(w.state, e); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) failure(label string) *core.Failure {
	code := rapid.SampledFrom([]core.Code{"", "", "", core.Unavailable, core.Invalid, core.Exhausted, core.Conflict, core.Denied}).Draw(w.t, label)
	if code == "" {
		return nil
	}
	return &core.Failure{Code: code, Msg: string(code)}
}

// admits draws what a call may cost, and gives the task up if that can't be afforded, as
// the worker does.
func (w *world) admits() bool {
	if w.state.Created.Hold == 0 || w.state.Pending != nil {
		return true
	}
	if s := w.state; s.Spent > s.Held {
		w.t.Fatalf("a call is wanted after %d of %d credits", s.Spent, s.Held)
	}
	w.most = core.Credits(rapid.IntRange(0, 30).Draw(w.t, "most"))
	refusal := w.state.afford(w.most)
	if refusal != nil {
		for _, p := range giveUp(w.state, refusal).Record {
			w.append(p)
		}
	}
	return refusal == nil
}

// charge draws what a call has cost.
func (w *world) charge(failed bool) core.Credits {
	if w.state.Created.Hold == 0 || failed {
		return 0
	}
	cost := core.Credits(rapid.Int64Range(0, int64(w.most)).Draw(w.t, "cost"))
	if rapid.IntRange(0, 19).Draw(w.t, "over") == 0 { // an answer that was longer than anybody thought
		cost += w.most + 20
		w.over = true
	}
	w.cost += cost
	return cost
}

func (w *world) model(c *CallModel) core.ModelSettled {
	out := core.ModelSettled{Call: c.Call, Usage: core.Usage{Input: 10, Output: 5}, Error: w.failure("model error")}
	out.Cost = w.charge(out.Error != nil)
	if out.Error != nil {
		return out
	}
	switch c.Purpose {
	case purposePlan:
		n := rapid.IntRange(0, 4).Draw(w.t, "steps")
		p := core.Plan{Title: "t"}
		for i := range n {
			s := core.Step{Title: fmt.Sprint(i)}
			if rapid.Bool().Draw(w.t, "graph") {
				s.After = rapid.SliceOfN(rapid.IntRange(-1, 6), 0, 3).Draw(w.t, "after")
			}
			p.Steps = append(p.Steps, s)
		}
		b, _ := json.Marshal(p)
		out.Text.Text = string(b) + rapid.SampledFrom([]string{"", "junk", "}"}).Draw(w.t, "junk")
	case purposeRoute:
		route := rapid.SampledFrom([]string{"chat", "skill", "task", "app", "other"}).Draw(w.t, "route")
		out.Text.Text = fmt.Sprintf(`{"route":%q,"skill":%q,"confidence":%g}`, route, rapid.SampledFrom([]string{"", "s"}).Draw(w.t, "skill"), rapid.SampledFrom([]float64{0, 0.4, 0.5, 1, 2}).Draw(w.t, "confidence"))
	case purposeJudge:
		out.Text.Text = rapid.SampledFrom([]string{`{"verdict":"SUCCESS"}`, `{"verdict":"RETRY"}`, `{"verdict":"REPLAN"}`, `{"verdict":"ABORT"}`, `nonsense`}).Draw(w.t, "judgment")
	default:
		out.Text.Text = "working"
		for i := range rapid.IntRange(0, 2).Draw(w.t, "calls") {
			args := core.Content{Text: fmt.Sprintf(`{"n":%d}`, rapid.IntRange(0, 3).Draw(w.t, "argument"))}
			name := rapid.SampledFrom([]string{"work", "work", "work", "work", AskPerson, Delegate}).Draw(w.t, "tool")
			if name == Delegate {
				args.Text = rapid.SampledFrom([]string{`{"prompt":"a part"}`, `{"prompt":"a part","credits":0.00001}`, `{}`}).Draw(w.t, "part")
			}
			if name == AskPerson {
				args.Text = rapid.SampledFrom([]string{`{"question":"which?"}`, `{"question":"which?","choices":["a","b"]}`, `{}`}).Draw(w.t, "question")
			}
			out.Calls = append(out.Calls, core.CallContent{
				ID: core.CallID(fmt.Sprintf("%sc%d", c.Call, i+1)), Tool: name, Arguments: args,
				Problem: rapid.SampledFrom([]string{"", "", "no such tool"}).Draw(w.t, "problem"),
			})
		}
	}
	return out
}

func (w *world) tool(c *CallTool) core.ToolSettled {
	out := core.ToolSettled{Call: c.Call.ID, Error: w.failure("tool error")}
	out.Failed = rapid.IntRange(0, 4).Draw(w.t, "failed") == 0
	if out.Error == nil {
		out.Tree = core.Digest(rapid.SampledFrom([]string{"", "a", "b"}).Draw(w.t, "tree"))
	}
	if !c.Undo {
		out.Cost = w.charge(out.Error != nil)
	}
	switch c.Call.Tool {
	case ToolTest:
		ok := rapid.Bool().Draw(w.t, "tests pass")
		out.Evidence = &core.Evidence{Kind: "tests", OK: ok, Passed: 3, Text: "3 passed"}
	case ToolPublish, ToolPreview:
		if out.Error == nil && !out.Failed {
			out.Undo = &core.Call{Tool: "undo", Arguments: json.RawMessage(`"` + string(c.Call.ID) + `"`)}
			out.Data = json.RawMessage(`{"version":1}`)
			w.undoable[c.Call.ID] = true
		}
	case "undo":
		if out.Error == nil && !out.Failed {
			var id core.CallID
			if err := json.Unmarshal([]byte(c.Call.Arguments.Text), &id); err != nil {
				w.t.Fatal(err)
			}
			delete(w.undoable, id)
		}
	}
	return out
}

// step does what Decide wants. crash: the worker is lost after the request.
func (w *world) step(e Effect) {
	crash := rapid.IntRange(0, 9).Draw(w.t, "crash") == 0
	switch {
	case e.Record != nil:
		w.lawfulSwitch(e.Record[0])
		for _, p := range e.Record {
			if s, ok := p.(core.ToolSettled); ok {
				w.settled[s.Call]++
			}
			w.append(p)
		}
	case e.Model != nil:
		if !w.admits() {
			return
		}
		if w.state.Pending == nil {
			w.append(core.ModelRequested{Call: e.Model.Call, Purpose: e.Model.Purpose})
		}
		if !crash {
			w.append(w.model(e.Model))
		}
	case e.Tool != nil:
		if !w.permits(e.Tool) {
			return
		}
		if e.Tool.Settle == nil && !e.Tool.Undo && !w.admits() {
			return
		}
		if e.Tool.Settle == nil && e.Tool.Call.Tool == Delegate {
			w.append(core.ToolRequested{Call: e.Tool.Call, Effect: core.Idempotent})
			return
		}
		effect := rapid.SampledFrom([]core.Effect{core.Pure, core.Idempotent, core.Once}).Draw(w.t, "effect")
		if e.Tool.Call.Tool != "work" { // what plans call is never once-only
			effect = core.Idempotent
		}
		if p := w.state.Pending; p == nil || w.state.answer(e.Tool.Call.ID).Answer != "" {
			w.append(core.ToolRequested{Call: e.Tool.Call, Effect: effect, Undo: e.Tool.Undo})
		} else {
			effect = p.Tool.Effect
		}
		if e.Tool.Settle != nil {
			w.settled[e.Tool.Call.ID]++
			w.append(*e.Tool.Settle)
			return
		}
		if effect == core.Once {
			w.ran[e.Tool.Call.ID]++
		}
		if !crash {
			w.settled[e.Tool.Call.ID]++
			w.append(w.tool(e.Tool))
		}
	case e.Subtasks != nil:
		w.subtask(rapid.SampledFrom(e.Subtasks).Draw(w.t, "the next to end"))
	case e.Join != nil:
		j := core.StepsJoined{Tree: "joined"}
		for _, p := range e.Join.Steps {
			if rapid.IntRange(0, 3).Draw(w.t, "conflict") == 0 {
				j.Conflicts = append(j.Conflicts, core.StepConflict{Step: p.Step, Paths: []string{"a"}})
			}
		}
		w.append(j)
	case e.Ask != nil:
		ask := *e.Ask
		if rapid.Bool().Draw(w.t, "patience") {
			ask.Until = w.now.Add(24 * time.Hour)
		}
		w.append(ask)
	case e.Sleep > 0:
		w.now = w.now.Add(e.Sleep)
	case e.Rest:
		if w.state.Finished != nil {
			return
		}
		if s := w.state; s.Asked && s.Held == 0 && s.Refused == nil {
			w.answerCredits()
			return
		}
		w.person(e)
	default:
		w.t.Fatalf("an effect without a field: %+v", e)
	}
}

// subtask has a sub-task end, which has spent what it may at most.
func (w *world) subtask(c core.CallContent) {
	s := w.state
	p, why := s.wish(c)
	if s.Beside != nil {
		why = ""
	}
	if why != "" && !s.Canceling {
		w.t.Fatalf("a sub-task is wanted that can't be: %s", why)
	}
	f := core.SubtaskFinished{Call: c.ID, Task: core.SubtaskOf(c.ID), Calls: 3, Tokens: 20, Waited: time.Second}
	if s.charged() && why == "" {
		most := s.allowance(p)
		if s.Beside != nil {
			most = s.Beside.Allowance
		}
		f.Cost = core.Credits(rapid.Int64Range(0, int64(most)).Draw(w.t, "sub-task's cost"))
		w.cost += f.Cost
	}
	f.Status = rapid.SampledFrom([]core.TaskStatus{core.StatusSucceeded, core.StatusFailed, core.StatusCanceled}).Draw(w.t, "sub-task")
	if f.Status != core.StatusSucceeded {
		f.Error = &core.Failure{Code: core.Unavailable, Msg: "it didn't work"}
	}
	w.append(f)
}

// person answers what is asked, or lets its time go by.
func (w *world) person(e Effect) {
	q := w.state.Question()
	if q == nil {
		w.t.Fatalf("the task rests, and nobody is asked: %+v", w.state)
	}
	if !e.Until.Equal(q.Until) {
		w.t.Fatalf("it rests until %s, and is asked until %s", e.Until, q.Until)
	}
	if !e.Until.IsZero() && rapid.IntRange(0, 3).Draw(w.t, "late") == 0 {
		w.now = e.Until
		return
	}
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 50).Draw(w.t, "hours")) * time.Hour)
	a := rapid.SampledFrom(core.Answers[q.Why]).Draw(w.t, "answer")
	if a == core.AnswerRepeat {
		w.ran[q.Call] = 0 // a person has allowed another run
	}
	w.append(core.ApprovalAnswered{Call: q.Call, Answer: a, Text: "so", Always: a == core.AnswerAllow && rapid.Bool().Draw(w.t, "always")})
}

// permits asks a person whether a call may be made, as the worker does by the project's rules.
func (w *world) permits(c *CallTool) bool {
	s := w.state
	if c.Settle != nil || c.Undo || c.Call.Tool != "work" || s.Pending != nil || s.answer(c.Call.ID).Answer == core.AnswerAllow || slices.Contains(s.Allowed, c.Call.Tool) {
		return true
	}
	switch rapid.IntRange(0, 5).Draw(w.t, "permission") {
	case 0:
		w.append(core.ApprovalRequested{Call: c.Call.ID, Why: core.AskPermission, Tool: c.Call.Tool, Question: "may it?", Until: w.now.Add(24 * time.Hour), Otherwise: core.AnswerDeny})
		return false
	case 1:
		c.Settle = refused(c.Call, "the rules say no")
	}
	return true
}

// lawfulSwitch holds a task to when the planner takes over: from a model that nobody can use,
// of an app, once; and it takes over then, rather than that the task is given up.
func (w *world) lawfulSwitch(p core.Payload) {
	s := w.state
	can := s.Created.Kind == core.KindApp && s.Model != Blueprint && s.Trouble != nil && s.Trouble.Code != core.Invalid && s.Trouble.Code != core.Denied && s.Trouble.Code != core.Conflict
	switch p := p.(type) {
	case core.ModelSwitched:
		if !can || p.From != s.Created.Model || p.To != Blueprint || p.Reason != s.Trouble.Msg {
			w.t.Fatalf("%+v in %+v", p, s.Trouble)
		}
		w.switched++
	case core.VerdictGiven:
		if can && p.Error != nil && p.Error.Code == s.Trouble.Code && p.Error.Msg == s.Trouble.Msg {
			w.t.Fatalf("given up for %+v, which the planner could have got around", s.Trouble)
		}
	}
	if next := s.apply(p, w.now); w.switched > 1 || s.Down == nil && next.Down != nil && (next.Tree != s.Created.Tree || next.Replan != "" || next.Plan != nil || next.Attempt != 0) {
		w.t.Fatalf("after %d switches it goes on with %+v", w.switched, next)
	}
}

// answerCredits does as the ledger does.
func (w *world) answerCredits() {
	switch rapid.IntRange(0, 5).Draw(w.t, "credits") {
	case 0:
		w.append(core.CreditsRefused{Reason: "there aren't enough", Hint: "ask for more"})
	case 1:
		w.append(core.TaskCancelRequested{}) // while it waits
	default:
		w.append(core.CreditsHeld{Amount: w.state.Created.Hold})
	}
}

// TestDecideLaws drives tasks through random outcomes and crashes and checks
// what must hold whatever happens.
func TestDecideLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		created := core.TaskCreated{
			Kind:   rapid.SampledFrom([]core.TaskKind{core.KindApp, core.KindTask, core.KindChat}).Draw(t, "kind"),
			Model:  rapid.SampledFrom([]string{"gpt", Blueprint}).Draw(t, "model"),
			Prompt: "p", Limits: core.Limits{Steps: 12, Calls: 60, Attempts: 3, Plans: 3},
			Hold: core.Credits(rapid.SampledFrom([]int{0, 0, 1, 40, 200, 10_000}).Draw(t, "hold")),
		}
		if created.Kind == core.KindChat {
			created.Turn = &core.Turn{Route: rapid.SampledFrom([]core.Route{"", "", core.RouteChat, core.RouteSkill, core.RouteTask, core.RouteApp}).Draw(t, "chosen")}
		}
		w := newWorld(t, created)
		cancelAt := rapid.IntRange(-1, 40).Draw(t, "cancel at")
		for i := 0; w.state.Finished == nil; i++ {
			if i == cancelAt && !w.state.Canceling {
				w.append(core.TaskCancelRequested{})
			}
			if i > 2000 {
				t.Fatalf("the task doesn't end: %+v", w.state)
			}
			e := Decide(w.state, w.now)
			if diff := cmp.Diff(e, Decide(w.state, w.now)); diff != "" {
				t.Fatalf("Decide isn't a function: %s", diff)
			}
			w.step(e)
		}
		w.check()
	})
}

func (w *world) check() {
	f := w.state.Finished
	if !Decide(w.state, w.now).Rest {
		w.t.Fatal("a finished task wants something")
	}
	again, err := Fold(State{}, w.events...)
	if err != nil {
		w.t.Fatal(err)
	}
	if diff := cmp.Diff(w.state, again); diff != "" {
		w.t.Fatalf("a replay gives another state: %s", diff)
	}
	if f.Status != core.StatusSucceeded && len(w.undoable) > 0 && !gaveUpUndo(w.events) {
		w.t.Fatalf("%s with effects that weren't undone: %v", f.Status, w.undoable)
	}
	if f.Status == core.StatusSucceeded && w.state.Created.Kind == core.KindApp && (w.state.Published == 0 || !w.state.Tests.OK) {
		w.t.Fatal("an app succeeded without a tested version")
	}
	if f.Status == core.StatusFailed && (f.Error == nil || f.Error.Msg == "") {
		w.t.Fatal("a failure without a reason")
	}
	if s := w.state; f.Status == core.StatusSucceeded && s.Created.Kind == core.KindChat && (s.Intent == nil || s.Plans != 1) {
		w.t.Fatalf("a turn that wasn't understood, or was planned %d times", s.Plans)
	}
	if f.Status == core.StatusSucceeded {
		w.checkSteps()
	}
	if w.state.Canceling && f.Status == core.StatusFailed {
		w.t.Fatal("a canceled task failed")
	}
	for id, n := range w.ran {
		if n > 1 {
			w.t.Fatalf("call %s of a once-only tool ran %d times", id, n)
		}
	}
	// Three tries of a call that failed for the platform's reasons is the bound.
	for id, n := range w.settled {
		if n > maxTries {
			w.t.Fatalf("call %s was settled %d times", id, n)
		}
	}
	w.checkCredits()
	l := w.state.Limits
	if w.state.Steps > l.Steps || w.state.Plans > l.Plans {
		w.t.Fatalf("%d steps and %d plans pass the limits", w.state.Steps, w.state.Plans)
	}
}

// checkSteps holds a task that succeeded to its last plan: each step succeeded, once, and after
// those that it needs.
func (w *world) checkSteps() {
	var passed []int
	var plan core.Plan
	for _, e := range w.events {
		p, err := e.Payload()
		if err != nil {
			w.t.Fatal(err)
		}
		switch p := p.(type) {
		case core.TaskPlanned:
			passed, plan = nil, p.Plan
		case core.VerdictGiven:
			if p.Verdict != core.Success {
				continue
			}
			for _, need := range plan.Steps[p.Step].After {
				if !slices.Contains(passed, need) {
					w.t.Fatalf("step %d is done after %v, and needs %d", p.Step, passed, need)
				}
			}
			passed = append(passed, p.Step)
		}
	}
	slices.Sort(passed)
	for i := range w.state.Plan.Steps {
		if i >= len(passed) || passed[i] != i || len(passed) != len(w.state.Plan.Steps) {
			w.t.Fatalf("of %d steps these are done: %v", len(w.state.Plan.Steps), passed)
		}
	}
}

// checkCredits holds a task to what it was given: it spends no more, ends by telling all
// that the ledger has to know, and says why it was refused.
func (w *world) checkCredits() {
	s, f := w.state, w.state.Finished
	if s.Spent != w.cost || f.Spent != w.cost || s.Spent > s.Held && !w.over {
		w.t.Fatalf("calls cost %d; the task says %d, at its end %d, of %d", w.cost, s.Spent, f.Spent, s.Held)
	}
	asked := core.Credits(0)
	if s.Asked && s.Refused == nil {
		asked = s.Created.Hold
	}
	if f.Hold != asked || s.Held != 0 && s.Held != asked {
		w.t.Fatalf("a hold of %d ends as one of %d, with %d held", s.Created.Hold, f.Hold, s.Held)
	}
	if s.Created.Hold > 0 && s.Held == 0 && (s.Calls > 0 || f.Status == core.StatusSucceeded) {
		w.t.Fatalf("%s after %d calls, without credits", f.Status, s.Calls)
	}
	if s.Refused != nil && !s.Canceling && (f.Error == nil || f.Error.Code != core.Exhausted || f.Error.Hint == "") {
		w.t.Fatalf("refused, and it ends with %+v", f.Error)
	}
}

// gaveUpUndo reports whether a compensation failed as often as it may.
func gaveUpUndo(events []core.Event) bool {
	bad := 0
	undo := map[core.CallID]bool{}
	for _, e := range events {
		p, _ := e.Payload()
		switch p := p.(type) {
		case core.ToolRequested:
			undo[p.Call.ID] = p.Undo
		case core.ToolSettled:
			if undo[p.Call] && (p.Failed || p.Error != nil) {
				if bad++; bad >= maxTries {
					return true
				}
			} else if undo[p.Call] {
				bad = 0
			}
		}
	}
	return false
}

func TestFoldRefusesADamagedStream(t *testing.T) {
	t.Parallel()
	ev := func(v int64, p core.Payload) core.Event {
		data, err := core.EncodePayload(p)
		if err != nil {
			t.Fatal(err)
		}
		return core.Event{Stream: "tsk_a", Version: v, Type: p.EventType(), Data: data}
	}
	created := ev(1, core.TaskCreated{Kind: core.KindTask, Prompt: "p"})
	for name, events := range map[string][]core.Event{
		"a gap":               {created, ev(3, core.StepStarted{})},
		"no beginning":        {ev(1, core.StepStarted{})},
		"two beginnings":      {created, ev(2, core.TaskCreated{})},
		"after the end":       {created, ev(2, core.TaskFinished{Status: core.StatusFailed}), ev(3, core.StepStarted{})},
		"an unknown type":     {{Version: 1, Type: "task.dreamt", Data: []byte(`{}`)}},
		"a body that's cut":   {{Version: 1, Type: "task.created", Data: []byte(`{"kind":`)}},
		"a body of arrays":    {{Version: 1, Type: "task.created", Data: []byte(`[]`)}},
		"the wrong value":     {{Version: 1, Type: "task.created", Data: []byte(`{"base":"x"}`)}},
		"a number too large":  {{Version: 1, Type: "task.created", Data: []byte(`{"base":1e400}`)}},
		"an empty stream row": {{}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Fold(State{}, events...); err == nil {
				t.Error("folded")
			}
		})
	}
}

func TestReadPlan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		steps      int
		title      string
	}{
		{"a plan", `{"title":"T","steps":[{"title":"a"},{"title":"b"}]}`, 2, "T"},
		{"prose around it", "Here you are:\n```json\n{\"title\":\"T\",\"steps\":[{\"title\":\"a\"}]}\n```", 1, "T"},
		{"no JSON", "I will do it.", 1, "the prompt"},
		{"no steps", `{"title":"T","steps":[]}`, 1, "T"},
		{"empty steps", `{"title":"T","steps":[{"title":" "},{"title":"a"}]}`, 1, "T"},
		{"too many", `{"title":"T","steps":[` + repeat(`{"title":"a"}`, 40) + `]}`, maxPlanSteps, "T"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := readPlan(c.text, core.TaskCreated{Kind: core.KindTask, Prompt: "the prompt"})
			if len(p.Steps) != c.steps || p.Title != c.title {
				t.Errorf("got %q with %d steps, want %q with %d", p.Title, len(p.Steps), c.title, c.steps)
			}
		})
	}
	const calling = `{"title":"T","steps":[{"title":"a","call":{"id":"x","tool":"run_command"},"check":{"tool":"x"}}]}`
	p := readPlan(calling, core.TaskCreated{Kind: core.KindApp})
	if p.Steps[0].Call != nil || p.Steps[0].Check != nil {
		t.Error("a planner has smuggled a call into the plan of an app")
	}
	p = readPlan(calling, core.TaskCreated{Kind: core.KindTask})
	if c := p.Steps[0].Call; c == nil || c.Tool != "run_command" || c.ID != "" || p.Steps[0].Check != nil {
		t.Errorf("the plan of a task has the call %+v, the check %+v", c, p.Steps[0].Check)
	}
	long := strings.Replace(calling, `"tool":"run_command"`, `"tool":"run_command","arguments":{"a":"`+strings.Repeat("x", core.MaxInline)+`"}`, 1)
	if p = readPlan(long, core.TaskCreated{Kind: core.KindTask}); p.Steps[0].Call != nil {
		t.Error("a call that no event can hold was kept")
	}
}

func repeat(s string, n int) string {
	out := s
	for range n - 1 {
		out += "," + s
	}
	return out
}

func FuzzReadPlan(f *testing.F) {
	f.Add(`{"title":"T","steps":[{"title":"a"}]}`)
	f.Add("{{{}}}")
	f.Fuzz(func(t *testing.T, text string) {
		p := readPlan(text, core.TaskCreated{Kind: core.KindTask, Prompt: "prompt"})
		if len(p.Steps) == 0 || len(p.Steps) > maxPlanSteps || p.Title == "" && text != "" {
			t.Errorf("%d steps, title %q", len(p.Steps), p.Title)
		}
		_, _ = readJudgment(text)
	})
}
