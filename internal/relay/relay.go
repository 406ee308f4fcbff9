// Package relay carries events from the outbox to the bus: at least once, and in
// the order of their commits within an org.
//
// platform runs one of them in each process of an installation; one of those leads
// and carries, the others are ready to (term.go). That two carry at once, for a
// moment, does no harm but deliver twice: each goes through the outbox in order, so
// the first coming of every event is in order, too. It never changes an event, never
// skips one, and keeps no state that matters: what it hasn't carried is in the outbox.
//
// A message is removed after the bus has taken it. While the bus can't be
// reached, everything waits, for a time that doubles up to a bound. When the bus
// refuses some events, their orgs wait like that and the others go on: until the
// waiting ones fill a batch, from where on everything waits for them.
package relay

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Publisher is the part of a bus.Bus that the relay uses.
type Publisher interface {
	Publish(ctx context.Context, events []core.Event) error
}

// Config connects a relay. Outbox and Bus are required; the other zero fields
// have the defaults that are named.
type Config struct {
	Outbox store.Outbox
	Bus    Publisher
	Wake   func() <-chan struct{} // a store.Waker's OutboxWake; nil: polling alone
	Poll   time.Duration          // between two looks without a wake; 1 s, or 100 ms without Wake
	Batch  int                    // messages in one Publish; 256
	// The first and the longest wait after a failure: 50 ms and 10 s. A wait is
	// shortened by up to half at random.
	Backoff, MaxBackoff time.Duration
	Log                 *slog.Logger // told of failures; nil: nobody

	Terms store.Terms   // nil: this is the only relay
	Name  string        // of this relay among all; made up
	TTL   time.Duration // for how long it leads without renewing; 5 s
}

// Relay carries messages while Run runs.
type Relay struct {
	cfg  Config
	fail int                  // failures of the whole in a row
	held map[core.OrgID]*hold // orgs that wait; at most one per message of a batch
}

// hold is an org's wait.
type hold struct {
	fails int
	until time.Time
}

// New returns a relay.
func New(cfg Config) *Relay {
	if cfg.Poll <= 0 && cfg.Wake == nil {
		cfg.Poll = 100 * time.Millisecond
	}
	if cfg.Poll <= 0 {
		cfg.Poll = time.Second
	}
	if cfg.Batch <= 0 {
		cfg.Batch = 256
	}
	if cfg.Backoff <= 0 {
		cfg.Backoff = 50 * time.Millisecond
	}
	if cfg.MaxBackoff <= 0 {
		cfg.MaxBackoff = 10 * time.Second
	}
	if cfg.Name == "" {
		cfg.Name = core.NewID("rly")
	}
	if cfg.TTL <= 0 {
		cfg.TTL = 5 * time.Second
	}
	if cfg.Wake == nil {
		cfg.Wake = func() <-chan struct{} { return nil }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Relay{cfg: cfg, held: map[core.OrgID]*hold{}}
}

// Run carries messages, whenever this relay leads, until ctx ends, then returns nil.
// It must not run twice at the same time, nor beside Drain.
func (r *Relay) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		t, err := r.lead(ctx)
		if err != nil && ctx.Err() == nil {
			r.cfg.Log.WarnContext(ctx, "the relay can't tell whether it leads", "error", err, "retry_in", r.cfg.Poll)
		}
		if t == nil {
			sleep(ctx, r.cfg.Poll)
			continue
		}
		r.carry(t.ctx)
		t.end()
	}
	return nil
}

// carry carries messages until ctx ends.
func (r *Relay) carry(ctx context.Context) {
	for {
		woken := r.cfg.Wake() // before looking, so that nothing is missed
		more, err := r.move(ctx)
		var wait time.Duration
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.fail++
			wait, woken = r.pause(r.fail), nil
			r.cfg.Log.WarnContext(ctx, "events wait in the outbox", "error", err, "retry_in", wait)
		case more:
			r.fail = 0
			continue
		default:
			r.fail = 0
			wait = r.idle()
		}
		select {
		case <-ctx.Done():
			return
		case <-woken:
		case <-time.After(wait):
		}
	}
}

// Drain carries what is pending now, and returns when nothing is that can be carried;
// at once when another relay leads: that is carrying it.
func (r *Relay) Drain(ctx context.Context) error {
	t, err := r.lead(ctx)
	if t == nil || err != nil {
		return err
	}
	defer t.end()
	for {
		more, err := r.move(t.ctx)
		if err != nil || !more {
			return err
		}
	}
}

// move carries one batch. more says that there may be another at once; an error
// is one that concerns everything.
func (r *Relay) move(ctx context.Context) (more bool, err error) {
	pending, err := r.cfg.Outbox.Pending(ctx, r.cfg.Batch)
	if err != nil {
		return false, err
	}
	batch := r.free(pending)
	if len(batch) == 0 {
		return false, nil
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
	taken := r.settle(ctx, batch, u)
	if len(taken) == 0 {
		return false, nil
	}
	if err := r.cfg.Outbox.Published(ctx, taken); err != nil {
		return false, err
	}
	return len(pending) == r.cfg.Batch || u != nil, nil
}

// free returns the messages whose org doesn't wait.
func (r *Relay) free(pending []store.Message) []store.Message {
	now := time.Now()
	var free []store.Message
	for _, m := range pending {
		if h := r.held[m.Event.Org]; h == nil || !h.until.After(now) {
			free = append(free, m)
		}
	}
	return free
}

// settle returns the messages that the bus has taken, lets the orgs of the
// others wait, and ends the wait of those that got through.
func (r *Relay) settle(ctx context.Context, batch []store.Message, u *bus.Undelivered) (taken []int64) {
	left := map[core.EventID]bool{}
	if u != nil {
		for _, id := range u.Events {
			left[id] = true
		}
	}
	stuck := map[core.OrgID]bool{}
	for _, m := range batch {
		org := m.Event.Org
		if left[m.Event.ID] || stuck[org] {
			stuck[org] = true // nothing of the org overtakes it
			continue
		}
		taken = append(taken, m.Seq)
	}
	for _, m := range batch {
		if org := m.Event.Org; !stuck[org] {
			delete(r.held, org)
		}
	}
	for org := range stuck {
		h := r.held[org]
		if h == nil {
			h = &hold{}
			r.held[org] = h
		}
		h.fails++
		wait := r.pause(h.fails)
		h.until = time.Now().Add(wait)
		r.cfg.Log.WarnContext(ctx, "an org's events wait in the outbox", "org", org, "error", u.Err, "retry_in", wait)
	}
	return taken
}

// pause returns how long to wait after so many failures in a row.
func (r *Relay) pause(fails int) time.Duration {
	d := r.cfg.MaxBackoff
	if shift := fails - 1; shift < 20 {
		d = min(d, r.cfg.Backoff<<shift)
	}
	return d - rand.N(d/2+1)
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
