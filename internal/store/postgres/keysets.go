package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	sqlKeyset = `SELECT wrapped, generation, shredded FROM isekai.keysets WHERE org = $1`

	sqlFirstKeyset = `INSERT INTO isekai.keysets (org, wrapped, generation) VALUES ($1, $2, 1) ON CONFLICT (org) DO NOTHING`

	sqlSetKeyset = `UPDATE isekai.keysets SET wrapped = $2, generation = generation + 1 WHERE org = $1 AND generation = $3 AND NOT shredded`

	sqlShred = `INSERT INTO isekai.keysets AS k (org, wrapped, generation, shredded) VALUES ($1, '', 1, true)
		ON CONFLICT (org) DO UPDATE SET wrapped = '', generation = k.generation + 1, shredded = true WHERE NOT k.shredded`

	sqlScrub = `SELECT isekai.scrub()`

	sqlKeysetOrgs = `SELECT isekai.keyset_orgs()`
)

// Keyset implements store.Keysets.
func (s *Store) Keyset(ctx context.Context, org core.OrgID) (store.Keyset, error) {
	const op = "store.keyset"
	var found []store.Keyset
	err := s.tenant(ctx, op, org, func(b *pgx.Batch) {
		b.Queue(sqlKeyset, string(org)).Query(into(&found, func(rows pgx.Rows, k *store.Keyset) error {
			return rows.Scan(&k.Wrapped, &k.Generation, &k.Shredded)
		}))
	})
	if err == nil && len(found) == 0 {
		err = core.E(core.NotFound, op, "the org has no keys")
	}
	if err != nil {
		return store.Keyset{}, err
	}
	return found[0], nil
}

// SetKeyset implements store.Keysets.
func (s *Store) SetKeyset(ctx context.Context, org core.OrgID, generation int64, wrapped []byte) error {
	const op = "store.set_keyset"
	var changed int64
	err := s.tenant(ctx, op, org, func(b *pgx.Batch) {
		if generation == 0 {
			b.Queue(sqlFirstKeyset, string(org), wrapped).Exec(affected(&changed))
		} else {
			b.Queue(sqlSetKeyset, string(org), wrapped, generation).Exec(affected(&changed))
		}
	})
	if err == nil && changed == 0 {
		err = core.E(core.Conflict, op, "the org's keys have changed")
	}
	return err
}

// Shred implements store.Keysets. The keyset's bytes are deleted, and the table is
// written anew without the dead versions of its rows; the old file goes. What is out of
// reach: the write-ahead log with its archive, replicas that lag, what a transaction that
// was begun before can still see (a dump that is running; autovacuum removes that later),
// and the blocks that the file system has freed. There a wrapped keyset remains, so
// rotate the master key and destroy the old one.
func (s *Store) Shred(ctx context.Context, org core.OrgID) error {
	const op = "store.shred"
	if err := store.CheckShred(org); err != nil {
		return err
	}
	if err := s.tenant(ctx, op, org, func(b *pgx.Batch) { b.Queue(sqlShred, string(org)) }); err != nil {
		return err
	}
	return run(ctx, s.app, op, "", bulk, func(b *pgx.Batch) { b.Queue(sqlScrub) }) // when the versions are dead
}

// KeysetOrgs implements store.Keysets.
func (s *Store) KeysetOrgs(ctx context.Context) ([]core.OrgID, error) {
	var orgs []core.OrgID
	err := s.tenant(ctx, "store.keyset_orgs", "", func(b *pgx.Batch) {
		b.Queue(sqlKeysetOrgs).Query(into(&orgs, scanOrg))
	})
	return orgs, err
}
