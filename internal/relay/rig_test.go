package relay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/relay"
	"github.com/isekai-run/isekai/internal/store"
)

// outbox is a store.Outbox in memory, with a wake-up.
type outbox struct {
	mu       sync.Mutex
	messages []store.Message
	seq      int64
	looks    int
	err      error
	wake     chan struct{}
}

func (o *outbox) add(org core.OrgID, ids ...core.EventID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		o.seq++
		o.messages = append(o.messages, store.Message{Seq: o.seq, Event: core.Event{Org: org, ID: id}})
	}
	if o.wake != nil {
		close(o.wake)
		o.wake = nil
	}
}

func (o *outbox) woken() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.wake == nil {
		o.wake = make(chan struct{})
	}
	return o.wake
}

func (o *outbox) Pending(_ context.Context, limit int) ([]store.Message, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.looks++
	return slices.Clone(o.messages[:min(limit, len(o.messages))]), o.err
}

func (o *outbox) Published(_ context.Context, seqs []int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.messages = slices.DeleteFunc(o.messages, func(m store.Message) bool { return slices.Contains(seqs, m.Seq) })
	return o.err
}

func (o *outbox) left() (ids []core.EventID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range o.messages {
		ids = append(ids, m.Event.ID)
	}
	return ids
}

func (o *outbox) looked() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.looks
}

// carrier is a bus that notes what it takes and when, and refuses on demand.
type carrier struct {
	mu     sync.Mutex
	down   bool
	poison map[core.EventID]bool
	took   []core.EventID
	tries  []time.Time
	most   int
}

func (c *carrier) Publish(_ context.Context, events []core.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tries = append(c.tries, time.Now())
	c.most = max(c.most, len(events))
	if c.down {
		return errors.New("down")
	}
	var u bus.Undelivered
	for _, e := range events {
		if c.poison[e.ID] {
			u.Events, u.Err = append(u.Events, e.ID), errors.New("poisoned")
			continue
		}
		c.took = append(c.took, e.ID)
	}
	if u.Err != nil {
		return fmt.Errorf("publish: %w", &u)
	}
	return nil
}

func (c *carrier) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

func (c *carrier) taken() []core.EventID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.took)
}

// terms is a store.Terms in memory.
type terms struct {
	mu       sync.Mutex
	holder   string
	until    time.Time
	resigned int
}

func (t *terms) Lead(_ context.Context, _, holder string, ttl time.Duration) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.holder != holder && time.Now().Before(t.until) {
		return false, nil
	}
	t.holder, t.until = holder, time.Now().Add(ttl)
	return true, nil
}

func (t *terms) Resign(_ context.Context, _, holder string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.holder == holder {
		t.until = time.Time{}
		t.resigned++
	}
	return nil
}

func (t *terms) leader() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.holder
}

// process is all that a relay reaches, and can be frozen, cut off from the terms,
// and be slow to publish.
type process struct {
	*outbox
	terms   *terms
	carrier *carrier

	mu     sync.Mutex
	thaw   chan struct{} // nil: not frozen
	cut    bool
	slow   time.Duration
	marked error // instead of marking what was published
}

// set changes the process and what it shares.
func (p *process) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// pass waits while the process is frozen.
func (p *process) pass() {
	p.mu.Lock()
	thaw := p.thaw
	p.mu.Unlock()
	if thaw != nil {
		<-thaw
	}
}

func (p *process) Lead(ctx context.Context, name, holder string, ttl time.Duration) (bool, error) {
	p.pass()
	p.mu.Lock()
	cut := p.cut
	p.mu.Unlock()
	if cut {
		return false, errors.New("cut off")
	}
	return p.terms.Lead(ctx, name, holder, ttl)
}

func (p *process) Resign(ctx context.Context, name, holder string) error {
	p.pass()
	return p.terms.Resign(ctx, name, holder)
}

func (p *process) Pending(ctx context.Context, limit int) ([]store.Message, error) {
	p.pass()
	return p.outbox.Pending(ctx, limit)
}

func (p *process) Published(ctx context.Context, seqs []int64) error {
	p.pass()
	p.mu.Lock()
	err := p.marked
	p.mu.Unlock()
	if err != nil {
		return err
	}
	return p.outbox.Published(ctx, seqs)
}

func (p *process) Publish(ctx context.Context, events []core.Event) error {
	p.pass()
	p.mu.Lock()
	slow := p.slow
	p.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return p.carrier.Publish(ctx, events)
}

// pair runs two relays on one outbox in a bubble with fake time; a leads first.
func pair(t *testing.T, script func(t *testing.T, a, b *process, stop map[string]func())) {
	synctest.Test(t, func(t *testing.T) {
		o, c, ts := &outbox{}, &carrier{}, &terms{}
		processes, stop := map[string]*process{}, map[string]func(){}
		for _, name := range []string{"a", "b"} {
			p := &process{outbox: o, carrier: c, terms: ts}
			processes[name] = p
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			r := relay.New(relay.Config{Outbox: p, Bus: p, Terms: p, Name: name, TTL: 5 * time.Second, Poll: time.Second})
			go func() { ended <- r.Run(ctx) }()
			stop[name] = sync.OnceFunc(func() {
				cancel()
				if err := <-ended; err != nil {
					t.Errorf("run ended with %v", err)
				}
			})
			synctest.Wait()
		}
		script(t, processes["a"], processes["b"], stop)
		stop["a"]()
		stop["b"]()
	})
}

// after lets time pass, and everything that happens in it.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
