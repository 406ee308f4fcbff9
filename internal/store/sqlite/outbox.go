package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	sqlPending = `SELECT ` + columns + ` FROM outbox o JOIN events e ON e.position = o.position
		WHERE o.position > ? AND o.org NOT IN (SELECT value FROM json_each(?)) ORDER BY o.position LIMIT ?`

	sqlPublished = `DELETE FROM outbox WHERE position = ?`
)

// Pending implements store.Outbox.
func (s *Store) Pending(ctx context.Context, limit int, except ...core.OrgID) ([]store.Message, error) {
	const op = "store.pending"
	if err := store.CheckLimit(op, limit); err != nil {
		return nil, err
	}
	orgs, err := json.Marshal(append([]core.OrgID{}, except...))
	if err != nil {
		return nil, core.E(core.Internal, op, "orgs don't encode").Because(err)
	}
	var messages []store.Message
	err = s.reader.each(ctx, sqlPending, []any{0, string(orgs), limit}, func(rows *sql.Rows) error {
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
