package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Service holds the commands that people give to tasks. Safe for concurrent
// use; it keeps no state.
type Service struct {
	Events store.Events
	Views  store.Views
	IDs    core.IDs // core.NewID
	// Folder returns a folder's path without links, or an invalid error for one
	// that can't be a task's workspace. nil: any can, by the path that is given.
	Folder func(path string) (string, error)
	// Charge makes each task hold its Limits.Credits before it begins, and spend no more.
	Charge bool
}

// NewTask is the wish for a task.
type NewTask struct {
	Kind   core.TaskKind
	Prompt string
	Model  string // resolved: a configured model's name, or Blueprint
	App    core.AppID
	Base   int         // the version to change
	Tree   core.Digest // its files
	// Checkout is the repository that Tree is of, if it is one's; without a Branch, the task gets one
	// of its own.
	Checkout  *core.Checkout
	Workspace string
	// Turn is set for a task of core.KindChat.
	Turn   *core.Turn
	Limits core.Limits
	// Key is the caller's idempotency key; the same key of the same org is the
	// same task. Empty: always a new one.
	Key string
}

// Create accepts a task durably and returns its state. Errors: invalid; conflict
// if the key was used for another wish.
func (s *Service) Create(ctx context.Context, scope core.Scope, n NewTask) (State, error) {
	if err := scope.Valid(); err != nil {
		return State{}, err
	}
	if err := check(n); err != nil {
		return State{}, err
	}
	if n.Workspace != "" && s.Folder != nil {
		var err error
		if n.Workspace, err = s.Folder(n.Workspace); err != nil {
			return State{}, err
		}
	}
	id := core.TaskID(s.IDs("tsk"))
	if n.Key != "" {
		id = keyed(scope, n.Key)
	}
	app := n.App
	if n.Kind == core.KindApp && app == "" { // whose address comes of it: nobody can compute that
		app = core.AppID(s.IDs("app"))
	}
	created := core.TaskCreated{
		Kind: n.Kind, Prompt: n.Prompt, Model: n.Model, App: app, Base: n.Base, Tree: n.Tree,
		Workspace: n.Workspace, Turn: n.Turn, Limits: n.Limits.OrDefault(),
	}
	if n.Checkout != nil {
		c := *n.Checkout
		if c.Branch == "" {
			c.Branch = "isekai/" + string(id)
		}
		created.Checkout = &c
	}
	events, err := s.accept(ctx, scope, id, created)
	if moved(err) && n.Key != "" {
		had, err := Load(ctx, s.Events, scope.Org, id)
		if err == nil && !same(had.Created, n) {
			err = core.E(core.Conflict, "task.create", "this idempotency key was used for another request").
				WithHint("use a new key for a new request")
		}
		return had, err
	}
	if err != nil {
		return State{}, err
	}
	return Fold(State{}, events...)
}

// keyed is the id of the task of an idempotency key.
func keyed(scope core.Scope, key string) core.TaskID {
	sum := sha256.Sum256([]byte(string(scope.Org) + "\x00" + string(scope.Project) + "\x00" + key))
	return core.TaskID("tsk_" + hex.EncodeToString(sum[:13]))
}

// accept stores a task's beginning. One that is charged has its request for credits with
// it, and is work when that is answered.
func (s *Service) accept(ctx context.Context, scope core.Scope, id core.TaskID, c core.TaskCreated) ([]core.Event, error) {
	if !s.Charge {
		return s.append(ctx, scope, id, 0, store.WorkReady, c)
	}
	c.Hold = c.Limits.Credits
	if scope.Actor.Kind == core.ActorKey {
		c.Key = core.KeyID(scope.Actor.ID)
	}
	return s.append(ctx, scope, id, 0, store.WorkNone, c, requestCredits(c))
}

// same reports whether n is the wish that c was made of. What the server added
// may differ by now: the id of a new app, the version that an app is at, the model
// that was meant by none.
func same(c core.TaskCreated, n NewTask) bool {
	return c.Kind == n.Kind && c.Prompt == n.Prompt && (c.App == n.App || n.App == "") && (c.Base > 0) == (n.Base > 0) &&
		c.Workspace == n.Workspace && repository(c.Checkout) == repository(n.Checkout) && c.Limits.OrDefault() == n.Limits.OrDefault()
}

