package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	sqlImportOrg = `INSERT INTO isekai.orgs AS o (org, position, begun) VALUES ($1, $2, true)
		ON CONFLICT (org) DO UPDATE SET position = greatest(o.position, excluded.position), begun = true`

	// of each event: $2 stream, $3 version, $4 position, $5 project, $6 id, $7 type, $8 at,
	// $9 and $10 actor, $11 data.
	importedEvents = `unnest($2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
		$9::text[], $10::text[], $11::bytea[]) AS a (stream, version, position, project, id, type, at, actor_kind, actor_id, data)`

	sqlImport = `INSERT INTO isekai.events (org, stream, version, position, project, id, type, at, actor_kind, actor_id, data)
		SELECT $1, a.* FROM ` + importedEvents + ` ON CONFLICT DO NOTHING`

	// sqlForeign fails, with a division by zero, if there is another event in the place of
	// one: only the server can undo what is sent in one piece.
	sqlForeign = `SELECT 1 / (count(*) = 0)::integer FROM ` + importedEvents + ` LEFT JOIN isekai.events e
		ON e.org = $1 AND e.stream = a.stream AND e.version = a.version
		WHERE (a.position, a.project, a.id, a.type, a.at, a.actor_kind, a.actor_id, a.data)
		IS DISTINCT FROM (e.position, e.project, e.id, e.type, e.at, e.actor_kind, e.actor_id, e.data)`

	sqlImportPending = `INSERT INTO isekai.outbox (org, stream, version)
		SELECT $1, a.stream, a.version FROM unnest($2::text[], $3::bigint[]) WITH ORDINALITY AS a (stream, version, no) ORDER BY a.no`

	sqlImportWork = `INSERT INTO isekai.work (org, stream, project, due)
		SELECT $1, a.* FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS a ON CONFLICT DO NOTHING`

	sqlImportTurn = `INSERT INTO isekai.turns (org, busy) VALUES ($1, true) ON CONFLICT (org) DO UPDATE SET busy = true`
)

var _ store.Importer = (*Store)(nil)

// Import implements store.Importer.
func (s *Store) Import(ctx context.Context, org core.OrgID, events []core.Event) error {
	const op = "store.import"
	if len(events) == 0 {
		return nil
	}
	args := importArgs(org, events)
	err := run(ctx, s.app, op, org, bulk, func(b *pgx.Batch) {
		b.Queue(sqlImportOrg, string(org), events[len(events)-1].Position)
		b.Queue(sqlImport, args...)
		b.Queue(sqlForeign, args...)
	})
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == "22012" {
		return core.E(core.Conflict, op, "other events are in the place of some").WithHint("import into a store without events").Because(err)
	}
	return err
}

func importArgs(org core.OrgID, events []core.Event) []any {
	n := len(events)
	streams, versions, positions := make([]string, n), make([]int64, n), make([]int64, n)
	projects, ids, types := make([]string, n), make([]string, n), make([]string, n)
	at, kinds, actors, data := make([]time.Time, n), make([]string, n), make([]string, n), make([][]byte, n)
	for i, e := range events {
		streams[i], versions[i], positions[i] = string(e.Stream), e.Version, e.Position
		projects[i], ids[i], types[i] = string(e.Project), string(e.ID), e.Type
		at[i], kinds[i], actors[i], data[i] = e.At, string(e.Actor.Kind), e.Actor.ID, e.Data
	}
	return []any{string(org), streams, versions, positions, projects, ids, types, at, kinds, actors, data}
}

// ImportPending implements store.Importer.
func (s *Store) ImportPending(ctx context.Context, org core.OrgID, events []store.Mark) error {
	streams, versions := make([]string, len(events)), make([]int64, len(events))
	for i, m := range events {
		streams[i], versions[i] = string(m.Stream), m.Version
	}
	return s.tenant(ctx, "store.import_pending", org, func(b *pgx.Batch) {
		b.Queue(sqlImportPending, string(org), streams, versions)
	})
}

// ImportWork implements store.Importer.
func (s *Store) ImportWork(ctx context.Context, org core.OrgID, items []store.WorkItem) error {
	if len(items) == 0 {
		return nil
	}
	streams, projects, due := make([]string, len(items)), make([]string, len(items)), make([]time.Time, len(items))
	for i, w := range items {
		streams[i], projects[i], due[i] = string(w.Stream), string(w.Project), w.Due
	}
	return s.tenant(ctx, "store.import_work", org, func(b *pgx.Batch) {
		b.Queue(sqlImportWork, string(org), streams, projects, due)
		b.Queue(sqlImportTurn, string(org))
	})
}
