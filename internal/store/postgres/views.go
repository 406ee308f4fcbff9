package postgres

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	// sqlApply: $1 org, $2 view, $3 and $4 the mark, $5 to $10 rows to put.
	sqlApply = `WITH marked AS (
		INSERT INTO isekai.marks AS m (org, view, stream, version) VALUES ($1, $2, $3, $4)
		ON CONFLICT (org, view, stream) DO UPDATE SET version = excluded.version WHERE excluded.version > m.version RETURNING 1
	), put AS (
		INSERT INTO isekai.view_rows (org, view, id, project, kind, status, sort, data)
		SELECT $1, $2, r.* FROM unnest($5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bytea[]) r WHERE EXISTS (SELECT FROM marked)
		ON CONFLICT (org, view, id) DO UPDATE SET project = excluded.project, kind = excluded.kind,
		status = excluded.status, sort = excluded.sort, data = excluded.data
	)
	SELECT EXISTS (SELECT FROM marked)`

	// sqlRemove removes row $4, if sqlApply has set the mark of $3 in this transaction.
	sqlRemove = `DELETE FROM isekai.view_rows WHERE org = $1 AND view = $2 AND id = $4 AND EXISTS (
		SELECT FROM isekai.marks m WHERE m.org = $1 AND m.view = $2 AND m.stream = $3 AND m.xmin = pg_current_xact_id()::xid)`

	sqlRow = `SELECT id, project, kind, status, sort, data FROM isekai.view_rows WHERE org = $1 AND view = $2`

	sqlGet = sqlRow + ` AND id = $3`

	sqlDropRows  = `DELETE FROM isekai.view_rows WHERE org = $1 AND view = $2`
	sqlDropMarks = `DELETE FROM isekai.marks WHERE org = $1 AND view = $2`

	sqlMoveRows  = `UPDATE isekai.view_rows SET view = $3 WHERE org = $1 AND view = $2`
	sqlMoveMarks = `UPDATE isekai.marks SET view = $3 WHERE org = $1 AND view = $2`
)

// Apply implements store.Views.
func (s *Store) Apply(ctx context.Context, org core.OrgID, view string, of store.Mark, rows []store.Row) (applied bool, err error) {
	removed, put := columnsOf(rows)
	args := append([]any{string(org), view, string(of.Stream), of.Version}, put...)
	err = s.tenant(ctx, "store.apply", org, func(b *pgx.Batch) {
		b.Queue(sqlApply, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&applied) })
		for _, id := range removed {
			b.Queue(sqlRemove, string(org), view, string(of.Stream), id)
		}
	})
	return applied && err == nil, err
}

// columnsOf returns the ids to remove and the arguments $5 to $10 of sqlApply. Of one id
// the last row counts.
func columnsOf(rows []store.Row) (removed []string, put []any) {
	var ids, projects, kinds, statuses []string
	var sorts []int64
	var data [][]byte
	last := map[string]int{}
	for i, r := range rows {
		last[r.ID] = i
	}
	for i, r := range rows {
		switch {
		case last[r.ID] != i:
		case r.Deleted:
			removed = append(removed, r.ID)
		default:
			ids, projects, kinds, statuses = append(ids, r.ID), append(projects, string(r.Project)), append(kinds, r.Kind), append(statuses, r.Status)
			sorts, data = append(sorts, r.Sort), append(data, append([]byte{}, r.Data...))
		}
	}
	return removed, []any{ids, projects, kinds, statuses, sorts, data}
}

// Get implements store.Views.
func (s *Store) Get(ctx context.Context, org core.OrgID, view, id string) (store.Row, error) {
	const op = "store.get"
	var found []store.Row
	err := s.tenant(ctx, op, org, func(b *pgx.Batch) {
		b.Queue(sqlGet, string(org), view, id).Query(into(&found, scanRow))
	})
	if err == nil && len(found) == 0 {
		err = core.E(core.NotFound, op, "there is no "+id)
	}
	if err != nil {
		return store.Row{}, err
	}
	return found[0], nil
}

func scanRow(rows pgx.Rows, r *store.Row) error {
	return rows.Scan(&r.ID, (*string)(&r.Project), &r.Kind, &r.Status, &r.Sort, (*[]byte)(&r.Data))
}

// List implements store.Views.
func (s *Store) List(ctx context.Context, org core.OrgID, view string, q store.Query) (store.Page, error) {
	limit, after, err := q.Check()
	if err != nil {
		return store.Page{}, err
	}
	query, args := listQuery(org, view, q, after, limit+1)
	var page store.Page
	err = s.tenant(ctx, "store.list", org, func(b *pgx.Batch) {
		b.Queue(query, args...).Query(into(&page.Rows, scanRow))
	})
	if err != nil {
		return store.Page{}, err
	}
	if len(page.Rows) > limit {
		page.Rows = page.Rows[:limit]
		page.Next = store.CursorOf(page.Rows[limit-1]).String()
	}
	return page, nil
}

// listQuery returns one of sixteen queries, put together of constants, and its
// arguments.
func listQuery(org core.OrgID, view string, q store.Query, after store.Cursor, limit int) (string, []any) {
	var b strings.Builder
	args := []any{string(org), view}
	b.WriteString(sqlRow)
	where := func(set bool, clause string, values ...any) {
		if !set {
			return
		}
		for _, v := range values {
			args = append(args, v)
			clause = strings.Replace(clause, "?", "$"+strconv.Itoa(len(args)), 1)
		}
		b.WriteString(clause)
	}
	where(q.Project != "", ` AND project = ?`, string(q.Project))
	where(q.Kind != "", ` AND kind = ?`, q.Kind)
	where(q.Status != "", ` AND status = ?`, q.Status)
	where(after != store.Cursor{}, ` AND (sort, id) < (?, ?)`, after.Sort, after.ID)
	where(true, ` ORDER BY sort DESC, id DESC LIMIT ?`, limit)
	return b.String(), args
}

// Drop implements store.Views.
func (s *Store) Drop(ctx context.Context, org core.OrgID, view string) error {
	return run(ctx, s.app, "store.drop", org, bulk, func(b *pgx.Batch) {
		b.Queue(sqlDropRows, string(org), view)
		b.Queue(sqlDropMarks, string(org), view)
	})
}

// Replace implements store.Views.
func (s *Store) Replace(ctx context.Context, org core.OrgID, view, by string) error {
	return run(ctx, s.app, "store.replace", org, bulk, func(b *pgx.Batch) {
		b.Queue(sqlDropRows, string(org), view)
		b.Queue(sqlDropMarks, string(org), view)
		b.Queue(sqlMoveRows, string(org), by, view)
		b.Queue(sqlMoveMarks, string(org), by, view)
	})
}
