package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/memory"
)

const (
	ofShelf = ` d.org = $1 AND d.project = $2 AND d.kind = $3`

	sqlGeneration = `SELECT generation FROM isekai_memory.shelves d WHERE` + ofShelf

	sqlEntries = `SELECT d.id, d.stamp, d.space, d.parts, d.length FROM isekai_memory.documents d WHERE` + ofShelf + ` ORDER BY d.id`

	sqlUses = `SELECT w.word, d.id, w.uses FROM isekai_memory.words w JOIN isekai_memory.documents d ON d.org = w.org AND d.no = w.document
		WHERE` + ofShelf + ` AND w.org = $1 AND w.word = ANY ($4)`

	sqlVectors = `SELECT d.id, d.stamp, d.space, v.data FROM isekai_memory.documents d JOIN isekai_memory.vectors v ON v.org = d.org AND v.document = d.no
		WHERE` + ofShelf + ` AND d.id = ANY ($4)`

	sqlParts = `SELECT d.stamp, p.n, p.data FROM isekai_memory.documents d JOIN isekai_memory.parts p ON p.org = d.org AND p.document = d.no
		WHERE` + ofShelf + ` AND d.id = $4 AND p.n = ANY ($5) ORDER BY p.n`
)

// each calls scan for every row of a query about a shelf.
func (x *Index) each(ctx context.Context, op string, s memory.Shelf, query string, args []any, scan func(pgx.Rows) error) error {
	if err := s.Check(); err != nil {
		return err
	}
	return x.tenant(ctx, op, s.Org, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, query, append([]any{string(s.Org), string(s.Project), s.Kind}, args...)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// Generation implements memory.Index.
func (x *Index) Generation(ctx context.Context, s memory.Shelf) (n int64, err error) {
	err = x.each(ctx, "memory.generation", s, sqlGeneration, nil, func(rows pgx.Rows) error { return rows.Scan(&n) })
	return n, err
}

// Entries implements memory.Index.
func (x *Index) Entries(ctx context.Context, s memory.Shelf) ([]memory.Entry, error) {
	var all []memory.Entry
	err := x.each(ctx, "memory.entries", s, sqlEntries, nil, func(rows pgx.Rows) error {
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
	if err := memory.CheckAsked(op, len(words), memory.MaxWords); err != nil || len(words) == 0 {
		return err
	}
	return x.each(ctx, op, s, sqlUses, []any{words}, func(rows pgx.Rows) error {
		var u memory.Use
		if err := rows.Scan(&u.Word, &u.Document, &u.Uses); err != nil {
			return err
		}
		return f(u)
	})
}

// Vectors implements memory.Index.
func (x *Index) Vectors(ctx context.Context, s memory.Shelf, documents []string, f func(memory.Vectors) error) error {
	if len(documents) == 0 {
		return nil
	}
	return x.each(ctx, "memory.vectors", s, sqlVectors, []any{documents}, func(rows pgx.Rows) error {
		var v memory.Vectors
		if err := rows.Scan(&v.Document, &v.Stamp, &v.Space, &v.Data); err != nil {
			return err
		}
		return f(v)
	})
}

// Parts implements memory.Index.
func (x *Index) Parts(ctx context.Context, s memory.Shelf, document string, numbers []int) ([]memory.Part, error) {
	const op = "memory.parts"
	if err := memory.CheckAsked(op, len(numbers), memory.MaxParts); err != nil || len(numbers) == 0 {
		return nil, err
	}
	var all []memory.Part
	err := x.each(ctx, op, s, sqlParts, []any{document, numbers}, func(rows pgx.Rows) error {
		p := memory.Part{Document: document}
		err := rows.Scan(&p.Stamp, &p.Number, &p.Data)
		all = append(all, p)
		return err
	})
	return all, err
}
