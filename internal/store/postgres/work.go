package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/store"
)

const (
	// sqlClaim is a function, for it looks at all orgs: see the migration.
	sqlClaim = `SELECT of_org, of_project, of_stream, fence, expires FROM isekai.claim($1, $2, $3, $4)`

	sqlRenew = `WITH clock AS MATERIALIZED (SELECT coalesce($5::timestamptz, clock_timestamp()) AS at)
		UPDATE isekai.work w SET due = clock.at + $4::bigint * interval '1 microsecond' FROM clock
		WHERE w.org = $1 AND w.stream = $2 AND w.token = $3 AND w.due > clock.at RETURNING w.due`

	sqlRelease = `WITH clock AS MATERIALIZED (SELECT coalesce($5::timestamptz, clock_timestamp()) AS at)
		UPDATE isekai.work w SET token = 0, worker = '', due = clock.at + $4::bigint * interval '1 microsecond' FROM clock
		WHERE w.org = $1 AND w.stream = $2 AND w.token = $3 AND w.due > clock.at`
)

// Claim implements store.Work. It never waits for another claim.
func (s *Store) Claim(ctx context.Context, worker string, n int, ttl time.Duration) ([]store.Lease, error) {
	const op = "store.claim"
	if err := store.CheckLimit(op, n); err != nil {
		return nil, err
	}
	var leases []store.Lease
	err := s.tenant(ctx, op, "", func(b *pgx.Batch) {
		b.Queue(sqlClaim, worker, n, ttl.Microseconds(), s.clock()).Query(into(&leases, func(rows pgx.Rows, l *store.Lease) error {
			return rows.Scan((*string)(&l.Org), (*string)(&l.Project), (*string)(&l.Stream), &l.Token, (*utc)(&l.Until))
		}))
	})
	if err != nil {
		return nil, err
	}
	return leases, nil
}

// Renew implements store.Work.
func (s *Store) Renew(ctx context.Context, l store.Lease, ttl time.Duration) (store.Lease, error) {
	var until []time.Time
	err := s.tenant(ctx, "store.renew", l.Org, func(b *pgx.Batch) {
		b.Queue(sqlRenew, string(l.Org), string(l.Stream), l.Token, ttl.Microseconds(), s.clock()).
			Query(into(&until, func(rows pgx.Rows, t *time.Time) error { return rows.Scan((*utc)(t)) }))
	})
	if err == nil && len(until) == 0 {
		err = store.LostLease(l.Stream)
	}
	if err != nil {
		return store.Lease{}, err
	}
	l.Until = until[0]
	return l, nil
}

// Release implements store.Work.
func (s *Store) Release(ctx context.Context, l store.Lease, delay time.Duration) error {
	var released int64
	err := s.tenant(ctx, "store.release", l.Org, func(b *pgx.Batch) {
		b.Queue(sqlRelease, string(l.Org), string(l.Stream), l.Token, delay.Microseconds(), s.clock()).Exec(affected(&released))
	})
	if err == nil && released > 0 && delay <= 0 {
		s.tell.changed(store.Changes{Work: true})
	}
	return err
}
