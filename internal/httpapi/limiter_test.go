package httpapi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
	"github.com/isekai-run/isekai/internal/store"
)

// counted counts what is asked of quotas, which may be down.
type counted struct {
	store.Quotas
	asked atomic.Int64
	down  atomic.Bool
}

func (c *counted) Draw(ctx context.Context, org core.OrgID, bucket string, want int, r store.Rate) (int, int, time.Duration, error) {
	c.asked.Add(1)
	if c.down.Load() {
		return 0, 0, 0, core.E(core.Unavailable, "store", "down")
	}
	return c.Quotas.Draw(ctx, org, bucket, want, r)
}

// limiters are nodes that share a store, and a clock.
func limiters(t *testing.T, n int) ([]*limiter, *counted, *coretest.Clock) {
	t.Helper()
	c := newClock()
	q := &counted{Quotas: openStore(t, c.Now)}
	all := make([]*limiter, n)
	for i := range all {
		all[i] = newLimiter(q)
		all[i].now = c.Now
	}
	return all, q, c
}

var aBucket = bucketKey{"org_a", "b", ""}

// through asks n times, and returns how often it was let through.
func through(t *testing.T, l *limiter, n int, r store.Rate) (passed int) {
	t.Helper()
	for range n {
		at, err := l.take(t.Context(), aBucket, r)
		if err != nil {
			t.Fatal(err)
		}
		if at.ok {
			passed++
		} else if at.wait <= 0 || at.wait > r.Per {
			t.Fatalf("wait %s", at.wait)
		}
	}
	return passed
}

// TestARate lets through a burst and as much again in each Per, with a draw for a slice
// and none while there is nothing.
func TestARate(t *testing.T) {
	t.Parallel()
	l, q, c := limiters(t, 1)
	rate := store.Rate{Burst: 100, Per: time.Minute}
	if got := through(t, l[0], 300, rate); got != 100 {
		t.Errorf("%d at once", got)
	}
	if asked := q.asked.Load(); asked > 13 {
		t.Errorf("%d draws for 300 requests", asked)
	}
	c.Advance(30 * time.Second)
	if got := through(t, l[0], 100, rate); got != 50 {
		t.Errorf("%d after half the time", got)
	}
	c.Advance(time.Hour)
	if got := through(t, l[0], 300, rate); got != 100 {
		t.Errorf("%d after an hour", got)
	}
}

// TestTheFirstCostNothing, so that who comes once causes no write.
func TestTheFirstCostNothing(t *testing.T) {
	t.Parallel()
	l, q, _ := limiters(t, 1)
	for i := range 1000 {
		if at, err := l[0].take(t.Context(), bucketKey{"org_a", "of/", fmt.Sprint(i)}, DefaultRates.Address); err != nil || !at.ok || at.left != 2999 {
			t.Fatalf("%+v %v", at, err)
		}
	}
	if q.asked.Load() != 0 {
		t.Errorf("%d draws", q.asked.Load())
	}
}

// TestNodesShareARate: together they let through what one would, and their credits.
func TestNodesShareARate(t *testing.T) {
	t.Parallel()
	l, _, _ := limiters(t, 4)
	rate := store.Rate{Burst: 200, Per: time.Hour}
	var passed atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for range 100 {
				if at, err := l[i%4].take(t.Context(), aBucket, rate); err == nil && at.ok {
					passed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if got := passed.Load(); got < 180 || got > 200+4*10 {
		t.Errorf("%d were let through", got)
	}
}

// TestWithoutTheStore each node keeps the rate, and asks again in a while.
func TestWithoutTheStore(t *testing.T) {
	t.Parallel()
	l, q, c := limiters(t, 1)
	q.down.Store(true)
	rate := store.Rate{Burst: 100, Per: time.Minute}
	if got := through(t, l[0], 1000, rate); got < 90 || got > 110 {
		t.Errorf("%d at once", got)
	}
	if asked := q.asked.Load(); asked != 1 {
		t.Errorf("it was asked %d times in a moment", asked)
	}
	q.down.Store(false)
	c.Advance(2 * time.Second)
	through(t, l[0], 50, rate)
	if asked := q.asked.Load(); asked < 2 {
		t.Error("it isn't asked again")
	}
}

// TestBucketsAreBounded, by those that are used.
func TestBucketsAreBounded(t *testing.T) {
	t.Parallel()
	l, _, _ := limiters(t, 1)
	l[0].max = 10
	for i := range 1000 {
		for _, name := range []string{"mine", fmt.Sprint(i)} {
			if _, err := l[0].take(t.Context(), bucketKey{"org_a", name, ""}, store.Rate{Burst: 4000, Per: time.Minute}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(l[0].buckets) != 10 || l[0].order.Len() != 10 {
		t.Errorf("%d buckets", len(l[0].buckets))
	}
	if at, err := l[0].take(t.Context(), bucketKey{"org_a", "mine", ""}, store.Rate{Burst: 4000, Per: time.Minute}); err != nil || at.left > 3000 {
		t.Errorf("one that is used was forgotten: %+v %v", at, err)
	}
}

// TestWhoHasGoneDoesntWait for a draw of others.
func TestWhoHasGoneDoesntWait(t *testing.T) {
	t.Parallel()
	l, _, _ := limiters(t, 1)
	b, once := l[0].bucket(aBucket), store.Rate{Burst: 1, Per: time.Minute}
	if at, err := l[0].take(t.Context(), aBucket, once); err != nil || !at.ok { // what is at hand
		t.Fatal(at, err)
	}
	b.turn <- struct{}{} // another is drawing
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := l[0].take(ctx, aBucket, once); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestOfAddress(t *testing.T) {
	t.Parallel()
	for a, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::1": "2001:db8:1:2::/64", "2001:db8:1:3::1": "2001:db8:1:3::/64",
	} {
		if got := ofAddress("", mustAddr(a)); got.of != want || got.org != core.Installation {
			t.Errorf("%s: %+v", a, got)
		}
	}
}