// repository returns what a task was asked to begin with; the branch may have moved on since.
func repository(c *core.Checkout) [2]string {
	if c == nil {
		return [2]string{}
	}
	return [2]string{c.Repository, c.From}
}

func check(n NewTask) error {
	const op = "task.create"
	if err := core.CheckPrompt(n.Prompt); err != nil {
		return err
	}
	switch {
	case (n.Kind == core.KindChat) != (n.Turn != nil):
		return core.E(core.Invalid, op, "a turn of a conversation is of the kind chat, and nothing else is").WithHint("send a message to a conversation, or use the kind task or app")
	case n.Kind != core.KindApp && n.Kind != core.KindTask && n.Kind != core.KindChat:
		return core.E(core.Invalid, op, "unknown kind of task "+string(n.Kind)).WithHint("use app or task")
	case n.Kind == core.KindTask && n.Model == Blueprint:
		return core.E(core.Unsupported, op, "this task needs a model, and the built-in planner is none for it").
			WithHint("name one that isekai model list shows: --model NAME, or for all tasks isekai model route default PROVIDER/MODEL; without any, isekai model add, or set OPENAI_API_KEY (and OPENAI_BASE_URL for another provider), or start Ollama on this machine")
	case n.Limits.Credits > core.MaxCredits:
		return core.E(core.Invalid, op, "a limit of "+n.Limits.Credits.String()+" credits").WithHint("up to " + core.MaxCredits.String())
	case n.Workspace != "" && !filepath.IsAbs(n.Workspace):
		return core.E(core.Invalid, op, "the workspace isn't an absolute path")
	case n.Checkout != nil && (n.Workspace != "" || n.Kind != core.KindTask):
		return core.E(core.Invalid, op, "a task with a repository works in a workspace of its own, and makes no app").WithHint("leave out the workspace, and use the kind task")
	case n.Workspace != "" && n.Kind != core.KindTask:
		return core.E(core.Invalid, op, "an app, or an answer, is made in a workspace of its own").WithHint("leave out the workspace")
	}
	return nil
}

// Cancel asks a task to stop. Canceling a task that is over, or already being
// canceled, changes nothing.
func (s *Service) Cancel(ctx context.Context, scope core.Scope, id core.TaskID, reason string) (State, error) {
	return s.change(ctx, scope, id, func(st State) (core.Payload, error) {
		if st.Finished != nil || st.Canceling {
			return nil, nil
		}
		return core.TaskCancelRequested{Reason: core.Clip(reason, 500)}, nil
	})
}

// Answer tells a task what came of its request for credits: CreditsHeld or
// CreditsRefused. A task that was told before isn't told again. conflict: the task ended
// before it was told, so it has no use for what is held.
func (s *Service) Answer(ctx context.Context, org core.OrgID, id core.TaskID, answer core.Payload) error {
	const op = "task.answer"
	for tries := 0; ; tries++ {
		st, err := Load(ctx, s.Events, org, id)
		switch {
		case err != nil:
			return err
		case st.Held > 0 || st.Refused != nil:
			return nil
		case !st.Asked:
			return core.E(core.Invalid, op, "the task "+string(id)+" hasn't asked for credits")
		case st.Finished != nil:
			return core.E(core.Conflict, op, "the task "+string(id)+" is over")
		}
		scope := core.Scope{Org: org, Project: st.Project, Actor: core.Actor{Kind: core.ActorSystem, ID: "ledger"}}
		if _, err = s.append(ctx, scope, id, st.Version, store.WorkReady, answer); !moved(err) {
			return err
		}
		if tries == 20 {
			return core.E(core.Unavailable, op, "the task "+string(id)+" moves on all the time").Because(err)
		}
	}
}

// Reply is what a person says to what a task asks.
type Reply struct {
	Call   core.CallID // that the question is about; "": whichever it is
	Answer core.Answer
	Text   string // the reply to a question; else why
	Always bool   // of AnswerAllow: see core.ApprovalAnswered
}

