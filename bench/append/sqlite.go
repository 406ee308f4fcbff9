package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// holdDriver is what the SQLite store has at least of the bare driver's rate.
const holdDriver = 0.7

// compareDriver measures the SQLite store against database/sql.
func compareDriver(rounds int, length time.Duration) error {
	dir, err := os.MkdirTemp("", "append")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	st, err := sqlite.Open(context.Background(), sqlite.Config{Path: filepath.Join(dir, "store.db")})
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	raw, err := openRaw(filepath.Join(dir, "raw.db"))
	if err != nil {
		return err
	}
	defer func() { _ = raw.db.Close() }()

	missed := false
	for _, appenders := range []int{1, 32} {
		var ours, theirs []float64
		for round := range rounds {
			for _, s := range []struct {
				append side
				rates  *[]float64
			}{{raw.append, &theirs}, {throughStore(st, 1), &ours}} {
				rate, err := measure(s.append, fmt.Sprintf("%d-%d", appenders, round), appenders, length)
				if err != nil {
					return err
				}
				*s.rates = append(*s.rates, rate)
			}
		}
		ratio := median(ours) / median(theirs)
		missed = missed || ratio < holdDriver
		fmt.Printf("SQLite, %2d appenders: store %6.0f/s, driver %6.0f/s, ratio %.2f (hold: at least %.1f)\n",
			appenders, median(ours), median(theirs), ratio, holdDriver)
	}
	if missed {
		return fmt.Errorf("below %.1f of the driver", holdDriver)
	}
	return nil
}

// raw is the same transaction on the driver: one connection, prepared statements.
type raw struct {
	mu    sync.Mutex
	db    *sql.DB
	stmts []*sql.Stmt
}

var statements = []string{
	`BEGIN IMMEDIATE`,
	`SELECT version FROM events WHERE org = ? AND stream = ? ORDER BY version DESC LIMIT 1`,
	`INSERT INTO orgs (org, busy) VALUES (?, 1) ON CONFLICT (org) DO UPDATE SET busy = 1 WHERE orgs.busy = 0`,
	`INSERT INTO events (org, project, stream, version, id, type, at, actor_kind, actor_id, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
	`INSERT INTO outbox (position, org) VALUES (?, ?)`,
	`INSERT INTO work (org, stream, project, due) VALUES (?, ?, ?, ?)
		ON CONFLICT (org, stream) DO UPDATE SET due = excluded.due WHERE work.token = 0 AND work.due > excluded.due`,
	`COMMIT`,
}

func openRaw(path string) (*raw, error) {
	ctx := context.Background()
	made, err := sqlite.Open(ctx, sqlite.Config{Path: path}) // for the same schema
	if err != nil {
		return nil, err
	}
	if err := made.Close(); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	r := &raw{db: db}
	for _, text := range statements {
		s, err := db.PrepareContext(ctx, text)
		if err != nil {
			return nil, err
		}
		r.stmts = append(r.stmts, s)
	}
	return r, nil
}

func (r *raw) append(_ int, stream core.StreamID, version int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	org, now := core.DefaultOrg, time.Now().UnixMicro()
	if _, err := r.stmts[0].Exec(); err != nil {
		return err
	}
	var head int64
	if err := r.stmts[1].QueryRow(org, stream).Scan(&head); version > 0 && (err != nil || head != version) {
		return fmt.Errorf("version %d of %s is %d: %w", version, stream, head, err)
	}
	if _, err := r.stmts[2].Exec(org); err != nil {
		return err
	}
	result, err := r.stmts[3].Exec(org, core.DefaultProject, stream, version+1, core.NewID("evt"), "thing.happened", now, "system", "bench", payload)
	if err != nil {
		return err
	}
	position, err := result.LastInsertId()
	if err != nil {
		return err
	}
	if _, err := r.stmts[4].Exec(position, org); err != nil {
		return err
	}
	if _, err := r.stmts[5].Exec(org, stream, core.DefaultProject, now); err != nil {
		return err
	}
	_, err = r.stmts[6].Exec()
	return err
}
