package bustest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/core"
)

func testEveryConsumer(t *testing.T, open Open) {
	b := open(t)
	one, two := newSink(), newSink()
	b.Subscribe("one", one.handle)
	b.Subscribe("two", two.handle)
	running(t, b)
	publish(t, b, batch(5, 4))
	one.wait(t, 5*4)
	two.wait(t, 5*4)
	var stream int
	if _, err := fmt.Sscanf(string(one.first.Stream), "tsk_%d", &stream); err != nil {
		t.Fatalf("stream %q: %v", one.first.Stream, err)
	}
	if diff := cmp.Diff(event(stream, 1), one.first); diff != "" {
		t.Errorf("the event was changed on its way (-want +got):\n%s", diff)
	}
	publish(t, b, nil)
}

func testOrder(t *testing.T, open Open) {
	b := open(t)
	s := newSink()
	b.Subscribe("one", s.handle)
	running(t, b)
	const streams, versions = 7, 40
	all := batch(streams, versions)
	for len(all) > 0 { // in batches of several sizes
		n := min(len(all), 1+len(all)%13)
		publish(t, b, all[:n])
		all = all[n:]
	}
	s.wait(t, streams*versions)
}

// testFailure lets every third try fail, and sees that nothing is skipped.
func testFailure(t *testing.T, open Open) {
	b := open(t)
	s := newSink()
	var mu sync.Mutex
	tries, failed := 0, 0
	b.Subscribe("one", func(ctx context.Context, e core.Event) error {
		mu.Lock()
		tries++
		fail := tries%3 == 0
		if fail {
			failed++
		}
		mu.Unlock()
		if fail {
			return errors.New("not now")
		}
		return s.handle(ctx, e)
	})
	running(t, b)
	publish(t, b, batch(4, 6))
	s.wait(t, 4*6)
	mu.Lock()
	defer mu.Unlock()
	if failed == 0 {
		t.Error("nothing failed, so nothing was shown")
	}
}

// testOthers lets one consumer refuse everything for a while.
func testOthers(t *testing.T, open Open) {
	b := open(t)
	healthy, recovered := newSink(), newSink()
	well := make(chan struct{})
	b.Subscribe("sick", func(ctx context.Context, e core.Event) error {
		select {
		case <-well:
			return recovered.handle(ctx, e)
		default:
			return errors.New("sick")
		}
	})
	b.Subscribe("healthy", healthy.handle)
	running(t, b)
	done := make(chan struct{})
	go func() { defer close(done); publish(t, b, batch(3, 3)) }()
	healthy.wait(t, 3*3)
	close(well)
	recovered.wait(t, 3*3)
	<-done
}

func testConcurrentPublish(t *testing.T, open Open) {
	b := open(t)
	s := newSink()
	b.Subscribe("one", s.handle)
	running(t, b)
	const streams, versions = 6, 20
	var all sync.WaitGroup
	for stream := range streams { // one publisher per stream keeps its order
		all.Go(func() {
			for v := int64(1); v <= versions; v++ {
				publish(t, b, []core.Event{event(stream, v)})
			}
		})
	}
	all.Wait()
	s.wait(t, streams*versions)
}

func testPublishContext(t *testing.T, open Open) {
	b := open(t)
	s := newSink()
	b.Subscribe("one", s.handle)
	running(t, b)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Publish(ctx, batch(1, 1)); core.CodeOf(err) != core.Canceled {
		t.Errorf("publishing on an ended context gives %v", err)
	}
	publish(t, b, batch(1, 1)) // and does no harm
	s.wait(t, 1)
}

func testSubscribeTwice(t *testing.T, open Open) {
	b := open(t)
	b.Subscribe("one", newSink().handle)
	defer func() {
		if recover() == nil {
			t.Error("a consumer was subscribed twice")
		}
	}()
	b.Subscribe("one", newSink().handle)
}

// testStartStop starts and stops many times and leaves no goroutine behind.
func testStartStop(t *testing.T, open Open) {
	before := goleak.IgnoreCurrent()
	for range 12 {
		t.Run("", func(t *testing.T) {
			b := open(t)
			s := newSink()
			b.Subscribe("one", s.handle)
			stop := running(t, b)
			publish(t, b, batch(2, 2))
			s.wait(t, 2*2)
			stop()
		})
	}
	goleak.VerifyNone(t, before)
}
