package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"github.com/isekai-run/isekai/internal/memory"
)

const (
	ofShelf = ` (SELECT no FROM shelves WHERE org = ?1 AND project = ?2 AND kind = ?3) `

	sqlGeneration = `SELECT coalesce(max(generation), 0) FROM shelves WHERE org = ?1 AND project = ?2 AND kind = ?3`

	sqlEntries = `SELECT id, stamp, space, parts, length FROM documents WHERE shelf =` + ofShelf + `ORDER BY id`

	sqlUses = `SELECT w.word, d.id, w.uses FROM words w CROSS JOIN documents d ON d.no = w.document
		WHERE w.shelf =` + ofShelf + `AND w.word = ?4 AND d.shelf = w.shelf`

	sqlVectors = `SELECT d.id, d.stamp, d.space, v.data FROM documents d JOIN vectors v ON v.document = d.no
		WHERE d.shelf =` + ofShelf + `AND d.id IN (SELECT value FROM json_each(?4))`

	sqlParts = `SELECT d.stamp, p.n, p.data FROM documents d JOIN parts p ON p.document = d.no
		WHERE d.shelf =` + ofShelf + `AND d.id = ?4 AND p.n IN (SELECT value FROM json_each(?5)) ORDER BY p.n`
)

// each calls scan for every row of a query about a shelf.
func (x *Index) each(ctx context.Context, op string, s memory.Shelf, query string, args []any, scan func(*sql.Rows) error) error {
	if err := s.Check(); err != nil {
		return err
	}
	rows, err := x.reader.QueryContext(ctx, query, append([]any{s.Org, s.Project, s.Kind}, args...)...)
	if err != nil {
		return translate(op, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return translate(op, err)
		}
	}
	return translate(op, rows.Err())
}

// Generation implements memory.Index.
func (x *Index) Generation(ctx context.Context, s memory.Shelf) (n int64, err error) {
	err = x.each(ctx, "memory.generation", s, sqlGeneration, nil, func(rows *sql.Rows) error { return rows.Scan(&n) })
	return n, err
}

// Entries implements memory.Index.
func (x *Index) Entries(ctx context.Context, s memory.Shelf) ([]memory.Entry, error) {
	var all []memory.Entry
	err := x.each(ctx, "memory.entries", s, sqlEntries, nil, func(rows *sql.Rows) error {
		var e memory.Entry
		err := rows.Scan(&e.ID, &e.Stamp, &e.Space, &e.Parts, &e.Length)
		all = append(all, e)
		return err
	})
	return all, err
}

// Uses implements memory.Index.
func (x *Index) Uses(ctx context.Context, s memory.Shelf, words [][]byte, f func(memory.Use) error) error {
	const op = "memory.uses"
	if err := memory.CheckAsked(op, len(words), memory.MaxWords); err != nil {
		return err
	}
	for _, w := range words {
		err := x.each(ctx, op, s, sqlUses, []any{w}, func(rows *sql.Rows) error {
			var word, uses sql.RawBytes
			u := memory.Use{}
			if err := rows.Scan(&word, &u.Document, &uses); err != nil {
				return err
			}
			u.Word, u.Uses = word, uses
			return f(u)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Vectors implements memory.Index.
func (x *Index) Vectors(ctx context.Context, s memory.Shelf, documents []string, f func(memory.Vectors) error) error {
	const page = 1000
	for some := range slices.Chunk(documents, page) {
		err := x.each(ctx, "memory.vectors", s, sqlVectors, []any{list(some)}, func(rows *sql.Rows) error {
			var v memory.Vectors
			var data sql.RawBytes
			if err := rows.Scan(&v.Document, &v.Stamp, &v.Space, &data); err != nil {
				return err
			}
			v.Data = data
			return f(v)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Parts implements memory.Index.
func (x *Index) Parts(ctx context.Context, s memory.Shelf, document string, numbers []int) ([]memory.Part, error) {
	const op = "memory.parts"
	if err := memory.CheckAsked(op, len(numbers), memory.MaxParts); err != nil {
		return nil, err
	}
	var all []memory.Part
	err := x.each(ctx, op, s, sqlParts, []any{document, list(numbers)}, func(rows *sql.Rows) error {
		p := memory.Part{Document: document}
		err := rows.Scan(&p.Stamp, &p.Number, &p.Data)
		all = append(all, p)
		return err
	})
	return all, err
}

// list returns texts or numbers as the JSON array that json_each reads.
func list[T string | int](all []T) string {
	b, err := json.Marshal(all)
	if err != nil { // of texts and numbers, it always encodes
		return "[]"
	}
	return string(b)
}
