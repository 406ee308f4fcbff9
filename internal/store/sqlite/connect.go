package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the database/sql driver "sqlite"

	"github.com/isekai-run/isekai/internal/core"
)

// connect returns a pool of up to size connections to the file. The driver
// knows a pragma in its DSN by the name _pragma alone.
func connect(path, pragma string, size int) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	query := url.Values{"_pragma": {
		"busy_timeout(5000)", // milliseconds, for other processes
		"journal_mode(WAL)",
		"synchronous(FULL)", // sync the log at every commit
		"foreign_keys(1)",
		"secure_delete(1)",      // overwrite what is deleted
		"recursive_triggers(1)", // also those of what a REPLACE deletes
		"temp_store(MEMORY)",
		"journal_size_limit(67108864)", // bytes: give back a log that grew
		pragma,
	}}
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// openWriter makes the file if it is missing, readable by its owner alone, and
// connects to it.
func openWriter(ctx context.Context, path string) (*sql.DB, error) {
	const op = "store.open"
	if path == "" {
		return nil, core.E(core.Invalid, op, "no path for the database")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, translateFile(op, path, err)
	}
	if err := makeFile(path); err != nil {
		return nil, translateFile(op, path, err)
	}
	db, err := connect(path, "wal_autocheckpoint(1000)", 1)
	if err != nil {
		return nil, translate(op, err)
	}
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, translate(op, err)
	}
	return db, nil
}

// makeFile makes the file, or checks that the one there can be written. It
// doesn't open that: closing it would drop the locks of this process.
func makeFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return errors.Join(errors.New("not a file"), err)
	}
	const forWriting = 2 // W_OK
	return syscall.Access(path, forWriting)
}

// translateFile gives an error of opening the file its code and a hint.
func translateFile(op, path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission) || isReadOnly(err):
		return core.E(core.Denied, op, "no permission to write "+path).
			WithHint("make the data directory writable for this user, or choose another").Because(err)
	case isFull(err):
		return full(op, err)
	}
	return core.E(core.Unavailable, op, "can't open "+path).
		WithHint("check that the data directory is a folder on a working disk").Because(err)
}

// reader is the pool of reading connections with its prepared statements.
type reader struct {
	db   *sql.DB
	slow slowly

	mu    sync.Mutex
	stmts map[string]*sql.Stmt // nil when closed
}

// stmt returns the prepared form of query, which is one of a bounded set.
func (r *reader) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stmts == nil {
		return nil, closed()
	}
	if s := r.stmts[query]; s != nil {
		return s, nil
	}
	s, err := r.db.PrepareContext(ctx, query)
	if err == nil {
		r.stmts[query] = s
	}
	return s, err
}

// one reads a single row into dest; sql.ErrNoRows if there is none.
func (r *reader) one(ctx context.Context, query string, args []any, dest ...any) error {
	defer r.slow.ended(query, time.Now())
	s, err := r.stmt(ctx, query)
	if err != nil {
		return err
	}
	return s.QueryRowContext(ctx, args...).Scan(dest...)
}

// each calls scan for every row.
func (r *reader) each(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) error {
	defer r.slow.ended(query, time.Now())
	s, err := r.stmt(ctx, query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (r *reader) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.stmts {
		_ = s.Close()
	}
	r.stmts = nil
	return r.db.Close()
}
