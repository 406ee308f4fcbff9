// Package bustest is the contract of package bus as tests. Every driver runs it
// from its own test file.
package bustest

import (
	"context"
	"errors"
	"fmt"
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
const patience = 20 * time.Second

// Run runs the whole suite.
func Run(t *testing.T, open Open) {
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
	t.Run("StartStop", func(t *testing.T) { testStartStop(t, open) }) // counts goroutines: not parallel
}

// sink is a consumer that remembers what came.
type sink struct {
	mu     sync.Mutex
	events []core.Event
	busy   map[core.StreamID]bool
	fault  string
	came   chan struct{} // holds a token when something has come
}

func newSink() *sink {
	return &sink{busy: map[core.StreamID]bool{}, came: make(chan struct{}, 1)}
}

func (s *sink) handle(_ context.Context, e core.Event) error {
	s.mu.Lock()
	if s.busy[e.Stream] {
		s.fault = "two events of " + string(e.Stream) + " at once"
	}
	s.busy[e.Stream] = true
	s.mu.Unlock()

	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy[e.Stream] = false
	s.events = append(s.events, e)
	select {
	case s.came <- struct{}{}:
	default:
	}
	return nil
}

// distinct returns the versions of each stream in the order of their first
// coming, and what was wrong.
func (s *sink) distinct() (map[core.StreamID][]int64, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[core.StreamID][]int64{}
	for _, e := range s.events {
		if !slices.Contains(seen[e.Stream], e.Version) {
			seen[e.Stream] = append(seen[e.Stream], e.Version)
		}
	}
	return seen, s.fault
}

// wait waits until each of the streams has versions 1 to n, and checks that they
// came in order.
func (s *sink) wait(t *testing.T, streams int, n int64) {
	t.Helper()
	deadline := time.After(patience)
	for {
		seen, fault := s.distinct()
		if fault != "" {
			t.Fatal(fault)
		}
		total := 0
		for stream, versions := range seen {
			total += len(versions)
			if !slices.IsSorted(versions) || versions[len(versions)-1] != int64(len(versions)) {
				t.Fatalf("%s came as %v", stream, versions)
			}
		}
		if total == streams*int(n) {
			return
		}
		select {
		case <-s.came:
		case <-deadline:
			t.Fatalf("%d events came, want %d", total, streams*int(n))
		}
	}
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

// running starts the bus; the test's end stops it.
func running(t *testing.T, b bus.Bus) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run ended with %v", err)
		}
	})
}

// publish does what the relay does: it publishes until the bus has taken all.
func publish(t *testing.T, b bus.Bus, events []core.Event) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		err := b.Publish(t.Context(), events)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("publish still fails: %v", err)
			return
		}
		var u *bus.Undelivered
		if errors.As(err, &u) {
			events = slices.DeleteFunc(slices.Clone(events), func(e core.Event) bool { return !slices.Contains(u.Events, e.ID) })
		}
	}
}
