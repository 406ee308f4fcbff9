package agent

import (
	"fmt"
	"slices"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Approval is what a person is asked about a call, and what came of it.
type Approval struct {
	Asked  core.ApprovalRequested
	At     time.Time              // when
	Answer *core.ApprovalAnswered // nil: nobody has answered yet
}

// Question is what a person is asked now; nil if the task waits for nobody.
func (s State) Question() *core.ApprovalRequested {
	if s.Finished != nil || s.Canceling || s.Approval == nil || s.Approval.Answer != nil {
		return nil
	}
	return &s.Approval.Asked
}

// answered notes what a person said. Time that was spent on waiting isn't the task's.
func (s State) answered(p core.ApprovalAnswered, at time.Time) State {
	s.Status = core.StatusRunning
	if s.Approval == nil || s.Approval.Asked.Call != p.Call || s.Approval.Answer != nil {
		return s
	}
	a := *s.Approval
	a.Answer = &p
	s.Approval, s.Waited = &a, s.Waited+max(0, at.Sub(a.At))
	if a.Asked.Why != core.AskPermission {
		return s
	}
	switch {
	case p.Answer == core.AnswerAllow && p.Always:
		s.Allowed = append(s.Allowed[:len(s.Allowed):len(s.Allowed)], a.Asked.Tool)
	case p.Answer == core.AnswerDeny:
		if c, ok := s.queued(p.Call); ok {
			s.Refusals = append(s.Refusals[:len(s.Refusals):len(s.Refusals)], c)
		}
	}
	return s
}

// queued is a call of the model's that hasn't run.
func (s State) queued(id core.CallID) (core.CallContent, bool) {
	i := slices.IndexFunc(s.Queue, func(c core.CallContent) bool { return c.ID == id })
	if i < 0 {
		return core.CallContent{}, false
	}
	return s.Queue[i], true
}

// answer is what a person said of a call; zero: nothing yet.
func (s State) answer(c core.CallID) core.ApprovalAnswered {
	if s.Approval == nil || s.Approval.Asked.Call != c || s.Approval.Answer == nil {
		return core.ApprovalAnswered{}
	}
	return *s.Approval.Answer
}

// decideWaiting rests until a person answers, or until nobody has in time.
func decideWaiting(q *core.ApprovalRequested, now time.Time) Effect {
	if q.Until.IsZero() || now.Before(q.Until) {
		return Effect{Rest: true, Until: q.Until}
	}
	return record(core.ApprovalAnswered{Call: q.Call, Answer: q.Otherwise, Expired: true})
}

// askOutcome asks what became of a call that was under way when its worker was lost.
func askOutcome(c core.CallContent) core.ApprovalRequested {
	return core.ApprovalRequested{
		Call: c.ID, Why: core.AskOutcome, Tool: c.Tool, Subject: c.Subject, Otherwise: core.AnswerFailed,
		Question: fmt.Sprintf("The worker was lost while %q ran, and nobody knows whether it took effect. Run it again, take it as done, or take it as failed?", c.Tool),
	}
}

// refused settles a call that isn't made, as a person, or the permissions, say so. The model
// is told, and may go another way.
func refused(c core.CallContent, why string) *core.ToolSettled {
	return &core.ToolSettled{Call: c.ID, Failed: true, Denied: true, Output: core.Content{Text: core.Clip(why, core.MaxInline)}}
}

// unallowed settles a call that a person hasn't allowed: this one, or one that was the same.
func (s State) unallowed(c core.CallContent) *core.ToolSettled {
	switch a := s.answer(c.ID); {
	case a.Answer == core.AnswerDeny && a.Expired:
		return refused(c, "Nobody allowed this call in time. Go on without it, or say what it is needed for.")
	case a.Answer == core.AnswerDeny && a.Text != "":
		return refused(c, "A person didn't allow this call, and says: "+a.Text)
	case a.Answer == core.AnswerDeny:
		return refused(c, "A person didn't allow this call. Go on without it.")
	}
	same := func(o core.CallContent) bool { return o.Tool == c.Tool && o.Arguments == c.Arguments }
	if slices.ContainsFunc(s.Refusals, same) {
		return refused(c, "A person didn't allow the same call before, and isn't asked again. Go on without it.")
	}
	return nil
}
