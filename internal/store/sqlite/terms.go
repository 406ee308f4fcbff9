package sqlite

import (
	"context"
	"time"
)

const (
	sqlLead = `INSERT INTO terms (name, holder, until) VALUES (?1, ?2, ?3)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
		WHERE terms.holder = excluded.holder OR terms.until <= ?4`

	sqlResign = `DELETE FROM terms WHERE name = ? AND holder = ?`
)

// Lead implements store.Terms.
func (s *Store) Lead(ctx context.Context, name, holder string, ttl time.Duration) (leads bool, err error) {
	err = s.write(ctx, "store.lead", func(t *tx) error {
		now := s.now()
		n, err := t.change(sqlLead, name, holder, micros(now.Add(ttl)), micros(now))
		leads = n > 0
		return err
	})
	return leads && err == nil, err
}

// Resign implements store.Terms.
func (s *Store) Resign(ctx context.Context, name, holder string) error {
	return s.write(ctx, "store.resign", func(t *tx) error {
		_, err := t.exec(sqlResign, name, holder)
		return err
	})
}
