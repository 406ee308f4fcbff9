package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	columns = `e.id, e.org, e.project, e.stream, e.version, e.position, e.type, e.at, e.actor_kind, e.actor_id, e.data`

	sqlStream = `SELECT ` + columns + ` FROM isekai.events e WHERE org = $1 AND stream = $2 AND version > $3 ORDER BY version LIMIT $4`

	sqlOrgEvents = `SELECT ` + columns + ` FROM isekai.events e WHERE org = $1 AND position > $2 ORDER BY position LIMIT $3`

	sqlHead = `SELECT position FROM isekai.orgs WHERE org = $1`

	sqlOrgs = `SELECT isekai.begun_orgs()`
)

// ReadStream implements store.Events.
func (s *Store) ReadStream(ctx context.Context, org core.OrgID, stream core.StreamID, after int64, limit int) ([]core.Event, error) {
	return s.events(ctx, "store.read_stream", org, limit, sqlStream, string(org), string(stream), after, limit)
}

// ReadOrg implements store.Events.
func (s *Store) ReadOrg(ctx context.Context, org core.OrgID, after int64, limit int) ([]core.Event, error) {
	return s.events(ctx, "store.read_org", org, limit, sqlOrgEvents, string(org), after, limit)
}

func (s *Store) events(ctx context.Context, op string, org core.OrgID, limit int, query string, args ...any) ([]core.Event, error) {
	if err := store.CheckLimit(op, limit); err != nil {
		return nil, err
	}
	var events []core.Event
	err := s.tenant(ctx, op, org, func(b *pgx.Batch) {
		b.Queue(query, args...).Query(into(&events, scanEvent))
	})
	if err != nil {
		return nil, err
	}
	return events, nil
}

// scanEvent reads a row of columns.
func scanEvent(rows pgx.Rows, e *core.Event) error { return rows.Scan(fields(e)...) }

// fields are the places of columns in e.
func fields(e *core.Event) []any {
	return []any{
		(*string)(&e.ID), (*string)(&e.Org), (*string)(&e.Project), (*string)(&e.Stream), &e.Version, &e.Position,
		&e.Type, (*utc)(&e.At), (*string)(&e.Actor.Kind), (*string)(&e.Actor.ID), (*[]byte)(&e.Data),
	}
}

// utc scans a time without the session's zone.
type utc time.Time

// ScanTimestamptz implements pgtype.TimestamptzScanner.
func (t *utc) ScanTimestamptz(v pgtype.Timestamptz) error {
	*t = utc(v.Time.UTC())
	return nil
}

// Head implements store.Events. Positions of what was refused count.
func (s *Store) Head(ctx context.Context, org core.OrgID) (int64, error) {
	var found []int64
	err := s.tenant(ctx, "store.head", org, func(b *pgx.Batch) {
		b.Queue(sqlHead, string(org)).Query(into(&found, func(rows pgx.Rows, position *int64) error { return rows.Scan(position) }))
	})
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0], nil
}

// Orgs implements store.Events.
func (s *Store) Orgs(ctx context.Context) ([]core.OrgID, error) {
	var orgs []core.OrgID
	err := s.tenant(ctx, "store.orgs", "", func(b *pgx.Batch) {
		b.Queue(sqlOrgs).Query(into(&orgs, scanOrg))
	})
	return orgs, err
}
