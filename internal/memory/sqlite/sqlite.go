// Package sqlite is the index of documents on one SQLite file, beside the store's.
//
// platform opens it. It never looks into a part, a word or a vector. The file is one of its
// own: a backup of the store needn't carry what can be built again, and a large document
// doesn't hold up the store's writer.
//
// One connection writes, in transactions that are synced before a call returns; reads run
// beside it on snapshots. What is deleted is overwritten (secure_delete). Several processes may
// open one file.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the database/sql driver "sqlite"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
)

// Index is a memory.Index in an SQLite file.
type Index struct {
	id     string
	writer *sql.DB // one connection
	reader *sql.DB
	close  func() error
}

var _ memory.Index = (*Index)(nil)

//go:embed migrations/*.sql
var embedded embed.FS

// Open opens the file, makes it if it isn't there, and migrates it. unavailable: it is damaged;
// unsupported: a newer isekai wrote it; denied: it can't be written.
func Open(ctx context.Context, path string) (*Index, error) {
	const op = "memory.open"
	if path == "" {
		return nil, core.E(core.Invalid, op, "no path for the index")
	}
	if err := makeFile(path); err != nil {
		return nil, err
	}
	writer, err := connect(path, "wal_autocheckpoint(1000)", 1)
	if err != nil {
		return nil, translate(op, err)
	}
	reader, err := connect(path, "query_only(1)", max(4, runtime.GOMAXPROCS(0)))
	if err != nil {
		_ = writer.Close()
		return nil, translate(op, err)
	}
	x := &Index{writer: writer, reader: reader}
	x.close = sync.OnceValue(func() error {
		return translate("memory.close", errors.Join(reader.Close(), writer.Close())) // the last folds the log into the file
	})
	if err := migrate(ctx, writer); err != nil {
		_ = x.close()
		return nil, err
	}
	if err := writer.QueryRowContext(ctx, `SELECT id FROM self`).Scan(&x.id); err != nil {
		_ = x.close()
		return nil, translate(op, err)
	}
	return x, nil
}

// makeFile makes the file if it is missing, readable by its owner alone.
func makeFile(path string) error {
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		var f *os.File
		if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
			err = f.Close()
		}
	}
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return core.E(core.Denied, "memory.open", "can't make "+path).
		WithHint("make the data directory writable for this user, or choose another").Because(err)
}

// connect returns a pool of up to size connections to the file.
func connect(path, pragma string, size int) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	query := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(1)",
		"temp_store(MEMORY)", "journal_size_limit(67108864)", "cache_size(-16384)", pragma,
	}}
	if size > 1 {
		query.Del("_txlock")
	}
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// migrate brings the file to this build's schema.
func migrate(ctx context.Context, db *sql.DB) error {
	const op = "memory.migrate"
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return translate(op, err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return translate(op, err)
	}
	current, newest, err := p.GetVersions(ctx)
	switch {
	case err != nil:
		return translate(op, err)
	case current > newest:
		return core.E(core.Unsupported, op, "the index was written by a newer isekai").
			WithHint("start that one; or remove memory.db, and isekai memory reindex builds it again")
	case current == newest:
		return nil
	}
	if _, err = p.Up(ctx); err != nil { // another process may have done the same
		if now, _, e := p.GetVersions(ctx); e == nil && now == newest {
			return nil
		}
	}
	return translate(op, err)
}

// ID implements memory.Index.
func (x *Index) ID() string { return x.id }

// Close implements memory.Index. Closing twice is closing once.
func (x *Index) Close() error { return x.close() }
