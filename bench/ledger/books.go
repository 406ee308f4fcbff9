package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/store"
)

const org = core.DefaultOrg

// numbers name what is made: tasks, events, effects.
var numbers atomic.Int64

// post makes one posting of two moves.
func post(st store.Books) func(context.Context) error {
	return func(ctx context.Context) error {
		n := numbers.Add(1)
		_, err := st.Post(ctx, org, store.Posting{
			Effect: fmt.Sprintf("evt_%d", n), Kind: "hold", Project: core.DefaultProject, Task: "tsk_posts",
			Moves: []store.Move{{Account: "available", Amount: -1}, {Account: fmt.Sprintf("held/tsk_%d", n), Amount: 1}},
		})
		return err
	}
}

// charge holds credits for a task, consumes three calls and releases the rest, as the
// bus's consumer does.
func charge(books *ledger.Service) func(context.Context) error {
	handle := books.Handler(deaf{})
	return func(ctx context.Context) error {
		task := core.TaskID(fmt.Sprintf("tsk_c%d", numbers.Add(1)))
		for _, p := range []core.Payload{
			core.CreditsRequested{Amount: core.Credit},
			core.ToolSettled{Cost: 1000}, core.ToolSettled{Cost: 1000}, core.ToolSettled{Cost: 1000},
			core.TaskFinished{Hold: core.Credit, Spent: 3000},
		} {
			data, err := core.EncodePayload(p)
			if err != nil {
				return err
			}
			e := core.Event{
				ID: core.EventID(fmt.Sprintf("evt_%d", numbers.Add(1))), Org: org, Project: core.DefaultProject, Stream: task.Stream(),
				Type: p.EventType(), Data: data,
			}
			if err := handle(ctx, e); err != nil {
				return err
			}
		}
		return nil
	}
}

// deaf is an agent that isn't there.
type deaf struct{}

// Answer implements ledger.Tasks.
func (deaf) Answer(context.Context, core.OrgID, core.TaskID, core.Payload) error { return nil }
