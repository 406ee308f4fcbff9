// Package bustest is the contract of package bus as tests. Every driver runs it
// from its own test file.
package bustest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/core"
)

// Open returns a bus of its own for each call, without consumers. What it needs
// to release goes into the test's cleanup.
type Open func(t testing.TB) bus.Bus

// patience bounds a wait for a condition that has to come.
const patience = time.Minute

// Run runs the whole suite.
func Run(t *testing.T, open Open) {
	t.Run("StartStop", func(t *testing.T) { testStartStop(t, open) }) // counts goroutines: before the parallel ones
	for _, c := range []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"EveryConsumerGetsEveryEvent", testEveryConsumer},
		{"OrderWithinStream", testOrder},
		{"FailureIsDeliveredAgain", testFailure},
		{"FailureOfOneConsumerReachesTheOthers", testOthers},
		{"ConcurrentPublish", testConcurrentPublish},
		{"PublishEndsWithContext", testPublishContext},
		{"SubscribeTwice", testSubscribeTwice},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open)
		})
	}
}

// sink is a consumer whose effects are exact: it applies each version of a stream
// once, and knows when one came too early.
type sink struct {
	mu      sync.Mutex
	first   core.Event // of all that came
	applied map[core.StreamID]int64
	total   int // applied
	again   int // came when they had been applied
	busy    map[core.StreamID]bool
	fault   string
	came    chan struct{} // closed, and made anew, when something has come
}

func newSink() *sink {
	return &sink{busy: map[core.StreamID]bool{}, applied: map[core.StreamID]int64{}, came: make(chan struct{})}
}

func (s *sink) handle(_ context.Context, e core.Event) error {
	s.begin(e)
	runtime.Gosched() // so that two at once would meet
	s.end(e, true)
	return nil
}

func (s *sink) begin(e core.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[e.Stream] {
		s.fault = "two events of " + string(e.Stream) + " at once"
	}
	s.busy[e.Stream] = true
}

func (s *sink) end(e core.Event, apply bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy[e.Stream] = false
	if !apply {
		return
	}
	if s.first.ID == "" {
		s.first = e
	}
	switch has := s.applied[e.Stream]; {
	case e.Version <= has:
		s.again++
	case e.Version == has+1:
		s.applied[e.Stream]++
		s.total++
	default:
		s.fault = fmt.Sprintf("version %d of %s came after %d", e.Version, e.Stream, has)
	}
	close(s.came)
	s.came = make(chan struct{})
}

// wait waits until so many events have been applied.
func (s *sink) wait(t testing.TB, total int) {
	t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		now, fault, came := s.total, s.fault, s.came
		s.mu.Unlock()
		if fault != "" {
			t.Fatal(fault)
		}
		if now >= total {
			return
		}
		select {
		case <-came:
		case <-deadline:
			t.Fatalf("%d events came, want %d", now, total)
		}
	}
}

// behind returns how many of so many events haven't been applied.
func (s *sink) behind(total int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return total - s.total
}

// event returns a version of a stream; streams are spread over three orgs.
func event(stream int, version int64) core.Event {
	id := core.StreamID(fmt.Sprintf("tsk_%d", stream))
	return core.Event{
		ID: core.EventID(fmt.Sprintf("evt_%s_%d", id, version)), Org: core.OrgID(fmt.Sprintf("org_%d", stream%3)),
		Project: "prj_one", Stream: id, Version: version, Position: version*1000 + int64(stream), Type: "thing.happened",
		At: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Actor: core.Actor{Kind: core.ActorUser, ID: "usr_ann"},
		Data: []byte(`{"n":1}`),
	}
}

// batch returns versions 1 to n of each stream, interleaved.
func batch(streams int, n int64) []core.Event {
	var events []core.Event
	for v := int64(1); v <= n; v++ {
		for s := range streams {
			events = append(events, event(s, v))
		}
	}
	return events
}

// running starts the bus, and returns what stops it; the test's end does, too.
func running(t testing.TB, b bus.Bus) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run ended with %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// publish does what the relay does: it publishes until the bus has taken all. It
// returns how often that failed.
func publish(t testing.TB, b bus.Bus, events []core.Event) (failed int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; failed++ {
		err := b.Publish(t.Context(), events)
		if err == nil {
			return failed
		}
		if time.Now().After(deadline) {
			t.Errorf("publish still fails: %v", err)
			return failed
		}
		var u *bus.Undelivered
		if errors.As(err, &u) {
			events = slices.DeleteFunc(slices.Clone(events), func(e core.Event) bool { return !slices.Contains(u.Events, e.ID) })
		}
	}
}
