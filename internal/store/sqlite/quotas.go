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
	sqlBucket = `SELECT full_at FROM quotas WHERE org = ? AND bucket = ?`

	sqlSetBucket = `INSERT INTO quotas (org, bucket, full_at) VALUES (?, ?, ?)
		ON CONFLICT (org, bucket) DO UPDATE SET full_at = excluded.full_at`

	// sqlFullBuckets removes two: who adds one to the table makes room for it.
	sqlFullBuckets = `DELETE FROM quotas WHERE (org, bucket) IN (SELECT org, bucket FROM quotas WHERE full_at <= ? LIMIT 2)`

	sqlShare    = `SELECT share FROM shares WHERE org = ?`
	sqlSetShare = `INSERT INTO shares (org, share) VALUES (?, ?) ON CONFLICT (org) DO UPDATE SET share = excluded.share`
)

// Draw implements store.Quotas.
func (s *Store) Draw(ctx context.Context, org core.OrgID, bucket string, want int, r store.Rate) (got, left int, wait time.Duration, err error) {
	if err := store.CheckDraw(org, bucket, want, r); err != nil {
		return 0, 0, 0, err
	}
	err = s.write(ctx, "store.draw", func(t *tx) error {
		now := s.now().UnixNano()
		full, known := now, true
		err := t.one(sqlBucket, []any{org, bucket}, &full)
		if errors.Is(err, sql.ErrNoRows) {
			known, err = false, nil
		}
		if err != nil {
			return err
		}
		if full, got, left, wait = r.Take(full, now, want); got == 0 {
			return nil
		}
		if _, err := t.exec(sqlSetBucket, org, bucket, full); err != nil || known {
			return err
		}
		_, err = t.exec(sqlFullBuckets, now)
		return err
	})
	return got, left, wait, err
}

// SetShare implements store.Shares.
func (s *Store) SetShare(ctx context.Context, org core.OrgID, share int) error {
	if err := store.CheckShare(org, share); err != nil {
		return err
	}
	return s.write(ctx, "store.set_share", func(t *tx) error {
		_, err := t.exec(sqlSetShare, org, share)
		return err
	})
}

// Share implements store.Shares.
func (s *Store) Share(ctx context.Context, org core.OrgID) (int, error) {
	share := 1
	err := s.reader.one(ctx, sqlShare, []any{org}, &share)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return share, translate("store.share", err)
}
