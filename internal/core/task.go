package core

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"
	"unicode/utf8"
)

// SubtaskOf names the sub-task of a call, so that it is made once, and found by who sees the call.
func SubtaskOf(c CallID) TaskID {
	sum := sha256.Sum256([]byte(c))
	return TaskID("tsk_" + hex.EncodeToString(sum[:13]))
}

// TaskKind says what a task makes.
type TaskKind string

// The kinds of task.
const (
	KindApp  TaskKind = "app"  // a running, tested web app, or its next version
	KindTask TaskKind = "task" // work with tools in a workspace
	KindChat TaskKind = "chat" // a turn of a conversation: an answer, or what leads to one
)

// MaxPrompt is the longest prompt, in characters.
const MaxPrompt = 5000

// CheckPrompt returns nil for a prompt of 1 to MaxPrompt characters of text,
// and an Invalid error with a hint otherwise.
func CheckPrompt(s string) error {
	const op = "prompt"
	if !utf8.ValidString(s) {
		return E(Invalid, op, "the prompt isn't text: it holds bytes that aren't UTF-8").
			WithHint("say in words what you want; attach files through a workspace")
	}
	printable := 0
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
		case r < ' ' || r == 0x7f || r == utf8.RuneError:
			return E(Invalid, op, "the prompt holds control characters").
				WithHint("say in words what you want; attach files through a workspace")
		case r != ' ':
			printable++
		}
	}
	if printable == 0 {
		return E(Invalid, op, "the prompt is empty").WithHint(`say what you want, as in: isekai run "a reading list with title and author"`)
	}
	if utf8.RuneCountInString(s) > MaxPrompt {
		return E(Invalid, op, "the prompt is longer than 5,000 characters").
			WithHint("shorten it, or put the details into files of a workspace")
	}
	return nil
}

// Limits bound a task. Each is checked before the spend that would pass it.
// Zero means the default of DefaultLimits.
type Limits struct {
	Attempts int           `json:"attempts,omitempty"` // tries at one step
	Plans    int           `json:"plans,omitempty"`    // plans, the first included
	Steps    int           `json:"steps,omitempty"`    // step attempts in all
	Calls    int           `json:"calls,omitempty"`    // model and tool calls in all
	Tokens   int           `json:"tokens,omitempty"`   // model tokens in and out
	Wall     time.Duration `json:"wall,omitempty"`     // since the task was created
	Credits  Credits       `json:"credits,omitempty"`  // what is held for it, if tasks are charged
}

// DefaultLimits are the bounds of a task that names none.
var DefaultLimits = Limits{Attempts: 3, Plans: 3, Steps: 40, Calls: 400, Tokens: 2_000_000, Wall: time.Hour, Credits: 500 * Credit}

// OrDefault returns l with every zero replaced by the default.
func (l Limits) OrDefault() Limits {
	d := DefaultLimits
	pick := func(v *int, def int) {
		if *v <= 0 {
			*v = def
		}
	}
	pick(&l.Attempts, d.Attempts)
	pick(&l.Plans, d.Plans)
	pick(&l.Steps, d.Steps)
	pick(&l.Calls, d.Calls)
	pick(&l.Tokens, d.Tokens)
	if l.Wall <= 0 {
		l.Wall = d.Wall
	}
	if l.Credits <= 0 {
		l.Credits = d.Credits
	}
	return l
}

// Call is one use of a tool, in the one canonical shape, whatever the provider
// sent.
type Call struct {
	ID        CallID          `json:"id"`
	Tool      string          `json:"tool"`
	Arguments json.RawMessage `json:"arguments,omitempty"` // a JSON object
	// Problem is set when what the model sent can't be run (arguments that
	// aren't JSON, a tool that isn't offered): it is shown to the model, and
	// nothing runs.
	Problem string `json:"problem,omitempty"`
}

// Plan is what will be done.
type Plan struct {
	Title   string   `json:"title"`
	Summary string   `json:"summary,omitempty"`
	Steps   []Step   `json:"steps"`
	Notes   []string `json:"notes,omitempty"` // what the planner didn't understand or can't do
}