// Resume answers the question that a task waits for. For a task that waits for
// nobody it changes nothing: it goes on by itself. conflict: the task is over, or asks about
// another call.
func (s *Service) Resume(ctx context.Context, scope core.Scope, id core.TaskID, r Reply) (State, error) {
	return s.change(ctx, scope, id, func(st State) (core.Payload, error) {
		q := st.Question()
		switch {
		case st.Finished != nil:
			return nil, core.E(core.Conflict, "task.resume", "the task is over: "+string(st.Status))
		case r.Call != "" && (q == nil || q.Call != r.Call):
			return nil, core.E(core.Conflict, "task.resume", "the task doesn't wait for an answer about this call").WithHint("isekai task show says what it waits for; somebody may have answered")
		case q == nil:
			return nil, nil
		}
		if err := r.check(*q); err != nil {
			return nil, err
		}
		return core.ApprovalAnswered{Call: q.Call, Answer: r.Answer, Text: core.Clip(r.Text, core.MaxInline), Always: r.Always}, nil
	})
}

// check returns an invalid error for a reply that is none to the question.
func (r Reply) check(q core.ApprovalRequested) error {
	const op = "task.resume"
	switch {
	case !slices.Contains(core.Answers[q.Why], r.Answer):
		return core.E(core.Invalid, op, "the task waits for a person: "+q.Question).WithHint(answerHints[q.Why])
	case r.Answer == core.AnswerReply && strings.TrimSpace(r.Text) == "":
		return core.E(core.Invalid, op, "the reply is empty").WithHint(answerHints[q.Why])
	case r.Answer == core.AnswerReply && len(q.Choices) > 0 && !slices.Contains(q.Choices, r.Text):
		return core.E(core.Invalid, op, "the reply isn't one of the choices").WithHint("they are: " + strings.Join(q.Choices, ", "))
	case r.Always && (q.Why != core.AskPermission || r.Answer != core.AnswerAllow):
		return core.E(core.Invalid, op, "only what is allowed can be allowed always")
	}
	return nil
}

// answerHints say how to answer, by why a person is asked.
var answerHints = map[core.Asking]string{
	core.AskOutcome:    "answer with --as repeat, --as done or --as failed",
	core.AskPermission: "answer with --as allow or --as deny; --always allows the tool for the rest of the task",
	core.AskQuestion:   "answer with --as reply --text ANSWER, or --as deny",
}

// change appends what decide says, again if the task has moved on meanwhile.
func (s *Service) change(ctx context.Context, scope core.Scope, id core.TaskID, decide func(State) (core.Payload, error)) (State, error) {
	for tries := 0; ; tries++ {
		st, err := s.Get(ctx, scope, id)
		if err != nil {
			return st, err
		}
		p, err := decide(st)
		if err != nil || p == nil {
			return st, err
		}
		events, err := s.append(ctx, scope, id, st.Version, store.WorkReady, p)
		if moved(err) && tries < 20 {
			continue
		}
		if err != nil {
			return st, err
		}
		return Fold(st, events...)
	}
}

// Get returns a task's state. not_found: it isn't there, or is another tenant's.
func (s *Service) Get(ctx context.Context, scope core.Scope, id core.TaskID) (State, error) {
	st, err := Load(ctx, s.Events, scope.Org, id)
	if err == nil && st.Project != scope.Project {
		return State{}, noTask(id)
	}
	return st, err
}

func (s *Service) append(ctx context.Context, scope core.Scope, id core.TaskID, expected int64, w store.WorkChange, facts ...core.Payload) ([]core.Event, error) {
	events := make([]store.NewEvent, len(facts))
	for i, f := range facts {
		data, err := core.EncodePayload(f)
		if err != nil {
			return nil, err
		}
		events[i] = store.NewEvent{ID: core.EventID(s.IDs("evt")), Type: f.EventType(), Data: data}
	}
	return s.Events.Append(ctx, scope, store.Append{Stream: id.Stream(), Expected: expected, Work: w, Events: events})
}
