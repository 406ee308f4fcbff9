package sqlite

import (
	"context"
	"database/sql"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	sqlBury = `INSERT INTO letters (org, consumer, stream, version, event, type, reason, tries, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org, consumer, stream, version) DO UPDATE
		SET reason = excluded.reason, tries = letters.tries + excluded.tries, at = excluded.at`

	sqlBuried = `SELECT consumer, stream, version, event, type, reason, tries, at FROM letters
		WHERE org = ?1 AND (?2 = '' OR consumer = ?2) AND (consumer, stream, version) > (?3, ?4, ?5)
		ORDER BY consumer, stream, version LIMIT ?6`

	sqlBlocked = `SELECT count(*) FROM (SELECT 1 FROM letters WHERE org = ? AND consumer = ? AND stream = ? AND version <= ? LIMIT 1)`

	sqlUnbury = `DELETE FROM letters WHERE org = ? AND consumer = ? AND stream = ? AND version = ?`
)

// Bury implements store.Letters.
func (s *Store) Bury(ctx context.Context, org core.OrgID, l store.Letter) error {
	return s.write(ctx, "store.bury", func(t *tx) error {
		_, err := t.exec(sqlBury, org, l.Consumer, l.Stream, l.Version, l.Event, l.Type, l.Reason, l.Tries, micros(s.now()))
		return err
	})
}

// Buried implements store.Letters.
func (s *Store) Buried(ctx context.Context, org core.OrgID, consumer string, after store.Letter, limit int) ([]store.Letter, error) {
	const op = "store.buried"
	if err := store.CheckLimit(op, limit); err != nil {
		return nil, err
	}
	var letters []store.Letter
	args := []any{org, consumer, after.Consumer, after.Stream, after.Version, limit}
	err := s.reader.each(ctx, sqlBuried, args, func(rows *sql.Rows) error {
		var l store.Letter
		var at int64
		err := rows.Scan(&l.Consumer, &l.Stream, &l.Version, &l.Event, &l.Type, &l.Reason, &l.Tries, &at)
		l.At = fromMicros(at)
		letters = append(letters, l)
		return err
	})
	return letters, translate(op, err)
}

// Blocked implements store.Letters.
func (s *Store) Blocked(ctx context.Context, org core.OrgID, consumer string, m store.Mark) (bool, error) {
	var n int
	err := s.reader.one(ctx, sqlBlocked, []any{org, consumer, m.Stream, m.Version}, &n)
	return n > 0, translate("store.blocked", err)
}

// Unbury implements store.Letters.
func (s *Store) Unbury(ctx context.Context, org core.OrgID, consumer string, m store.Mark) error {
	const op = "store.unbury"
	return s.write(ctx, op, func(t *tx) error {
		n, err := t.change(sqlUnbury, org, consumer, m.Stream, m.Version)
		if err == nil && n == 0 {
			t.wrote = false
			return core.E(core.NotFound, op, "there is no such dead letter")
		}
		return err
	})
}
