package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	sqlHead = `SELECT version FROM events WHERE org = ? AND stream = ? ORDER BY version DESC LIMIT 1`

	sqlOrg = `INSERT INTO orgs (org, busy) VALUES (?1, ?2)
		ON CONFLICT (org) DO UPDATE SET busy = 1 WHERE excluded.busy = 1 AND orgs.busy = 0`

	sqlEvent = `INSERT INTO events (org, project, stream, version, id, type, at, actor_kind, actor_id, data)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

	sqlMessage = `INSERT INTO outbox (position, org) VALUES (?, ?)`

	columns = `e.id, e.org, e.project, e.stream, e.version, e.position, e.type, e.at, e.actor_kind, e.actor_id, e.data`

	sqlStream = `SELECT ` + columns + ` FROM events e WHERE org = ? AND stream = ? AND version > ? ORDER BY version LIMIT ?`

	sqlOrgEvents = `SELECT ` + columns + ` FROM events e WHERE org = ? AND position > ? ORDER BY position LIMIT ?`

	sqlOrgHead = `SELECT coalesce(max(position), 0) FROM events WHERE org = ?`

	sqlOrgs = `SELECT org FROM orgs WHERE org > ? ORDER BY org`
)

// Append implements store.Events.
func (s *Store) Append(ctx context.Context, scope core.Scope, a store.Append) ([]core.Event, error) {
	if err := a.Check(scope); err != nil {
		return nil, err
	}
	var stored []core.Event
	err := s.write(ctx, "store.append", func(t *tx) (err error) {
		stored, err = t.append(scope, a, fromMicros(micros(s.now())))
		return err
	})
	if err != nil {
		return nil, err
	}
	return stored, nil
}

func (t *tx) append(scope core.Scope, a store.Append, now time.Time) ([]core.Event, error) {
	if a.Lease != nil {
		if err := t.checkLease(*a.Lease, now); err != nil {
			return nil, err
		}
	}
	var head int64
	err := t.one(sqlHead, []any{scope.Org, a.Stream}, &head)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	if head != a.Expected {
		return nil, store.Conflict(a.Stream)
	}
	if a.Expected == 0 || a.Work == store.WorkReady {
		if _, err := t.exec(sqlOrg, scope.Org, a.Work == store.WorkReady); err != nil {
			return nil, err
		}
	}
	stored := make([]core.Event, len(a.Events))
	for i, n := range a.Events {
		stored[i] = core.Event{
			ID: n.ID, Org: scope.Org, Project: scope.Project, Stream: a.Stream, Version: a.Expected + 1 + int64(i),
			Type: n.Type, At: now, Actor: scope.Actor, Data: n.Data,
		}
		if err := t.insert(&stored[i]); err != nil {
			return nil, err
		}
	}
	return stored, t.changeWork(scope, a, now)
}

// insert stores e with its outbox message and sets its position.
func (t *tx) insert(e *core.Event) error {
	r, err := t.exec(sqlEvent, e.Org, e.Project, e.Stream, e.Version, e.ID, e.Type, micros(e.At),
		e.Actor.Kind, e.Actor.ID, []byte(e.Data))
	if err != nil {
		return err
	}
	if e.Position, err = r.LastInsertId(); err != nil {
		return err
	}
	t.changes.Outbox = true
	_, err = t.exec(sqlMessage, e.Position, e.Org)
	return err
}

// ReadStream implements store.Events.
func (s *Store) ReadStream(ctx context.Context, org core.OrgID, stream core.StreamID, after int64, limit int) ([]core.Event, error) {
	return s.events(ctx, "store.read_stream", limit, sqlStream, org, stream, after, limit)
}

// ReadOrg implements store.Events.
func (s *Store) ReadOrg(ctx context.Context, org core.OrgID, after int64, limit int) ([]core.Event, error) {
	return s.events(ctx, "store.read_org", limit, sqlOrgEvents, org, after, limit)
}

func (s *Store) events(ctx context.Context, op string, limit int, query string, args ...any) ([]core.Event, error) {
	if err := store.CheckLimit(op, limit); err != nil {
		return nil, err
	}
	var events []core.Event
	err := s.reader.each(ctx, query, args, func(rows *sql.Rows) error {
		e, err := scanEvent(rows)
		events = append(events, e)
		return err
	})
	if err != nil {
		return nil, translate(op, err)
	}
	return events, nil
}

// scanEvent reads a row of columns.
func scanEvent(rows *sql.Rows) (core.Event, error) {
	var e core.Event
	var at int64
	var data []byte
	err := rows.Scan(&e.ID, &e.Org, &e.Project, &e.Stream, &e.Version, &e.Position, &e.Type, &at,
		&e.Actor.Kind, &e.Actor.ID, &data)
	e.At, e.Data = fromMicros(at), data
	return e, err
}

// Head implements store.Events.
func (s *Store) Head(ctx context.Context, org core.OrgID) (position int64, err error) {
	err = s.reader.one(ctx, sqlOrgHead, []any{org}, &position)
	return position, translate("store.head", err)
}

// Orgs implements store.Events.
func (s *Store) Orgs(ctx context.Context) ([]core.OrgID, error) {
	var orgs []core.OrgID
	err := s.reader.each(ctx, sqlOrgs, []any{""}, func(rows *sql.Rows) error {
		var org core.OrgID
		err := rows.Scan(&org)
		orgs = append(orgs, org)
		return err
	})
	if err != nil {
		return nil, translate("store.orgs", err)
	}
	return orgs, nil
}
