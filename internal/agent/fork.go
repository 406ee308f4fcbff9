package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Fork is the wish for a task that goes on from a point of another.
type Fork struct {
	At     int64  // the version of the other up to which it is the same; 0: as far as it can be
	Prompt string // "": the same
	Model  string // resolved; "": the same
	Limits core.Limits
	Key    string // the caller's idempotency key
}

// Fork makes a task that begins with what another one did up to a point, with the files as they
// were then, and goes on by itself from there. What the other did isn't done, paid or undone
// again. Errors: invalid (there is no such point), unsupported (the other works in a folder of the
// operator's, of which there are no states), not_found, conflict (the key was used for another
// wish).
func (s *Service) Fork(ctx context.Context, scope core.Scope, of core.TaskID, f Fork) (State, error) {
	const op = "task.fork"
	was, err := s.Get(ctx, scope, of)
	if err != nil {
		return State{}, err
	}
	if f.Prompt != "" {
		if err := core.CheckPrompt(f.Prompt); err != nil {
			return State{}, err
		}
	}
	switch {
	case was.Created.Workspace != "":
		return State{}, core.E(core.Unsupported, op, "the task works in a folder of the host, whose files aren't kept").WithHint("fork tasks that have a workspace of their own")
	case f.At < 0 || f.At > was.Version:
		return State{}, noVersion(f.At, was.Version)
	case f.Model == Blueprint && was.Created.Kind != core.KindApp:
		return State{}, core.E(core.Unsupported, op, "the built-in planner is no model for this task").WithHint("name a model")
	}
	events, err := s.history(ctx, scope, of)
	if err != nil {
		return State{}, err
	}
	facts, at, err := s.prefix(events, f.At)
	if err != nil {
		return State{}, err
	}
	facts[0] = s.forked(facts[0].(core.TaskCreated), scope, of, at, f)
	facts = append(facts, core.TaskForked{From: of, At: at, Prompt: f.Prompt, Model: f.Model})
	id := core.TaskID(s.IDs("tsk"))
	if f.Key != "" {
		sum := sha256.Sum256([]byte(string(scope.Org) + "\x00" + string(scope.Project) + "\x00fork\x00" + f.Key))
		id = core.TaskID("tsk_" + hex.EncodeToString(sum[:13]))
	}
	stored, err := s.append(ctx, scope, id, 0, store.WorkReady, facts...)
	if moved(err) && f.Key != "" {
		had, err := Load(ctx, s.Events, scope.Org, id)
		if err == nil && (had.Forked == nil || *had.Forked != facts[len(facts)-1].(core.TaskForked)) {
			err = core.E(core.Conflict, op, "this idempotency key was used for another request").WithHint("use a new key for a new request")
		}
		return had, err
	}
	if err != nil {
		return State{}, err
	}
	return Fold(State{}, stored...)
}

// prefix are the facts up to a point from which a task can go on, and its version: not in the
// middle of a call, not after the task was given up, canceled or published.
func (s *Service) prefix(events []core.Event, at int64) ([]core.Payload, int64, error) {
	asked := at > 0
	if !asked {
		at = int64(len(events))
	}
	var st State
	var facts []core.Payload
	end, why := 0, "" // of facts, where it can go on; what stands in the way of more
	var version int64
	for _, e := range events[:at] {
		p, err := e.Payload()
		if err != nil {
			return nil, 0, err
		}
		if st, err = Fold(st, e); err != nil {
			return nil, 0, err
		}
		switch p := p.(type) {
		case core.CreditsRequested, core.CreditsHeld, core.CreditsRefused:
			continue // it asks for credits of its own
		default:
			facts = append(facts, unpaid(p))
		}
		if why = st.unforkable(); why == "" {
			end, version = len(facts), e.Version
		}
	}
	if end == 0 || asked && why != "" && st.final() {
		return nil, 0, core.E(core.Invalid, "task.fork", "the task can't go on from there: "+why).WithHint(fmt.Sprintf("the last point before that from which it can is %d", version))
	}
	return slices.Clone(facts[:end]), version, nil
}

// unforkable says why a task can't go on from here; "": it can.
func (s State) unforkable() string {
	switch {
	case s.Finished != nil && s.Finished.Status != core.StatusSucceeded, s.Abort != nil:
		return "it was given up"
	case s.Canceling:
		return "it was canceled"
	case s.Finished != nil:
		return "it is over"
	case s.Published > 0:
		return "the version is published"
	case s.Beside != nil:
		return "steps are worked on side by side"
	case s.Pending != nil:
		return "a call is under way"
	case s.Question() != nil:
		return "a person is asked"
	}
	return ""
}

// final reports whether no later point is one from which a task can go on either.
func (s State) final() bool {
	return s.Finished != nil || s.Abort != nil || s.Canceling || s.Published > 0
}

// unpaid is a fact without what it cost, and without what would undo it: both are the other
// task's.
func unpaid(p core.Payload) core.Payload {
	switch p := p.(type) {
	case core.ModelSettled:
		p.Cost, p.Share = 0, 0
		return p
	case core.ToolSettled:
		p.Cost, p.Share, p.Undo = 0, 0, nil
		return p
	case core.SubtaskFinished:
		p.Cost = 0
		return p
	}
	return p
}

// forked is how a fork is created.
func (s *Service) forked(c core.TaskCreated, scope core.Scope, of core.TaskID, at int64, f Fork) core.TaskCreated {
	if f.Prompt != "" {
		c.Prompt = f.Prompt
	}
	if f.Model != "" {
		c.Model = f.Model
	}
	if c.Kind == core.KindApp && c.Base == 0 {
		c.App = core.AppID(s.IDs("app"))
	}
	c.Parent, c.Allowance, c.Hold, c.Key = nil, 0, 0, ""
	if f.Limits != (core.Limits{}) {
		c.Limits = f.Limits.OrDefault()
	}
	if s.Charge {
		c.Hold = c.Limits.Credits
		if scope.Actor.Kind == core.ActorKey {
			c.Key = core.KeyID(scope.Actor.ID)
		}
	}
	return c
}

// afork is the task as its fork goes on: with what was done, and nothing of it counted.
func (s State) afork(p core.TaskForked) State {
	s.Forked = &p
	s.CreatedAt = s.UpdatedAt
	s.Waited, s.Tokens, s.Steps, s.Plans, s.Spent, s.SubSpent, s.Subtasks = 0, 0, 0, 0, 0, 0, 0
	s.ModelCalls, s.ToolCalls, s.Used = 0, 0, core.Usage{}
	s.Limits.Calls += s.Calls // whose numbers name the calls to come
	s.Undos, s.Asked, s.Held, s.Refused = nil, false, 0, nil
	s.Allowed = nil // by a person, for the other alone
	if p.Model != "" {
		s.Model, s.Down = p.Model, nil
		s.Trouble, s.TroubleTries = nil, 0
	}
	if p.Prompt != "" && s.Plan != nil {
		done := ""
		for i, step := range s.Plan.Steps {
			if i < s.Step {
				done += "\n- " + step.Title
			}
		}
		s = s.endAttempt()
		s.Replan = "Nothing: the wish has changed since. What was done of the earlier plan, and is in the workspace:" + done
		if done == "" {
			s.Replan += "\n- nothing that was finished"
		}
		s.Plan, s.PlanText, s.Step, s.Tried, s.Feedback, s.Passed, s.Behind = nil, nil, 0, 0, "", nil, nil
	}
	return s
}
