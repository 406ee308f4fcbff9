package relay_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/relay"
	"github.com/isekai-run/isekai/internal/store"
)

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

func (p *process) Pending(ctx context.Context, limit int, except ...core.OrgID) ([]store.Message, error) {
	p.pass()
	return p.outbox.Pending(ctx, limit, except...)
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
