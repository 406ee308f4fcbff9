package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool"
)

// Delegate is the name of the tool by which a task has a part of its work done by a task of its
// own: a stream of its own, with its own plan, and a share of what its parent may use. The parent
// rests until it is over.
const Delegate = "delegate"

// Bounds of sub-tasks.
const (
	maxDepth    = 2  // of tasks below a task
	maxSubtasks = 20 // of a task
	// lookAgain is after what time a parent looks by itself whether its sub-task is over. It is told
	// when that is so; this is for the day when nobody tells.
	lookAgain = 30 * time.Second
)

var delegate = tool.Spec{
	Name: Delegate, Version: "1", Effect: core.Idempotent, Contained: true, Bare: true, Kinds: []core.TaskKind{core.KindTask, core.KindChat},
	Description: "Has a part of the work done as a task of its own, with the files as they are, and waits for its answer; its changes are there then. For parts that need many looks of which only the outcome matters. " +
		"It knows nothing but the prompt.",
	Schema: json.RawMessage(`{"type":"object","properties":{
		"prompt":{"type":"string","minLength":1,"maxLength":5000,"description":"all that it has to know, and what its answer has to say"},
		"kind":{"type":"string","enum":["task","app"],"description":"app: it makes a web app, or changes one"},
		"app":{"type":"string","description":"the id of the app to change"},
		"credits":{"type":"number","exclusiveMinimum":0,"description":"what it may cost at most, if tasks are charged; half of what is left if not given"}
	},"required":["prompt"],"additionalProperties":false}`),
}

// wish is a sub-task that is wanted.
type wish struct {
	Prompt  string        `json:"prompt"`
	Kind    core.TaskKind `json:"kind,omitempty"` // "": KindTask
	App     core.AppID    `json:"app,omitempty"`  // to change
	Credits float64       `json:"credits,omitempty"`
}

// wish reads what a call of Delegate wants, or says why there is none.
func (s State) wish(c core.CallContent) (p wish, why string) {
	switch {
	case json.Unmarshal([]byte(c.Arguments.Text), &p) != nil || c.Arguments.Blob != "":
		return p, "The arguments aren't those of a sub-task: give prompt, a text."
	case core.CheckPrompt(p.Prompt) != nil:
		return p, core.CheckPrompt(p.Prompt).Error()
	case p.Kind != "" && p.Kind != core.KindTask && p.Kind != core.KindApp:
		return p, "A sub-task is a task or an app."
	case p.App != "" && (p.Kind != core.KindApp || !core.ValidID("app", string(p.App))):
		return p, "Only a sub-task of the kind app changes an app, which it names by its id."
	case s.depth() >= maxDepth:
		return p, "This is a sub-task of a sub-task, which has none itself. Do the work here."
	case s.Subtasks >= maxSubtasks:
		return p, fmt.Sprintf("The task has had %d sub-tasks, and gets no more. Do the work here.", maxSubtasks)
	case s.charged() && s.allowance(p) <= 0:
		return p, "There aren't enough credits left for a sub-task. Do the work here."
	}
	return p, ""
}

func (s State) depth() int {
	if s.Created.Parent == nil {
		return 0
	}
	return s.Created.Parent.Depth
}

// charged reports whether calls cost credits.
func (s State) charged() bool { return s.Created.Hold > 0 || s.Created.Allowance > 0 }

// allowance is what a sub-task may spend of what is left.
func (s State) allowance(p wish) core.Credits {
	left := s.Held - s.Spent
	if s.Created.Kind == core.KindChat && s.Plan.Steps[s.Step].Call != nil { // all that the turn does
		return left
	}
	if p.Credits > 0 {
		return min(left, core.Credits(p.Credits*float64(core.Credit)))
	}
	return left / 2
}

