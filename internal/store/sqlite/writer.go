package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// maxBatch bounds what one transaction holds, and so how long its first caller
// waits for the others.
const maxBatch = 128

// writer owns the writing connection. Who writes takes the turn, and commits
// with its own the calls that wait at that time, in one transaction, so that all
// share the sync (group commit); it starts no goroutine. The queue is the
// blocked callers themselves: it holds nothing, and a caller that gives up
// before it is served was never in it.
type writer struct {
	queue     chan *call
	turn      chan struct{} // held by who serves; guards what follows
	stop      chan struct{} // closed by close
	conn      *sql.Conn
	stmts     map[string]*sql.Stmt // prepared on conn, by text
	slow      slowly
	batch     []*call
	committed func(store.Changes)
}

// call is one caller's part of a transaction.
type call struct {
	run  func(*tx) error
	done chan error
	err  error
}

// tx is what a call sees of the transaction. It isn't for use after the call.
type tx struct {
	w       *writer
	wrote   bool
	changes store.Changes // for after the commit
}

func newWriter(conn *sql.Conn, slow slowly, committed func(store.Changes)) *writer {
	return &writer{
		conn: conn, slow: slow, stmts: map[string]*sql.Stmt{}, queue: make(chan *call),
		turn: make(chan struct{}, 1), stop: make(chan struct{}), committed: committed,
	}
}

// do runs fn in a transaction and returns when that is durable, or when fn
// failed and nothing of it was kept. ctx counts until the call's turn comes;
// from then on its outcome is awaited, so that it is known.
//
// fn may run again: what it wrote is undone before. It should refuse before it
// writes; an error after writing costs its companions their transaction, and
// each is then run in its own.
func (w *writer) do(ctx context.Context, fn func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &call{run: fn, done: make(chan error, 1)}
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
		if w.stmts == nil {
			return closed()
		}
		w.serve(c)
		return <-c.done
	case w.queue <- c: // to whoever has the turn
		return <-c.done
	case <-ctx.Done():
		return ctx.Err()
	case <-w.stop:
		return closed()
	}
}

// close waits for the transaction that is in its turn; there is none after it.
func (w *writer) close() {
	close(w.stop)
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	for _, s := range w.stmts {
		_ = s.Close()
	}
	w.stmts = nil
}

// checkpoint folds the log into the file and empties it. unavailable: readers hold on to
// it for longer than the busy timeout.
func (w *writer) checkpoint(ctx context.Context) error {
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if w.stmts == nil {
		return closed()
	}
	var busy, log, done int
	err := w.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done)
	if err == nil && busy != 0 {
		return core.E(core.Unavailable, "store.checkpoint", "readers are in the way").WithHint("try again")
	}
	return err
}

// serve commits first and those that wait with it, and answers all of them.
func (w *writer) serve(first *call) {
	w.batch = append(w.batch[:0], first)
	defer w.survive()
	err := w.together()
	switch {
	case err != nil && len(w.batch) == 1:
		first.err = err
	case err != nil:
		for _, c := range w.batch {
			c.err = w.alone(c)
		}
	}
	for i, c := range w.batch {
		c.done <- c.err
		w.batch[i] = nil
	}
	w.batch = w.batch[:0]
}

// survive lets a call's panic go on, but not take the writer and its companions along.
func (w *writer) survive() {
	if p := recover(); p != nil {
		w.rollback()
		for _, c := range w.batch {
			if c != nil {
				c.done <- core.E(core.Internal, "store.write", "a write panicked")
			}
		}
		panic(p)
	}
}

// together runs the batch, which grows by the callers that come meanwhile, in
// one transaction. Calls that are refused stay in it with their error. An error
// means that nothing was kept.
func (w *writer) together() error {
	if _, err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	var all store.Changes
	for i := 0; i < len(w.batch); i++ {
		c := w.batch[i]
		t := tx{w: w}
		if c.err = c.run(&t); c.err != nil && t.wrote {
			w.rollback()
			return c.err
		}
		if c.err == nil {
			all = all.Merge(t.changes)
		}
		if i == len(w.batch)-1 {
			w.gather()
		}
	}
	if _, err := w.exec("COMMIT"); err != nil {
		w.rollback()
		return err
	}
	w.committed(all)
	return nil
}

// gather adds the callers that wait to the batch.
func (w *writer) gather() {
	for len(w.batch) < maxBatch {
		select {
		case c := <-w.queue:
			w.batch = append(w.batch, c)
		default:
			return
		}
	}
}

// alone runs one call in its own transaction.
func (w *writer) alone(c *call) error {
	if _, err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	t := tx{w: w}
	err := c.run(&t)
	if err == nil {
		_, err = w.exec("COMMIT")
	}
	if err != nil {
		w.rollback()
		return err
	}
	w.committed(t.changes)
	return nil
}

// rollback undoes the transaction. SQLite may have done so itself (a full disk),
// and then says that there is none: either way there is none after it.
func (w *writer) rollback() { _, _ = w.exec("ROLLBACK") }

// stmt returns the prepared form of query, which is one of a bounded set. No
// context goes with it: a statement that has begun isn't interrupted.
func (w *writer) stmt(query string) (*sql.Stmt, error) {
	if s := w.stmts[query]; s != nil {
		return s, nil
	}
	s, err := w.conn.PrepareContext(context.Background(), query)
	if err == nil {
		w.stmts[query] = s
	}
	return s, err
}

func (w *writer) exec(query string, args ...any) (sql.Result, error) {
	defer w.slow.ended(query, time.Now())
	s, err := w.stmt(query)
	if err != nil {
		return nil, err
	}
	return s.Exec(args...)
}

// exec runs a statement that writes.
func (t *tx) exec(query string, args ...any) (sql.Result, error) {
	t.wrote = true
	return t.w.exec(query, args...)
}

// change runs a statement that writes and returns how many rows it changed.
func (t *tx) change(query string, args ...any) (int64, error) {
	r, err := t.exec(query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// one reads a single row into dest; sql.ErrNoRows if there is none.
func (t *tx) one(query string, args []any, dest ...any) error {
	defer t.w.slow.ended(query, time.Now())
	s, err := t.w.stmt(query)
	if err != nil {
		return err
	}
	return s.QueryRow(args...).Scan(dest...)
}
