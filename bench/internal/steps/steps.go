// Package steps is the work of the benchmarks: tasks of three steps of no work, planned by a
// model in the process. bench/task and bench/ledger run them through the product's own
// parts.
package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/tool"
)

// ModelName is what the tasks' model is called, and priced by.
const ModelName = "plan"

// Scope is whose the tasks are.
var Scope = core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "bench"}}

// Run runs a task by a service, from its creation to its last event, of which done tells.
func Run(ctx context.Context, by *agent.Service, done *Finishes) error {
	st, err := by.Create(ctx, Scope, agent.NewTask{Kind: core.KindTask, Prompt: "three steps of no work", Model: ModelName})
	if err != nil {
		return err
	}
	select {
	case status := <-done.of(st.Task.Stream()):
		if status != core.StatusSucceeded {
			return fmt.Errorf("task %s is %s", st.Task, status)
		}
		return nil
	case <-time.After(time.Minute):
		return fmt.Errorf("task %s doesn't end", st.Task)
	}
}

// Planner is a model that plans three calls at once, and finds that they went well.
type Planner struct{}

// Stream implements model.Model.
func (Planner) Stream(_ context.Context, r model.Request) iter.Seq2[model.Chunk, error] {
	return func(yield func(model.Chunk, error) bool) {
		text := `{"verdict":"SUCCESS"}`
		if r.Purpose == model.Plan {
			text = `{"title":"Three steps","steps":[{"title":"a","call":{"tool":"noop"}},{"title":"b","call":{"tool":"noop"}},{"title":"c","call":{"tool":"noop"}}]}`
		}
		yield(model.Chunk{Text: text, Usage: &core.Usage{Input: 10, Output: 10}, Done: true}, nil)
	}
}

// Noop is a tool of no work, which counts its calls.
type Noop struct{ Calls atomic.Int64 }

// Spec implements tool.Tool.
func (*Noop) Spec() tool.Spec {
	return tool.Spec{Name: "noop", Version: "1", Description: "Does nothing.", Schema: json.RawMessage(`{"type":"object","additionalProperties":false}`), Effect: core.Pure, Bare: true}
}

// Call implements tool.Tool.
func (n *Noop) Call(context.Context, tool.Call) (tool.Result, error) {
	n.Calls.Add(1)
	return tool.Result{Output: "done", Evidence: &core.Evidence{Kind: "call", OK: true, Text: "done"}}, nil
}
