package fleet

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/store"
)

// What a node's tasks have: see platform.
const lease = 6 * time.Second

// dial is the work of a store as workers with a fast heart see it: each beat of theirs is
// almost a whole lease later by the store's clock, the last moment for it.
type dial struct {
	store.Work
	clock           *coretest.Clock
	renewed, leases atomic.Int64
	deaf            atomic.Bool // renewals are lost on their way
}

// Claim implements store.Work.
func (d *dial) Claim(ctx context.Context, worker string, n int, _ time.Duration) ([]store.Lease, error) {
	got, err := d.Work.Claim(ctx, worker, n, lease)
	d.leases.Add(int64(len(got)))
	return got, err
}

// Renew implements store.Work.
func (d *dial) Renew(ctx context.Context, l store.Lease, _ time.Duration) (store.Lease, error) {
	if d.deaf.Load() {
		return l, core.E(core.Unavailable, "renew", "lost on the way")
	}
	l, err := d.Work.Renew(ctx, l, lease)
	if err == nil {
		d.clock.Advance(lease - time.Millisecond)
		d.renewed.Add(1)
	}
	return l, err
}

// pair starts two workers with fast hearts on an installation of a clock.
func pair(f *fleet, c *coretest.Clock, tool act) *dial {
	d := &dial{Work: f.store, clock: c}
	for _, name := range []string{"one", "other"} {
		f.work(name, d, func(w *agent.WorkerConfig) { w.Lease, w.Poll = 200*time.Millisecond, 5*time.Millisecond }, tool)
	}
	return d
}

// A call of 15 minutes, by the store's clock, keeps its lease by 150 renewals, though
// another worker looks for work all the time.
func TestAFifteenMinuteCallKeepsItsLease(t *testing.T) {
	onEach(t, func(t *testing.T, open func(func() time.Time) *fleet) {
		c := coretest.At(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		f := open(c.Now)
		var calls atomic.Int64
		d := pair(f, c, act{core.Once, func(ctx context.Context) error {
			calls.Add(1)
			for began := c.Now(); c.Now().Sub(began) < 15*time.Minute; {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(time.Millisecond):
				}
			}
			return nil
		}})
		id := f.create("org_a", "act")
		got := f.ended("org_a", id)
		if got.Status != core.StatusSucceeded || calls.Load() != 1 || d.leases.Load() != 1 {
			t.Errorf("the task ended as %s after %d calls under %d leases", got.Status, calls.Load(), d.leases.Load())
		}
		if n := d.renewed.Load(); n < 150 {
			t.Errorf("%d renewals, want 150", n)
		}
		oneWorker(t, f.story("org_a", id))
	})
}

// The other worker does look: when the renewals don't get through, it has the task, and
// the one that lost it writes nothing any more.
func TestAnUnrenewedLeaseIsTaken(t *testing.T) {
	onEach(t, func(t *testing.T, open func(func() time.Time) *fleet) {
		c := coretest.At(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		f := open(c.Now)
		var calls atomic.Int64
		began := make(chan struct{})
		d := pair(f, c, act{core.Idempotent, func(ctx context.Context) error {
			if calls.Add(1) > 1 {
				return nil
			}
			close(began)
			<-ctx.Done()
			return ctx.Err()
		}})
		id := f.create("org_a", "act")
		<-began
		d.deaf.Store(true)
		c.Advance(lease)
		f.until(func() bool { return d.leases.Load() == 2 }, func() string { return "a second lease" })
		d.deaf.Store(false)
		if got := f.ended("org_a", id); got.Status != core.StatusSucceeded || calls.Load() != 2 {
			t.Errorf("the task ended as %s after %d calls", got.Status, calls.Load())
		}
	})
}

// The same by the real clock: a few leases long, and before a release 15 minutes.
func TestALongCallKeepsItsLease(t *testing.T) {
	length, ttl := 7*time.Second, 2*time.Second
	if coretest.Soaking {
		length, ttl = 15*time.Minute, lease
	}
	if testing.Short() {
		t.Skip("takes seconds")
	}
	onEach(t, func(t *testing.T, open func(func() time.Time) *fleet) {
		f := open(nil)
		var calls atomic.Int64
		long := act{core.Once, func(ctx context.Context) error {
			calls.Add(1)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(length):
				return nil
			}
		}}
		for _, name := range []string{"one", "other"} {
			f.work(name, f.store, func(w *agent.WorkerConfig) { w.Lease, w.Poll = ttl, 20*time.Millisecond }, long)
		}
		id := f.create("org_a", "act")
		time.Sleep(length)
		if got := f.ended("org_a", id); got.Status != core.StatusSucceeded || calls.Load() != 1 {
			t.Errorf("the task ended as %s after %d calls", got.Status, calls.Load())
		}
		oneWorker(t, f.story("org_a", id))
	})
}

// oneWorker checks that one worker alone has appended.
func oneWorker(t *testing.T, events []core.Event) {
	t.Helper()
	by := map[string]bool{}
	for _, e := range events {
		if e.Actor.Kind == core.ActorWorker {
			by[e.Actor.ID] = true
		}
	}
	if len(by) != 1 {
		t.Errorf("%d workers have appended: %v", len(by), by)
	}
}