// Step is one part of a plan. A step with a Call runs that call; a step without
// is worked on by the model with its tools until it stops calling them, and
// then Check, if there is one, gathers the evidence.
type Step struct {
	Title string `json:"title"`
	Goal  string `json:"goal,omitempty"` // what is to be true when it is done
	Call  *Call  `json:"call,omitempty"`
	Check *Call  `json:"check,omitempty"`
	// After are the steps, by index, that have to be finished before it. nil: the one before it.
	After []int `json:"after,omitzero"`
}

// Verdict is the supervisor's judgement of one attempt at a step.
type Verdict string

// The verdicts.
const (
	Success Verdict = "SUCCESS"
	Retry   Verdict = "RETRY"  // try the step again, with feedback
	Replan  Verdict = "REPLAN" // make a new plan; finished work stays
	Abort   Verdict = "ABORT"  // give up; undo what was done
)

// Evidence is what a verdict rests on: something that was observed, not said.
type Evidence struct {
	Kind   string `json:"kind"`             // "tests", "exit", "http", "call", "model"
	OK     bool   `json:"ok"`               //
	Text   string `json:"text"`             // for a person: "14 tests passed"
	Detail string `json:"detail,omitempty"` // for the model, at most MaxInline bytes: the failing output
	Passed int    `json:"passed,omitempty"` // tests
	Failed int    `json:"failed,omitempty"` // tests
}

// Usage is what a model call used.
type Usage struct {
	Input  int `json:"input"`            // tokens
	Output int `json:"output"`           // tokens
	Cached int `json:"cached,omitempty"` // those of Input that the provider had from a call before
	// CacheWrite are those of Input that the provider put into its cache, CacheWrite1h those of them
	// that stay there for an hour.
	CacheWrite   int `json:"cache_write,omitempty"`
	CacheWrite1h int `json:"cache_write_1h,omitempty"`
	// Reasoning are those of Output that the model thought with, and didn't answer.
	Reasoning int `json:"reasoning,omitempty"`
	// Estimated: the provider didn't say, and this is about what it was.
	Estimated bool `json:"estimated,omitempty"`
}

// Failure is an error as an event keeps it.
type Failure struct {
	Code Code   `json:"code"`
	Msg  string `json:"msg"`
	Hint string `json:"hint,omitempty"`
}

// Fail returns err as a Failure, or nil for nil.
func Fail(err error) *Failure {
	if err == nil {
		return nil
	}
	return &Failure{Code: CodeOf(err), Msg: err.Error(), Hint: HintOf(err)}
}

// Err returns the failure as an error, or nil for nil.
func (f *Failure) Err() error {
	if f == nil {
		return nil
	}
	return &Error{Code: f.Code, Msg: f.Msg, Hint: f.Hint}
}

// Effect says whether a tool may be run again when nobody knows whether its
// last run came to an end.
type Effect string

// The classes of effect.
const (
	Pure       Effect = "pure"       // changes nothing
	Idempotent Effect = "idempotent" // twice with the same call id is once
	Once       Effect = "once"       // a second run may do harm: a person decides
)

