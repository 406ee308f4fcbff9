package postgres

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/isekai-run/isekai/internal/core"
)

//go:embed migrations/*.sql
var embedded embed.FS

// migrations are the SQL files by name.
func migrations() fs.FS {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil { // the folder is embedded above
		panic(err)
	}
	return sub
}

const (
	versionTable = "isekai.goose_db_version"

	urlHint = "write it as postgres://user:password@host:port/database"

	// lockID names the advisory lock of those who migrate this database.
	lockID = 0x6973656b6169 // "isekai"
)

// Versions returns the schema version of the database, 0 if it has none, and the newest
// that this build knows. It connects by MigrateURL.
func Versions(ctx context.Context, cfg Config) (current, newest int64, err error) {
	const op = "store.versions"
	if newest, err = newestVersion(); err != nil {
		return 0, 0, failed(err)
	}
	conn, err := connectOwner(ctx, op, cfg)
	if err != nil {
		return 0, newest, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var missing bool
	if err := conn.QueryRow(ctx, sqlMissing).Scan(&missing); err != nil || missing {
		return 0, newest, translate(op, err)
	}
	err = asOwner(ctx, cfg, migrations(), func(_ *sql.DB, p *goose.Provider) error {
		current, newest, err = p.GetVersions(ctx)
		return err
	})
	return current, newest, err
}

// sqlMissing asks whether the schema isn't there.
const sqlMissing = `SELECT pg_catalog.to_regnamespace('isekai') IS NULL`

// connectOwner connects by MigrateURL.
func connectOwner(ctx context.Context, op string, cfg Config) (*pgx.Conn, error) {
	c, err := ownerConfig(op, cfg)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	return conn, translate(op, err)
}

func ownerConfig(op string, cfg Config) (*pgx.ConnConfig, error) {
	if cfg.MigrateURL == "" {
		return nil, core.E(core.Invalid, op, "no store.migrate_url for PostgreSQL").WithHint("set it to the URL of the schema's owner")
	}
	conn, err := pgx.ParseConfig(cfg.MigrateURL)
	if err != nil {
		return nil, core.E(core.Invalid, op, "store.migrate_url isn't a URL of PostgreSQL").WithHint(urlHint).Because(err)
	}
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = connectTimeout
	}
	return conn, nil
}

// Migrate takes the database to a schema version, up or down, by MigrateURL; 0 is the
// empty schema. A migration that fails is undone and stops it there. One process
// migrates at a time, and others wait. No store may be open when it goes down.
func Migrate(ctx context.Context, cfg Config, version int64) error {
	return asOwner(ctx, cfg, migrations(), func(_ *sql.DB, p *goose.Provider) error { return migrate(ctx, p, version) })
}

func migrate(ctx context.Context, p *goose.Provider, version int64) error {
	current, newest, err := p.GetVersions(ctx)
	switch {
	case err != nil:
		return err
	case current > newest:
		return tooNew(current, newest)
	case version < 0 || version > newest:
		return core.E(core.Invalid, "store.migrate", fmt.Sprintf("there is no schema version %d", version)).
			WithHint(fmt.Sprintf("choose one from 0 to %d", newest))
	case version < current:
		_, err = p.DownTo(ctx, version)
	case version > current:
		_, err = p.UpTo(ctx, version)
	}
	return failed(err)
}

// asOwner calls fn with a provider, connected by MigrateURL, while no other process is
// in it.
func asOwner(ctx context.Context, cfg Config, files fs.FS, fn func(*sql.DB, *goose.Provider) error) error {
	const op = "store.migrate"
	conn, err := ownerConfig(op, cfg)
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*conn)
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
	err = lock.QueryRowContext(ctx, sqlMissing).Scan(&missing)
	if err == nil && missing {
		_, err = lock.ExecContext(ctx, `CREATE SCHEMA isekai`)
	}
	if err != nil {
		return failed(err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithTableName(versionTable))
	if err != nil {
		return failed(err)
	}
	return translate(op, fn(db, p))
}

// checkVersion sees, as the application, that the schema is the one of this build.
func checkVersion(ctx context.Context, pool *pgxpool.Pool) error {
	newest, err := newestVersion()
	if err != nil {
		return failed(err)
	}
	var current int64
	err = run(ctx, pool, "store.open", "", usual, func(b *pgx.Batch) {
		b.Queue(`SELECT coalesce(max(version_id), 0) FROM ` + versionTable).QueryRow(func(row pgx.Row) error { return row.Scan(&current) })
	})
	switch {
	case err != nil:
		return err
	case current > newest:
		return tooNew(current, newest)
	case current < newest:
		return core.E(core.Unavailable, "store.open", fmt.Sprintf("the database has schema version %d, this build needs %d", current, newest)).
			WithHint("bring it up to date as its owner: isekai db migrate")
	}
	return nil
}

// newestVersion returns the version that this build's migrations lead to.
func newestVersion() (newest int64, err error) {
	files, err := fs.ReadDir(migrations(), ".")
	for _, f := range files {
		if v, e := goose.NumericComponent(f.Name()); e == nil {
			newest = max(newest, v)
		}
	}
	return newest, err
}

// failed adds to a migration's error what it means, and keeps its code.
func failed(err error) error {
	if err == nil {
		return nil
	}
	cause := translate("store.migrate", err)
	e := core.E(core.CodeOf(cause), "store.migrate", "the database couldn't be migrated; it is as it was before the failing step")
	if core.HintOf(cause) == "" {
		e = e.WithHint("keep the database, and report this with the message")
	}
	return e.Because(cause)
}

func tooNew(current, newest int64) error {
	return core.E(core.Unsupported, "store.migrate",
		fmt.Sprintf("the database has schema version %d, this build knows %d", current, newest)).
		WithHint("start the newer isekai that wrote it, or roll the database back with that one")
}
