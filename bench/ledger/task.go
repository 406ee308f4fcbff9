package main

import (
	"context"
	"time"

	"github.com/isekai-run/isekai/bench/internal/steps"
	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/store"
)

// rate is how many tasks so many clients make in a second. It leaves nothing to be carried
// to the ledger behind that would disturb what is measured next.
func (t *tasks) rate(by *agent.Service) rater {
	return func(ctx context.Context, clients int, length time.Duration) (float64, error) {
		rate, err := measure(ctx, clients, length, func(ctx context.Context) error { return steps.Run(ctx, by, t.done) })
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
