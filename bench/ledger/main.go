// Command ledger measures what it costs to charge, in one run on SQLite and, where
// PostgreSQL is installed, on PostgreSQL, for 1 client and for 32 in one org, whose
// balance all of them move:
//
//   - a posting of the books, and on PostgreSQL beside it pgbench with the same writes;
//   - a task held and settled by its events: hold, three calls consumed, release;
//   - a task of three steps of no work, from its creation to its end, free and charged.
//
// It prints figures, and holds none. Run it with: go run ./bench/ledger
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// clients are how many there are at once, in turn.
var clients = []int{1, 32}

func main() {
	rounds := flag.Int("rounds", 3, "rounds of everything, in turn")
	length := flag.Duration("length", 2*time.Second, "length of a round")
	flag.Parse()
	if err := run(context.Background(), *rounds, *length); err != nil {
		fmt.Fprintln(os.Stderr, "ledger:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, length time.Duration) (err error) {
	sides, end, err := open(ctx)
	defer func() { err = errors.Join(err, end()) }()
	if err != nil {
		return err
	}
	for range rounds {
		for _, s := range sides {
			for _, n := range clients {
				rate, err := s.rate(ctx, n, length)
				if err != nil {
					return fmt.Errorf("%s: %w", s.name, err)
				}
				s.rates[n] = append(s.rates[n], rate)
			}
		}
	}
	for _, s := range sides {
		fmt.Printf("%-44s", s.name)
		for _, n := range clients {
			fmt.Printf("  %2d clients %7.0f/s", n, median(s.rates[n]))
		}
		fmt.Printf("   alone %.2f ms\n", 1000/median(s.rates[1]))
	}
	return nil
}

// rater says how often so many clients do something in a second.
type rater func(ctx context.Context, clients int, length time.Duration) (float64, error)

// side is one thing that is measured.
type side struct {
	name  string
	rate  rater
	rates map[int][]float64 // by the number of clients
}

func newSide(name string, r rater) *side {
	return &side{name: name, rate: r, rates: map[int][]float64{}}
}

// repeat is the rater of what is done in this process.
func repeat(do func(context.Context) error) rater {
	return func(ctx context.Context, clients int, length time.Duration) (float64, error) {
		return measure(ctx, clients, length, do)
	}
}

func measure(ctx context.Context, n int, length time.Duration, do func(context.Context) error) (float64, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var count atomic.Int64
	var all sync.WaitGroup
	begin := time.Now()
	for range n {
		all.Go(func() {
			for time.Since(begin) < length && ctx.Err() == nil {
				if err := do(ctx); err != nil {
					stop(err)
					return
				}
				count.Add(1)
			}
		})
	}
	all.Wait()
	return float64(count.Load()) / time.Since(begin).Seconds(), context.Cause(ctx)
}

func median[T cmp.Ordered](all []T) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