// The events of a task, in the order in which they appear.
type (
	// TaskCreated starts a task: the durable acceptance of a prompt.
	TaskCreated struct {
		Kind      TaskKind `json:"kind"`
		Prompt    string   `json:"prompt"`
		Model     string   `json:"model"`               // a model's name, or "blueprint"
		App       AppID    `json:"app,omitempty"`       // the app that it makes or changes
		Base      int      `json:"base,omitempty"`      // the version it changes; 0 makes a new app
		Tree      Digest   `json:"tree,omitempty"`      // the files that the workspace starts with
		Workspace string   `json:"workspace,omitempty"` // a folder of the operator's; else one is made
		Limits    Limits   `json:"limits"`
		Hold      Credits  `json:"hold,omitempty"` // to be held before it begins; 0: it isn't charged
		Key       KeyID    `json:"key,omitempty"`  // the API key that created it, whose budget it uses
		// Checkout is the repository that Tree is of, if it is one's.
		Checkout *Checkout `json:"checkout,omitempty"`
		// Turn is set for a task of KindChat.
		Turn *Turn `json:"turn,omitempty"`
		// Parent is set for a sub-task.
		Parent *Parent `json:"parent,omitempty"`
		// Allowance is what a sub-task may spend of its parent's hold; 0: it isn't charged.
		Allowance Credits `json:"allowance,omitempty"`
	}
	// Parent is the task that a sub-task is of.
	Parent struct {
		Task  TaskID `json:"task"`
		Call  CallID `json:"call"`  // by which it was wanted
		Depth int    `json:"depth"` // of the sub-task; 1 is below a task that is none
	}
	// TaskForked ends what a task has in common with the one that it is a fork of: all events
	// before are the other's.
	TaskForked struct {
		From   TaskID `json:"from"`
		At     int64  `json:"at"`               // the version of the other's that is the last in common
		Prompt string `json:"prompt,omitempty"` // the new one; "": the same
		Model  string `json:"model,omitempty"`  // likewise
	}
	// SubtaskFinished tells a task what came of its sub-task, and what that cost.
	SubtaskFinished struct {
		Call   CallID     `json:"call"`
		Task   TaskID     `json:"task"`
		Status TaskStatus `json:"status"`
		Answer Content    `json:"answer"`
		Error  *Failure   `json:"error,omitempty"`
		Tree   Digest     `json:"tree,omitempty"` // the files as it left them
		App    AppID      `json:"app,omitempty"`  // that it made or changed
		// Version is the app's that it made.
		Version int           `json:"version,omitempty"`
		Cost    Credits       `json:"cost,omitempty"` // what the ledger consumes of the parent's hold
		Calls   int           `json:"calls"`
		Tokens  int           `json:"tokens"`
		Waited  time.Duration `json:"waited,omitempty"` // for people
	}
	// CreditsRequested asks the ledger to hold credits for the task, which rests until it
	// is answered.
	CreditsRequested struct {
		Amount Credits `json:"amount"`
		Key    KeyID   `json:"key,omitempty"`
	}
	// CreditsHeld is the ledger's yes: the task may spend as much.
	CreditsHeld struct {
		Amount Credits `json:"amount"`
	}
	// CreditsRefused is the ledger's no.
	CreditsRefused struct {
		Reason string `json:"reason"`
		Hint   string `json:"hint,omitempty"`
	}
	// TaskPlanned is a plan, the first or a new one.
	TaskPlanned struct {
		Plan Plan `json:"plan"`
	}
	// StepStarted begins an attempt at a step of the current plan.
	StepStarted struct {
		Step    int    `json:"step"`    // index into the plan's steps
		Attempt int    `json:"attempt"` // from 1
		Title   string `json:"title"`
		Beside  bool   `json:"beside,omitempty"` // by a sub-task, at the same time as others
	}
	// StepsParted has steps that don't need each other worked on side by side, each by a sub-task.
	StepsParted struct {
		Steps     []PartedStep `json:"steps"`
		Tree      Digest       `json:"tree,omitempty"`      // the files that each begins with
		Allowance Credits      `json:"allowance,omitempty"` // what each may spend
	}
	// PartedStep is one of them.
	PartedStep struct {
		Step int    `json:"step"`
		Call CallID `json:"call"` // that its sub-task is by
	}
	// StepsJoined makes one tree of the files of steps that were worked on side by side.
	StepsJoined struct {
		Tree      Digest         `json:"tree,omitempty"`
		Answer    Content        `json:"answer"` // of all of them
		Conflicts []StepConflict `json:"conflicts,omitempty"`
	}
	// StepConflict are the files that a step has changed, and one before it, too; they are as that
	// one left them.
	StepConflict struct {
		Step  int      `json:"step"`
		Paths []string `json:"paths"`
	}
	// ModelRequested precedes a model call.
	ModelRequested struct {
		Call    CallID `json:"call"`
		Purpose string `json:"purpose"` // "plan", "work" or "judge"
		Model   string `json:"model"`
	}
	// ModelSettled is a model's whole answer, or why there is none.
	ModelSettled struct {
		Call   CallID        `json:"call"`
		Text   Content       `json:"text"`
		Calls  []CallContent `json:"calls,omitempty"`
		Usage  Usage         `json:"usage"`
		Error  *Failure      `json:"error,omitempty"`
		Cost   Credits       `json:"cost,omitempty"`   // what the ledger consumes
		Prices int           `json:"prices,omitempty"` // the version of the prices that Cost is by
		Share  Credits       `json:"share,omitempty"`  // of a sub-task, instead of Cost: what its parent pays for it
		// Provider and Model are who answered, where the requested name may lead to several. Cost
		// is by the price of these.
		Provider string `json:"provider,omitempty"`
		Model    string `json:"model,omitempty"`
	}
	// CallContent is a Call whose arguments may be a blob.
	CallContent struct {
		ID        CallID  `json:"id"`
		Tool      string  `json:"tool"`
		Arguments Content `json:"arguments"`
		Subject   string  `json:"subject,omitempty"` // for a person: the path, the command, the address, the pattern
		Problem   string  `json:"problem,omitempty"`
	}
	// ModelSwitched moves the task to another model, when the first is down.
	ModelSwitched struct {
		From   string `json:"from"`
		To     string `json:"to"`
		Reason string `json:"reason"`
	}
	// ToolRequested precedes a tool call.
	ToolRequested struct {
		Call   CallContent `json:"call"`
		Effect Effect      `json:"effect"`
		Undo   bool        `json:"undo,omitempty"` // it compensates an earlier call
	}
	// ToolSettled is a tool call's outcome.
	ToolSettled struct {
		Call     CallID          `json:"call"`
		Output   Content         `json:"output"` // what the model is shown
		Failed   bool            `json:"failed,omitempty"`
		Denied   bool            `json:"denied,omitempty"` // a person, or the permissions, didn't allow it: nothing ran
		Looped   bool            `json:"looped,omitempty"` // it was made before, with the same result each time: nothing ran
		Evidence *Evidence       `json:"evidence,omitempty"`
		Data     json.RawMessage `json:"data,omitempty"` // for programs; shape by tool
		Undo     *Call           `json:"undo,omitempty"` // the call that compensates this one
		Tree     Digest          `json:"tree,omitempty"` // the managed workspace after it
		Error    *Failure        `json:"error,omitempty"`
		Cost     Credits         `json:"cost,omitempty"`   // what the ledger consumes
		Prices   int             `json:"prices,omitempty"` // the version of the prices that Cost is by
		Share    Credits         `json:"share,omitempty"`  // of a sub-task, instead of Cost: what its parent pays for it
	}
	// ApprovalRequested asks a person; the task waits.
	ApprovalRequested struct {
		Call     CallID    `json:"call"`
		Why      Asking    `json:"why,omitempty"`
		Question string    `json:"question"`
		Choices  []string  `json:"choices,omitempty"` // of a question, if only these are answers
		Tool     string    `json:"tool,omitempty"`
		Subject  string    `json:"subject,omitempty"` // what the call is about, for a person
		Rule     string    `json:"rule,omitempty"`    // of the permissions, by which it is asked
		Until    time.Time `json:"until,omitzero"`    // after which Otherwise is the answer; zero: it waits
		// Otherwise is what is taken for the answer when nobody gives one.
		Otherwise Answer `json:"otherwise,omitempty"`
	}
	// ApprovalAnswered is a person's answer, or what is taken for one.
	ApprovalAnswered struct {
		Call    CallID `json:"call"`
		Answer  Answer `json:"answer"`
		Text    string `json:"text,omitempty"`    // why, or what is replied to a question
		Always  bool   `json:"always,omitempty"`  // of AnswerAllow: also what the task calls of this tool from now on
		Expired bool   `json:"expired,omitempty"` // nobody answered in time
	}
	// VerdictGiven ends an attempt.
	VerdictGiven struct {
		Step     int        `json:"step"` // -1: of the task, outside any step
		Attempt  int        `json:"attempt"`
		Verdict  Verdict    `json:"verdict"`
		Reason   string     `json:"reason"`
		Feedback string     `json:"feedback,omitempty"` // what the next attempt should do
		Evidence []Evidence `json:"evidence,omitempty"`
		Error    *Failure   `json:"error,omitempty"` // of ABORT
	}
	// TaskCancelRequested asks the task to stop; the worker compensates, then
	// finishes it.
	TaskCancelRequested struct {
		Reason string `json:"reason,omitempty"`
	}
	// TaskFinished is terminal: nothing is appended after it.
	TaskFinished struct {
		Status  TaskStatus `json:"status"`
		Summary string     `json:"summary"`           // one line for a person
		Answer  Content    `json:"answer"`            // the last thing that the model said
		Version int        `json:"version,omitempty"` // the app's version that it made
		Error   *Failure   `json:"error,omitempty"`
		Hold    Credits    `json:"hold,omitempty"`  // what was asked for; the ledger releases what is left of it
		Spent   Credits    `json:"spent,omitempty"` // the costs of all calls
		Parent  *Parent    `json:"parent,omitempty"`
		Turn    *Turn      `json:"turn,omitempty"`
		App     AppID      `json:"app,omitempty"` // of a turn: what its sub-task has made or changed
	}
)

