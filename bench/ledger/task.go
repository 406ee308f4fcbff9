package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/tool"
)

var scope = core.Scope{Org: org, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "bench"}}

// rate is how many tasks so many clients make in a second. It leaves nothing to be carried
// to the ledger behind that would disturb what is measured next.
func (t *tasks) rate(by *agent.Service) rater {
	return func(ctx context.Context, clients int, length time.Duration) (float64, error) {
		rate, err := measure(ctx, clients, length, t.one(by))
		for err == nil {
			var left []store.Message
			if left, err = t.outbox.Pending(ctx, 1); len(left) == 0 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		return rate, err
	}
}

// one runs a task from its creation to its last event.
func (t *tasks) one(by *agent.Service) func(context.Context) error {
	return func(ctx context.Context) error {
		st, err := by.Create(ctx, scope, agent.NewTask{Kind: core.KindTask, Prompt: "three steps of no work", Model: "plan"})
		if err != nil {
			return err
		}
		select {
		case status := <-t.done.of(st.Task.Stream()):
			if status != core.StatusSucceeded {
				return fmt.Errorf("task %s is %s", st.Task, status)
			}
			return nil
		case <-time.After(time.Minute):
			return fmt.Errorf("task %s doesn't end", st.Task)
		}
	}
}

// finishes tells when tasks have ended, as their last event is stored.
type finishes struct {
	store.Events
	mu      sync.Mutex
	waiting map[core.StreamID]chan core.TaskStatus
}

// of returns a channel that gets the task's end, whether that has been or comes.
func (f *finishes) of(stream core.StreamID) chan core.TaskStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.waiting[stream]
	if c == nil {
		c = make(chan core.TaskStatus, 1)
		f.waiting[stream] = c
	} else {
		delete(f.waiting, stream)
	}
	return c
}

func (f *finishes) Append(ctx context.Context, scope core.Scope, a store.Append) ([]core.Event, error) {
	events, err := f.Events.Append(ctx, scope, a)
	if n := len(events); err == nil && n > 0 && events[n-1].Type == (core.TaskFinished{}).EventType() {
		p, err := events[n-1].Payload()
		if err != nil {
			return nil, err
		}
		f.of(a.Stream) <- p.(core.TaskFinished).Status
	}
	return events, err
}

// planner is a model that plans three calls at once.
type planner struct{}

// Stream implements model.Model.
func (planner) Stream(_ context.Context, r model.Request) iter.Seq2[model.Chunk, error] {
	return func(yield func(model.Chunk, error) bool) {
		text := `{"verdict":"SUCCESS"}`
		if r.Purpose == model.Plan {
			text = `{"title":"Three steps","steps":[{"title":"a","call":{"tool":"noop"}},{"title":"b","call":{"tool":"noop"}},{"title":"c","call":{"tool":"noop"}}]}`
		}
		yield(model.Chunk{Text: text, Usage: &core.Usage{Input: 10, Output: 10}, Done: true}, nil)
	}
}

// noop is a tool of no work.
type noop struct{}

// Spec implements tool.Tool.
func (noop) Spec() tool.Spec {
	return tool.Spec{Name: "noop", Version: "1", Description: "Does nothing.", Schema: json.RawMessage(`{"type":"object","additionalProperties":false}`), Effect: core.Pure, Bare: true}
}

// Call implements tool.Tool.
func (noop) Call(context.Context, tool.Call) (tool.Result, error) {
	return tool.Result{Output: "done", Evidence: &core.Evidence{Kind: "call", OK: true, Text: "done"}}, nil
}
