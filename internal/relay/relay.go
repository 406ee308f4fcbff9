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
	"log/slog"
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
	Flush               time.Duration // for what is pending when Run is to end; 5 s
	Log                 *slog.Logger  // told of failures; nil: nobody

	Terms store.Terms   // nil: this is the only relay
	Name  string        // of this relay among all; made up
	TTL   time.Duration // for how long it leads without renewing; 5 s
}

// Relay carries messages while Run runs.
type Relay struct {
	cfg   Config
	retry bus.Backoff
	held  map[core.OrgID]*hold // orgs that wait; at most one per message of a batch
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
	if cfg.Flush <= 0 {
		cfg.Flush = 5 * time.Second
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
	return &Relay{cfg: cfg, retry: bus.Backoff{First: cfg.Backoff, Most: cfg.MaxBackoff}, held: map[core.OrgID]*hold{}}
}

// Run carries messages, whenever this relay leads, until ctx ends. If it leads then, it
// carries what is pending, for at most Config.Flush, so that nothing that was appended
// before waits for another start. It returns nil. It must not run twice at the same
// time, nor beside Drain.
func (r *Relay) Run(ctx context.Context) error {
	work, done := outlive(ctx, r.cfg.Flush)
	defer done()
	var told time.Time // of not knowing who leads
	for ctx.Err() == nil {
		t, err := r.lead(ctx, work)
		if err != nil && ctx.Err() == nil && time.Since(told) >= r.cfg.MaxBackoff {
			told = time.Now()
			r.cfg.Log.WarnContext(ctx, "the relay can't tell whether it leads", "error", err)
		}
		if t == nil {
			sleep(ctx, r.cfg.Poll)
			continue
		}
		r.carry(ctx, t.ctx)
		t.end()
	}
	return nil
}

// carry carries messages until ctx ends; once stop has ended, until none is left or one
// can't be carried.
func (r *Relay) carry(stop, ctx context.Context) {
	clear(r.held) // of an earlier term: another relay may have carried what waited
	for fails := 0; ; {
		last := stop.Err() != nil
		woken := r.cfg.Wake() // before looking, so that nothing is missed
		more, err := r.move(ctx)
		wait := time.Duration(0)
		switch {
		case ctx.Err() != nil, last && err == nil && !more:
			return
		case err != nil:
			fails++
			wait, woken = r.retry.After(fails), nil
			r.cfg.Log.WarnContext(ctx, "events wait in the outbox", "error", err, "retry_in", wait)
			if last {
				return
			}
		case more:
			fails = 0
			continue
		default:
			fails, wait = 0, r.idle()
		}
		select {
		case <-stop.Done():
		case <-ctx.Done():
		case <-woken:
		case <-time.After(wait):
		}
	}
}

// Drain carries what is pending now, and returns when nothing is that can be carried;
// at once when another relay leads: that is carrying it.
func (r *Relay) Drain(ctx context.Context) error {
	t, err := r.lead(ctx, ctx)
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
