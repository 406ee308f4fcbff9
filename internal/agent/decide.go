package agent

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Effect is what Decide wants done next. Exactly one field is set.
type Effect struct {
	Record []core.Payload // facts that follow from the state alone: append them
	Model  *CallModel     // ask a model
	Tool   *CallTool      // run a tool
	// Subtasks are the calls whose sub-tasks are to be looked at.
	Subtasks []core.CallContent
	Join     *Beside                 // make one tree of what steps have left that were worked on side by side
	Ask      *core.ApprovalRequested // ask a person
	Sleep    time.Duration           // do nothing for this long, then decide again
	Rest     bool                    // nothing to do until somebody else appends
	Until    time.Time               // of Rest: when to decide again at the latest; zero: never
}

// CallModel asks the task's model.
type CallModel struct {
	Call    core.CallID
	Purpose string
}

// CallTool runs a tool.
type CallTool struct {
	Call core.CallContent
	Undo bool
	// Settle, if set, is appended instead of running anything: what came of the
	// call is known without a run.
	Settle *core.ToolSettled
}

const (
	purposePlan  = "plan"
	purposeWork  = "work"
	purposeJudge = "judge"
	purposeRoute = "route"

	// maxTries bounds how often a call that failed for a reason of the
	// platform's, or of the provider's, is made again.
	maxTries = 3
	// maxTurns bounds the model's answers within one attempt.
	maxTurns = 40

	// Blueprint is the name of the built-in planner, which needs no model.
	Blueprint = "blueprint"
)

// Decide says what a task needs next. It is pure: the same state and time give
// the same effect. It never stalls: every effect's result leads to another
// state, and every loop is bounded by s.Limits.
func Decide(s State, now time.Time) Effect {
	switch {
	case s.Finished != nil:
		return Effect{Rest: true}
	case s.Question() != nil:
		return decideWaiting(s.Question(), now)
	case s.Pending != nil:
		return decidePending(s)
	case s.Beside != nil && !(s.stopping() && s.besideOver()):
		return decideBeside(s)
	case s.wait(now) > 0 && (len(s.Undos) > 0 || !s.stopping()):
		return Effect{Sleep: s.wait(now)}
	case len(s.Undos) > 0 && (s.stopping() || s.Plan == nil):
		return compensate(s)
	case s.stopping():
		return finish(s)
	case s.Created.Hold > 0 && s.Held == 0:
		return decideCredits(s)
	}
	e := decideWork(s)
	if why := exceeded(s, now); why != "" && e.spends() {
		return giveUp(s, &core.Failure{Code: core.Exhausted, Msg: why, Hint: "raise the limit, or ask for less at once"})
	}
	return e
}

// decideWork is what a task that nothing stops needs next.
func decideWork(s State) Effect {
	switch {
	case s.Plan == nil:
		return decidePlan(s)
	case s.Step >= len(s.Plan.Steps):
		return finish(s)
	case s.Attempt == 0:
		if steps := s.apart(); steps != nil {
			return s.part(steps)
		}
		return record(core.StepStarted{Step: s.Step, Attempt: s.Tried + 1, Title: s.Plan.Steps[s.Step].Title})
	}
	return decideStep(s)
}

// spends reports whether the effect is what limits bound: a call, or an attempt.
// What a call has shown is judged, and a task that is done ends, at any limit.
func (e Effect) spends() bool {
	if len(e.Record) > 0 {
		_, ok := e.Record[0].(core.StepStarted)
		return ok
	}
	return e.Model != nil || e.Tool != nil
}

func record(p ...core.Payload) Effect { return Effect{Record: p} }

func (s State) stopping() bool { return s.Abort != nil || s.Canceling }

// wait is how long the last trouble asks for patience.
func (s State) wait(now time.Time) time.Duration {
	if s.Trouble == nil || s.Trouble.Code != core.Unavailable || s.TroubleTries >= maxTries {
		return 0
	}
	backoff := time.Second << (2 * (s.TroubleTries - 1)) // 1 s, then 4 s
	return backoff - now.Sub(s.TroubleAt)
}

