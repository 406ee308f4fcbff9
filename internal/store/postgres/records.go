package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	recordColumns = `kind, id, version, expires, data`

	sqlRecord = `SELECT ` + recordColumns + ` FROM isekai.records
		WHERE org = $1 AND kind = $2 AND id = $3 AND (expires IS NULL OR expires > coalesce($4::timestamptz, clock_timestamp()))`

	sqlRecords = `SELECT ` + recordColumns + ` FROM isekai.records
		WHERE org = $1 AND kind = $2 AND id >= $3 AND id <> $4 AND id < $5
		AND (expires IS NULL OR expires > coalesce($6::timestamptz, clock_timestamp())) ORDER BY id LIMIT $7`

	// sqlAddRecord, sqlSetRecord and sqlRemoveRecord fail, with a division by zero, when the
	// record isn't as expected: only the server can undo what is sent in one piece.
	sqlAddRecord = `WITH made AS (
		INSERT INTO isekai.records AS r (org, kind, id, version, expires, data) VALUES ($1, $2, $3, 1, $4, $5)
		ON CONFLICT (org, kind, id) DO UPDATE SET version = 1, expires = excluded.expires, data = excluded.data
		WHERE r.expires <= coalesce($6::timestamptz, clock_timestamp()) RETURNING 1)
		SELECT 1 / count(*) FROM made`

	asExpected = ` WHERE org = $1 AND kind = $2 AND id = $3 AND version = $4 AND (expires IS NULL OR expires > coalesce($5::timestamptz, clock_timestamp()))`

	sqlSetRecord = `WITH made AS (
		UPDATE isekai.records SET version = version + 1, expires = $6, data = $7` + asExpected + ` RETURNING 1)
		SELECT 1 / count(*) FROM made`

	sqlRemoveRecord = `WITH made AS (DELETE FROM isekai.records` + asExpected + ` RETURNING 1) SELECT 1 / count(*) FROM made`

	sqlSweep = `SELECT isekai.sweep($1, $2)`
)

// Record implements store.Records.
func (s *Store) Record(ctx context.Context, org core.OrgID, kind, id string) (store.Record, error) {
	const op = "store.record"
	var found []store.Record
	err := s.tenant(ctx, op, org, func(b *pgx.Batch) {
		b.Queue(sqlRecord, string(org), kind, id, s.clock()).Query(into(&found, scanRecord))
	})
	if err == nil && len(found) == 0 {
		err = core.E(core.NotFound, op, "there is no "+kind+" "+id)
	}
	if err != nil {
		return store.Record{}, err
	}
	return found[0], nil
}

// Records implements store.Records.
func (s *Store) Records(ctx context.Context, org core.OrgID, kind, prefix, after string, limit int) ([]store.Record, error) {
	const op = "store.records"
	if err := store.CheckLimit(op, limit); err != nil {
		return nil, err
	}
	from, end := store.IDRange(prefix, after)
	var found []store.Record
	err := s.tenant(ctx, op, org, func(b *pgx.Batch) {
		b.Queue(sqlRecords, string(org), kind, from, after, end, s.clock(), limit).Query(into(&found, scanRecord))
	})
	return found, err
}

// scanRecord reads a row of recordColumns.
func scanRecord(rows pgx.Rows, r *store.Record) error {
	var expires pgtype.Timestamptz
	err := rows.Scan(&r.Kind, &r.ID, &r.Version, &expires, (*[]byte)(&r.Data))
	if expires.Valid {
		r.Expires = expires.Time.UTC()
	}
	return err
}

// Write implements store.Records. Each change is a statement, in the order of their
// records, so that writes wait for each other but never in a circle.
func (s *Store) Write(ctx context.Context, org core.OrgID, changes ...store.Change) error {
	const op = "store.write"
	if err := store.CheckChanges(org, changes); err != nil {
		return err
	}
	changes = slices.Clone(changes)
	slices.SortFunc(changes, func(a, b store.Change) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	made := 0
	err := s.tenant(ctx, op, org, func(b *pgx.Batch) {
		made = 0
		for _, c := range changes {
			query, args := changeOf(org, c, s.clock())
			b.Queue(query, args...).QueryRow(func(row pgx.Row) error {
				var one int64
				err := row.Scan(&one)
				if err == nil {
					made++
				}
				return err
			})
		}
	})
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == "22012" {
		return store.Changed(changes[made].Kind, changes[made].ID)
	}
	return err
}

// changeOf returns the statement of a change and its arguments.
func changeOf(org core.OrgID, c store.Change, now *time.Time) (string, []any) {
	var expires *time.Time
	if !c.Expires.IsZero() {
		expires = &c.Expires
	}
	switch {
	case c.Data == nil:
		return sqlRemoveRecord, []any{string(org), c.Kind, c.ID, c.Expected, now}
	case c.Expected == 0:
		return sqlAddRecord, []any{string(org), c.Kind, c.ID, expires, []byte(c.Data), now}
	}
	return sqlSetRecord, []any{string(org), c.Kind, c.ID, c.Expected, now, expires, []byte(c.Data)}
}

// Sweep implements store.Records.
func (s *Store) Sweep(ctx context.Context, limit int) (int, error) {
	const op = "store.sweep"
	if err := store.CheckLimit(op, limit); err != nil {
		return 0, err
	}
	var n int
	err := s.tenant(ctx, op, "", func(b *pgx.Batch) {
		b.Queue(sqlSweep, int64(limit), s.clock()).QueryRow(func(row pgx.Row) error { return row.Scan(&n) })
	})
	return n, err
}
