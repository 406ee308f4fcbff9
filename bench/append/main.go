// Command append measures appends per second, in turn in one run: of the SQLite store
// against the bare database/sql driver doing the same transaction, and, where PostgreSQL
// is installed, of the PostgreSQL store against pgbench. It exits 1 when a ratio is below
// what we hold. Last it sees that the PostgreSQL store is no slower with a million events.
// Run it with: go run ./bench/append
//
// One append is one event of 500 bytes with its outbox message and its claimable
// work, under a version check, durable when it returns.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// side appends version+1 to a stream of the n-th appender.
type side func(n int, stream core.StreamID, version int64) error

func main() {
	rounds := flag.Int("rounds", 5, "rounds of each side, in turn")
	length := flag.Duration("length", 2*time.Second, "length of a round")
	only := flag.Bool("postgres", false, "only PostgreSQL, which must be installed")
	flag.Parse()
	var err error
	if !*only {
		err = compareDriver(*rounds, *length)
	}
	if _, missing := pgtest.Programs(); missing == nil || *only {
		err = errors.Join(err, comparePgbench(*rounds, *length), compareSizes())
	} else {
		fmt.Println("PostgreSQL:", missing)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "append:", err)
		os.Exit(1)
	}
}

// payload is the body of an event before it is sealed.
var payload = slices.Repeat([]byte{'x'}, 500)

// throughStore appends to the store; the appenders are spread over so many orgs.
func throughStore(st store.Store, orgs int) side {
	return func(n int, stream core.StreamID, version int64) error {
		org := core.DefaultOrg
		if orgs > 1 {
			org = core.OrgID(fmt.Sprintf("org_%d", n%orgs))
		}
		scope := core.Scope{Org: org, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "bench"}}
		_, err := st.Append(context.Background(), scope, store.Append{
			Stream: stream, Expected: version, Work: store.WorkReady,
			Events: []store.NewEvent{{ID: core.EventID(core.NewID("evt")), Type: "thing.happened", Data: payload}},
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
				if err := do(i, stream, version); err != nil {
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
