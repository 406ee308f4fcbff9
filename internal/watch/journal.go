package watch

import (
	"context"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Journal is a Teller that records what is told as events of the watch's own stream, each once:
// whoever consumes events is told by them.
type Journal struct {
	Events store.Events
	IDs    core.IDs
}

// Changed implements Teller.
func (j Journal) Changed(ctx context.Context, scope core.Scope, c Change) error {
	return j.append(ctx, scope, c.Watch, c.Seq, core.WatchChanged{Watch: c.Watch, Name: c.Name, URL: c.URL, Before: c.Before, After: c.After, Task: c.Task, By: c.By})
}

// Failing implements Teller.
func (j Journal) Failing(ctx context.Context, scope core.Scope, w Watch, seq int64) error {
	return j.append(ctx, scope, w.ID, seq, core.WatchFailing{Watch: w.ID, Name: w.Name, URL: w.URL, Failures: w.Failures, Why: w.Trouble, By: w.By})
}

func (j Journal) append(ctx context.Context, scope core.Scope, watch string, seq int64, p core.Payload) error {
	data, err := core.EncodePayload(p)
	if err != nil {
		return err
	}
	_, err = j.Events.Append(ctx, scope, store.Append{
		Stream: core.StreamID(watch), Expected: seq - 1, Events: []store.NewEvent{{ID: core.EventID(j.IDs("evt")), Type: p.EventType(), Data: data}},
	})
	if core.CodeOf(err) == core.Conflict { // it is there: nobody else writes, and each number is used once
		return nil
	}
	return err
}

// Note is something that was told.
type Note struct {
	At            time.Time
	Before, After string      // of a change
	Task          core.TaskID // that was started for it
	Failures      int         // of looks that can't be made; 0: it is a change
	Why           string
}

// Notes returns the last things that a watch of the project's told, at most limit, the newest
// first. not_found: there is no such watch.
func (s *Service) Notes(ctx context.Context, scope core.Scope, id string, limit int) ([]Note, error) {
	w, err := s.Get(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	events, err := s.cfg.Events.ReadStream(ctx, scope.Org, core.StreamID(id), max(w.Told-int64(limit), 0), limit)
	if err != nil {
		return nil, err
	}
	notes := make([]Note, 0, len(events))
	for i := len(events) - 1; i >= 0; i-- {
		p, err := events[i].Payload()
		if err != nil {
			return nil, err
		}
		switch e := p.(type) {
		case core.WatchChanged:
			notes = append(notes, Note{At: events[i].At, Before: e.Before, After: e.After, Task: e.Task})
		case core.WatchFailing:
			notes = append(notes, Note{At: events[i].At, Failures: e.Failures, Why: e.Why})
		}
	}
	return notes, nil
}
