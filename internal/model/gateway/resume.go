package gateway

import (
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/store"
)

// Resume returns a kept answer's events after the one with a number; 0: all of them. id is
// its own, or that which the answer itself has. not_found: the caller has kept no such
// answer, or it has expired.
func (g *Gateway) Resume(ctx context.Context, scope core.Scope, id string, after int) (*Answer, error) {
	a := KeptAnswer(id)
	if !core.ValidID("ans", id) {
		alias, err := kindAlias.Get(ctx, g.cfg.Records, scope.Org, aliasID(scope.Actor, id))
		if err != nil {
			return nil, noAnswer(err)
		}
		a = alias.Data
	}
	d, err := kindKept.Get(ctx, g.cfg.Records, scope.Org, string(a))
	if err != nil {
		return nil, noAnswer(err)
	}
	if d.Data.Actor != scope.Actor || d.Data.Project != scope.Project {
		return nil, noAnswer(core.E(core.NotFound, op, "it is another's"))
	}
	r := g.keeper.reader(scope.Org, d)
	r.n = after
	return &Answer{Kept: a, Stream: r}, nil
}

func noAnswer(err error) error {
	if core.CodeOf(err) != core.NotFound {
		return err
	}
	return core.E(core.NotFound, op, "there is no such answer").WithHint(`streams that were asked for with "store": true are kept for a day, for who asked`)
}

// EventNumber reads what a caller says it has seen: an event's id, or its number.
func EventNumber(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s[strings.LastIndexByte(s, '.')+1:])
	if err != nil || n < 0 || n > maxKept { // an event has a byte at least
		return 0, core.E(core.Invalid, op, "that isn't the id of an event").WithHint("send the id of the last event that you have seen")
	}
	return n, nil
}

// reader reads a kept answer: from this node's memory what isn't written yet, everything else
// from the store.
type reader struct {
	k     *keeper
	id    KeptAnswer
	org   core.OrgID
	doc   keptDoc
	live  *keeping  // nil: it came to another node, or is over
	n     int       // events that were handed on, or skipped
	last  string    // id of the last part that was read
	wrote time.Time // when that was written, or later that the answer still comes
	over  bool
	out   []byte
}

// reader reads an answer from its first event on.
func (k *keeper) reader(org core.OrgID, d store.Doc[keptDoc]) *reader {
	return &reader{k: k, id: KeptAnswer(d.ID), org: org, doc: d.Data, wrote: wrote(d.Expires)}
}

// wrote is when what expires then was written.
func wrote(expires time.Time) time.Time { return expires.Add(-keptFor) }

// lookEvery is how often an answer that comes to another node is looked at.
const lookEvery = 100 * time.Millisecond

// Next implements Events.
func (r *reader) Next(ctx context.Context) ([]byte, error) {
	for !r.over {
		if r.live == nil {
			r.live = r.k.coming(r.id)
		}
		if r.live != nil {
			events, behind, changed := r.live.after(r.n)
			if len(events) > 0 {
				return r.give(events), nil
			}
			if !behind {
				if changed == nil {
					break
				}
				select {
				case <-changed:
				case <-ctx.Done():
					return nil, ended(ctx)
				}
				continue
			}
		}
		events, err := r.stored(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, ended(ctx)
		case err != nil:
			return r.broken(err), nil
		case len(events) > 0:
			return r.give(events), nil
		case r.over:
			continue
		case r.lost(ctx):
			return r.broken(core.E(core.Unavailable, op, "the rest of the answer was lost with the node that it came to")), nil
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return nil, ended(ctx)
		}
	}
	return nil, io.EOF
}

// lost reports whether the node that the answer comes to has died: for too long nothing of it
// is written, nor that it still comes.
func (r *reader) lost(ctx context.Context) bool {
	late := func() bool { return r.k.now().Sub(r.wrote) > r.doc.Idle+10*time.Second }
	if !late() {
		return false
	}
	if d, err := kindKept.Get(ctx, r.k.records, r.org, string(r.id)); err == nil && wrote(d.Expires).After(r.wrote) {
		r.wrote = wrote(d.Expires)
	}
	return late()
}

// broken is the event that says that there is no more, for a reason.
func (r *reader) broken(err error) []byte {
	r.over = true
	return dialect.ProblemEvent(r.doc.Op, core.CodeOf(err), dialect.ProblemOf(err)).Append(nil)
}

func (r *reader) give(events [][]byte) []byte {
	r.out = r.out[:0]
	for _, e := range events {
		r.out = append(r.out, e...)
	}
	r.n += len(events)
	return r.out
}

// after returns events after a number, at most partSize bytes or one. behind: they are
// written already, and not here. changed is nil after the last.
func (a *keeping) after(n int) (events [][]byte, behind bool, changed chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n+1 < a.from {
		return nil, true, nil
	}
	size := 0
	for _, e := range a.tail[min(n+1-a.from, len(a.tail)):] {
		if size += len(e); size > partSize && len(events) > 0 {
			break
		}
		events = append(events, e)
	}
	if a.over && n+1 >= a.from+len(a.tail) {
		return nil, false, nil
	}
	return events, false, a.changed
}

// stored returns the events after r.n that are written, a part at a time.
func (r *reader) stored(ctx context.Context) ([][]byte, error) {
	for {
		parts, err := kindPart.List(ctx, r.k.records, r.org, string(r.id)+"/", r.last, 4)
		if err != nil || len(parts) == 0 {
			return nil, err
		}
		for _, d := range parts {
			p := d.Data
			r.last, r.wrote, r.over = d.ID, wrote(d.Expires), p.Ended
			if skip := r.n + 1 - p.From; skip < len(p.Events) {
				return p.Events[max(skip, 0):], nil
			}
			if r.over {
				return nil, nil
			}
		}
	}
}

func (r *reader) close() {}
