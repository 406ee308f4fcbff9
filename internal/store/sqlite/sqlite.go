// Package sqlite is the store on one SQLite file: what Isekai starts with.
//
// platform opens it; agent, app and the projections use it as a store.Store. It
// never looks into an event's data and never keeps state that isn't in the file.
//
// There is one writing connection, and what waits for it is committed together
// (writer.go); reads run beside it on a pool, on snapshots of whole commits.
// Every commit is synced before a call returns (WAL, synchronous=FULL).
//
// A position is the number of an event in the whole file, so it grows with the
// commits. As commits follow one another, a reader that has seen a position has
// every lower one before it. An outbox message's Seq is its event's position.
//
// Several processes may open one file; each learns of the others' work by
// polling only.
package sqlite

import (
	"context"
	"database/sql"
	"runtime"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Config says where the store is.
type Config struct {
	Path string           // the database file; it and its folder are made if missing
	Now  func() time.Time // the clock of events and leases; nil means time.Now
	// Slow is told of each statement that took SlowAfter or longer, to its last row: its text, and
	// none of its values. It must not block, nor use the store. nil: nobody is told.
	Slow      func(statement string, took time.Duration)
	SlowAfter time.Duration
}

// Store is a store.Store and a store.Waker on an SQLite file.
type Store struct {
	path   string
	now    func() time.Time
	writer *writer
	reader *reader
	store.Wakes
	close func() error
}

var (
	_ store.Store    = (*Store)(nil)
	_ store.Waker    = (*Store)(nil)
	_ store.Backuper = (*Store)(nil)
)

// Open opens the file, makes it if it isn't there, and migrates it. A migration
// that fails, a file written by a newer isekai, one that is damaged (unavailable)
// and one that can't be written (denied) are errors with a hint, and leave the
// file as it was.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	db, err := openWriter(ctx, cfg.Path)
	if err != nil {
		return nil, err
	}
	s := &Store{path: cfg.Path, now: cfg.Now}
	if err := migrateUp(ctx, db); err != nil {
		_ = db.Close()
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		_ = db.Close()
		return nil, translate("store.open", err)
	}
	reads, err := connect(cfg.Path, "query_only(1)", max(4, runtime.GOMAXPROCS(0)))
	if err != nil {
		_ = conn.Close()
		_ = db.Close()
		return nil, translate("store.open", err)
	}
	slow := slowly{cfg.SlowAfter, cfg.Slow}
	s.reader = &reader{db: reads, slow: slow, stmts: map[string]*sql.Stmt{}}
	s.writer = newWriter(conn, slow, s.Wake)
	s.close = sync.OnceValue(func() error {
		s.writer.close()
		err := s.reader.close()
		_ = conn.Close()
		if e := db.Close(); err == nil { // the last connection folds the log into the file
			err = e
		}
		return translate("store.close", err)
	})
	return s, nil
}

// Close waits for the writes that have begun and closes the file. Calls after
// it fail with unavailable. Closing twice is closing once.
func (s *Store) Close() error { return s.close() }

// write runs fn in a transaction of the writer's. fn may run more than once.
func (s *Store) write(ctx context.Context, op string, fn func(*tx) error) error {
	return translate(op, s.writer.do(ctx, fn))
}

// micros returns t as it is stored.
func micros(t time.Time) int64 { return t.UnixMicro() }

// fromMicros returns a stored time.
func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// closed is what a call after Close gets.
func closed() error {
	return core.E(core.Unavailable, "store", "the store is closed")
}