// Permission says whether a call may be made.
type Permission string

// The permissions, the stricter the later.
const (
	Allow Permission = "allow"
	Ask   Permission = "ask" // a person
	Deny  Permission = "deny"
)

// Stricter reports whether p forbids more than another one.
func (p Permission) Stricter(than Permission) bool {
	order := []Permission{Allow, Ask, Deny}
	return slices.Index(order, p) > slices.Index(order, than)
}

// Asking is why a person is asked.
type Asking string

// The reasons.
const (
	AskOutcome    Asking = ""           // nobody knows whether a call took effect
	AskPermission Asking = "permission" // whether a call may be made
	AskQuestion   Asking = "question"   // the model wants to know something
)

// Answer is what a person says.
type Answer string

// The answers.
const (
	AnswerRepeat Answer = "repeat" // to AskOutcome: run it again
	AnswerDone   Answer = "done"   // to AskOutcome: it took effect; go on as if it had succeeded
	AnswerFailed Answer = "failed" // to AskOutcome: it didn't; tell the model so
	AnswerAllow  Answer = "allow"  // to AskPermission
	AnswerDeny   Answer = "deny"   // to AskPermission; to AskQuestion: there is no reply
	AnswerReply  Answer = "reply"  // to AskQuestion
)

// Answers are those that a person may give to each reason.
var Answers = map[Asking][]Answer{
	AskOutcome:    {AnswerRepeat, AnswerDone, AnswerFailed},
	AskPermission: {AnswerAllow, AnswerDeny},
	AskQuestion:   {AnswerReply, AnswerDeny},
}

