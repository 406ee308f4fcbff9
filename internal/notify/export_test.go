package notify

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
)

// Pass tries what is due now, once, and waits for it.
func (s *Service) Pass(ctx context.Context) error {
	r := runner{Service: s, orgs: map[core.OrgID]int{}, ended: make(chan struct{}, 1)}
	_, err := r.look(ctx, ctx)
	r.all.Wait()
	return err
}

// Waiting returns how many entries the queue has.
func (s *Service) Waiting(ctx context.Context) (int, error) {
	items, err := s.queue.list(ctx, "", lookPage)
	return len(items), err
}

// Schedule is that of webhooks.
var Schedule = schedule
