package relay

import (
	"context"
	"sync"
	"time"
)

// seat is the name of what the relays lead.
const seat = "relay"

// term is a time for which this relay leads.
type term struct {
	ctx context.Context // ends when the term does
	end func()          // ends it and lets another relay follow at once
}

// lead asks, for as long as ctx lasts, and begins a term, or returns nil when another
// relay leads. The term is renewed until it is ended, work is, or it can't be renewed:
// then it ends by our clock no later than by the store's, because we count from before
// we asked.
func (r *Relay) lead(ctx, work context.Context) (*term, error) {
	if r.cfg.Terms == nil {
		return &term{work, func() {}}, nil
	}
	asked := time.Now()
	leads, err := r.cfg.Terms.Lead(ctx, seat, r.cfg.Name, r.cfg.TTL)
	if !leads || err != nil {
		return nil, err
	}
	r.cfg.Log.InfoContext(ctx, "this relay leads", "name", r.cfg.Name)
	within, cancel := context.WithCancel(work)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		defer cancel()
		r.renew(within, asked.Add(r.cfg.TTL))
	})
	return &term{within, func() {
		cancel()
		renewing.Wait()
		r.resign(ctx)
	}}, nil
}

// renew renews a term three times as often as it must, and returns when it can't.
func (r *Relay) renew(ctx context.Context, until time.Time) {
	for {
		if !sleep(ctx, min(r.cfg.TTL/3, time.Until(until))) {
			return
		}
		asked := time.Now()
		within, cancel := context.WithDeadline(ctx, until)
		leads, err := r.cfg.Terms.Lead(within, seat, r.cfg.Name, r.cfg.TTL)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && leads:
			until = asked.Add(r.cfg.TTL)
		case err == nil:
			r.cfg.Log.WarnContext(ctx, "another relay leads", "name", r.cfg.Name)
			return
		case !time.Now().Before(until):
			r.cfg.Log.WarnContext(ctx, "the relay steps down: it can't renew its term", "name", r.cfg.Name, "error", err)
			return
		}
	}
}

// resign lets another relay follow. When that fails, the term runs out by itself.
func (r *Relay) resign(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.TTL/3)
	defer cancel()
	if err := r.cfg.Terms.Resign(ctx, seat, r.cfg.Name); err != nil {
		r.cfg.Log.WarnContext(ctx, "the next relay waits for the term's end", "error", err)
	}
}

// sleep waits for d, and reports whether ctx lasted as long.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// outlive returns a context that lasts for d longer than ctx, or until done is called.
func outlive(ctx context.Context, d time.Duration) (longer context.Context, done func()) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if sleep(longer, d) {
			cancel()
		}
	})
	return longer, func() { stop(); cancel() }
}