// TaskStatus is where a task stands.
type TaskStatus string

// The statuses. The last three are terminal.
const (
	StatusQueued    TaskStatus = "queued"
	StatusRunning   TaskStatus = "running"
	StatusWaiting   TaskStatus = "waiting" // for a person
	StatusSucceeded TaskStatus = "succeeded"
	StatusFailed    TaskStatus = "failed"
	StatusCanceled  TaskStatus = "canceled"
)

// Terminal reports whether a task in this status is over.
func (s TaskStatus) Terminal() bool {
	return s == StatusSucceeded || s == StatusFailed || s == StatusCanceled
}

func (TaskCreated) EventType() string         { return "task.created" }
func (CreditsRequested) EventType() string    { return "credits.requested" }
func (CreditsHeld) EventType() string         { return "credits.held" }
func (CreditsRefused) EventType() string      { return "credits.refused" }
func (TaskPlanned) EventType() string         { return "task.planned" }
func (StepStarted) EventType() string         { return "step.started" }
func (StepsParted) EventType() string         { return "steps.parted" }
func (StepsJoined) EventType() string         { return "steps.joined" }
func (ModelRequested) EventType() string      { return "model.requested" }
func (ModelSettled) EventType() string        { return "model.settled" }
func (ModelSwitched) EventType() string       { return "model.switched" }
func (ToolRequested) EventType() string       { return "tool.requested" }
func (ToolSettled) EventType() string         { return "tool.settled" }
func (ApprovalRequested) EventType() string   { return "approval.requested" }
func (ApprovalAnswered) EventType() string    { return "approval.answered" }
func (VerdictGiven) EventType() string        { return "verdict.given" }
func (TaskCancelRequested) EventType() string { return "task.cancel_requested" }
func (TaskFinished) EventType() string        { return "task.finished" }
func (SubtaskFinished) EventType() string     { return "subtask.finished" }
func (TaskForked) EventType() string          { return "task.forked" }
