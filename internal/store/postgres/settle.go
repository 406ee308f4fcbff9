package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/puddle/v2"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// What is done when the outcome of a transaction isn't known.
const (
	settleFor    = 10 * time.Second // how long to look for it
	firstPause   = 20 * time.Millisecond
	longestPause = time.Second
)

// sqlFind finds the first events of appends: $2 streams, $3 versions, $4 ids.
const sqlFind = `SELECT a.no, e.position - 1, e.at FROM unnest($2::text[], $3::bigint[], $4::text[]) WITH ORDINALITY AS a (stream, version, id, no)
	JOIN isekai.events e ON e.org = $1 AND e.stream = a.stream AND e.version = a.version AND e.id = a.id`

// store sets the result of every call in the batch.
func (s *Store) store(batch []*call) {
	ctx := context.WithoutCancel(batch[0].ctx)
	err := s.insist(ctx, batch)
	if code := core.CodeOf(translate("", err)); len(batch) > 1 && (code == core.Invalid || code == core.Internal) {
		for _, c := range batch { // one that can't be stored doesn't spoil the others
			if err := s.insist(ctx, []*call{c}); err != nil {
				c.err = err
			}
		}
		err = nil
	}
	var all store.Changes
	for _, c := range batch {
		if err != nil {
			c.err = err
		}
		if c.err == nil {
			all.Work = all.Work || c.append.Work == store.WorkReady
			all.Outbox = all.Outbox || len(c.events) > 0
		}
	}
	s.tell.changed(all)
}

// insist sends the batch until it is settled. When a transaction's outcome isn't known
// the batch is sent again: what the lost one has stored, or still stores, is refused
// then, and found by its ids. It gives up after settleFor, when all callers have,
// and when the store is closed.
func (s *Store) insist(ctx context.Context, batch []*call) error {
	lost, pause, since := false, firstPause, time.Now()
	for attempt := 1; ; attempt++ {
		sent, err := s.send(ctx, batch)
		if err == nil && lost {
			sent, err = false, s.find(ctx, batch)
		}
		switch {
		case err == nil:
			return nil
		case again(err) && attempt < maxAttempts:
			continue
		case sent && unknown(err):
			lost = true
			s.app.Reset() // the other connections are no better
		case !lost:
			return err
		}
		if time.Since(since) > settleFor || !wanted(batch) || errors.Is(err, puddle.ErrClosedPool) {
			return core.E(core.Unavailable, "store.append", "the connection was lost, and it isn't known whether this was stored").
				WithHint("read the stream again: its events are there, or they aren't").Because(err)
		}
		time.Sleep(pause)
		pause = min(2*pause, longestPause)
	}
}

// wanted reports whether a caller still waits.
func wanted(batch []*call) bool {
	for _, c := range batch {
		if c.ctx.Err() == nil {
			return true
		}
	}
	return false
}

// find gives calls that were refused, though their events are there, their result.
func (s *Store) find(ctx context.Context, batch []*call) error {
	var streams, ids []string
	var versions []int64
	var calls []*call
	for _, c := range batch {
		if a := &c.append; c.err != nil && len(a.Events) > 0 {
			streams, versions, ids = append(streams, string(a.Stream)), append(versions, a.Expected+1), append(ids, string(a.Events[0].ID))
			calls = append(calls, c)
		}
	}
	if len(calls) == 0 {
		return nil
	}
	org := batch[0].scope.Org
	return s.tenant(ctx, "store.append", org, func(b *pgx.Batch) {
		b.Queue(sqlFind, string(org), streams, versions, ids).Query(func(rows pgx.Rows) error {
			for rows.Next() {
				var no, base int64
				var at time.Time
				if err := rows.Scan(&no, &base, (*utc)(&at)); err != nil {
					return err
				}
				c := calls[no-1]
				c.err, c.events = nil, eventsOf(c, at, base)
			}
			return rows.Err()
		})
	})
}
