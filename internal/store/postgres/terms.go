package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	sqlLead = `WITH clock AS MATERIALIZED (SELECT coalesce($4::timestamptz, clock_timestamp()) AS at)
		INSERT INTO isekai.terms AS t (name, holder, until) SELECT $1, $2, clock.at + $3::bigint * interval '1 microsecond' FROM clock
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
		WHERE t.holder = excluded.holder OR t.until <= excluded.until - $3::bigint * interval '1 microsecond'`

	sqlResign = `DELETE FROM isekai.terms WHERE name = $1 AND holder = $2`
)

// Lead implements store.Terms, under the relay's role.
func (s *Store) Lead(ctx context.Context, name, holder string, ttl time.Duration) (bool, error) {
	var led int64
	err := run(ctx, s.relay, "store.lead", "", usual, func(b *pgx.Batch) {
		b.Queue(sqlLead, name, holder, ttl.Microseconds(), s.clock()).Exec(affected(&led))
	})
	return led > 0 && err == nil, err
}

// Resign implements store.Terms.
func (s *Store) Resign(ctx context.Context, name, holder string) error {
	return run(ctx, s.relay, "store.resign", "", usual, func(b *pgx.Batch) { b.Queue(sqlResign, name, holder) })
}
