package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// What a backup doesn't hold.
const (
	sqlStripKeysets = `DELETE FROM keysets`
	sqlStripQuotas  = `DELETE FROM quotas`
)

// Backup implements store.Backuper. The copy is of one moment; writers go on meanwhile.
func (s *Store) Backup(ctx context.Context, path string) (sums []store.Sum, err error) {
	const op = "store.backup"
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil, core.E(core.Conflict, op, "there is a file at "+path+" already").Because(err)
	}
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, translateFile(op, part, err)
	}
	defer os.Remove(part) // when it isn't renamed
	if err := makeFile(part); err != nil {
		return nil, translateFile(op, part, err)
	}
	if err := vacuumInto(ctx, s.path, part); err != nil {
		return nil, translate(op, err)
	}
	if sums, err = finish(ctx, part); err != nil {
		return nil, err
	}
	if err := syncFile(part); err != nil {
		return nil, translateFile(op, part, err)
	}
	if err := os.Rename(part, path); err != nil {
		return nil, translateFile(op, path, err)
	}
	if err := syncFile(filepath.Dir(path)); err != nil {
		return nil, translateFile(op, path, err)
	}
	return sums, nil
}

// vacuumInto writes what a new reader of a database sees into an empty file.
func vacuumInto(ctx context.Context, from, to string) error {
	db, err := connect(from, "temp_store(FILE)", 1)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", to)
	return err
}

// finish overwrites what a copy isn't to hold and adds up the rest.
func finish(ctx context.Context, path string) ([]store.Sum, error) {
	c, err := Open(ctx, Config{Path: path})
	if err != nil {
		return nil, err
	}
	defer c.Close() // folds the log into the file
	err = c.write(ctx, "store.backup", func(t *tx) error {
		if _, err := t.exec(sqlStripKeysets); err != nil {
			return err
		}
		_, err := t.exec(sqlStripQuotas)
		return err
	})
	if err != nil {
		return nil, err
	}
	orgs, err := c.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	sums := []store.Sum{}
	for _, org := range orgs {
		sum, err := store.SumAll(ctx, c, org)
		if err != nil {
			return nil, err
		}
		sums = append(sums, sum)
	}
	return sums, nil
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
