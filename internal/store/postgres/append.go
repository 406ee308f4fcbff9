package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	// sqlCounter gives the batch its positions, and holds the org's row until the commit:
	// sqlAppend sees everything that was appended before. Positions of what is refused
	// are left out.
	sqlCounter = `INSERT INTO isekai.orgs AS o (org, position) VALUES ($1, $2)
		ON CONFLICT (org) DO UPDATE SET position = o.position + excluded.position`

	// sqlAppend stores what isn't refused of a batch of appends to streams of one org,
	// each to another stream, and says of each what was found. Numbers are from 1.
	//
	// $1 org, $2 now, $3 positions taken; of each append: $4 stream, $5 expected,
	// $6 project, $7 and $8 actor, $9 work, $10 token of the lease or 0, $11 delay in
	// microseconds; of each event: $12 number of its append, $13 version, $14 id, $15 type,
	// $16 data.
	sqlAppend = `WITH clock AS MATERIALIZED (
		SELECT coalesce($2::timestamptz, clock_timestamp()) AS at, position - $3::bigint AS base FROM isekai.orgs WHERE org = $1
	), asked AS MATERIALIZED (
		SELECT a.*, coalesce(h.version, 0) = a.expected AS current, a.token = 0 OR coalesce((
			SELECT w.token = a.token AND w.due > clock.at FROM isekai.work w, clock WHERE w.org = $1 AND w.stream = a.stream), false) AS held
		FROM unnest($4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[])
			WITH ORDINALITY AS a (stream, expected, project, actor_kind, actor_id, work, token, delay, no)
		LEFT JOIN LATERAL (
			SELECT e.version FROM isekai.events e WHERE e.org = $1 AND e.stream = a.stream ORDER BY e.version DESC LIMIT 1) h ON true
	), taken AS MATERIALIZED (
		SELECT * FROM asked WHERE current AND held
	), stored AS (
		INSERT INTO isekai.events (org, stream, version, position, project, id, type, at, actor_kind, actor_id, data)
		SELECT $1, t.stream, e.version, clock.base + e.no, t.project, e.id, e.type, clock.at, t.actor_kind, t.actor_id, e.data
		FROM clock, unnest($12::bigint[], $13::bigint[], $14::text[], $15::text[], $16::bytea[])
			WITH ORDINALITY AS e (append, version, id, type, data, no) JOIN taken t ON t.no = e.append
		RETURNING stream, version, position
	), sent AS (
		INSERT INTO isekai.outbox (org, stream, version) SELECT $1, stream, version FROM stored ORDER BY position
	), ready AS (
		INSERT INTO isekai.work AS w (org, stream, project, due) SELECT $1, t.stream, t.project, clock.at FROM taken t, clock WHERE t.work = 1
		ON CONFLICT (org, stream) DO UPDATE SET due = excluded.due WHERE w.token = 0 AND w.due > excluded.due
	), done AS (
		DELETE FROM isekai.work w USING taken t WHERE w.org = $1 AND w.stream = t.stream AND t.work = 2
	), later AS (
		UPDATE isekai.work w SET token = 0, worker = '', due = clock.at + t.delay * interval '1 microsecond'
		FROM taken t, clock WHERE w.org = $1 AND w.stream = t.stream AND t.work = 3
	), busy AS (
		INSERT INTO isekai.turns (org, busy) SELECT $1, true
		WHERE EXISTS (SELECT FROM taken WHERE work = 1) AND NOT coalesce((SELECT busy FROM isekai.turns WHERE org = $1), false)
		ON CONFLICT (org) DO UPDATE SET busy = true
	), rest AS (
		UPDATE isekai.turns SET busy = false WHERE org = $1 AND (SELECT busy FROM isekai.turns WHERE org = $1)
		AND EXISTS (SELECT FROM taken WHERE work = 2) AND NOT EXISTS (SELECT FROM taken WHERE work = 1)
		AND NOT EXISTS (SELECT FROM isekai.work w WHERE w.org = $1 AND NOT EXISTS (SELECT FROM taken t WHERE t.work = 2 AND t.stream = w.stream))
	), begun AS (
		UPDATE isekai.orgs SET begun = true WHERE org = $1 AND NOT begun AND EXISTS (SELECT FROM taken)
	)
	SELECT a.no, a.held, a.current, clock.at, clock.base FROM asked a, clock`
)

// call is one caller's append.
type call struct {
	place
	scope  core.Scope
	append store.Append
	events []core.Event
}

