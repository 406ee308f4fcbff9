package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Frame is one event of a replay, with what the task was after it.
type Frame struct {
	Version int64           `json:"version"`
	Type    string          `json:"type"`
	At      time.Time       `json:"at"`
	By      Origin          `json:"by"`
	Status  core.TaskStatus `json:"status"`
	Plan    int             `json:"plan"` // how many plans there were
	Step    int             `json:"step"`
	Attempt int             `json:"attempt"`
	Calls   int             `json:"calls"`
	Tokens  int             `json:"tokens"`
	Spent   core.Credits    `json:"spent,omitempty"`
	Tree    core.Digest     `json:"tree,omitempty"` // the files, if the workspace is the task's own
	Next    string          `json:"next"`           // what the task wanted then
	// Diverges says how an event differs from what the task wanted, by the rules of this build;
	// "": it doesn't.
	Diverges string `json:"diverges,omitempty"`
}

// Origin is whence an event comes.
type Origin string

// The origins.
const (
	Decided Origin = "decided" // it follows from the events before
	Outcome Origin = "outcome" // of a call: of a model, a tool, or a sub-task
	Outside Origin = "outside" // of a person, or of the ledger
)

// Replay rebuilds a task from its events, one by one, and looks at each whether it is what the
// task wanted. It calls no model and no tool, and appends nothing. Errors: internal (an event that
// can't follow).
func Replay(events []core.Event) ([]Frame, error) {
	var s State
	frames := make([]Frame, 0, len(events))
	for _, e := range events {
		p, err := e.Payload()
		if err != nil {
			return nil, err
		}
		f := Frame{Version: e.Version, Type: e.Type, At: e.At}
		f.By, f.Diverges = s.explains(p, e.At)
		if s, err = Fold(s, e); err != nil {
			return nil, err
		}
		f.Status, f.Plan, f.Step, f.Attempt = s.Status, s.Plans, s.Step, s.Attempt
		f.Calls, f.Tokens, f.Spent = s.Calls, s.Tokens, s.Spent
		if s.Created.Workspace == "" {
			f.Tree = s.Tree
		}
		f.Next = Decide(s, e.At).String()
		frames = append(frames, f)
	}
	return frames, nil
}

// Replay is Replay of a task's events. not_found: the project has no such task; exhausted: it has
// more events than can be shown at once.
func (s *Service) Replay(ctx context.Context, scope core.Scope, id core.TaskID) ([]Frame, error) {
	events, err := s.history(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	return Replay(events)
}

// At is a task as it was after one of its events; 0 is the last.
func (s *Service) At(ctx context.Context, scope core.Scope, id core.TaskID, version int64) (State, error) {
	if version == 0 {
		return s.Get(ctx, scope, id)
	}
	events, err := s.history(ctx, scope, id)
	if err != nil {
		return State{}, err
	}
	if version < 0 || version > int64(len(events)) {
		return State{}, noVersion(version, int64(len(events)))
	}
	return Fold(State{}, events[:version]...)
}

// maxHistory bounds the events that are looked at in one request.
const maxHistory = 5000

// history are a task's events.
func (s *Service) history(ctx context.Context, scope core.Scope, id core.TaskID) ([]core.Event, error) {
	st, err := s.Get(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	if st.Version > maxHistory {
		return nil, core.E(core.Exhausted, "task.history", fmt.Sprintf("the task has %d events", st.Version)).WithHint(fmt.Sprintf("up to %d are looked at; its stream has all", maxHistory))
	}
	return s.Events.ReadStream(ctx, scope.Org, id.Stream(), 0, maxHistory)
}

func noVersion(asked, last int64) error {
	return core.E(core.Invalid, "task.history", fmt.Sprintf("the task has no version %d", asked)).WithHint(fmt.Sprintf("isekai task replay shows them; they are 1 to %d", last))
}

// String says what an effect is, for a person.
func (e Effect) String() string {
	switch {
	case len(e.Record) > 0:
		return "record " + e.Record[0].EventType()
	case e.Model != nil:
		return "ask the model to " + e.Model.Purpose
	case e.Tool != nil && e.Tool.Settle != nil:
		return "settle " + e.Tool.Call.Tool + " without a call"
	case e.Tool != nil && e.Tool.Undo:
		return "undo by " + e.Tool.Call.Tool
	case e.Tool != nil:
		return "call " + e.Tool.Call.Tool
	case len(e.Subtasks) > 1:
		return fmt.Sprintf("wait for %d sub-tasks", len(e.Subtasks))
	case e.Subtasks != nil:
		return "wait for a sub-task"
	case e.Join != nil:
		return "join what steps have left"
	case e.Ask != nil:
		return "ask a person"
	case e.Sleep > 0:
		return "wait a moment"
	}
	return "rest"
}

// explains says whence an event comes that follows the state, and how it differs from what the
// state wants.
func (s State) explains(p core.Payload, at time.Time) (Origin, string) {
	switch p := p.(type) {
	case core.TaskCreated, core.TaskForked, core.TaskCancelRequested, core.CreditsHeld, core.CreditsRefused:
		return Outside, ""
	case core.ApprovalAnswered:
		if !p.Expired {
			return Outside, ""
		}
	case core.SubtaskFinished, core.StepsJoined, core.ModelStreamed:
		return Outcome, ""
	case core.ModelSettled:
		return Outcome, s.settles(s.Pending != nil && s.Pending.Model != nil && s.Pending.Model.Call == p.Call, "answer", p.Call)
	case core.ToolSettled:
		return Outcome, s.settles(s.Pending != nil && s.Pending.Tool != nil && s.Pending.Tool.Call.ID == p.Call, "result", p.Call)
	}
	want := s.wanted(at)
	if want.yields(p) {
		return Decided, ""
	}
	return Decided, fmt.Sprintf("the task wanted to %s", want)
}

func (s State) settles(pending bool, what string, c core.CallID) string {
	if pending {
		return ""
	}
	return fmt.Sprintf("an %s of %s, which isn't under way", what, c)
}

// wanted is what the task wanted, once it had waited.
func (s State) wanted(at time.Time) Effect {
	e := Decide(s, at)
	if e.Sleep > 0 {
		return Decide(s, at.Add(e.Sleep))
	}
	return e
}

// yields reports whether an effect may lead to an event. What a call may cost, and whether it is
// permitted, isn't in the state: it may be asked about, or be the end.
func (e Effect) yields(p core.Payload) bool {
	switch p := p.(type) {
	case core.ModelRequested:
		return e.Model != nil && e.Model.Call == p.Call && e.Model.Purpose == p.Purpose
	case core.ToolRequested:
		return e.Tool != nil && e.Tool.Call.ID == p.Call.ID && e.Tool.Call.Tool == p.Call.Tool
	case core.ApprovalRequested:
		return e.Ask != nil && e.Ask.Call == p.Call || e.Tool != nil && e.Tool.Call.ID == p.Call && p.Why == core.AskPermission
	case core.VerdictGiven:
		if p.Verdict == core.Abort && (e.Model != nil || e.Tool != nil) {
			return true
		}
	}
	for _, r := range e.Record {
		if alike(r, p) {
			return true
		}
	}
	return false
}

// alike reports whether two payloads say the same, as they are stored.
func alike(a, b core.Payload) bool {
	if a.EventType() != b.EventType() {
		return false
	}
	var all [2]any
	for i, p := range []core.Payload{a, b} {
		data, err := json.Marshal(p)
		if err != nil || json.Unmarshal(data, &all[i]) != nil {
			return false
		}
	}
	return reflect.DeepEqual(all[0], all[1])
}