// decideSubtask waits for the sub-task that is pending, and tells the model what came of it.
func decideSubtask(s State) Effect {
	c := s.Pending.Tool.Call
	if s.Subtask == nil {
		return Effect{Subtasks: []core.CallContent{c}}
	}
	f := *s.Subtask
	out := core.ToolSettled{Call: c.ID, Failed: f.Status != core.StatusSucceeded, Output: f.Answer, Tree: f.Tree}
	made := map[string]any{"task": f.Task}
	if f.App != "" {
		made["app"], made["version"] = f.App, f.Version
	}
	if data, err := json.Marshal(made); err == nil {
		out.Data = data
	}
	if out.Failed {
		out.Tree, out.Output = "", core.Content{Text: "The sub-task didn't succeed: it " + string(f.Status)}
		if f.Error != nil {
			out.Output.Text = strings.TrimSpace(fmt.Sprintf("The sub-task %s: %s\n%s", f.Status, f.Error.Msg, f.Error.Hint))
		}
	}
	return record(out)
}

// subtask looks at the pending sub-task, and makes it if it isn't there. It reports whether the
// outcome was noted; else there is nothing to do until that is known.
func (d *drive) subtask(ctx context.Context, c core.CallContent) (known bool, err error) {
	id := core.SubtaskOf(c.ID)
	child, err := Load(ctx, d.Events, d.lease.Org, id)
	switch {
	case core.CodeOf(err) == core.NotFound && d.state.Canceling:
		d.note(core.SubtaskFinished{Call: c.ID, Task: id, Status: core.StatusCanceled})
		return true, nil
	case core.CodeOf(err) == core.NotFound:
		return false, d.begin(ctx, id, c)
	case err != nil:
		return false, err
	case child.Finished != nil:
		d.note(child.report())
		return true, nil
	case d.state.Canceling && !child.Canceling:
		return false, d.tell(ctx, id, child.Version, core.TaskCancelRequested{Reason: "its parent is canceled"})
	}
	return false, nil
}

// begin makes a sub-task: with the files as they are, and a share of what is left.
func (d *drive) begin(ctx context.Context, id core.TaskID, c core.CallContent) error {
	s := d.state
	p, why := s.wish(c)
	if s.Beside != nil { // it was looked at when they were parted
		why = ""
	}
	if why != "" {
		return core.E(core.Internal, "agent.subtask", "a sub-task that can't be was wanted: "+why)
	}
	if err := d.flush(ctx, store.WorkKeep); err != nil { // who is told of its end has to know of its beginning
		return err
	}
	created := core.TaskCreated{
		Kind: core.KindTask, Prompt: p.Prompt, Model: s.Model, Tree: s.Tree, Workspace: s.Created.Workspace, Key: s.Created.Key,
		Parent: &core.Parent{Task: s.Task, Call: c.ID, Depth: s.depth() + 1}, Limits: s.left(d.Now()),
	}
	if p.Kind == core.KindApp {
		if err := d.anApp(ctx, p.App, &created); err != nil {
			d.note(core.SubtaskFinished{Call: c.ID, Task: id, Status: core.StatusFailed, Error: core.Fail(err)})
			return nil
		}
	}
	if s.charged() {
		if created.Allowance = s.allowance(p); s.Beside != nil {
			created.Allowance = s.Beside.Allowance
		}
		created.Limits.Credits = created.Allowance
	}
	return d.tell(ctx, id, 0, created)
}

// anApp has a sub-task make an app, or the next version of one.
func (d *drive) anApp(ctx context.Context, change core.AppID, c *core.TaskCreated) (err error) {
	c.Kind, c.Tree, c.Workspace, c.App = core.KindApp, "", "", core.AppID(core.NewID("app"))
	switch {
	case change != "" && d.AppFiles == nil:
		return core.E(core.Unsupported, "agent.subtask", "there are no apps here")
	case change != "":
		c.App = change
		c.Base, c.Tree, err = d.AppFiles(ctx, d.scope, change)
	}
	return err
}

