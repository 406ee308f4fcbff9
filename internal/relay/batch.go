package relay

import (
	"context"
	"errors"
	"time"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// hold is an org's wait.
type hold struct {
	fails int
	until time.Time
}

// move carries one batch. more says that there may be another at once; an error
// is one that concerns everything.
func (r *Relay) move(ctx context.Context) (more bool, err error) {
	batch, err := r.cfg.Outbox.Pending(ctx, r.cfg.Batch, r.waiting()...)
	if err != nil || len(batch) == 0 {
		return false, err
	}
	events := make([]core.Event, len(batch))
	for i, m := range batch {
		events[i] = m.Event
	}
	err = r.cfg.Bus.Publish(ctx, events)
	var u *bus.Undelivered
	if err != nil && !errors.As(err, &u) || ctx.Err() != nil {
		return false, err
	}
	taken, stuck := split(batch, u)
	r.hold(ctx, batch, stuck, u)
	if len(taken) == 0 {
		return len(batch) == r.cfg.Batch, nil // there may be others behind those that wait now
	}
	if err := r.cfg.Outbox.Published(ctx, taken); err != nil {
		return false, err
	}
	return len(batch) == r.cfg.Batch || u != nil, nil
}

// waiting returns the orgs that wait. However many messages they have, those of the others
// are carried.
func (r *Relay) waiting() (orgs []core.OrgID) {
	now := time.Now()
	for org, h := range r.held {
		if h.until.After(now) {
			orgs = append(orgs, org)
		}
	}
	return orgs
}

// split returns the messages that the bus has taken, and the orgs of the others: nothing
// of an org overtakes what wasn't taken.
func split(batch []store.Message, u *bus.Undelivered) (taken []int64, stuck map[core.OrgID]bool) {
	left := map[core.EventID]bool{}
	if u != nil {
		for _, id := range u.Events {
			left[id] = true
		}
	}
	stuck = map[core.OrgID]bool{}
	for _, m := range batch {
		if org := m.Event.Org; left[m.Event.ID] || stuck[org] {
			stuck[org] = true
			continue
		}
		taken = append(taken, m.Seq)
	}
	return taken, stuck
}

// hold lets the stuck orgs of a batch wait, and ends the wait of the others.
func (r *Relay) hold(ctx context.Context, batch []store.Message, stuck map[core.OrgID]bool, u *bus.Undelivered) {
	for _, m := range batch {
		if org := m.Event.Org; !stuck[org] {
			delete(r.held, org)
		}
	}
	if len(stuck) == 0 {
		return
	}
	var longest time.Duration
	var example core.OrgID
	for org := range stuck {
		h := r.held[org]
		if h == nil {
			h = &hold{}
			r.held[org] = h
		}
		h.fails++
		wait := r.retry.After(h.fails)
		h.until = time.Now().Add(wait)
		longest, example = max(longest, wait), org
	}
	r.cfg.Log.WarnContext(ctx, "events of some orgs wait in the outbox", "orgs", len(stuck), "one", example, "error", u.Err, "retry_in", longest)
}

// idle returns how long to wait for news: until the next look, or until an org's
// wait ends.
func (r *Relay) idle() time.Duration {
	wait := r.cfg.Poll
	for _, h := range r.held {
		if left := time.Until(h.until); left > 0 { // else it had its chance
			wait = min(wait, left)
		}
	}
	return wait
}
