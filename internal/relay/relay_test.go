package relay_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/relay"
)

// run runs a relay in a bubble with fake time, where Wait ends when everything
// waits.
func run(t *testing.T, cfg relay.Config, script func(t *testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- relay.New(cfg).Run(ctx) }()
		script(t)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run ended with %v", err)
		}
	})
}

func equal(t *testing.T, what string, got []core.EventID, want ...core.EventID) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestCarriesInOrderAndBoundedBatches(t *testing.T) {
	t.Parallel()
	o, c := &outbox{}, &carrier{}
	o.add("org_a", "1", "2", "3", "4", "5")
	run(t, relay.Config{Outbox: o, Bus: c, Batch: 2}, func(t *testing.T) {
		synctest.Wait()
		equal(t, "carried", c.taken(), "1", "2", "3", "4", "5")
		equal(t, "left", o.left())
		if c.most != 2 {
			t.Errorf("a batch of %d, want 2", c.most)
		}
	})
}

func TestIsWokenAndPollsAsWell(t *testing.T) {
	t.Parallel()
	o, c := &outbox{}, &carrier{}
	run(t, relay.Config{Outbox: o, Bus: c, Wake: func() <-chan struct{} { return o.woken() }, Poll: time.Minute}, func(t *testing.T) {
		synctest.Wait()
		o.add("org_a", "1")
		synctest.Wait() // no time passes
		equal(t, "carried on a wake", c.taken(), "1")
		looks := o.looked()
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		if n := o.looked() - looks; n != 1 {
			t.Errorf("%d looks in a minute without a wake, want 1", n)
		}
	})
}

func TestBacksOffFromABusThatIsDown(t *testing.T) {
	t.Parallel()
	o, c := &outbox{}, &carrier{down: true}
	o.add("org_a", "1", "2")
	cfg := relay.Config{Outbox: o, Bus: c, Backoff: 100 * time.Millisecond, MaxBackoff: time.Second}
	run(t, cfg, func(t *testing.T) {
		time.Sleep(time.Minute)
		synctest.Wait()
		c.mu.Lock()
		for i := 1; i < len(c.tries); i++ {
			bound := min(time.Second, 100*time.Millisecond<<min(i-1, 10))
			if d := c.tries[i].Sub(c.tries[i-1]); d < bound/2 || d > bound {
				t.Errorf("wait %d took %v, want %v to %v", i, d, bound/2, bound)
			}
		}
		if n := len(c.tries); n < 60 || n > 130 {
			t.Errorf("%d tries in a minute", n)
		}
		c.down = false
		c.mu.Unlock()
		equal(t, "left while it is down", o.left(), "1", "2")
		time.Sleep(time.Second)
		synctest.Wait()
		equal(t, "carried", c.taken(), "1", "2")
	})
}

func TestAStuckOrgHoldsNobodyElse(t *testing.T) {
	t.Parallel()
	o, c := &outbox{}, &carrier{poison: map[core.EventID]bool{"a2": true}}
	o.add("org_a", "a1", "a2")
	o.add("org_b", "b1")
	o.add("org_a", "a3")
	run(t, relay.Config{Outbox: o, Bus: c, Wake: func() <-chan struct{} { return o.woken() }}, func(t *testing.T) {
		synctest.Wait()
		// The carrier took a3, as a bus may; the relay doesn't let it go before a2.
		equal(t, "left", o.left(), "a2", "a3")
		o.add("org_b", "b2")
		synctest.Wait()
		equal(t, "left after more of the other org", o.left(), "a2", "a3")
		c.set(func() { c.poison, c.took = nil, nil })
		time.Sleep(11 * time.Second)
		synctest.Wait()
		equal(t, "carried when the poison is gone", c.taken(), "a2", "a3")
		equal(t, "left at last", o.left())
	})
}

func TestOutboxFailureIsWaitedOut(t *testing.T) {
	t.Parallel()
	o, c := &outbox{err: errors.New("locked")}, &carrier{}
	o.add("org_a", "1")
	run(t, relay.Config{Outbox: o, Bus: c}, func(t *testing.T) {
		synctest.Wait()
		o.mu.Lock()
		o.err = nil
		o.mu.Unlock()
		time.Sleep(time.Second)
		synctest.Wait()
		equal(t, "carried", c.taken(), "1")
	})
}

func TestStartsAndStops(t *testing.T) {
	before := goleak.IgnoreCurrent()
	for range 50 {
		o := &outbox{}
		o.add("org_a", "1")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- relay.New(relay.Config{Outbox: o, Bus: &carrier{}, Terms: &terms{}}).Run(ctx) }()
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	goleak.VerifyNone(t, before)
}