func newCall(ctx context.Context, scope core.Scope, a store.Append) *call {
	size := 0
	for _, e := range a.Events {
		size += len(e.Data)
	}
	return &call{place: newPlace(ctx, scope.Org, string(a.Stream), size), scope: scope, append: a}
}

// Append implements store.Events. When the connection is lost on the way, it finds out
// whether the append was stored; when it can't, the error is unavailable and says so:
// the caller finds its events, or not, once there is a connection. An append of work
// alone may then find its lease gone, by itself.
func (s *Store) Append(ctx context.Context, scope core.Scope, a store.Append) ([]core.Event, error) {
	const op = "store.append"
	if err := a.Check(scope); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, translate(op, err)
	}
	c := newCall(ctx, scope, a)
	s.lanes.do(c, s.store)
	if c.err != nil {
		return nil, translate(op, c.err)
	}
	return c.events, nil
}

// arguments returns those of sqlAppend, and how many positions it takes.
func arguments(batch []*call, now *time.Time) (positions int, args []any) {
	n := len(batch)
	streams, expected, projects := make([]string, n), make([]int64, n), make([]string, n)
	kinds, actors, work, tokens, delays := make([]string, n), make([]string, n), make([]int64, n), make([]int64, n), make([]int64, n)
	var appends, versions []int64
	var ids, types []string
	var data [][]byte
	for i, c := range batch {
		a := &c.append
		streams[i], expected[i], projects[i] = string(a.Stream), a.Expected, string(c.scope.Project)
		kinds[i], actors[i], work[i], delays[i] = string(c.scope.Actor.Kind), c.scope.Actor.ID, int64(a.Work), a.Delay.Microseconds()
		if a.Lease != nil {
			tokens[i] = a.Lease.Token
		}
		for k, e := range a.Events {
			appends, versions = append(appends, int64(i+1)), append(versions, a.Expected+int64(k)+1)
			ids, types, data = append(ids, string(e.ID)), append(types, e.Type), append(data, e.Data)
		}
	}
	org := string(batch[0].scope.Org)
	return len(ids), []any{org, now, len(ids), streams, expected, projects, kinds, actors, work, tokens, delays, appends, versions, ids, types, data}
}

// verdict is what sqlAppend says of an append.
type verdict struct {
	no            int64
	held, current bool
	at            time.Time
	base          int64
}

// send runs one transaction for the batch and settles its calls. An error means that
// none is settled; sent, that the server may have seen something of it.
func (s *Store) send(ctx context.Context, batch []*call) (sent bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, usual+grace, errSlow)
	defer cancel()
	conn, err := s.app.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	org := string(batch[0].scope.Org)
	positions, args := arguments(batch, s.clock())
	var verdicts []verdict
	b := &pgx.Batch{}
	begin(b, batch[0].scope.Org, usual)
	b.Queue(sqlCounter, org, positions)
	b.Queue(sqlAppend, args...).Query(into(&verdicts, func(rows pgx.Rows, v *verdict) error {
		return rows.Scan(&v.no, &v.held, &v.current, (*utc)(&v.at), &v.base)
	}))
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		return true, err
	}
	settle(batch, verdicts)
	return true, nil
}

// settle gives each call its result: events, or why it was refused.
func settle(batch []*call, verdicts []verdict) {
	of := make([]verdict, len(batch))
	for _, v := range verdicts {
		of[v.no-1] = v
	}
	var before int64 // events of the batch so far
	for i, c := range batch {
		v, a := of[i], &c.append
		switch {
		case !v.held:
			c.err = store.LostLease(a.Stream)
		case !v.current:
			c.err = store.Conflict(a.Stream)
		default:
			c.err, c.events = nil, eventsOf(c, v.at, v.base+before)
		}
		before += int64(len(a.Events))
	}
}

// eventsOf returns a call's events as they are stored at the positions after base.
func eventsOf(c *call, at time.Time, base int64) []core.Event {
	stored := make([]core.Event, len(c.append.Events))
	for i, n := range c.append.Events {
		stored[i] = core.Event{
			ID: n.ID, Org: c.scope.Org, Project: c.scope.Project, Stream: c.append.Stream,
			Version: c.append.Expected + int64(i) + 1, Position: base + int64(i) + 1,
			Type: n.Type, At: at, Actor: c.scope.Actor, Data: n.Data,
		}
	}
	return stored
}
