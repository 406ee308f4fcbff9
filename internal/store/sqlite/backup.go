package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"

	"github.com/isekai-run/isekai/internal/core"
)

// Backup implements store.Backuper. The copy is of one moment; writers go on meanwhile.
func (s *Store) Backup(ctx context.Context, path string) error {
	const op = "store.backup"
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return core.E(core.Conflict, op, "there is a file at "+path+" already").Because(err)
	}
	part := path + ".part"
	if err := os.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return translateFile(op, part, err)
	}
	defer os.Remove(part) // when it isn't renamed
	if err := makeFile(part); err != nil {
		return translateFile(op, part, err)
	}
	if err := vacuumInto(ctx, s.path, part); err != nil {
		return translate(op, err)
	}
	if err := strip(ctx, part); err != nil {
		return translate(op, err)
	}
	if err := syncFile(part); err != nil {
		return translateFile(op, part, err)
	}
	if err := os.Rename(part, path); err != nil {
		return translateFile(op, path, err)
	}
	return nil
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

// strip overwrites the keysets of a copy, which nobody else has open.
func strip(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=secure_delete(1)&_pragma=journal_mode(OFF)")
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "DELETE FROM keysets")
	return err
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
