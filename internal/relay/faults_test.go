package relay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/bus/kafka"
	"github.com/isekai-run/isekai/internal/bus/kafka/kafkatest"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/relay"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
)

const patience = 90 * time.Second

// TestBrokerFaults holds the way of an event from the store by a real Kafka to a
// consumer's effect: under load, the broker is killed three times, the leading relay
// is killed three times between publishing and marking, and everything is published
// twice on purpose. Every event arrives, has its effect once, and in order.
//
// With ISEKAI_SOAK set, the broker is down for a minute each time.
func TestBrokerFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("runs Kafka")
	}
	outage, pace := time.Duration(0), 25*time.Millisecond
	if coretest.Soaking {
		outage, pace = time.Minute, 50*time.Millisecond
	}
	w := newWorld(t)
	w.start(t)
	w.start(t) // the spare
	stop := w.load(t, pace)
	for range 3 {
		w.progress(t, 200)
		failures := w.failures.Load()
		w.broker.Kill()
		wait(t, "the relay to notice", func() bool { return w.failures.Load() > failures })
		time.Sleep(outage)
		if err := w.broker.Restart(); err != nil {
			t.Fatal(err)
		}
		w.progress(t, 200)
		kills := w.kills.Load()
		w.kill.Store(true)
		wait(t, "a relay to be killed", func() bool { return w.kills.Load() > kills })
		w.start(t)
	}
	w.progress(t, 200)
	stop()
	for w.effects.Load() < w.appended.Load() {
		w.progress(t, min(100, w.appended.Load()-w.effects.Load()))
	}
	w.check(t)
	t.Logf("%d events, %d came again, %d publishes failed, %d events weren't marked by a relay that was killed",
		w.effects.Load(), w.again.Load(), w.failures.Load(), w.unmarked.Load())
}

// wait waits for a condition; it is looked at often, for want of an event.
func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no sign of " + what)
		}
	}
}

// world is an installation: a store, a broker, and processes with a relay and a
// consumer each.
type world struct {
	st     store.Store
	broker *kafkatest.Broker

	appended, effects, again, failures, kills atomic.Int64
	unmarked                                  atomic.Int64 // events that a relay had published when it was killed
	kill                                      atomic.Bool  // the next relay that has published something

	mu    sync.Mutex
	at    map[core.StreamID]int64 // the version of the last effect
	fault string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{st: sqlitetest.Open(t, sqlite.Config{}), broker: kafkatest.Start(t), at: map[core.StreamID]int64{}}
}

// start starts a process, which runs until the test's end; its relay may be killed.
func (w *world) start(t *testing.T) {
	t.Helper()
	b, err := kafka.New(t.Context(), kafka.Config{
		Brokers: []string{w.broker.Addr}, Partitions: 4, Timeout: 2 * time.Second, Grace: time.Second, Session: 2 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	b.Subscribe("effects", w.effect)
	ctx, cancel := context.WithCancel(context.Background())
	p := &mortal{Store: w.st, world: w, bus: b}
	p.life, p.die = context.WithCancel(ctx)
	r := relay.New(relay.Config{Outbox: p, Bus: p, Terms: p, TTL: time.Second, Poll: 50 * time.Millisecond, MaxBackoff: time.Second})
	var all sync.WaitGroup
	all.Go(func() {
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	all.Go(func() {
		if err := r.Run(p.life); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); all.Wait() })
}

// effect is the consumer: it counts the events of each stream, in its own
// transaction.
func (w *world) effect(ctx context.Context, e core.Event) error {
	w.mu.Lock() // so that the order of effects is that of their noting
	defer w.mu.Unlock()
	data, err := json.Marshal(e.Version)
	if err != nil {
		return err
	}
	row := store.Row{ID: string(e.Stream), Project: e.Project, Kind: "count", Data: data}
	applied, err := w.st.Apply(ctx, e.Org, "effects", store.Mark{Stream: e.Stream, Version: e.Version}, []store.Row{row})
	if err != nil {
		return err
	}
	if !applied {
		w.again.Add(1)
		return nil
	}
	if w.at[e.Stream]++; w.at[e.Stream] != e.Version && w.fault == "" {
		w.fault = fmt.Sprintf("version %d of %s is its effect number %d", e.Version, e.Stream, w.at[e.Stream])
	}
	w.effects.Add(1)
	return nil
}

const streams = 6

func streamOf(i int) (core.Scope, core.StreamID) {
	return core.Scope{
		Org: core.OrgID(fmt.Sprint("org_", i%2)), Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "test"},
	}, core.StreamID(fmt.Sprint("tsk_", i))
}

// load appends to several streams until stop, with a pause between two appends to one.
func (w *world) load(t *testing.T, pace time.Duration) (stop func()) {
	var end atomic.Bool
	var all sync.WaitGroup
	for i := range streams {
		all.Go(func() {
			scope, stream := streamOf(i)
			for version := int64(0); !end.Load(); version++ {
				_, err := w.st.Append(context.Background(), scope, store.Append{
					Stream: stream, Expected: version,
					Events: []store.NewEvent{{ID: core.EventID(core.NewID("evt")), Type: "thing.happened", Data: []byte(`{}`)}},
				})
				if err != nil {
					t.Error(err)
					return
				}
				w.appended.Add(1)
				time.Sleep(pace)
			}
		})
	}
	stop = sync.OnceFunc(func() { end.Store(true); all.Wait() })
	t.Cleanup(stop)
	return stop
}

// progress waits until so many more events have had their effect.
func (w *world) progress(t *testing.T, n int64) {
	t.Helper()
	from := w.effects.Load()
	wait(t, fmt.Sprintf("progress after %d of %d effects", from, w.appended.Load()), func() bool { return w.effects.Load() >= from+n })
}

// check holds what the consumer has done against the store.
func (w *world) check(t *testing.T) {
	t.Helper()
	wait(t, "an empty outbox", func() bool {
		pending, err := w.st.Pending(t.Context(), 1)
		return err == nil && len(pending) == 0
	})
	// Everything comes twice, and twice again what a relay that was killed had published.
	least := w.effects.Load() + 2*w.unmarked.Load()
	wait(t, fmt.Sprintf("%d duplicates", least), func() bool { return w.again.Load() >= least })
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault != "" {
		t.Error(w.fault)
	}
	if w.kills.Load() != 3 || w.unmarked.Load() < 3 {
		t.Errorf("%d relays were killed, with %d events published and not marked", w.kills.Load(), w.unmarked.Load())
	}
	for i := range streams {
		scope, stream := streamOf(i)
		rest, err := w.st.ReadStream(t.Context(), scope.Org, stream, w.at[stream], 10)
		if err != nil || len(rest) > 0 {
			t.Errorf("%d events of %s had no effect: %v", len(rest), stream, err)
		}
	}
}
