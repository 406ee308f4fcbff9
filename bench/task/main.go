// Command task measures how long a three-step task takes from start to finish, fully
// durable and encrypted: three tool calls of no work, planned by a model in this process.
// It runs alone and with 50 in flight, on SQLite and, where PostgreSQL is installed, on
// PostgreSQL, and beside them three durable steps of Restate, where npm can install it
// (bench/task/restate). It exits 1 when a figure isn't what we hold. Run it with:
// go run ./bench/task
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

const (
	inFlight  = 50
	holdRatio = 2.0                  // of Restate's tasks per second, with 50 in flight
	holdAlone = 5 * time.Millisecond // on SQLite
)

// figures are those of one system.
type figures struct {
	name   string
	alone  time.Duration // median of one after the other
	perSec float64       // with 50 in flight
}

func main() {
	n := flag.Int("n", 2000, "tasks with 50 in flight; a tenth of that alone")
	peer := flag.Bool("restate", true, "run Restate, too")
	flag.Parse()
	if err := run(context.Background(), *n, *peer); err != nil {
		fmt.Fprintln(os.Stderr, "task:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, n int, peer bool) error {
	dir, err := os.MkdirTemp("", "isekai-bench-task-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	all, err := ours(ctx, dir, n)
	if err != nil {
		return err
	}
	var beside *figures
	if peer {
		if beside, err = restate(ctx, dir, n); err != nil {
			fmt.Println("Restate:", err)
		}
	}
	return report(all, beside)
}

// ours measures this project on the stores that can be had.
func ours(ctx context.Context, dir string, n int) (all []figures, err error) {
	onSQLite, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
	if err != nil {
		return nil, err
	}
	f, err := measure(ctx, "SQLite", onSQLite, filepath.Join(dir, "sqlite"), n)
	if err = errors.Join(err, onSQLite.Close()); err != nil {
		return nil, err
	}
	all = append(all, f)
	if _, missing := pgtest.Programs(); missing != nil {
		fmt.Println("PostgreSQL:", missing)
		return all, nil
	}
	cluster, err := pgtest.New(pgtest.Config{})
	if err != nil {
		return nil, err
	}
	defer cluster.Stop()
	cfg, err := cluster.NewDatabase()
	if err != nil {
		return nil, err
	}
	onPostgres, err := postgres.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	f, err = measure(ctx, "PostgreSQL", onPostgres, filepath.Join(dir, "postgres"), n)
	return append(all, f), errors.Join(err, onPostgres.Close())
}

// measure runs tasks on a store, one after the other and 50 at a time.
func measure(ctx context.Context, name string, st store.Store, dir string, n int) (f figures, err error) {
	f.name = name
	r, err := newRig(ctx, st, dir)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if _, err := r.many(ctx, inFlight, 2*inFlight); err != nil { // not counted
		return f, err
	}
	var took []time.Duration
	for range max(n/10, 20) {
		d, err := r.one(ctx)
		if err != nil {
			return f, err
		}
		took = append(took, d)
	}
	slices.Sort(took)
	f.alone = took[len(took)/2]
	d, err := r.many(ctx, inFlight, n)
	f.perSec = float64(n) / d.Seconds()
	return f, err
}

// many runs n tasks, so many at a time.
func (r *rig) many(ctx context.Context, atOnce, n int) (time.Duration, error) {
	begin := time.Now()
	todo := make(chan struct{}, n)
	for range n {
		todo <- struct{}{}
	}
	close(todo)
	errs := make(chan error, atOnce)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for range todo {
				if _, err := r.one(ctx); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	close(errs)
	return time.Since(begin), <-errs
}

func report(all []figures, beside *figures) error {
	var errs []error
	for _, f := range all {
		line := fmt.Sprintf("%-11s alone %6.2f ms   %d in flight %7.0f tasks/s", f.name, f.alone.Seconds()*1e3, inFlight, f.perSec)
		if f.name == "SQLite" {
			line += fmt.Sprintf("   alone hold at most %v", holdAlone)
			if f.alone > holdAlone {
				errs = append(errs, fmt.Errorf("alone on SQLite %v is above %v", f.alone, holdAlone))
			}
		}
		if beside != nil {
			ratio := f.perSec / beside.perSec
			line += fmt.Sprintf("   %.2f x Restate (hold: at least %.1f)", ratio, holdRatio)
			if ratio < holdRatio {
				errs = append(errs, fmt.Errorf("on %s %.2f x Restate is below %.1f", f.name, ratio, holdRatio))
			}
		}
		fmt.Println(line)
	}
	if beside != nil {
		fmt.Printf("%-11s alone %6.2f ms   %d in flight %7.0f tasks/s\n", beside.name, beside.alone.Seconds()*1e3, inFlight, beside.perSec)
	}
	return errors.Join(errs...)
}

var scope = core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "bench"}}
