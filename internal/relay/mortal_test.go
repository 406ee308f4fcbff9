package relay_test

import (
	"context"
	"errors"
	"time"

	"github.com/isekai-run/isekai/internal/bus/kafka"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// mortal is all that a relay reaches: it publishes everything twice, and may be killed
// when it has. The dead do nothing, and nothing is done for them.
type mortal struct {
	store.Store
	world *world
	bus   *kafka.Bus
	life  context.Context
	die   context.CancelFunc
}

var errDead = errors.New("killed")

// Publish implements relay.Publisher.
func (m *mortal) Publish(ctx context.Context, events []core.Event) error {
	if m.life.Err() != nil {
		return errDead
	}
	err := m.bus.Publish(ctx, events)
	if err == nil {
		err = m.bus.Publish(ctx, events)
	}
	switch {
	case err != nil:
		m.world.failures.Add(1)
	case m.world.kill.CompareAndSwap(true, false):
		m.world.unmarked.Add(int64(len(events)))
		m.world.kills.Add(1)
		m.die()
	}
	return err
}

// Published implements store.Outbox.
func (m *mortal) Published(ctx context.Context, seqs []int64) error {
	if m.life.Err() != nil {
		return errDead
	}
	return m.Store.Published(ctx, seqs)
}

// Lead implements store.Terms.
func (m *mortal) Lead(ctx context.Context, name, holder string, ttl time.Duration) (bool, error) {
	if m.life.Err() != nil {
		return false, errDead
	}
	return m.Store.Lead(ctx, name, holder, ttl)
}

// Resign implements store.Terms.
func (m *mortal) Resign(ctx context.Context, name, holder string) error {
	if m.life.Err() != nil {
		return nil
	}
	return m.Store.Resign(ctx, name, holder)
}
