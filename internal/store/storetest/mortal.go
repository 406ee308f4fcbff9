package storetest

import (
	"context"
	"sync/atomic"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Mortal is a store whose process dies at a write (Post, Write or Append), before that took
// place or after: no write works from then on. Safe for concurrent use, but After and Once.
type Mortal struct {
	store.Store
	Left  atomic.Int64 // it dies at that many writes from now; 0 or below: it lives
	After bool         // the last write takes place, and nobody learns what came of it
	Once  bool         // it lives on after that
	Dead  atomic.Bool
}

var errDead = core.E(core.Unavailable, "mortal", "the process is dead")

func (m *Mortal) step(write func() error) error {
	if m.Dead.Load() {
		return errDead
	}
	if m.Left.Add(-1) != 0 {
		return write()
	}
	if m.After {
		_ = write()
	}
	m.Dead.Store(!m.Once)
	return errDead
}

// Post implements store.Books.
func (m *Mortal) Post(ctx context.Context, org core.OrgID, p ...store.Posting) (posted []bool, err error) {
	err = m.step(func() (err error) { posted, err = m.Store.Post(ctx, org, p...); return err })
	return posted, err
}

// Write implements store.Records.
func (m *Mortal) Write(ctx context.Context, org core.OrgID, c ...store.Change) error {
	return m.step(func() error { return m.Store.Write(ctx, org, c...) })
}

// Append implements store.Events.
func (m *Mortal) Append(ctx context.Context, s core.Scope, a store.Append) (events []core.Event, err error) {
	err = m.step(func() (err error) { events, err = m.Store.Append(ctx, s, a); return err })
	return events, err
}
