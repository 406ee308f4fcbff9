// Package inproc is the bus within one process: what Isekai starts with.
//
// platform makes it, the outbox relay publishes to it. It keeps nothing: an
// event that it takes has been applied by every consumer, so the event's outbox
// row goes only after its effects, and a crash before that delivers it again. It
// starts no goroutine that outlives a call.
//
// A consumer gets the events of a stream one at a time and in order. Streams, and
// consumers, don't wait for one another, up to the bound on handlers that run at once.
//
// When a handler fails, its consumer gets no more events of that stream in this call,
// and Publish reports the event and those of the stream after it as undelivered; the
// relay comes again with them. So an event that fails stops one stream for as long as it
// fails, and nothing is skipped; the other consumers get the stream's events, and get
// them again with every new attempt. That an event which fails for good doesn't is up
// to the handler (package deadletter).
package inproc

import (
	"context"
	"fmt"
	"sync"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
)

// Config bounds the bus. Zero fields have the defaults that are named.
type Config struct {
	Parallel int // handlers that run at once; 64
}

// Bus is a bus.Bus.
type Bus struct {
	parallel int
	turn     chan struct{} // held by the Publish that delivers

	mu        sync.RWMutex
	consumers []consumer
}

type consumer struct {
	name   string
	handle bus.Handler
}

var _ bus.Bus = (*Bus)(nil)

// New returns a bus without consumers.
func New(cfg Config) *Bus {
	if cfg.Parallel <= 0 {
		cfg.Parallel = 64
	}
	return &Bus{parallel: cfg.Parallel, turn: make(chan struct{}, 1)}
}

// Subscribe implements bus.Bus.
func (b *Bus) Subscribe(name string, h bus.Handler) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.consumers {
		if c.name == name {
			panic("inproc: consumer " + name + " is subscribed twice")
		}
	}
	b.consumers = append(b.consumers, consumer{name, h})
}

// Run implements bus.Bus. Publish delivers by itself, so Run only waits.
func (b *Bus) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Publish implements bus.Bus. It returns when every consumer has applied every
// event, or has failed to. One call delivers at a time; the others wait.
func (b *Bus) Publish(ctx context.Context, events []core.Event) error {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.RLock()
	consumers := b.consumers
	b.mu.RUnlock()

	lanes := lanesOf(events)
	slots := make(chan struct{}, b.parallel)
	var all sync.WaitGroup
	for _, l := range lanes {
		for _, c := range consumers {
			slots <- struct{}{}
			all.Go(func() {
				defer func() { <-slots }()
				l.deliver(ctx, c)
			})
		}
	}
	all.Wait()
	return undelivered(lanes)
}

// lane is the events of one stream.
type lane struct {
	events []core.Event

	mu   sync.Mutex
	took int // what every consumer has applied, so far
	err  error
}

// lanesOf splits events by stream, keeping their order.
func lanesOf(events []core.Event) []*lane {
	type stream struct {
		core.OrgID
		core.StreamID
	}
	byStream := map[stream]*lane{}
	var lanes []*lane
	for _, e := range events {
		l := byStream[stream{e.Org, e.Stream}]
		if l == nil {
			l = &lane{}
			byStream[stream{e.Org, e.Stream}] = l
			lanes = append(lanes, l)
		}
		l.events = append(l.events, e)
		l.took++
	}
	return lanes
}

// deliver gives the lane's events to one consumer until one fails.
func (l *lane) deliver(ctx context.Context, c consumer) {
	for i, e := range l.events {
		err := ctx.Err()
		if err == nil {
			err = c.handle(ctx, e)
		}
		if err == nil {
			continue
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if i < l.took {
			l.took = i
			l.err = fmt.Errorf("consumer %s on event %s: %w", c.name, e.ID, err)
		}
		return
	}
}

// undelivered returns the error for what some consumer hasn't applied, or nil.
func undelivered(lanes []*lane) error {
	var u bus.Undelivered
	for _, l := range lanes {
		for _, e := range l.events[l.took:] {
			u.Events = append(u.Events, e.ID)
		}
		if u.Err == nil {
			u.Err = l.err
		}
	}
	if u.Err == nil {
		return nil
	}
	return &u
}
