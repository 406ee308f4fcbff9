package inproc_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/bus/bustest"
	"github.com/isekai-run/isekai/internal/bus/inproc"
	"github.com/isekai-run/isekai/internal/core"
)

func TestBus(t *testing.T) {
	t.Parallel()
	bustest.Run(t, func(testing.TB) bus.Bus { return inproc.New(inproc.Config{}) })
}

// An event that fails stops its org, and nothing else, and is named.
func TestFailureStopsItsOrgAlone(t *testing.T) {
	t.Parallel()
	b := inproc.New(inproc.Config{})
	broken := errors.New("broken")
	tries, healthy := 0, atomic.Int64{}
	b.Subscribe("fragile", func(_ context.Context, e core.Event) error {
		if e.ID == "a2" {
			tries++
			return broken
		}
		return nil
	})
	b.Subscribe("healthy", func(context.Context, core.Event) error { healthy.Add(1); return nil })
	err := b.Publish(t.Context(), []core.Event{
		{Org: "org_a", ID: "a1"}, {Org: "org_a", ID: "a2"}, {Org: "org_b", ID: "b1"}, {Org: "org_a", ID: "a3"},
	})
	var u *bus.Undelivered
	if !errors.As(err, &u) || !errors.Is(err, broken) {
		t.Fatalf("publish: %v", err)
	}
	if !slices.Equal(u.Events, []core.EventID{"a2", "a3"}) {
		t.Errorf("undelivered %v, want the event that fails and the one after it", u.Events)
	}
	if tries != 1 || healthy.Load() != 4 {
		t.Errorf("%d tries, want 1: the relay comes again; the healthy consumer got %d events, want 4", tries, healthy.Load())
	}
}

// However many orgs and consumers there are, no more handlers run than allowed.
func TestParallelIsBounded(t *testing.T) {
	t.Parallel()
	b := inproc.New(inproc.Config{Parallel: 3})
	var running, most atomic.Int64
	for i := range 4 {
		b.Subscribe(fmt.Sprint("consumer-", i), func(context.Context, core.Event) error {
			n := running.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			running.Add(-1)
			return nil
		})
	}
	var events []core.Event
	for i := range 200 {
		events = append(events, core.Event{Org: core.OrgID(fmt.Sprint("org_", i%20)), ID: core.EventID(fmt.Sprint(i))})
	}
	if err := b.Publish(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	if most.Load() > 3 {
		t.Errorf("%d handlers ran at once, want at most 3", most.Load())
	}
}

func ExampleBus() {
	b := inproc.New(inproc.Config{})
	b.Subscribe("printer", func(_ context.Context, e core.Event) error {
		fmt.Println(e.Stream, e.Version, e.Type)
		return nil
	})
	err := b.Publish(context.Background(), []core.Event{
		{Org: core.DefaultOrg, Stream: "tsk_1", Version: 1, Type: "task.created"},
		{Org: core.DefaultOrg, Stream: "tsk_1", Version: 2, Type: "task.planned"},
	})
	fmt.Println(err)
	// Output:
	// tsk_1 1 task.created
	// tsk_1 2 task.planned
	// <nil>
}
