// Command relay measures the way of an event from the store to a consumer: how many
// per second the relay carries when there are many, and the lag from an append to
// its consumer when they come at a steady rate. It does so for SQLite and PostgreSQL,
// each with the bus within the process and over a real Apache Kafka (one node, on
// this machine, which `make kafka` fetches). Run it with: go run ./bench/relay
//
// There is nothing else to compare it with in the same run, so it holds nothing. It
// counts: an event is counted when its consumer has it, and every event must come.
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
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/bus/inproc"
	"github.com/isekai-run/isekai/internal/bus/kafka"
	"github.com/isekai-run/isekai/internal/bus/kafka/kafkatest"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/relay"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// load is what each side carries.
type load struct {
	events int           // that wait when the relay starts
	rate   int           // appends per second afterwards
	length time.Duration // for so long
}

const (
	orgs    = 8
	streams = 64
	batch   = 100 // events in one append of those that wait
)

func main() {
	var l load
	flag.IntVar(&l.events, "events", 30_000, "events that wait when the relay starts")
	flag.IntVar(&l.rate, "rate", 200, "appends per second, for the lag")
	flag.DurationVar(&l.length, "length", 5*time.Second, "how long they come")
	flag.Parse()
	if err := run(l); err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
}

func run(l load) error {
	dir, err := os.MkdirTemp("", "relay")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	broker, err := kafkatest.New()
	if err != nil {
		return err
	}
	defer broker.Close()
	cluster, err := pgtest.New(pgtest.Config{})
	if err != nil {
		return err
	}
	defer cluster.Stop()
	files := 0
	stores := []side[store.Store]{
		{"SQLite", func() (store.Store, func(), error) {
			files++
			st, err := sqlite.Open(context.Background(), sqlite.Config{Path: filepath.Join(dir, fmt.Sprint(files, ".db"))})
			if err != nil {
				return nil, nil, err
			}
			return st, func() { _ = st.Close() }, nil
		}},
		{"PostgreSQL", func() (store.Store, func(), error) {
			cfg, err := cluster.NewDatabase()
			if err != nil {
				return nil, nil, err
			}
			st, err := postgres.Open(context.Background(), cfg)
			if err != nil {
				return nil, nil, err
			}
			return st, func() { _ = st.Close() }, nil
		}},
	}
	topics := 0
	buses := []side[bus.Bus]{
		{"in process", func() (bus.Bus, func(), error) { return inproc.New(inproc.Config{}), func() {}, nil }},
		{"Kafka", func() (bus.Bus, func(), error) {
			topics++
			b, err := kafka.New(context.Background(), kafka.Config{Brokers: []string{broker.Addr}, Topic: fmt.Sprint("bench.", topics), Prefix: fmt.Sprint("bench.", topics, ".")})
			if err != nil {
				return nil, nil, err
			}
			return b, b.Close, nil
		}},
	}
	for _, s := range stores {
		for _, b := range buses {
			if err := measure(s, b, l); err != nil {
				return fmt.Errorf("%s, %s: %w", s.name, b.name, err)
			}
		}
	}
	return nil
}

// side is one of the things that are combined.
type side[T any] struct {
	name string
	open func() (T, func(), error)
}

// consumer counts distinct events, and notes how long each was under way.
type consumer struct {
	mu   sync.Mutex
	at   map[core.StreamID]int64
	lags []time.Duration
	n    atomic.Int64
}

func (c *consumer) handle(_ context.Context, e core.Event) error {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.Version <= c.at[e.Stream] {
		return nil
	}
	c.at[e.Stream] = e.Version
	c.lags = append(c.lags, now.Sub(e.At))
	c.n.Add(1)
	return nil
}

// until waits until n events have come.
func (c *consumer) until(ctx context.Context, n int) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for c.n.Load() < int64(n) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d events came: %w", c.n.Load(), n, ctx.Err())
		}
	}
	return nil
}

func measure(s side[store.Store], b side[bus.Bus], l load) error {
	st, closeStore, err := s.open()
	if err != nil {
		return err
	}
	defer closeStore()
	carrier, closeBus, err := b.open()
	if err != nil {
		return err
	}
	defer closeBus()
	c := &consumer{at: map[core.StreamID]int64{}}
	carrier.Subscribe("bench", c.handle)
	a := &appender{st: st, versions: map[core.StreamID]int64{}}
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Minute)
	defer stop()
	running, ctx := errgroup.WithContext(ctx)
	cfg := relay.Config{Outbox: st, Bus: carrier, Terms: st}
	if w, ok := st.(store.Waker); ok {
		cfg.Wake = w.OutboxWake
	}
	r := relay.New(cfg)
	running.Go(func() error { return carrier.Run(ctx) })
	if err := errors.Join(a.append(0, 1), r.Drain(ctx), c.until(ctx, 1)); err != nil { // the consumer has begun
		return err
	}
	for n := 0; n < l.events; n += batch {
		if err := a.append(n/batch, batch); err != nil {
			return err
		}
	}
	begin := time.Now()
	running.Go(func() error { return r.Run(ctx) })
	if err := c.until(ctx, a.total); err != nil {
		return errors.Join(err, running.Wait())
	}
	rate := float64(l.events) / time.Since(begin).Seconds()

	c.mu.Lock()
	c.lags = nil
	c.mu.Unlock()
	tick := time.NewTicker(time.Second / time.Duration(l.rate))
	defer tick.Stop()
	for end := time.Now().Add(l.length); time.Now().Before(end); <-tick.C {
		if err := a.append(a.total, 1); err != nil {
			return err
		}
	}
	if err := c.until(ctx, a.total); err != nil {
		return errors.Join(err, running.Wait())
	}
	stop()
	if err := running.Wait(); err != nil {
		return err
	}
	slices.Sort(c.lags)
	part := func(p float64) time.Duration {
		return c.lags[int(p*float64(len(c.lags)-1))].Round(10 * time.Microsecond)
	}
	fmt.Printf("%-10s %-10s %6.0f events/s; lag at %d appends/s: median %v, 95 %% %v, 99 %% %v\n",
		s.name, b.name, rate, l.rate, part(0.5), part(0.95), part(0.99))
	return nil
}

// appender appends to streams in turn.
type appender struct {
	st       store.Store
	versions map[core.StreamID]int64
	total    int
}

// data is an event's body.
var data = []byte(`{"text":"` + fmt.Sprintf("%0500d", 0) + `"}`)

func (a *appender) append(turn, n int) error {
	i := turn % streams
	stream := core.StreamID(fmt.Sprint("tsk_", i))
	scope := core.Scope{
		Org: core.OrgID(fmt.Sprint("org_", i%orgs)), Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "bench"},
	}
	var events []store.NewEvent
	for range n {
		events = append(events, store.NewEvent{ID: core.EventID(core.NewID("evt")), Type: "thing.happened", Data: data})
	}
	if _, err := a.st.Append(context.Background(), scope, store.Append{Stream: stream, Expected: a.versions[stream], Events: events}); err != nil {
		return err
	}
	a.versions[stream] += int64(n)
	a.total += n
	return nil
}
