package sqlite

import (
	"context"
	"database/sql"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	sqlWorkItems = `SELECT project, stream, due FROM work WHERE org = ? AND stream > ? ORDER BY stream LIMIT ?`

	// sqlTenants reads all of these, as who asks will.
	sqlTenants = `SELECT org FROM orgs UNION SELECT org FROM records UNION SELECT org FROM accounts UNION SELECT org FROM shares ORDER BY 1`

	sqlAllRecords = `SELECT kind, id, version, expires, data FROM records
		WHERE org = ? AND (kind, id) > (?, ?) ORDER BY kind, id LIMIT ?`
)

var (
	_ store.Exporter = (*Store)(nil)
	_ store.Whole    = (*Store)(nil)
)

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

// Tenants implements store.Inventory.
func (s *Store) Tenants(ctx context.Context) ([]core.OrgID, error) {
	var orgs []core.OrgID
	err := s.reader.each(ctx, sqlTenants, nil, func(rows *sql.Rows) error {
		var org core.OrgID
		err := rows.Scan(&org)
		orgs = append(orgs, org)
		return err
	})
	return orgs, translate("store.tenants", err)
}

// AllRecords implements store.Inventory.
func (s *Store) AllRecords(ctx context.Context, org core.OrgID, after store.Record, limit int) ([]store.Record, error) {
	const op = "store.all_records"
	if err := store.CheckLimit(op, limit); err != nil {
		return nil, err
	}
	var found []store.Record
	err := s.reader.each(ctx, sqlAllRecords, []any{org, after.Kind, after.ID, limit}, collectRecords(&found))
	return found, translate(op, err)
}
