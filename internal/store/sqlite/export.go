package sqlite

import (
	"context"
	"database/sql"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const sqlWorkItems = `SELECT project, stream, due FROM work WHERE org = ? AND stream > ? ORDER BY stream LIMIT ?`

var _ store.Exporter = (*Store)(nil)

// WorkItems implements store.Exporter. Leased work is due when its lease ends.
func (s *Store) WorkItems(ctx context.Context, org core.OrgID, after core.StreamID, limit int) ([]store.WorkItem, error) {
	const op = "store.work_items"
	if err := store.CheckLimit(op, limit); err != nil {
		return nil, err
	}
	var items []store.WorkItem
	err := s.reader.each(ctx, sqlWorkItems, []any{org, after, limit}, func(rows *sql.Rows) error {
		var w store.WorkItem
		var due int64
		err := rows.Scan(&w.Project, &w.Stream, &due)
		w.Due = fromMicros(due)
		items = append(items, w)
		return err
	})
	return items, translate(op, err)
}