// decidePending is reached only when a worker was lost between the request and
// the outcome of a call.
func decidePending(s State) Effect {
	p := s.Pending
	answer := core.Answer("")
	if p.Tool != nil {
		answer = s.answer(p.Tool.Call.ID).Answer
	}
	switch {
	case p.Tool != nil && p.Tool.Call.Tool == Delegate:
		return decideSubtask(s)
	case p.Model != nil && s.Canceling:
		return record(core.ModelSettled{Call: p.Model.Call, Error: canceled()})
	case p.Model != nil:
		return Effect{Model: &CallModel{Call: p.Model.Call, Purpose: p.Model.Purpose}}
	case p.Tool.Effect != core.Once || answer == core.AnswerRepeat:
		if s.Canceling && !p.Tool.Undo && p.Tool.Effect == core.Pure {
			return record(core.ToolSettled{Call: p.Tool.Call.ID, Error: canceled()})
		}
		return Effect{Tool: &CallTool{Call: p.Tool.Call, Undo: p.Tool.Undo}}
	case answer == core.AnswerDone:
		return record(core.ToolSettled{Call: p.Tool.Call.ID, Output: core.Content{Text: "The outcome was lost; a person says that it took effect."}})
	case answer == core.AnswerFailed || s.Canceling:
		return record(core.ToolSettled{Call: p.Tool.Call.ID, Failed: true, Output: core.Content{Text: "The call was interrupted and has to be taken as not done."}})
	}
	ask := askOutcome(p.Tool.Call)
	return Effect{Ask: &ask}
}

func canceled() *core.Failure {
	return &core.Failure{Code: core.Canceled, Msg: "canceled"}
}

// compensate runs the newest undo first.
func compensate(s State) Effect {
	u := s.Undos[len(s.Undos)-1]
	return Effect{Tool: &CallTool{Undo: true, Call: core.CallContent{ID: s.nextCall(), Tool: u.Tool, Arguments: core.Content{Text: string(u.Arguments)}}}}
}

// exceeded names the first limit that the next step of work would pass.
func exceeded(s State, now time.Time) string {
	l := s.Limits
	switch {
	case now.Sub(s.CreatedAt)-s.Waited >= l.Wall:
		return fmt.Sprintf("the task took longer than %s", l.Wall)
	case s.Calls >= l.Calls:
		return fmt.Sprintf("the task made %d calls", l.Calls)
	case s.Tokens >= l.Tokens:
		return fmt.Sprintf("the task used %d tokens", s.Tokens)
	case s.Spent > s.Held:
		return s.usedUp()
	case s.Steps >= l.Steps && s.Attempt == 0 && s.Plan != nil && s.Step < len(s.Plan.Steps):
		return fmt.Sprintf("the task made %d attempts at its steps", l.Steps)
	case s.Plans >= l.Plans && s.Plan == nil:
		return fmt.Sprintf("the task made %d plans, and none worked: %s", l.Plans, s.Replan)
	}
	return ""
}

func decidePlan(s State) Effect {
	switch {
	case s.Created.Kind == core.KindChat:
		return decideTurn(s)
	case s.PlanText != nil:
		return record(core.TaskPlanned{Plan: complete(s, readPlan(s.PlanText.Text.Text, s.Created))})
	case s.Trouble != nil && !retryable(s):
		return failover(s)
	}
	return s.ask(purposePlan)
}

func retryable(s State) bool {
	return s.Trouble.Code == core.Unavailable && s.TroubleTries < maxTries
}

// failover answers a model that stays in trouble: what the built-in planner can do, it does
// then, from the beginning. Anything else is given up.
func failover(s State) Effect {
	switch {
	case s.Model != Blueprint && s.Created.Kind == core.KindApp && outage(s.Trouble):
		return record(core.ModelSwitched{From: s.Model, To: Blueprint, Reason: s.Trouble.Msg})
	case s.Down != nil:
		return giveUp(s, &core.Failure{
			Code: core.Unavailable,
			Msg:  fmt.Sprintf("%s can't be used (%s), and the built-in planner can't do it instead: %s", s.Down.From, s.Down.Reason, s.Trouble.Msg),
			Hint: strings.TrimSuffix("start the task again when "+s.Down.From+" answers; or: "+s.Trouble.Hint, "; or: "),
		})
	}
	f := *s.Trouble
	if f.Hint == "" && outage(&f) {
		f.Hint = "start the task again when " + s.Model + " answers; isekai model list shows how its providers are"
	}
	return giveUp(s, &f)
}

