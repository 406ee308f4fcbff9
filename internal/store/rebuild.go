package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

const (
	beside    = "~beside"        // ends the name of a view that is built beside another
	buildTerm = 20 * time.Second // renewed at a quarter of it
)

// Rebuild builds the org's view from its events beside the live one, which goes on,
// and puts it in its place at the end. conflict: another rebuild or verification of
// the view is running. When it fails the live view is as it was.
func (p *Projector) Rebuild(ctx context.Context, org core.OrgID) error {
	return p.beside(ctx, org, func(view string, upTo int64) error {
		if err := p.Store.Replace(ctx, org, p.View, view); err != nil {
			return err
		}
		// What the live view has got meanwhile isn't in the new one.
		_, err := p.CatchUp(ctx, org, upTo)
		return err
	})
}

// Difference is a row that isn't what the events say.
type Difference struct {
	ID   string
	What string // "missing", "left over", or which column is wrong
}

// Verify builds the org's view from its events beside the live one and compares them
// row by row. Rows that change meanwhile are looked at again, until the live view has
// had time to follow. Errors as Rebuild.
func (p *Projector) Verify(ctx context.Context, org core.OrgID) (rows int, all []Difference, err error) {
	err = p.beside(ctx, org, func(view string, _ int64) error {
		suspects := map[string]bool{}
		built, err := p.rows(ctx, org, view)
		if err != nil {
			return err
		}
		live, err := p.rows(ctx, org, p.View)
		if err != nil {
			return err
		}
		rows = len(built)
		for id, r := range built {
			if l, ok := live[id]; !ok || differs(l, r) != "" {
				suspects[id] = true
			}
		}
		for id := range live {
			if _, ok := built[id]; !ok {
				suspects[id] = true
			}
		}
		all, err = p.recheck(ctx, org, suspects)
		return err
	})
	return rows, all, err
}

// beside builds the view under another name, calls use with it and the position up to
// which it is built, and drops it.
func (p *Projector) beside(ctx context.Context, org core.OrgID, use func(view string, upTo int64) error) (err error) {
	view, term, holder := p.View+beside, "build "+string(org)+" "+p.View, core.NewID("bld")
	renewed := time.Time{}
	alive := func() error {
		if time.Since(renewed) < buildTerm/4 {
			return nil
		}
		leads, err := p.Store.Lead(ctx, term, holder, buildTerm)
		if err == nil && !leads {
			err = core.E(core.Conflict, "projection", "the view "+p.View+" is being built already").WithHint("wait until that has ended")
		}
		renewed = time.Now()
		return err
	}
	if err := alive(); err != nil {
		return err
	}
	defer func() {
		clean := context.WithoutCancel(ctx)
		err = errors.Join(err, p.Store.Drop(clean, org, view), p.Store.Resign(clean, term, holder))
	}()
	if err := p.Store.Drop(ctx, org, view); err != nil { // of one that was killed
		return err
	}
	upTo, err := p.build(ctx, org, view, 0, alive)
	if err != nil {
		return err
	}
	return use(view, upTo)
}

// rows returns a whole view.
func (p *Projector) rows(ctx context.Context, org core.OrgID, view string) (map[string]Row, error) {
	all := map[string]Row{}
	for q := (Query{Limit: MaxLimit}); ; {
		page, err := p.Store.List(ctx, org, view, q)
		if err != nil {
			return nil, err
		}
		for _, r := range page.Rows {
			all[r.ID] = r
		}
		if q.After = page.Next; q.After == "" {
			return all, nil
		}
	}
}

// recheck compares single rows with a fresh fold, for as long as a consumer may be
// behind.
func (p *Projector) recheck(ctx context.Context, org core.OrgID, suspects map[string]bool) (all []Difference, err error) {
	const tries, pause = 10, 200 * time.Millisecond
	for range tries {
		all = nil
		for id := range suspects {
			what, err := p.check(ctx, org, id)
			if err != nil {
				return nil, err
			}
			if what == "" {
				delete(suspects, id)
				continue
			}
			all = append(all, Difference{id, what})
		}
		if len(all) == 0 {
			return nil, nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return all, nil
}

func (p *Projector) check(ctx context.Context, org core.OrgID, id string) (string, error) {
	want, err := p.fresh(ctx, org, core.StreamID(id))
	if err != nil {
		return "", fmt.Errorf("verify %s: %w", id, err)
	}
	got, err := p.Store.Get(ctx, org, p.View, id)
	gone := core.CodeOf(err) == core.NotFound
	switch {
	case err != nil && !gone:
		return "", err
	case gone && want.Deleted:
		return "", nil
	case gone:
		return "missing", nil
	case want.Deleted:
		return "left over", nil
	}
	return differs(got, want), nil
}

// fresh folds a stream up to the last event that is wanted; without one there is no row.
func (p *Projector) fresh(ctx context.Context, org core.OrgID, stream core.StreamID) (Row, error) {
	events, err := readTo(ctx, p.Store, org, stream, 0)
	if err != nil {
		return Row{}, err
	}
	for len(events) > 0 && !p.Wants(events[len(events)-1].Type) {
		events = events[:len(events)-1]
	}
	if len(events) == 0 {
		return Row{Deleted: true}, nil
	}
	return p.Row(events)
}

// differs names what is different about two rows of one id; "" if nothing is.
func differs(a, b Row) string {
	switch {
	case a.Project != b.Project:
		return "project"
	case a.Kind != b.Kind:
		return "kind"
	case a.Status != b.Status:
		return "status"
	case a.Sort != b.Sort:
		return "sort"
	case !bytes.Equal(a.Data, b.Data):
		return "data"
	}
	return ""
}
