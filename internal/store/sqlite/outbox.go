package sqlite

import (
	"context"
	"database/sql"

	"github.com/isekai-run/isekai/internal/store"
)

const (
	sqlPending = `SELECT ` + columns + ` FROM outbox o JOIN events e ON e.position = o.position
		WHERE o.position > ? ORDER BY o.position LIMIT ?`

	sqlPublished = `DELETE FROM outbox WHERE position = ?`
)

// Pending implements store.Outbox.
func (s *Store) Pending(ctx context.Context, limit int) ([]store.Message, error) {
	const op = "store.pending"
	if err := store.CheckLimit(op, limit); err != nil {
		return nil, err
	}
	var messages []store.Message
	err := s.reader.each(ctx, sqlPending, []any{0, limit}, func(rows *sql.Rows) error {
		e, err := scanEvent(rows)
		messages = append(messages, store.Message{Seq: e.Position, Event: e})
		return err
	})
	if err != nil {
		return nil, translate(op, err)
	}
	return messages, nil
}

// Published implements store.Outbox.
func (s *Store) Published(ctx context.Context, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	return s.write(ctx, "store.published", func(t *tx) error {
		for _, seq := range seqs {
			if _, err := t.exec(sqlPublished, seq); err != nil {
				return err
			}
		}
		return nil
	})
}
