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

	// of each record: $2 kind, $3 id, $4 version, $5 expires, $6 data.
	importedRecords = `unnest($2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::bytea[]) AS a (kind, id, version, expires, data)`

	sqlImportRecords = `INSERT INTO isekai.records (org, kind, id, version, expires, data)
		SELECT $1, a.* FROM ` + importedRecords + ` ON CONFLICT DO NOTHING`

	// sqlForeignRecords is as sqlForeign.
	sqlForeignRecords = `SELECT 1 / (count(*) = 0)::integer FROM ` + importedRecords + ` LEFT JOIN isekai.records r
		ON r.org = $1 AND r.kind = a.kind AND r.id = a.id
		WHERE (a.version, a.expires, a.data) IS DISTINCT FROM (r.version, r.expires, r.data)`

	sqlImportBook = `INSERT INTO isekai.books AS b (org, seq) VALUES ($1, $2)
		ON CONFLICT (org) DO UPDATE SET seq = greatest(b.seq, excluded.seq)`

	// of each entry: $2 seq, $3 effect, $4 n, $5 kind, $6 project, $7 task, $8 note,
	// $9 account, $10 amount, $11 balance, $12 at.
	importedEntries = `unnest($2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[],
		$11::bigint[], $12::timestamptz[]) AS a (` + entryColumns + `)`

	sqlImportEntries = `INSERT INTO isekai.entries (org, ` + entryColumns + `) SELECT $1, a.* FROM ` + importedEntries + ` ON CONFLICT DO NOTHING`

	// sqlForeignEntries is as sqlForeign.
	sqlForeignEntries = `SELECT 1 / (count(*) = 0)::integer FROM ` + importedEntries + ` LEFT JOIN isekai.entries e ON e.org = $1 AND e.seq = a.seq
		WHERE (a.effect, a.n, a.kind, a.project, a.task, a.note, a.account, a.amount, a.balance, a.at)
		IS DISTINCT FROM (e.effect, e.n, e.kind, e.project, e.task, e.note, e.account, e.amount, e.balance, e.at)`

	// sqlImportBalances gives accounts what their newest entries say.
	sqlImportBalances = `INSERT INTO isekai.accounts (org, account, balance)
		SELECT $1, a.account, e.balance FROM (SELECT DISTINCT account FROM unnest($2::text[]) AS u (account)) a, LATERAL (
			SELECT balance FROM isekai.entries WHERE org = $1 AND account >= a.account AND account <= a.account ORDER BY account DESC, seq DESC LIMIT 1) e
		ON CONFLICT (org, account) DO UPDATE SET balance = excluded.balance`

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
	return s.importRows(ctx, op, org, func(b *pgx.Batch) {
		b.Queue(sqlImportOrg, string(org), events[len(events)-1].Position)
		b.Queue(sqlImport, args...)
		b.Queue(sqlForeign, args...)
	})
}

// importRows runs an import, whose division by zero says that something else is there.
func (s *Store) importRows(ctx context.Context, op string, org core.OrgID, build func(*pgx.Batch)) error {
	err := run(ctx, s.app, op, org, bulk, build)
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == "22012" {
		return core.E(core.Conflict, op, "others are in the place of some").WithHint("import into an empty store").Because(err)
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

// ImportRecords implements store.Importer.
func (s *Store) ImportRecords(ctx context.Context, org core.OrgID, records []store.Record) error {
	n := len(records)
	kinds, ids, versions := make([]string, n), make([]string, n), make([]int64, n)
	expires, data := make([]*time.Time, n), make([][]byte, n)
	for i, r := range records {
		kinds[i], ids[i], versions[i], data[i] = r.Kind, r.ID, r.Version, append([]byte{}, r.Data...)
		if !r.Expires.IsZero() {
			expires[i] = &records[i].Expires
		}
	}
	args := []any{string(org), kinds, ids, versions, expires, data}
	return s.importRows(ctx, "store.import_records", org, func(b *pgx.Batch) {
		b.Queue(sqlImportRecords, args...)
		b.Queue(sqlForeignRecords, args...)
	})
}

// ImportEntries implements store.Importer.
func (s *Store) ImportEntries(ctx context.Context, org core.OrgID, entries []store.Entry) error {
	n := len(entries)
	if n == 0 {
		return nil
	}
	seqs, effects, ns, kinds := make([]int64, n), make([]string, n), make([]int64, n), make([]string, n)
	projects, tasks, notes, accounts := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	amounts, balances, at := make([]int64, n), make([]int64, n), make([]time.Time, n)
	for i, e := range entries {
		seqs[i], effects[i], ns[i], kinds[i] = e.Seq, e.Effect, int64(e.N), e.Kind
		projects[i], tasks[i], notes[i], accounts[i] = string(e.Project), string(e.Task), e.Note, e.Account
		amounts[i], balances[i], at[i] = int64(e.Amount), int64(e.Balance), e.At
	}
	args := []any{string(org), seqs, effects, ns, kinds, projects, tasks, notes, accounts, amounts, balances, at}
	return s.importRows(ctx, "store.import_entries", org, func(b *pgx.Batch) {
		b.Queue(sqlImportBook, string(org), seqs[n-1])
		b.Queue(sqlImportEntries, args...)
		b.Queue(sqlForeignEntries, args...)
		b.Queue(sqlImportBalances, string(org), accounts)
	})
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
