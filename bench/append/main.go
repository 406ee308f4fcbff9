// Command append measures appends per second of the SQLite store against the
// bare database/sql driver doing the same transaction, in turn in one run, with
// one appender and with 32. It exits 1 when the store has less than 0.7 of the
// driver's rate. Run it with: go run ./bench/append
//
// One append is one event of 500 bytes with its outbox message and its claimable
// work, under a version check, durable when it returns.
package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

const hold = 0.7

// data is an event's body.
var data = make([]byte, 500)

// side appends version+1 to a stream.
type side func(stream core.StreamID, version int64) error

func main() {
	rounds := flag.Int("rounds", 5, "rounds of each side, in turn")
	length := flag.Duration("length", 2*time.Second, "length of a round")
	flag.Parse()
	for i := range data {
		data[i] = 'x'
	}
	if err := run(*rounds, *length); err != nil {
		fmt.Fprintln(os.Stderr, "append:", err)
		os.Exit(1)
	}
}

func run(rounds int, length time.Duration) error {
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
			}{{raw.append, &theirs}, {throughStore(st), &ours}} {
				rate, err := measure(s.append, fmt.Sprintf("%d-%d", appenders, round), appenders, length)
				if err != nil {
					return err
				}
				*s.rates = append(*s.rates, rate)
			}
		}
		ratio := median(ours) / median(theirs)
		missed = missed || ratio < hold
		fmt.Printf("%2d appenders: store %6.0f/s, driver %6.0f/s, ratio %.2f (hold: at least %.1f)\n",
			appenders, median(ours), median(theirs), ratio, hold)
	}
	if missed {
		return fmt.Errorf("below %.1f of the driver", hold)
	}
	return nil
}

func throughStore(st *sqlite.Store) side {
	scope := core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "bench"}}
	return func(stream core.StreamID, version int64) error {
		_, err := st.Append(context.Background(), scope, store.Append{
			Stream: stream, Expected: version, Work: store.WorkReady,
			Events: []store.NewEvent{{ID: core.EventID(core.NewID("evt")), Type: "thing.happened", Data: data}},
		})
		return err
	}
}

// measure returns the appends per second of so many appenders, each with a
// stream of its own.
func measure(do side, name string, appenders int, length time.Duration) (float64, error) {
	var count atomic.Int64
	var failure atomic.Value
	var all sync.WaitGroup
	begin := time.Now()
	for i := range appenders {
		all.Go(func() {
			stream := core.StreamID(fmt.Sprintf("tsk_%s_%d", name, i))
			for version := int64(0); time.Since(begin) < length; version++ {
				if err := do(stream, version); err != nil {
					failure.Store(err)
					return
				}
				count.Add(1)
			}
		})
	}
	all.Wait()
	if err, failed := failure.Load().(error); failed {
		return 0, err
	}
	return float64(count.Load()) / time.Since(begin).Seconds(), nil
}

func median(rates []float64) float64 {
	slices.Sort(rates)
	return rates[len(rates)/2]
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

func (r *raw) append(stream core.StreamID, version int64) error {
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
	result, err := r.stmts[3].Exec(org, core.DefaultProject, stream, version+1, core.NewID("evt"), "thing.happened", now, "system", "bench", data)
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
