package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
)

const (
	// sqlChanged comes first in every change of a shelf: those of one shelf wait for each other
	// there, and never in a circle.
	sqlChanged = `INSERT INTO isekai_memory.shelves AS s (org, project, kind, generation) VALUES ($1, $2, $3, 1)
		ON CONFLICT (org, project, kind) DO UPDATE SET generation = s.generation + 1`

	sqlRemove = `DELETE FROM isekai_memory.documents WHERE org = $1 AND project = $2 AND kind = $3 AND id = ANY ($4)`

	sqlAdd = `INSERT INTO isekai_memory.documents (org, project, kind, id, stamp, space, parts, length) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING no`

	// Rows that follow row-level security can't be copied in.
	sqlAddParts = `INSERT INTO isekai_memory.parts (org, document, n, data)
		SELECT $1, $2, $3 + p.n - 1, coalesce(p.data, '') FROM unnest($4::bytea[]) WITH ORDINALITY AS p (data, n)`

	sqlAddWords = `INSERT INTO isekai_memory.words (org, document, word, uses) SELECT $1, $2, w.word, w.uses FROM unnest($3::bytea[], $4::bytea[]) AS w (word, uses)`

	sqlAddVectors = `INSERT INTO isekai_memory.vectors (org, document, data) VALUES ($1, $2, $3)`

	// An empty project is every project, an empty kind every kind.
	inClear = ` WHERE org = $1 AND ($2 = '' OR project = $2) AND ($3 = '' OR kind = $3)`

	sqlClearChanged = `UPDATE isekai_memory.shelves SET generation = generation + 1` + inClear
	sqlClear        = `DELETE FROM isekai_memory.documents` + inClear
)

// Put implements memory.Index.
func (x *Index) Put(ctx context.Context, s memory.Shelf, d memory.Document) error {
	if err := errors.Join(s.Check(), d.Check()); err != nil {
		return err
	}
	return x.change(ctx, "memory.put", s, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlRemove, string(s.Org), string(s.Project), s.Kind, []string{d.ID}); err != nil {
			return err
		}
		var no int64
		row := tx.QueryRow(ctx, sqlAdd, string(s.Org), string(s.Project), s.Kind, d.ID, d.Stamp, d.Space, len(d.Parts), d.Length)
		if err := row.Scan(&no); err != nil {
			return err
		}
		return fill(ctx, tx, s.Org, no, d)
	})
}

const page = 200 // parts that are sent in one statement

// fill adds what is of a document.
func fill(ctx context.Context, tx pgx.Tx, org core.OrgID, no int64, d memory.Document) error {
	if len(d.Vectors) > 0 {
		if _, err := tx.Exec(ctx, sqlAddVectors, string(org), no, d.Vectors); err != nil {
			return err
		}
	}
	for first := 0; first < len(d.Parts); first += page {
		data := d.Parts[first:min(first+page, len(d.Parts))]
		if _, err := tx.Exec(ctx, sqlAddParts, string(org), no, first, data); err != nil {
			return err
		}
	}
	for words := range slices.Chunk(d.Words, 10*page) {
		texts, uses := make([][]byte, len(words)), make([][]byte, len(words))
		for i, w := range words {
			texts[i], uses[i] = w.Text, some(w.Uses)
		}
		if _, err := tx.Exec(ctx, sqlAddWords, string(org), no, texts, uses); err != nil {
			return err
		}
	}
	return nil
}

// some returns b as a value that isn't NULL.
func some(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// change runs f in a transaction that changes a shelf.
func (x *Index) change(ctx context.Context, op string, s memory.Shelf, f func(pgx.Tx) error) error {
	return x.tenant(ctx, op, s.Org, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, sqlChanged, string(s.Org), string(s.Project), s.Kind); err != nil {
			return err
		}
		return f(tx)
	})
}

// Delete implements memory.Index.
func (x *Index) Delete(ctx context.Context, s memory.Shelf, documents ...string) error {
	const op = "memory.delete"
	if err := errors.Join(s.Check(), memory.CheckAsked(op, len(documents), memory.MaxDelete)); err != nil || len(documents) == 0 {
		return err
	}
	return x.change(ctx, op, s, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sqlRemove, string(s.Org), string(s.Project), s.Kind, documents)
		return err
	})
}

// Clear implements memory.Index.
func (x *Index) Clear(ctx context.Context, s memory.Shelf) error {
	if err := s.CheckClear(); err != nil {
		return err
	}
	return x.tenant(ctx, "memory.clear", s.Org, func(tx pgx.Tx) error {
		for _, query := range []string{sqlClearChanged, sqlClear} {
			if _, err := tx.Exec(ctx, query, string(s.Org), string(s.Project), s.Kind); err != nil {
				return err
			}
		}
		return nil
	})
}
