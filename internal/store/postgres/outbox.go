package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	// sqlPending looks each event up: a join that was planned while there were few would
	// read all of them.
	sqlPending = `SELECT o.seq, ` + columns + ` FROM (SELECT * FROM isekai.outbox WHERE org <> ALL ($2::text[]) ORDER BY seq LIMIT $1) o, LATERAL (
		SELECT * FROM isekai.events e WHERE e.org = o.org AND e.stream = o.stream AND e.version = o.version LIMIT 1) e ORDER BY o.seq`

	sqlPublished = `DELETE FROM isekai.outbox WHERE seq = ANY ($1::bigint[])`
)

// Pending implements store.Outbox. The messages of one org are in the order of its
// positions. A transaction of another org that commits late may bring messages with a
// lower Seq than some that were seen: a later call has them.
func (s *Store) Pending(ctx context.Context, limit int, except ...core.OrgID) ([]store.Message, error) {
	const op = "store.pending"
	if err := store.CheckLimit(op, limit); err != nil {
		return nil, err
	}
	var messages []store.Message
	err := run(ctx, s.relay, op, "", usual, func(b *pgx.Batch) {
		b.Queue(sqlPending, limit, orgNames(except)).Query(into(&messages, func(rows pgx.Rows, m *store.Message) error {
			return rows.Scan(append([]any{&m.Seq}, fields(&m.Event)...)...)
		}))
	})
	if err != nil {
		return nil, err
	}
	return messages, nil
}

// Published implements store.Outbox.
func (s *Store) Published(ctx context.Context, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	return run(ctx, s.relay, "store.published", "", usual, func(b *pgx.Batch) { b.Queue(sqlPublished, seqs) })
}

// orgNames returns orgs as an array that is never NULL.
func orgNames(orgs []core.OrgID) []string {
	names := make([]string, len(orgs))
	for i, org := range orgs {
		names[i] = string(org)
	}
	return names
}
