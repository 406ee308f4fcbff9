package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	// sqlLoose lets the transaction be told of before it is on disk.
	sqlLoose = `SELECT set_config('synchronous_commit', 'off', true)`

	// sqlDraw is store.Rate.Take, on a bucket that is full if it isn't there. Who adds one
	// to an org's removes two that are full. $3 want, $4 burst, $5 per, $6 now.
	sqlDraw = `WITH clock AS MATERIALIZED (
		SELECT (extract(epoch FROM coalesce($6::timestamptz, clock_timestamp())) * 1000000000)::bigint AS at
	), drawn AS (
		INSERT INTO isekai.quotas AS q (org, bucket, full_at, got)
		SELECT $1, $2, clock.at + div(least($3::bigint, $4::bigint)::numeric * $5::bigint, $4)::bigint, least($3, $4) FROM clock
		ON CONFLICT (org, bucket) DO UPDATE SET (full_at, got) = (
			SELECT clock.at + used + div(got::numeric * $5, $4)::bigint, got FROM clock,
			LATERAL (SELECT least(greatest(q.full_at - clock.at, 0), $5) AS used) u,
			LATERAL (SELECT least($3, div(($5 - used)::numeric * $4, $5)::bigint) AS got) g)
		RETURNING full_at, got, xmax = 0 AS fresh
	), gone AS (
		DELETE FROM isekai.quotas WHERE org = $1 AND (SELECT fresh FROM drawn) AND bucket IN (
			SELECT bucket FROM isekai.quotas WHERE org = $1 AND full_at <= (SELECT at FROM clock) ORDER BY full_at LIMIT 2 FOR UPDATE SKIP LOCKED)
	)
	SELECT full_at, got, at FROM drawn, clock`

	sqlShare    = `SELECT share FROM isekai.shares WHERE org = $1`
	sqlSetShare = `INSERT INTO isekai.shares (org, share) VALUES ($1, $2) ON CONFLICT (org) DO UPDATE SET share = excluded.share`
)

// Draw implements store.Quotas. Buckets are in an unlogged table: they are full after a
// crash of PostgreSQL, and on another that takes over.
func (s *Store) Draw(ctx context.Context, org core.OrgID, bucket string, want int, r store.Rate) (got, left int, wait time.Duration, err error) {
	if err := store.CheckDraw(org, bucket, want, r); err != nil {
		return 0, 0, 0, err
	}
	var full, now int64
	err = s.tenant(ctx, "store.draw", org, func(b *pgx.Batch) {
		b.Queue(sqlLoose)
		b.Queue(sqlDraw, string(org), bucket, int64(want), int64(r.Burst), int64(r.Per), s.clock()).
			QueryRow(func(row pgx.Row) error { return row.Scan(&full, &got, &now) })
	})
	if err != nil {
		return 0, 0, 0, err
	}
	left, wait = r.Left(full, now)
	return got, left, wait, nil
}

// SetShare implements store.Shares.
func (s *Store) SetShare(ctx context.Context, org core.OrgID, share int) error {
	if err := store.CheckShare(org, share); err != nil {
		return err
	}
	return s.tenant(ctx, "store.set_share", org, func(b *pgx.Batch) { b.Queue(sqlSetShare, string(org), share) })
}

// Share implements store.Shares.
func (s *Store) Share(ctx context.Context, org core.OrgID) (int, error) {
	var found []int
	err := s.tenant(ctx, "store.share", org, func(b *pgx.Batch) {
		b.Queue(sqlShare, string(org)).Query(into(&found, scanShare))
	})
	return shareOf(found, err)
}

func scanShare(rows pgx.Rows, share *int) error { return rows.Scan(share) }

// shareOf returns the share that was found, or that of an org which was never given one.
func shareOf(found []int, err error) (int, error) {
	if err != nil || len(found) == 0 {
		return 1, err
	}
	return found[0], nil
}
