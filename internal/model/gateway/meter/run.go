package meter

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// Run stores what is settled, and ends the holds, until ctx ends. Then no call is admitted any
// more; it waits a little for those under way, stores what they used and ends all holds. What
// can't be in time, Sweep ends. Once only.
func (m *Meter) Run(ctx context.Context) error {
	tick := time.NewTicker(m.cfg.Every)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-m.full:
			m.work(ctx, maxBatch)
		case <-tick.C:
			m.work(ctx, 1)
		}
	}
	return m.stop(context.WithoutCancel(ctx), tick.C)
}

// stop ends all holds, as far as that is done in time.
func (m *Meter) stop(ctx context.Context, tick <-chan time.Time) error {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	for ctx.Err() == nil && m.work(ctx, 1) > 0 {
		select {
		case <-ctx.Done():
		case <-m.full:
		case <-tick:
		}
	}
	m.end()
	m.fills.Wait()
	if n := m.backlog.Load(); n > 0 {
		m.cfg.Log.Error("calls of models aren't charged: the database didn't take them before the stop", "calls", n)
	}
	return nil
}

// work looks after every account, several at once, and returns how many there still are.
// Fewer entries than so many aren't stored yet.
func (m *Meter) work(ctx context.Context, atLeast int) int {
	m.mu.Lock()
	all := make([]*account, 0, len(m.accounts))
	for _, a := range m.accounts {
		all = append(all, a)
	}
	closed := m.closed
	m.mu.Unlock()
	var g errgroup.Group
	const atOnce = 8 // calls of the store, which commits those of a moment together
	g.SetLimit(atOnce)
	for _, a := range all {
		g.Go(func() error { a.work(ctx, atLeast, closed); return nil })
	}
	_ = g.Wait() // nobody fails
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.accounts)
}