// left are the limits of a sub-task: what the task itself has left.
func (s State) left(now time.Time) core.Limits {
	l := s.Limits
	l.Steps, l.Calls, l.Tokens = max(1, l.Steps-s.Steps), max(1, l.Calls-s.Calls), max(1, l.Tokens-s.Tokens)
	l.Wall = max(time.Minute, l.Wall-(now.Sub(s.CreatedAt)-s.Waited))
	if s.Beside != nil {
		n := len(s.Beside.Steps)
		l.Steps, l.Calls, l.Tokens = max(1, l.Steps/n), max(1, l.Calls/n), max(1, l.Tokens/n)
	}
	return l
}

// tell appends to a sub-task's stream. Somebody else's being quicker is fine: it is looked at
// again.
func (d *drive) tell(ctx context.Context, id core.TaskID, expected int64, p core.Payload) error {
	data, err := core.EncodePayload(p)
	if err != nil {
		return err
	}
	_, err = d.Events.Append(ctx, d.scope, store.Append{
		Stream: id.Stream(), Expected: expected, Work: store.WorkReady,
		Events: []store.NewEvent{{ID: core.EventID(core.NewID("evt")), Type: p.EventType(), Data: data}},
	})
	if moved(err) {
		return nil
	}
	return err
}

// report is what a sub-task that is over says to its parent.
func (s State) report() core.SubtaskFinished {
	f := core.SubtaskFinished{
		Call: s.Created.Parent.Call, Task: s.Task, Status: s.Finished.Status, Answer: s.Finished.Answer, Error: s.Finished.Error,
		Cost: s.Spent, Calls: s.Calls, Tokens: s.Tokens, Waited: s.Waited,
	}
	switch {
	case s.Created.Kind == core.KindApp && s.Published > 0:
		f.App, f.Version = s.Created.App, s.Published
		if f.Answer.Blob == "" {
			f.Answer.Text = strings.TrimSpace(s.appNews() + "\n\n" + f.Answer.Text)
		}
	case s.Created.Kind != core.KindApp && s.Created.Workspace == "":
		f.Tree = s.Tree
	}
	return f
}

// appNews says what an app's task has made.
func (s State) appNews() string {
	news := fmt.Sprintf("%s: version %d of %s is made.", s.Finished.Summary, s.Published, s.Created.App)
	if n := s.Tests.Passed; n > 0 {
		news += fmt.Sprintf(" %d of its tests pass.", n)
	}
	return news
}

// Consumer is the name of Handler on the bus.
const Consumer = "subtasks"

// Handler returns the consumer of the bus that tells a task when its sub-task is over. Events may
// come more than once, and in any order.
func (s *Service) Handler() bus.Handler {
	return func(ctx context.Context, e core.Event) error {
		if e.Type != (core.TaskFinished{}).EventType() {
			return nil
		}
		p, err := e.Payload()
		if err != nil {
			return err
		}
		if f := p.(core.TaskFinished); f.Parent != nil {
			return s.report(ctx, e.Org, core.TaskID(e.Stream), f.Parent.Task)
		}
		return nil
	}
}

// awaits reports whether a sub-task of a call is what the task waits for.
func (s State) awaits(c core.CallID) bool {
	switch {
	case s.Finished != nil:
		return false
	case s.Beside != nil:
		return s.Beside.awaits(c)
	}
	return s.Subtask == nil && s.Pending != nil && s.Pending.Tool != nil && s.Pending.Tool.Call.ID == c
}

// report tells a task what came of its sub-task, if it waits for that.
func (s *Service) report(ctx context.Context, org core.OrgID, child, parent core.TaskID) error {
	c, err := Load(ctx, s.Events, org, child)
	if err != nil {
		return err
	}
	for tries := 0; ; tries++ {
		p, err := Load(ctx, s.Events, org, parent)
		if err != nil {
			return err
		}
		if !p.awaits(c.Created.Parent.Call) {
			return nil
		}
		scope := core.Scope{Org: org, Project: p.Project, Actor: core.Actor{Kind: core.ActorSystem, ID: Consumer}}
		if _, err = s.append(ctx, scope, parent, p.Version, store.WorkReady, c.report()); !moved(err) || tries == 20 {
			return err
		}
	}
}
