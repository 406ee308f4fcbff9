package meter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// stamp writes a moment so that texts are in the order of time.
const stamp = "2006-01-02T15:04:05.000Z"

// kindOpen are the records of holds that haven't ended, under core.Installation. Their ids begin
// with the time at which others may end them, which a node that lives puts off.
const kindOpen store.Kind[open] = "hold"

type open struct {
	Hold    core.HoldID    `json:"hold"`
	Org     core.OrgID     `json:"org"`
	Project core.ProjectID `json:"project"`
	Key     core.KeyID     `json:"key,omitempty"`
	Charged bool           `json:"charged,omitempty"`
	Until   time.Time      `json:"until"`
}

func (o open) owner() owner {
	return owner{org: o.Org, project: o.Project, key: o.Key, charged: o.Charged}
}

// Sweep ends the holds whose nodes didn't, because they died, and returns how many. It may be
// called by many at once, and after any crash. One hold's trouble isn't another's.
func Sweep(ctx context.Context, records store.Records, events store.Events, ids core.IDs, now time.Time) (ended int, err error) {
	var errs []error
	for after := ""; ; {
		const page = 100
		due, err := kindOpen.List(ctx, records, core.Installation, "", after, page)
		if err != nil {
			return ended, errors.Join(append(errs, err)...)
		}
		for _, d := range due {
			if d.Data.Until.After(now) {
				return ended, errors.Join(errs...)
			}
			if err := sweep(ctx, records, events, ids, d); err != nil {
				errs = append(errs, fmt.Errorf("the hold %s: %w", d.Data.Hold, err))
			} else {
				ended++
			}
			after = d.ID
		}
		if len(due) < page {
			return ended, errors.Join(errs...)
		}
	}
}

// sweep ends a hold, and forgets it. Of an org that is gone there is nothing to end.
func sweep(ctx context.Context, records store.Records, events store.Events, ids core.IDs, d store.Doc[open]) error {
	err := endFor(ctx, events, ids, d.Data)
	if err != nil && core.CodeOf(err) != core.NotFound {
		return err
	}
	return forget(ctx, records, d)
}

// endFor appends a hold's end, unless it has one. conflict: its node is alive.
func endFor(ctx context.Context, events store.Events, ids core.IDs, o open) error {
	s, err := readStream(ctx, events, o.Org, o.Hold)
	if err != nil || s.ended {
		return err
	}
	e, err := newEvent(core.EventID(ids("evt")), core.HoldEnded{Key: o.Key, Charged: o.Charged, Spent: s.spent, Why: "its node didn't end it in time"})
	if err != nil {
		return err
	}
	_, err = events.Append(ctx, o.owner().scope(), store.Append{Stream: o.Hold.Stream(), Expected: s.version, Events: []store.NewEvent{e}})
	return err
}

// forget removes a hold's record.
func forget(ctx context.Context, records store.Records, d store.Doc[open]) error {
	err := records.Write(ctx, core.Installation, kindOpen.Drop(d))
	if core.CodeOf(err) == core.Conflict { // another was faster
		return nil
	}
	return err
}

// stream is what the events of a hold say.
type stream struct {
	version int64
	spent   core.Credits
	ended   bool
	ids     map[core.EventID]int64 // and their versions
}

func readStream(ctx context.Context, from store.Events, org core.OrgID, id core.HoldID) (stream, error) {
	s := stream{ids: map[core.EventID]int64{}}
	for {
		const page = 50
		events, err := from.ReadStream(ctx, org, id.Stream(), s.version, page)
		if err != nil {
			return s, err
		}
		for _, e := range events {
			p, err := e.Payload()
			if err != nil {
				return s, err
			}
			switch p := p.(type) {
			case core.CallsMetered:
				s.spent += p.Cost
			case core.HoldEnded:
				s.ended = true
			}
			s.version, s.ids[e.ID] = e.Version, e.Version
		}
		if len(events) < page {
			return s, nil
		}
	}
}

func newEvent(id core.EventID, p core.Payload) (store.NewEvent, error) {
	data, err := core.EncodePayload(p)
	return store.NewEvent{ID: id, Type: p.EventType(), Data: data}, err
}
