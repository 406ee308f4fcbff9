package relay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
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

func (o *outbox) Pending(_ context.Context, limit int, except ...core.OrgID) ([]store.Message, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.looks++
	left := slices.DeleteFunc(slices.Clone(o.messages), func(m store.Message) bool { return slices.Contains(except, m.Event.Org) })
	return left[:min(limit, len(left))], o.err
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

// after lets time pass, and everything that happens in it.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
