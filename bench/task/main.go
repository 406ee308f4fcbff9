// Command task measures how long a three-step task takes from start to finish, fully
// durable and encrypted: three tool calls of no work, planned by a model in this process.
// It runs alone and with 50 in flight, on SQLite and, where PostgreSQL is installed, on
// PostgreSQL, and beside them three durable steps of Restate, where npm can install it
// (bench/task/restate). It exits 1 when a figure isn't what we hold. Run it with:
// go run ./bench/task
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

const (
	inFlight  = 50
	rounds    = 5                    // in each, every system has its turn
	holdRatio = 2.0                  // of Restate's tasks per second, with 50 in flight
	holdAlone = 5 * time.Millisecond // on SQLite
)

// system is what runs tasks of three steps.
type system interface {
	one(ctx context.Context) error // from a task's creation to its end
	close() error
}

// contender is a system with what was measured of it in each round.
type contender struct {
	name string
	system
	alone  []time.Duration // one after the other: the round's median
	perSec []float64       // with 50 in flight
}

func main() {
	n := flag.Int("n", 5000, "tasks with 50 in flight; a tenth of that alone")
	peer := flag.Bool("restate", true, "run Restate, too")
	flag.Parse()
	if err := run(context.Background(), *n, *peer); err != nil {
		fmt.Fprintln(os.Stderr, "task:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, n int, peer bool) (err error) {
	dir, err := os.MkdirTemp("", "isekai-bench-task-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var all []*contender
	defer func() {
		for _, c := range all {
			err = errors.Join(err, c.close())
		}
	}()
	add := func(name string, s system, err error) error {
		if err == nil {
			all = append(all, &contender{name: name, system: s})
		}
		return err
	}
	onSQLite, err := newRigOnSQLite(ctx, filepath.Join(dir, "sqlite"))
	if err := add("SQLite", onSQLite, err); err != nil {
		return err
	}
	if _, missing := pgtest.Programs(); missing != nil {
		fmt.Println("PostgreSQL:", missing)
	} else {
		onPostgres, err := newRigOnPostgres(ctx, filepath.Join(dir, "postgres"))
		if err := add("PostgreSQL", onPostgres, err); err != nil {
			return err
		}
	}
	if peer {
		r, err := newRestate(ctx, dir)
		if err := add("Restate", r, err); err != nil {
			fmt.Println("Restate:", err)
		}
	}
	for _, c := range all {
		if _, err := c.many(ctx, 2*inFlight); err != nil { // not counted
			return err
		}
	}
	for range rounds {
		for _, c := range all {
			if err := c.round(ctx, max(n/rounds, inFlight)); err != nil {
				return err
			}
		}
	}
	return report(all)
}

// round runs tasks one after the other, and 50 at a time.
func (c *contender) round(ctx context.Context, n int) error {
	var took []time.Duration
	for range max(n/10, 10) {
		begin := time.Now()
		if err := c.one(ctx); err != nil {
			return err
		}
		took = append(took, time.Since(begin))
	}
	d, err := c.many(ctx, n)
	c.alone = append(c.alone, median(took))
	c.perSec = append(c.perSec, float64(n)/d.Seconds())
	return err
}

// many runs n tasks, 50 at a time.
func (c *contender) many(ctx context.Context, n int) (time.Duration, error) {
	begin := time.Now()
	todo := make(chan struct{}, n)
	for range n {
		todo <- struct{}{}
	}
	close(todo)
	errs := make(chan error, inFlight)
	var all sync.WaitGroup
	for range inFlight {
		all.Go(func() {
			for range todo {
				if err := c.one(ctx); err != nil {
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

// report prints the medians of the rounds. A ratio is that of two systems in one round.
func report(all []*contender) error {
	peer := all[len(all)-1]
	var errs []error
	for _, c := range all {
		alone := median(c.alone)
		line := fmt.Sprintf("%-11s alone %6.2f ms   %d in flight %7.0f tasks/s", c.name, alone.Seconds()*1e3, inFlight, median(c.perSec))
		if c.name == "SQLite" {
			line += fmt.Sprintf("   alone hold at most %v", holdAlone)
			if alone > holdAlone {
				errs = append(errs, fmt.Errorf("alone on SQLite %v is above %v", alone, holdAlone))
			}
		}
		if peer.name == "Restate" && c != peer {
			var ratios []float64
			for i := range c.perSec {
				ratios = append(ratios, c.perSec[i]/peer.perSec[i])
			}
			ratio := median(ratios)
			line += fmt.Sprintf("   %.2f x Restate (%.2f to %.2f; hold: at least %.1f)", ratio, slices.Min(ratios), slices.Max(ratios), holdRatio)
			if ratio < holdRatio {
				errs = append(errs, fmt.Errorf("on %s %.2f x Restate is below %.1f", c.name, ratio, holdRatio))
			}
		}
		fmt.Println(line)
	}
	return errors.Join(errs...)
}

func median[T cmp.Ordered](all []T) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
