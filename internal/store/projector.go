package store

import (
	"context"
	"fmt"

	"github.com/isekai-run/isekai/internal/core"
)

// Projector keeps a view whose rows are each the fold of one stream. The bus gives
// it a stream's events in order, at least once; the view's marks make it apply each
// once. Safe for concurrent use.
type Projector struct {
	Store ProjectorStore
	View  string
	// Wants reports whether events of this type change a row.
	Wants func(eventType string) bool
	// Row folds a stream, from its first event to a wanted one, to its row, whose ID is
	// the stream's. It is pure: so a row that is built anew is the same row.
	Row func(events []core.Event) (Row, error)
}

// ProjectorStore is what a projector needs.
type ProjectorStore interface {
	Events
	Views
	Terms
}

// Handle is the bus.Handler.
func (p *Projector) Handle(ctx context.Context, e core.Event) error {
	if !p.Wants(e.Type) {
		return nil
	}
	return p.apply(ctx, e.Org, p.View, Mark{e.Stream, e.Version})
}

// CatchUp applies what an org's events after a position change, and returns the
// position of the newest.
func (p *Projector) CatchUp(ctx context.Context, org core.OrgID, after int64) (int64, error) {
	return p.build(ctx, org, p.View, after, func() error { return nil })
}

// build applies events after a position to a view, and calls alive now and then.
func (p *Projector) build(ctx context.Context, org core.OrgID, view string, after int64, alive func() error) (int64, error) {
	const page = 1024
	for {
		events, err := p.Store.ReadOrg(ctx, org, after, page)
		if err != nil {
			return after, fmt.Errorf("project %s: %w", view, err)
		}
		if len(events) == 0 {
			return after, nil
		}
		for _, m := range p.newest(events) {
			if err := p.apply(ctx, org, view, m); err != nil {
				return after, err
			}
			if err := alive(); err != nil {
				return after, err
			}
		}
		after = events[len(events)-1].Position
	}
}

// newest returns the last wanted event of each stream: its row holds the others.
func (p *Projector) newest(events []core.Event) []Mark {
	var marks []Mark
	at := map[core.StreamID]int{}
	for _, e := range events {
		if !p.Wants(e.Type) {
			continue
		}
		i, seen := at[e.Stream]
		if !seen {
			i = len(marks)
			at[e.Stream], marks = i, append(marks, Mark{Stream: e.Stream})
		}
		marks[i].Version = e.Version
	}
	return marks
}

func (p *Projector) apply(ctx context.Context, org core.OrgID, view string, m Mark) error {
	row, err := p.row(ctx, org, m)
	if err == nil {
		_, err = p.Store.Apply(ctx, org, view, m, []Row{row})
	}
	if err != nil {
		return fmt.Errorf("project %s, stream %s: %w", view, m.Stream, err)
	}
	return nil
}

// row folds a stream up to a version.
func (p *Projector) row(ctx context.Context, org core.OrgID, m Mark) (Row, error) {
	events, err := readTo(ctx, p.Store, org, m.Stream, m.Version)
	if err != nil {
		return Row{}, err
	}
	if n := len(events); n == 0 || events[n-1].Version != m.Version {
		return Row{}, core.E(core.NotFound, "project", "the stream has no such version")
	}
	return p.Row(events)
}

// readTo returns a stream's events up to a version, or all of them if that is 0.
func readTo(ctx context.Context, st Events, org core.OrgID, stream core.StreamID, version int64) (all []core.Event, err error) {
	const page = 512
	for after := int64(0); version == 0 || after < version; {
		limit := page
		if version > 0 {
			limit = int(min(page, version-after))
		}
		events, err := st.ReadStream(ctx, org, stream, after, limit)
		if err != nil {
			return nil, err
		}
		all, after = append(all, events...), after+int64(len(events))
		if len(events) < limit {
			break
		}
	}
	return all, nil
}
