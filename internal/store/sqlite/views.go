package sqlite

import (
	"context"
	"database/sql"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	sqlMark = `INSERT INTO marks (org, view, stream, version) VALUES (?, ?, ?, ?)
		ON CONFLICT (org, view, stream) DO UPDATE SET version = excluded.version WHERE excluded.version > marks.version`

	sqlPut = `INSERT INTO view_rows (org, view, id, project, kind, status, sort, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (org, view, id) DO UPDATE SET project = excluded.project, kind = excluded.kind,
		status = excluded.status, sort = excluded.sort, data = excluded.data`

	sqlRemove = `DELETE FROM view_rows WHERE org = ? AND view = ? AND id = ?`

	sqlRow = `SELECT id, project, kind, status, sort, data FROM view_rows WHERE org = ? AND view = ?`

	sqlGet = sqlRow + ` AND id = ?`

	sqlDropRows  = `DELETE FROM view_rows WHERE org = ? AND view = ?`
	sqlDropMarks = `DELETE FROM marks WHERE org = ? AND view = ?`

	sqlMoveRows  = `UPDATE view_rows SET view = ?3 WHERE org = ?1 AND view = ?2`
	sqlMoveMarks = `UPDATE marks SET view = ?3 WHERE org = ?1 AND view = ?2`
)

// Apply implements store.Views.
func (s *Store) Apply(ctx context.Context, org core.OrgID, view string, of store.Mark, rows []store.Row) (applied bool, err error) {
	err = s.write(ctx, "store.apply", func(t *tx) error {
		n, err := t.change(sqlMark, org, view, of.Stream, of.Version)
		if applied = n > 0; err != nil || !applied {
			return err
		}
		for _, r := range rows {
			if err := t.put(org, view, r); err != nil {
				return err
			}
		}
		return nil
	})
	return applied && err == nil, err
}

func (t *tx) put(org core.OrgID, view string, r store.Row) error {
	if r.Deleted {
		_, err := t.exec(sqlRemove, org, view, r.ID)
		return err
	}
	data := []byte(r.Data)
	if data == nil {
		data = []byte{}
	}
	_, err := t.exec(sqlPut, org, view, r.ID, r.Project, r.Kind, r.Status, r.Sort, data)
	return err
}

// Get implements store.Views.
func (s *Store) Get(ctx context.Context, org core.OrgID, view, id string) (store.Row, error) {
	const op = "store.get"
	var found []store.Row
	err := s.reader.each(ctx, sqlGet, []any{org, view, id}, collect(&found))
	if err != nil {
		return store.Row{}, translate(op, err)
	}
	if len(found) == 0 {
		return store.Row{}, core.E(core.NotFound, op, "there is no "+id)
	}
	return found[0], nil
}

// List implements store.Views.
func (s *Store) List(ctx context.Context, org core.OrgID, view string, q store.Query) (store.Page, error) {
	limit, after, err := q.Check()
	if err != nil {
		return store.Page{}, err
	}
	query, args := listQuery(q, after)
	args = append([]any{org, view}, append(args, limit+1)...)
	var page store.Page
	if err := s.reader.each(ctx, query, args, collect(&page.Rows)); err != nil {
		return store.Page{}, translate("store.list", err)
	}
	if len(page.Rows) > limit {
		page.Rows = page.Rows[:limit]
		page.Next = store.CursorOf(page.Rows[limit-1]).String()
	}
	return page, nil
}

// listQuery returns one of sixteen queries, put together of constants, and its
// arguments between the view and the limit.
func listQuery(q store.Query, after store.Cursor) (string, []any) {
	var b strings.Builder
	var args []any
	b.WriteString(sqlRow)
	where := func(set bool, clause string, values ...any) {
		if set {
			b.WriteString(clause)
			args = append(args, values...)
		}
	}
	where(q.Project != "", ` AND project = ?`, q.Project)
	where(q.Kind != "", ` AND kind = ?`, q.Kind)
	where(q.Status != "", ` AND status = ?`, q.Status)
	where(after != store.Cursor{}, ` AND (sort, id) < (?, ?)`, after.Sort, after.ID)
	b.WriteString(` ORDER BY sort DESC, id DESC LIMIT ?`)
	return b.String(), args
}

// collect returns a function that adds each row to the list.
func collect(list *[]store.Row) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var r store.Row
		var data []byte
		err := rows.Scan(&r.ID, &r.Project, &r.Kind, &r.Status, &r.Sort, &data)
		r.Data = data
		*list = append(*list, r)
		return err
	}
}

// Drop implements store.Views.
func (s *Store) Drop(ctx context.Context, org core.OrgID, view string) error {
	return s.write(ctx, "store.drop", func(t *tx) error { return t.drop(org, view) })
}

func (t *tx) drop(org core.OrgID, view string) error {
	if _, err := t.exec(sqlDropRows, org, view); err != nil {
		return err
	}
	_, err := t.exec(sqlDropMarks, org, view)
	return err
}

// Replace implements store.Views.
func (s *Store) Replace(ctx context.Context, org core.OrgID, view, by string) error {
	return s.write(ctx, "store.replace", func(t *tx) error {
		if err := t.drop(org, view); err != nil {
			return err
		}
		if _, err := t.exec(sqlMoveRows, org, by, view); err != nil {
			return err
		}
		_, err := t.exec(sqlMoveMarks, org, by, view)
		return err
	})
}