// outage reports whether trouble is that of a model which nobody could use as things are: its
// providers are down, have no such model, or take no more of this installation. What is wrong
// with the request itself, or what a policy forbids, another planner isn't to get around.
func outage(f *core.Failure) bool {
	switch f.Code {
	case core.Unavailable, core.Unauthenticated, core.NotFound, core.Exhausted:
		return true
	}
	return false
}

func giveUp(s State, f *core.Failure) Effect {
	step := s.Step
	if s.Plan == nil || s.Attempt == 0 {
		step = -1
	}
	return record(core.VerdictGiven{Step: step, Attempt: s.Attempt, Verdict: core.Abort, Reason: f.Msg, Error: f})
}

// decideStep goes on with the attempt at hand.
func decideStep(s State) Effect {
	step := s.Plan.Steps[s.Step]
	switch {
	case s.Trouble != nil && !retryable(s):
		return failover(s)
	case step.Call != nil && s.Outcome == nil:
		return s.run(*step.Call)
	case step.Call != nil:
		return supervise(s)
	case len(s.Queue) > 0:
		return s.runQueued(s.Queue[0])
	case len(s.Turns) == 0 || len(s.Turns[len(s.Turns)-1].Answer.Calls) > 0:
		if len(s.Turns) >= maxTurns || s.loops() >= maxLoops {
			return supervise(s)
		}
		return s.ask(purposeWork)
	case step.Check != nil && s.Outcome == nil:
		return s.run(*step.Check)
	case needsJudge(s):
		return s.ask(purposeJudge)
	}
	return supervise(s)
}

func (s State) ask(purpose string) Effect {
	return Effect{Model: &CallModel{Call: s.nextCall(), Purpose: purpose}}
}

// run makes a call that the plan names; a repetition keeps the id, which is the
// tool's idempotency key.
func (s State) run(c core.Call) Effect {
	id := s.nextCall()
	if s.Trouble != nil {
		id = s.TroubleCall
	}
	call := core.CallContent{ID: id, Tool: c.Tool, Arguments: core.Content{Text: string(s.arguments(c))}, Subject: subject(c.Arguments)}
	t := &CallTool{Call: call, Settle: s.unallowed(call)}
	if c.Tool == Delegate {
		if _, why := s.wish(call); why != "" {
			t.Settle = problem(call, why)
		}
	}
	return Effect{Tool: t}
}

// problem settles a call that can't be made.
func problem(c core.CallContent, why string) *core.ToolSettled {
	return &core.ToolSettled{Call: c.ID, Failed: true, Output: core.Content{Text: why}}
}

func (s State) runQueued(c core.CallContent) Effect {
	if c.Tool == AskPerson && c.Problem == "" {
		return s.decideQuestion(c)
	}
	t := &CallTool{Call: c, Settle: cmp.Or(s.unallowed(c), s.looping(c))}
	if c.Tool == Delegate && c.Problem == "" {
		_, c.Problem = s.wish(c)
	}
	if c.Problem != "" {
		t.Settle = problem(c, c.Problem)
	}
	return Effect{Tool: t}
}

// nextCall names the next call of the task. Ids come from the count of calls,
// so Decide needs no randomness and a replay names them alike.
func (s State) nextCall() core.CallID { return s.callID(s.Calls + 1) }

func (s State) callID(n int) core.CallID {
	return core.CallID(fmt.Sprintf("cal_%sn%d", strings.TrimPrefix(string(s.Task), "tsk_"), n))
}

// finish ends the task. It is reached with every compensation done.
func finish(s State) Effect {
	f := core.TaskFinished{Answer: s.Answer, Version: s.Published, Spent: s.Spent, Parent: s.Created.Parent, Turn: s.Created.Turn, App: s.Made}
	if s.Asked && s.Refused == nil {
		f.Hold = s.Created.Hold
	}
	switch {
	case s.Canceling:
		f.Status, f.Summary = core.StatusCanceled, "Canceled."
	case s.Abort != nil:
		f.Status, f.Summary, f.Error = core.StatusFailed, s.Abort.Reason, s.Abort.Error
		if f.Error == nil {
			f.Error = &core.Failure{Code: core.Unavailable, Msg: s.Abort.Reason}
		}
	default:
		f.Status, f.Summary = core.StatusSucceeded, s.Plan.Title
	}
	return record(f)
}
