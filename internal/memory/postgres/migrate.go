package postgres

import (
	"context"
	"embed"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/isekai-run/isekai/internal/core"
)

//go:embed migrations/*.sql
var embedded embed.FS

const (
	versionTable = "isekai_memory.goose_db_version"

	// lockID names the advisory lock of those who migrate this index.
	lockID = 0x69736b6d656d // "iskmem"
)

// Migrate brings the schema to this build's, as its owner, and makes it if it isn't there. One
// process does at a time. unsupported: it is newer.
func Migrate(ctx context.Context, url string) error {
	return migrate(ctx, url, true, func(ctx context.Context, p *goose.Provider) error {
		_, err := p.Up(ctx)
		return err
	})
}

// Drop removes all that is in the schema, as its owner; the schema stays, for who makes it anew may
// have no right to. unsupported: it is newer.
func Drop(ctx context.Context, url string) error {
	return migrate(ctx, url, false, func(ctx context.Context, p *goose.Provider) error {
		_, err := p.DownTo(ctx, 0)
		return err
	})
}

// migrate has f change the schema while nobody else does. One that isn't there is made, or it is
// left at that.
func migrate(ctx context.Context, url string, create bool, f func(context.Context, *goose.Provider) error) error {
	const op = "memory.migrate"
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return core.E(core.Invalid, op, "store.migrate_url isn't a URL of PostgreSQL").Because(err)
	}
	db := stdlib.OpenDB(*cfg)
	defer func() { _ = db.Close() }()
	lock, err := db.Conn(ctx) // the lock is this session's, and ends with it
	if err != nil {
		return translate(op, err)
	}
	defer func() { _ = lock.Close() }()
	if _, err := lock.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(lockID)); err != nil {
		return translate(op, err)
	}
	var missing bool // asked first, for who owns the schema may have no right to make one
	err = lock.QueryRowContext(ctx, `SELECT pg_catalog.to_regnamespace('isekai_memory') IS NULL`).Scan(&missing)
	if err == nil && missing && !create {
		return nil
	}
	if err == nil && missing {
		_, err = lock.ExecContext(ctx, `CREATE SCHEMA isekai_memory`)
	}
	if err != nil {
		return translate(op, err)
	}
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return translate(op, err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithTableName(versionTable))
	if err != nil {
		return translate(op, err)
	}
	current, newest, err := p.GetVersions(ctx)
	switch {
	case err != nil:
		return translate(op, err)
	case current > newest:
		return tooNew()
	}
	return translate(op, f(ctx, p))
}

func tooNew() error {
	return core.E(core.Unsupported, "memory.open", "the index was made by a newer isekai").WithHint("start that one")
}

// checkVersion sees, as the application, that the schema is the one of this build.
func (x *Index) checkVersion(ctx context.Context) error {
	files, err := fs.ReadDir(embedded, "migrations")
	if err != nil {
		return translate("memory.open", err)
	}
	var current int64
	newest := int64(len(files))
	if err := x.pool.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM `+versionTable).Scan(&current); err != nil {
		return translate("memory.open", err)
	}
	switch {
	case current > newest:
		return tooNew()
	case current < newest:
		return core.E(core.Unavailable, "memory.open", "the index of documents is of an older isekai").WithHint("start a node with store.migrate_url, or: isekai db migrate")
	}
	return nil
}
