package agent

import (
	"fmt"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// State is what a task's events add up to: all that Decide looks at.
type State struct {
	Task      core.TaskID
	Project   core.ProjectID
	Version   int64 // of the stream
	Created   core.TaskCreated
	CreatedAt time.Time
	UpdatedAt time.Time
	Limits    core.Limits
	Model     string
	Down      *core.ModelSwitched // why Model isn't that of the task's creation any more

	Status    core.TaskStatus
	Approval  *Approval          // what a person is, or was, asked about the call at hand
	Waited    time.Duration      // for people, in all
	Allowed   []string           // the tools that a person has allowed for the whole task
	Refusals  []core.CallContent // the calls that a person hasn't allowed
	Forked    *core.TaskForked   // the task begins with another's events, up to this one
	Canceling bool
	Abort     *core.VerdictGiven // set when the task is given up
	Finished  *core.TaskFinished

	// What was spent, against Limits.
	Plans, Steps, Calls, Tokens int
	ModelCalls, ToolCalls       int        // that have settled
	Used                        core.Usage // what Tokens adds up
	Spent                       core.Credits
	SubSpent                    core.Credits // that of Spent which sub-tasks spent
	Subtasks                    int
	Subtask                     *core.SubtaskFinished // what came of the one that is pending; nil: it isn't over

	// Credits, for a task with Created.Hold: it rests until the ledger has answered.
	Asked   bool
	Held    core.Credits // 0: not yet, or refused
	Refused *core.CreditsRefused

	Intent *core.Intent // of a turn; nil: not known yet
	Made   core.AppID   // that a sub-task made or changed last

	// Planning. PlanText is the answer to be made a plan of.
	Plan     *core.Plan
	PlanText *core.ModelSettled
	Replan   string // set by REPLAN: what was wrong with the plan before

	// What became of the plan's steps besides Step. Done has the titles of all that ever succeeded,
	// of earlier plans, too.
	Passed map[int]bool   // later ones that have succeeded already
	Behind map[int]string // those that didn't succeed side by side, with the feedback
	Done   []string
	Beside *Beside // the steps that are worked on side by side

	// The attempt at hand; Attempt is 0 between attempts.
	Step     int
	Attempt  int
	Tried    int    // attempts at this step that have ended
	Feedback string // from the attempt before
	Turns    []Turn
	Queue    []core.CallContent // calls of the last turn that haven't run
	Unseen   *core.ToolSettled  // the last of the turns' calls, if it changes nothing, and failed
	Outcome  *core.ToolSettled  // of the step's Call or Check
	Judgment *core.ModelSettled // the model's judgement

	// The call that is requested and not settled; after a crash, still there.
	Pending *Pending

	// The last call's trouble, for bounded repetition.
	Trouble      *core.Failure
	TroubleAt    time.Time
	TroubleCall  core.CallID
	TroubleTries int

	Undos     []core.Call // compensations that are due if the task fails, oldest first
	Tests     core.Evidence
	Published int // the app's version that stands
	Tree      core.Digest
	Answer    core.Content // the last thing that the model said in its work
}

// Turn is one answer of the model in an attempt, and what its calls gave.
type Turn struct {
	Answer  core.ModelSettled
	Results []core.ToolSettled
}

// Pending is a call whose outcome isn't stored yet.
type Pending struct {
	Model *core.ModelRequested
	Tool  *core.ToolRequested
}

// Fold applies events, in order, to the zero State or to an earlier result.
// An event that can't follow is an internal error: the stream is damaged.
func Fold(s State, events ...core.Event) (State, error) {
	for _, e := range events {
		p, err := e.Payload()
		if err != nil {
			return s, err
		}
		if e.Version != s.Version+1 || (s.Version == 0) != (e.Type == core.TaskCreated{}.EventType()) || s.Finished != nil {
			return s, core.E(core.Internal, "agent.fold", fmt.Sprintf("event %s can't follow version %d of %s", e.Type, s.Version, e.Stream))
		}
		s.Task, s.Project = core.TaskID(e.Stream), e.Project
		s.Version, s.UpdatedAt = e.Version, e.At
		s = s.apply(p, e.At)
	}
	return s, nil
}

// apply is the transition function: no I/O, no clock.
func (s State) apply(p core.Payload, at time.Time) State {
	switch p := p.(type) {
	case core.TaskCreated:
		s.Created, s.CreatedAt, s.Limits = p, at, p.Limits.OrDefault()
		s.Model, s.Status, s.Tree = p.Model, core.StatusQueued, p.Tree
		s.Held = p.Allowance
	case core.CreditsRequested:
		s.Asked = true
	case core.CreditsHeld:
		s.Held = p.Amount
	case core.CreditsRefused:
		s.Refused = &p
	case core.ModelSwitched:
		s.Model, s.Down = p.To, &p
		s = s.afresh()
	case core.IntentRouted:
		s.Intent, s.Approval = &p.Intent, nil
	case core.TaskPlanned:
		s.Plan, s.PlanText, s.Replan = &p.Plan, nil, ""
		s.Plans++
		s.Step, s.Tried, s.Feedback, s.Passed, s.Behind = 0, 0, "", nil, nil
	case core.StepStarted:
		s.Status, s.Steps = core.StatusRunning, s.Steps+1
		if !p.Beside {
			s.Attempt = p.Attempt
		}
	case core.StepsParted:
		s.Beside = &Beside{StepsParted: p}
	case core.StepsJoined:
		s = s.joined(p)
	case core.ModelRequested:
		s.Status = core.StatusRunning
		s.Pending, s.Calls = &Pending{Model: &p}, s.Calls+1
	case core.ModelSettled:
		s.Spent += p.Cost + p.Share
		s = s.modelSettled(p, at)
	case core.ToolRequested:
		if s.Pending == nil { // a repetition after a crash is the same call
			s.Calls++
		}
		s.Pending, s.Approval = &Pending{Tool: &p}, nil
	case core.ToolSettled:
		s.ToolCalls, s.Spent = s.ToolCalls+1, s.Spent+p.Cost+p.Share
		s = s.toolSettled(p, at)
	case core.ApprovalRequested:
		s.Status, s.Approval = core.StatusWaiting, &Approval{Asked: p, At: at}
	case core.ApprovalAnswered:
		s = s.answered(p, at)
	case core.TaskForked:
		s = s.afork(p)
	case core.SubtaskFinished:
		if s.Subtasks++; s.Beside == nil {
			s.Subtask = &p
		} else {
			s.Beside = s.Beside.with(p)
		}
		if p.App != "" {
			s.Made = p.App
		}
		s.Spent, s.SubSpent = s.Spent+p.Cost, s.SubSpent+p.Cost
		s.Calls, s.Tokens, s.Waited = s.Calls+p.Calls, s.Tokens+p.Tokens, s.Waited+p.Waited
	case core.VerdictGiven:
		s = s.judged(p)
	case core.TaskCancelRequested:
		s.Canceling = true
		if s.Status == core.StatusWaiting {
			s.Status = core.StatusRunning
		}
	case core.TaskFinished:
		s.Finished, s.Status, s.Pending = &p, p.Status, nil
	}
	return s
}

// afresh is the task as if nothing had been planned and done, but for what was spent and
// what is yet to be undone: who takes over isn't to stumble over half of somebody else's work.
func (s State) afresh() State {
	s = s.endAttempt()
	s.Plan, s.PlanText, s.Replan, s.Plans = nil, nil, "", 0
	s.Step, s.Tried, s.Feedback, s.Passed, s.Behind, s.Done = 0, 0, "", nil, nil, nil
	s.Trouble, s.TroubleTries = nil, 0
	s.Tests, s.Answer, s.Tree = core.Evidence{}, core.Content{}, s.Created.Tree
	return s
}

func (s State) modelSettled(p core.ModelSettled, at time.Time) State {
	if s.Pending == nil || s.Pending.Model == nil {
		return s
	}
	purpose := s.Pending.Model.Purpose
	s.Pending = nil
	s.Tokens += p.Usage.Input + p.Usage.Output
	s.ModelCalls, s.Used = s.ModelCalls+1, core.Usage{
		Input: s.Used.Input + p.Usage.Input, Output: s.Used.Output + p.Usage.Output, Cached: s.Used.Cached + p.Usage.Cached,
		CacheWrite: s.Used.CacheWrite + p.Usage.CacheWrite, CacheWrite1h: s.Used.CacheWrite1h + p.Usage.CacheWrite1h,
	}
	if p.Error != nil {
		if purpose == purposeJudge { // a judge that fails is no judge
			s.Judgment = &p
			return s
		}
		if p.Text != (core.Content{}) { // that was stopped
			s.Answer = p.Text
		}
		return s.troubled(p.Call, p.Error, at)
	}
	s.Trouble, s.TroubleTries = nil, 0
	switch purpose {
	case purposePlan, purposeRoute:
		s.PlanText = &p
	case purposeJudge:
		s.Judgment = &p
	default:
		s.Turns = append(s.Turns[:len(s.Turns):len(s.Turns)], Turn{Answer: p})
		s.Queue = p.Calls
		if len(p.Calls) == 0 {
			s.Answer = p.Text
		}
	}
	return s
}

// troubled records a call that failed and may be made again.
func (s State) troubled(c core.CallID, f *core.Failure, at time.Time) State {
	s.Trouble, s.TroubleAt, s.TroubleCall, s.TroubleTries = f, at, c, s.TroubleTries+1
	return s
}

func (s State) toolSettled(p core.ToolSettled, at time.Time) State {
	var req *core.ToolRequested
	if s.Pending != nil {
		req = s.Pending.Tool
	}
	s.Pending, s.Approval, s.Subtask = nil, nil, nil
	if p.Tree != "" {
		s.Tree = p.Tree
	}
	if p.Undo != nil {
		s.Undos = append(s.Undos[:len(s.Undos):len(s.Undos)], *p.Undo)
	}
	if req != nil && req.Undo {
		return s.undone(p, at)
	}
	if again(p, req) && s.TroubleTries+1 < maxTries {
		return s.troubled(p.Call, p.Error, at)
	}
	s.Trouble, s.TroubleTries = nil, 0
	if p.Evidence != nil && p.Evidence.Kind == "tests" {
		s.Tests = *p.Evidence
	}
	if v := publishedVersion(p); v > 0 && req != nil && req.Call.Tool == ToolPublish {
		s.Published = v
	}
	if len(s.Queue) > 0 && s.Queue[0].ID == p.Call && len(s.Turns) > 0 {
		s.Queue = s.Queue[1:]
		turns := append([]Turn(nil), s.Turns...)
		last := &turns[len(turns)-1]
		last.Results = append(last.Results[:len(last.Results):len(last.Results)], p)
		s.Turns, s.Unseen = turns, nil
		if (p.Failed || p.Error != nil) && !p.Denied && !p.Looped && p.Evidence == nil && req != nil && req.Effect == core.Pure {
			s.Unseen = &p
		}
		return s
	}
	if s.Outcome = &p; s.Created.Kind == core.KindChat {
		s.Answer = p.Output
	}
	return s
}

// again reports whether a call that failed for a reason of the platform's may
// be repeated: its outcome is known to be nothing, or twice is once.
func again(p core.ToolSettled, req *core.ToolRequested) bool {
	return p.Error != nil && p.Error.Code == core.Unavailable && req != nil && req.Effect != core.Once
}

// undone takes a compensation off the list once it worked, or once it has
// failed too often to go on.
func (s State) undone(p core.ToolSettled, at time.Time) State {
	if (p.Failed || p.Error != nil) && s.TroubleTries+1 < maxTries {
		f := p.Error
		if f == nil {
			f = &core.Failure{Code: core.Unavailable, Msg: p.Output.Text}
		}
		return s.troubled(p.Call, f, at)
	}
	s.Trouble, s.TroubleTries = nil, 0
	if n := len(s.Undos); n > 0 {
		s.Undos = s.Undos[: n-1 : n-1]
	}
	s.Published = 0
	return s
}

func (s State) judged(v core.VerdictGiven) State {
	s = s.endAttempt()
	s.Trouble, s.TroubleTries = nil, 0
	if s.Beside != nil && v.Verdict != core.Abort {
		return s.judgedBeside(v)
	}
	switch v.Verdict {
	case core.Success:
		s.Done = append(s.Done[:len(s.Done):len(s.Done)], s.Plan.Steps[s.Step].Title)
		s.Step++
		s = s.onward()
	case core.Retry:
		s.Tried, s.Feedback = s.Tried+1, v.Feedback
	case core.Replan:
		s.Plan, s.PlanText, s.Replan = nil, nil, v.Feedback
	case core.Abort:
		s.Abort, s.Beside = &v, nil
	}
	return s
}

func (s State) endAttempt() State {
	s.Attempt, s.Turns, s.Queue, s.Unseen, s.Outcome, s.Judgment, s.Approval = 0, nil, nil, nil, nil, nil, nil
	return s
}
