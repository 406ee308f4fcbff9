package store

import (
	"context"
	"fmt"
	"sync"

	"github.com/isekai-run/isekai/internal/core"
)

// Projector keeps a view whose rows are each the fold of one stream. An event
// from the bus is its signal to catch up in the org's own order of events: so it
// misses none and applies each once, in whatever order and however often the bus
// delivers. Safe for concurrent use; orgs are caught up one at a time.
type Projector struct {
	Store interface {
		Events
		Views
	}
	View string
	// Wants reports whether events of this type change a row.
	Wants func(eventType string) bool
	// Row folds a stream to its row. It may be ahead of the event that asked
	// for it, never behind.
	Row func(ctx context.Context, org core.OrgID, stream core.StreamID) (Row, error)

	mu sync.Mutex
}

// Handle is the bus.Handler. unavailable: an event before this one can't be
// read yet; it is to be delivered again.
func (p *Projector) Handle(ctx context.Context, e core.Event) error {
	if !p.Wants(e.Type) {
		return nil
	}
	return p.CatchUp(ctx, e.Org, e.Position)
}

// CatchUp applies an org's events up to the newest, or as far as upTo if that
// isn't 0, and fails with unavailable if it can't get there.
func (p *Projector) CatchUp(ctx context.Context, org core.OrgID, upTo int64) error {
	const page = 256
	p.mu.Lock()
	defer p.mu.Unlock()
	at, err := p.Store.Checkpoint(ctx, org, p.View)
	for err == nil && (upTo == 0 || at < upTo) {
		var events []core.Event
		if events, err = p.Store.ReadOrg(ctx, org, at, page); err != nil || len(events) == 0 {
			break
		}
		at = events[len(events)-1].Position
		err = p.apply(ctx, org, at, events)
	}
	if err != nil {
		return fmt.Errorf("project %s: %w", p.View, err)
	}
	if at < upTo {
		return core.E(core.Unavailable, "project "+p.View, "an earlier event isn't readable yet")
	}
	return nil
}

func (p *Projector) apply(ctx context.Context, org core.OrgID, position int64, events []core.Event) error {
	var rows []Row
	seen := map[core.StreamID]bool{}
	for _, e := range events {
		if seen[e.Stream] || !p.Wants(e.Type) {
			continue
		}
		seen[e.Stream] = true
		row, err := p.Row(ctx, org, e.Stream)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	_, err := p.Store.Apply(ctx, org, p.View, position, rows)
	return err
}
