package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	sqlBury = `INSERT INTO isekai.letters AS l (org, consumer, stream, version, event, type, reason, tries, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, coalesce($9::timestamptz, clock_timestamp()))
		ON CONFLICT (org, consumer, stream, version) DO UPDATE
		SET reason = excluded.reason, tries = l.tries + excluded.tries, at = excluded.at`

	sqlLetter = `SELECT consumer, stream, version, event, type, reason, tries, at FROM isekai.letters
		WHERE org = $1 AND (consumer, stream, version) > ($3, $4, $5) `
	sqlBuried    = sqlLetter + `AND $2 = '' ORDER BY consumer, stream, version LIMIT $6`
	sqlBuriedFor = sqlLetter + `AND consumer = $2 ORDER BY consumer, stream, version LIMIT $6`

	sqlBlocked = `SELECT EXISTS (SELECT FROM isekai.letters WHERE org = $1 AND consumer = $2 AND stream = $3 AND version <= $4)`

	sqlUnbury = `DELETE FROM isekai.letters WHERE org = $1 AND consumer = $2 AND stream = $3 AND version = $4`
)

// Bury implements store.Letters.
func (s *Store) Bury(ctx context.Context, org core.OrgID, l store.Letter) error {
	return s.tenant(ctx, "store.bury", org, func(b *pgx.Batch) {
		b.Queue(sqlBury, string(org), l.Consumer, string(l.Stream), l.Version, string(l.Event), l.Type, l.Reason, l.Tries, s.clock())
	})
}

// Buried implements store.Letters.
func (s *Store) Buried(ctx context.Context, org core.OrgID, consumer string, after store.Letter, limit int) ([]store.Letter, error) {
	const op = "store.buried"
	if err := store.CheckLimit(op, limit); err != nil {
		return nil, err
	}
	query := sqlBuried
	if consumer != "" {
		query = sqlBuriedFor
	}
	var letters []store.Letter
	err := s.tenant(ctx, op, org, func(b *pgx.Batch) {
		b.Queue(query, string(org), consumer, after.Consumer, string(after.Stream), after.Version, limit).
			Query(into(&letters, func(rows pgx.Rows, l *store.Letter) error {
				return rows.Scan(&l.Consumer, (*string)(&l.Stream), &l.Version, (*string)(&l.Event), &l.Type, &l.Reason, &l.Tries, (*utc)(&l.At))
			}))
	})
	if err != nil {
		return nil, err
	}
	return letters, nil
}

// Blocked implements store.Letters.
func (s *Store) Blocked(ctx context.Context, org core.OrgID, consumer string, m store.Mark) (blocked bool, err error) {
	err = s.tenant(ctx, "store.blocked", org, func(b *pgx.Batch) {
		b.Queue(sqlBlocked, string(org), consumer, string(m.Stream), m.Version).
			QueryRow(func(row pgx.Row) error { return row.Scan(&blocked) })
	})
	return blocked, err
}

// Unbury implements store.Letters.
func (s *Store) Unbury(ctx context.Context, org core.OrgID, consumer string, m store.Mark) error {
	const op = "store.unbury"
	var removed int64
	err := s.tenant(ctx, op, org, func(b *pgx.Batch) {
		b.Queue(sqlUnbury, string(org), consumer, string(m.Stream), m.Version).Exec(affected(&removed))
	})
	if err == nil && removed == 0 {
		err = core.E(core.NotFound, op, "there is no such dead letter")
	}
	return err
}
