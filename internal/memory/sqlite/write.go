package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/isekai-run/isekai/internal/memory"
)

const (
	sqlChanged = `INSERT INTO shelves (org, project, kind, generation) VALUES (?, ?, ?, 1)
		ON CONFLICT (org, project, kind) DO UPDATE SET generation = generation + 1 RETURNING no`

	sqlRemove = `DELETE FROM documents WHERE shelf = ? AND id = ?`

	sqlAdd = `INSERT INTO documents (shelf, id, stamp, space, parts, length) VALUES (?, ?, ?, ?, ?, ?)`

	sqlAddPart = `INSERT INTO parts (document, n, data) VALUES (?, ?, ?)`

	sqlAddWord = `INSERT INTO words (shelf, word, document, uses) VALUES (?, ?, ?, ?)`

	sqlAddVectors = `INSERT INTO vectors (document, data) VALUES (?, ?)`

	// An empty project is every project, an empty kind every kind.
	inClear = ` WHERE org = ?1 AND (?2 = '' OR project = ?2) AND (?3 = '' OR kind = ?3)`

	sqlClear        = `DELETE FROM documents WHERE shelf IN (SELECT no FROM shelves` + inClear + `)`
	sqlClearChanged = `UPDATE shelves SET generation = generation + 1` + inClear
)

// write runs f in a transaction of the writer's.
func (x *Index) write(ctx context.Context, op string, f func(*sql.Tx) error) error {
	tx, err := x.writer.BeginTx(ctx, nil)
	if err != nil {
		return translate(op, err)
	}
	if err := f(tx); err != nil {
		return translate(op, errors.Join(err, tx.Rollback()))
	}
	return translate(op, tx.Commit())
}

// Put implements memory.Index.
func (x *Index) Put(ctx context.Context, s memory.Shelf, d memory.Document) error {
	if err := errors.Join(s.Check(), d.Check()); err != nil {
		return err
	}
	return x.write(ctx, "memory.put", func(tx *sql.Tx) error {
		var shelf int64
		if err := tx.QueryRowContext(ctx, sqlChanged, s.Org, s.Project, s.Kind).Scan(&shelf); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, sqlRemove, shelf, d.ID); err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, sqlAdd, shelf, d.ID, d.Stamp, d.Space, len(d.Parts), d.Length)
		if err != nil {
			return err
		}
		no, err := r.LastInsertId()
		if err != nil {
			return err
		}
		return fill(ctx, tx, shelf, no, d)
	})
}

// fill adds what is of a document.
func fill(ctx context.Context, tx *sql.Tx, shelf, no int64, d memory.Document) error {
	if len(d.Vectors) > 0 {
		if _, err := tx.ExecContext(ctx, sqlAddVectors, no, d.Vectors); err != nil {
			return err
		}
	}
	err := many(ctx, tx, sqlAddPart, len(d.Parts), func(i int) []any { return []any{no, i, some(d.Parts[i])} })
	if err != nil {
		return err
	}
	return many(ctx, tx, sqlAddWord, len(d.Words), func(i int) []any { return []any{shelf, d.Words[i].Text, no, some(d.Words[i].Uses)} })
}

// some returns b as a value that isn't NULL.
func some(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// many runs one statement n times.
func many(ctx context.Context, tx *sql.Tx, query string, n int, args func(int) []any) error {
	stmt, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = stmt.Close() }()
	for i := range n {
		if _, err := stmt.ExecContext(ctx, args(i)...); err != nil {
			return err
		}
	}
	return nil
}

// Delete implements memory.Index.
func (x *Index) Delete(ctx context.Context, s memory.Shelf, documents ...string) error {
	const op = "memory.delete"
	if err := errors.Join(s.Check(), memory.CheckAsked(op, len(documents), memory.MaxDelete)); err != nil || len(documents) == 0 {
		return err
	}
	return x.write(ctx, op, func(tx *sql.Tx) error {
		var shelf int64
		if err := tx.QueryRowContext(ctx, sqlChanged, s.Org, s.Project, s.Kind).Scan(&shelf); err != nil {
			return err
		}
		return many(ctx, tx, sqlRemove, len(documents), func(i int) []any { return []any{shelf, documents[i]} })
	})
}

// Clear implements memory.Index.
func (x *Index) Clear(ctx context.Context, s memory.Shelf) error {
	if err := s.CheckClear(); err != nil {
		return err
	}
	return x.write(ctx, "memory.clear", func(tx *sql.Tx) error {
		for _, query := range []string{sqlClear, sqlClearChanged} {
			if _, err := tx.ExecContext(ctx, query, s.Org, s.Project, s.Kind); err != nil {
				return err
			}
		}
		return nil
	})
}
