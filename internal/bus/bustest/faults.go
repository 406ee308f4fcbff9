package bustest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
)

// Cluster is a broker that a test can fail, with a topic of its own.
type Cluster struct {
	// Open returns a bus of another process on the topic, without consumers.
	Open Open
	// Kill ends the broker without warning; Restart brings it back with its data
	// and address, and returns when it answers.
	Kill, Restart func(t testing.TB)
}

// Faults is the part of the suite for a driver whose broker is a process of its
// own. It kills the broker, so nothing else should use it meanwhile.
func Faults(t *testing.T, open func(t testing.TB) Cluster) {
	t.Run("EverythingTwice", func(t *testing.T) { testTwice(t, open(t)) })
	t.Run("RebalanceWhileHandling", func(t *testing.T) { testRebalance(t, open(t)) })
	t.Run("RebalanceWhileLeaving", func(t *testing.T) { testLeaving(t, open(t)) })
	t.Run("ProcessesComeAndGo", func(t *testing.T) { testComeAndGo(t, open(t)) })
	t.Run("BrokerKilledUnderLoad", func(t *testing.T) { testKilled(t, open(t)) })
}

// testTwice publishes each event twice on purpose, in batches that overlap.
func testTwice(t *testing.T, c Cluster) {
	b, s := c.Open(t), newSink()
	b.Subscribe("one", s.handle)
	running(t, b)
	all := batch(6, 10)
	for from := 0; from < len(all); from += 6 {
		publish(t, b, all[from:min(from+12, len(all))])
	}
	publish(t, b, all[:6])
	s.wait(t, len(all))
	last := event(0, 11) // comes after all the duplicates of its stream
	publish(t, b, []core.Event{last})
	s.wait(t, len(all)+1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.again == 0 {
		t.Error("nothing came twice, so nothing was shown")
	}
}

// testRebalance lets a second process take over partitions of one whose handlers
// hang, and go again.
func testRebalance(t *testing.T, c Cluster) {
	const streams = 24
	s := newSink() // of both processes: no stream may be at both at once
	gate, entered := make(chan struct{}), make(chan struct{})
	enter := sync.OnceFunc(func() { close(entered) })
	one := c.Open(t)
	one.Subscribe("one", func(ctx context.Context, e core.Event) error {
		s.begin(e)
		enter()
		select {
		case <-gate:
			s.end(e, true)
			return nil
		case <-ctx.Done(): // abandoned
			s.end(e, false)
			return ctx.Err()
		}
	})
	running(t, one)
	publish(t, one, batch(streams, 5))
	<-entered

	two := c.Open(t)
	took := make(chan struct{})
	take := sync.OnceFunc(func() { close(took) })
	two.Subscribe("one", func(ctx context.Context, e core.Event) error {
		take()
		return s.handle(ctx, e)
	})
	stop := running(t, two)
	select {
	case <-took:
	case <-time.After(patience):
		t.Fatal("the second process gets nothing")
	}
	close(gate)
	s.wait(t, streams*5)
	all := batch(streams, 10)
	publish(t, two, all[streams*5:streams*7])
	stop()
	publish(t, one, all[streams*7:])
	s.wait(t, streams*10)
}

// testLeaving lets a process come while another one, which is to end, waits for its
// handlers: no stream may be at both.
func testLeaving(t *testing.T, c Cluster) {
	const streams = 24
	s := newSink()
	entered := make(chan struct{})
	enter := sync.OnceFunc(func() { close(entered) })
	one := c.Open(t)
	one.Subscribe("one", func(ctx context.Context, e core.Event) error {
		s.begin(e)
		enter()
		<-ctx.Done() // as late as it may
		s.end(e, false)
		return ctx.Err()
	})
	stop := running(t, one)
	publish(t, one, batch(streams, 2))
	<-entered
	two := c.Open(t)
	two.Subscribe("one", s.handle)
	left := make(chan struct{})
	go func() { defer close(left); stop() }()
	running(t, two)
	s.wait(t, streams*2)
	<-left
}

// testComeAndGo lets one process follow the other, under load and with handlers
// that fail.
func testComeAndGo(t *testing.T, c Cluster) {
	const streams, versions = 6, 60
	s := newSink()
	publisher := c.Open(t)
	loaded := make(chan struct{})
	go func() {
		defer close(loaded)
		for all := batch(streams, versions); len(all) > 0; all = all[streams:] {
			publish(t, publisher, all[:streams])
		}
	}()
	var calls atomic.Int64
	for life := 1; life <= 3; life++ {
		b := c.Open(t)
		b.Subscribe("one", func(ctx context.Context, e core.Event) error {
			if calls.Add(1)%7 == 0 {
				return core.E(core.Unavailable, "test", "not now")
			}
			return s.handle(ctx, e)
		})
		stop := running(t, b)
		s.wait(t, streams*versions*life/3)
		stop()
	}
	<-loaded
}

// The load goes on at this pace when the consumer is so many events behind: what comes
// in while it can't follow is there to be handled after.
const (
	maxBehind = 200
	pace      = 20 * time.Millisecond
)

// testKilled kills the broker three times under load, each time until that is felt.
func testKilled(t *testing.T, c Cluster) {
	const streams, kills = 4, 3
	b, s := c.Open(t), newSink()
	b.Subscribe("one", s.handle)
	running(t, b)
	var published, failed atomic.Int64
	var end atomic.Bool
	felt := make(chan struct{}, 1)
	var all sync.WaitGroup
	for stream := range streams {
		all.Go(func() {
			for v := int64(1); !end.Load() && !t.Failed(); v++ {
				load(t, b, event(stream, v), &failed, felt)
				if s.behind(int(published.Add(1))) > maxBehind {
					time.Sleep(pace)
				}
			}
		})
	}
	for range kills {
		s.wait(t, int(published.Load())+50*streams)
		for len(felt) > 0 {
			<-felt
		}
		c.Kill(t)
		select {
		case <-felt:
		case <-time.After(patience):
			t.Fatal("nobody notices that the broker is gone")
		}
		c.Restart(t)
	}
	s.wait(t, int(published.Load())+50*streams)
	end.Store(true)
	all.Wait()
	s.wait(t, int(published.Load()))
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Logf("%d events, %d failures to publish, %d came again", published.Load(), failed.Load(), s.again)
}

// load publishes an event until the bus has taken it.
func load(t testing.TB, b bus.Bus, e core.Event, failed *atomic.Int64, felt chan<- struct{}) {
	for {
		err := b.Publish(t.Context(), []core.Event{e})
		if err == nil || t.Context().Err() != nil {
			return
		}
		if core.CodeOf(err) != core.Unavailable {
			t.Errorf("a broker that is gone gives %v", err)
			return
		}
		failed.Add(1)
		select {
		case felt <- struct{}{}:
		default:
		}
	}
}
