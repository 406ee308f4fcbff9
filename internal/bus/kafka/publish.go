package kafka

import (
	"context"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
)

// Publish implements bus.Bus. It returns when every in-sync replica has every
// event, or at the latest after Config.Timeout. The events that weren't
// acknowledged are undelivered, and those of the same streams after them; when
// that is all of them, the brokers are unavailable.
//
// The client library keeps the order of a partition: when it gives up a record, it
// gives up all that it holds of the partition.
func (b *Bus) Publish(ctx context.Context, events []core.Event) error {
	if err := ctx.Err(); err != nil {
		return translate("kafka.publish", err)
	}
	if len(events) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Timeout)
	defer cancel()
	p := &publication{events: events, fate: make([]fate, len(events)), open: len(events), done: make(chan struct{})}
	for i, e := range events {
		record, err := b.codec.encode(e)
		if err == nil && p.failed(e) {
			err = errBehind
		}
		if err != nil {
			p.settle(i, err)
			continue
		}
		b.producer.Produce(ctx, record, func(_ *kgo.Record, err error) { p.settle(i, err) })
	}
	select {
	case <-p.done:
	case <-ctx.Done(): // what is still on its way may arrive yet, as a duplicate
	}
	return p.result(ctx)
}

var errBehind = core.E(core.Unavailable, "kafka.publish", "an event of the stream before it wasn't taken")

// publication is the state of one Publish.
type publication struct {
	events []core.Event
	done   chan struct{} // closed when nothing is open

	mu   sync.Mutex
	open int
	fate []fate
	lost map[string]bool // the streams, by key, of which an event was given up
}

// fate is what became of an event.
type fate struct {
	settled bool
	err     error
}

func (p *publication) failed(e core.Event) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lost) > 0 && p.lost[keyOf(e.Org, e.Stream)]
}

func (p *publication) settle(i int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fate[i] = fate{true, err}
	if err != nil {
		if p.lost == nil {
			p.lost = map[string]bool{}
		}
		p.lost[keyOf(p.events[i].Org, p.events[i].Stream)] = true
	}
	if p.open--; p.open == 0 {
		close(p.done)
	}
}

// result returns Publish's error.
func (p *publication) result(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var u bus.Undelivered
	lost := map[string]bool{}
	for i, e := range p.events {
		f := p.fate[i]
		if key := keyOf(e.Org, e.Stream); f.settled && f.err == nil && !lost[key] {
			continue
		} else {
			lost[key] = true
		}
		if f.err == nil {
			f.err = context.Cause(ctx)
		}
		if u.Err == nil {
			u.Err = translate("kafka.publish", f.err)
		}
		u.Events = append(u.Events, e.ID)
	}
	switch {
	case u.Err == nil:
		return nil
	case len(u.Events) == len(p.events) && core.CodeOf(u.Err) != core.Invalid:
		return u.Err
	}
	return &u
}
