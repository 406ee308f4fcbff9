// Package tool is the port for what an agent can do: each tool is one folder
// below it.
//
// The agent calls tools; platform lists them. A tool never decides whether it
// may run (the agent has asked by then), never sees another tenant, and reaches
// files only through the Workspace that it is handed.
package tool

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Spec describes a tool to models, people and the agent.
type Spec struct {
	Name        string          // lower_snake_case, unique
	Version     string          // of its behaviour: "1"
	Description string          // for the model
	Schema      json.RawMessage // JSON Schema of the arguments, an object
	Effect      core.Effect     // may it be repeated after a crash
	Timeout     time.Duration   // bound on one call; 0 means a minute
	// Contained tools keep what they are given within the task's workspace, its sandbox and
	// its app: nothing of it leaves the installation. Others get no secrets.
	Contained bool
	// Resumes says of a tool whose effect is once that a call that is made again, with the same
	// id, goes on with what it has begun: after a crash it is made again, and no person is asked.
	Resumes bool
	// FreeIfFailed tools are charged for what they did alone: a call that fails costs nothing.
	FreeIfFailed bool
	// Bare tools work without the task's workspace: they are handed none.
	Bare bool
	// Internal tools are called by plans, not offered to models.
	Internal bool
	Kinds    []core.TaskKind // the tasks it is offered in; none means every
}

// Call is one use.
type Call struct {
	Scope     core.Scope
	Task      core.TaskID
	ID        core.CallID // the idempotency key
	Arguments json.RawMessage
	Workspace Workspace
	Facts     Facts
}

// ErrAway is in the tree of an unavailable error of a call that asked nothing of anybody, for who
// would be asked isn't there and won't be in a moment: the model is told at once.
var ErrAway = errors.New("it isn't there")

// Facts are what the task is about, from its first event.
type Facts struct {
	Prompt string
	App    core.AppID // the app that is built or changed
	Base   int        // the version that is changed; 0 for a new app
	// Checkout is the repository that the task began with; nil if none.
	Checkout *core.Checkout
	Turn     *core.Turn // the message that the task answers; nil if none
}

// Workspace is the task's working file tree on this machine.
type Workspace struct {
	Dir     string // absolute; empty if the task has none
	Managed bool   // made for the task, and restored from its events; not a folder of the operator's
}

// Result is how a call went.
type Result struct {
	Output   string          // what the model is shown, at most MaxOutput bytes
	Failed   bool            // the call was made and didn't succeed (a non-zero exit, a missing file)
	Evidence *core.Evidence  // what was observed, for the supervisor
	Data     json.RawMessage // for programs; shape by tool
	Undo     *core.Call      // what compensates this call, if the task fails later
}

// Data is Result.Data of what always has a JSON form: maps, slices and values of plain types.
func Data(v any) json.RawMessage {
	b, _ := json.Marshal(v)
	return b
}

// MaxOutput bounds Result.Output.
const MaxOutput = 32 << 10

// Tool is what a driver provides. Call is safe for concurrent use. An error
// with code invalid or not_found is the caller's fault and is shown to the
// model; any other is the tool's, and the call may be tried again if its effect
// allows that.
type Tool interface {
	Spec() Spec
	Call(ctx context.Context, c Call) (Result, error)
}
