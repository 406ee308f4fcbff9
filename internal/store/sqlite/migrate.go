package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

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

// Versions returns the schema version of the file and the newest that this
// build knows. The file is made if it is missing.
func Versions(ctx context.Context, cfg Config) (current, newest int64, err error) {
	err = withProvider(ctx, cfg, func(p *goose.Provider) error {
		current, newest, err = p.GetVersions(ctx)
		return err
	})
	return current, newest, err
}

// Migrate takes the file to a schema version, up or down; 0 is the empty
// database. A migration that fails is undone and stops it there. No store may
// have the file open.
func Migrate(ctx context.Context, cfg Config, version int64) error {
	return withProvider(ctx, cfg, func(p *goose.Provider) error {
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
		default:
			_, err = p.UpTo(ctx, version)
		}
		return failed(err)
	})
}

func withProvider(ctx context.Context, cfg Config, fn func(*goose.Provider) error) error {
	db, err := openWriter(ctx, cfg.Path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	p, err := goose.NewProvider(goose.DialectSQLite3, db, migrations())
	if err != nil {
		return translate("store.migrate", err)
	}
	return translate("store.migrate", fn(p))
}

func migrateUp(ctx context.Context, db *sql.DB) error {
	return migrateFrom(ctx, db, migrations())
}

// migrateFrom brings the database to the newest of the migrations, each in a
// transaction of its own. It is done when the database is there, whoever took it
// there; each round but the last gets at least one step further.
func migrateFrom(ctx context.Context, db *sql.DB, files fs.FS) error {
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return failed(err)
	}
	for {
		current, newest, err := p.GetVersions(ctx)
		switch {
		case err != nil:
			return translate("store.migrate", err)
		case current > newest:
			return tooNew(current, newest)
		case current == newest:
			return nil
		}
		if _, err = p.Up(ctx); err == nil {
			return nil
		}
		// Another process may have done the same at the same time.
		if now, _, e := p.GetVersions(ctx); e != nil || now <= current {
			return failed(err)
		}
	}
}

// failed adds to a migration's error what it means, and keeps its code.
func failed(err error) error {
	if err == nil {
		return nil
	}
	cause := translate("store.migrate", err)
	e := core.E(core.CodeOf(cause), "store.migrate", "the database couldn't be migrated; it is as it was before the failing step")
	if core.HintOf(cause) == "" {
		e = e.WithHint("keep the file, and report this with the message")
	}
	return e.Because(cause)
}

func tooNew(current, newest int64) error {
	return core.E(core.Unsupported, "store.migrate",
		fmt.Sprintf("the database has schema version %d, this build knows %d", current, newest)).
		WithHint("start the newer isekai that wrote it, or roll the database back with that one")
}
