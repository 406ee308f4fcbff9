package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	sqlKeyset = `SELECT wrapped, generation, shredded FROM keysets WHERE org = ?`

	sqlFirstKeyset = `INSERT INTO keysets (org, wrapped, generation) VALUES (?, ?, 1) ON CONFLICT (org) DO NOTHING`

	sqlSetKeyset = `UPDATE keysets SET wrapped = ?, generation = generation + 1 WHERE org = ? AND generation = ? AND shredded = 0`

	sqlShred = `INSERT INTO keysets (org, wrapped, generation, shredded) VALUES (?, x'', 1, 1)
		ON CONFLICT (org) DO UPDATE SET wrapped = x'', generation = generation + 1, shredded = 1 WHERE shredded = 0`

	sqlKeysetOrgs = `SELECT org FROM keysets WHERE shredded = ? ORDER BY org`
)

// Keyset implements store.Keysets.
func (s *Store) Keyset(ctx context.Context, org core.OrgID) (store.Keyset, error) {
	const op = "store.keyset"
	var k store.Keyset
	err := s.reader.one(ctx, sqlKeyset, []any{org}, &k.Wrapped, &k.Generation, &k.Shredded)
	if errors.Is(err, sql.ErrNoRows) {
		return k, core.E(core.NotFound, op, "the org has no keys")
	}
	return k, translate(op, err)
}

// SetKeyset implements store.Keysets.
func (s *Store) SetKeyset(ctx context.Context, org core.OrgID, generation int64, wrapped []byte) error {
	const op = "store.set_keyset"
	return s.write(ctx, op, func(t *tx) error {
		query, args := sqlSetKeyset, []any{wrapped, org, generation}
		if generation == 0 {
			query, args = sqlFirstKeyset, []any{org, wrapped}
		}
		n, err := t.change(query, args...)
		if err == nil && n == 0 {
			t.wrote = false
			return core.E(core.Conflict, op, "the org's keys have changed")
		}
		return err
	})
}

// Shred implements store.Keysets. What SQLite deletes it overwrites (secure_delete), and
// the log is emptied. Blocks that the file system has moved or kept, in a snapshot or on
// a flash disk, are out of its reach: there the master key has to go (rotate it).
func (s *Store) Shred(ctx context.Context, org core.OrgID) error {
	const op = "store.shred"
	if err := store.CheckShred(org); err != nil {
		return err
	}
	err := s.write(ctx, op, func(t *tx) error {
		_, err := t.exec(sqlShred, org)
		return err
	})
	if err != nil {
		return err
	}
	return translate(op, s.writer.checkpoint(ctx))
}

// KeysetOrgs implements store.Keysets.
func (s *Store) KeysetOrgs(ctx context.Context) ([]core.OrgID, error) {
	var orgs []core.OrgID
	err := s.reader.each(ctx, sqlKeysetOrgs, []any{0}, func(rows *sql.Rows) error {
		var org core.OrgID
		err := rows.Scan(&org)
		orgs = append(orgs, org)
		return err
	})
	return orgs, translate("store.keyset_orgs", err)
}
