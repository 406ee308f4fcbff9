package notify_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/notify"
)

// journal is the events of several orgs.
type journal struct {
	mu     sync.Mutex
	events map[core.OrgID][]core.Event
	wake   chan struct{}
	down   bool
}

func newJournal() *journal {
	return &journal{events: map[core.OrgID][]core.Event{}, wake: make(chan struct{})}
}

func (j *journal) append(org core.OrgID, stream core.StreamID, quietly bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events[org] = append(j.events[org], core.Event{Org: org, Stream: stream, Position: int64(len(j.events[org]) + 1)})
	if !quietly {
		close(j.wake)
		j.wake = make(chan struct{})
	}
}

func (j *journal) outboxWake() <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.wake
}

func (j *journal) Head(_ context.Context, org core.OrgID) (int64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.down {
		return 0, errors.New("down")
	}
	return int64(len(j.events[org])), nil
}

func (j *journal) ReadOrg(_ context.Context, org core.OrgID, after int64, limit int) ([]core.Event, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.down {
		return nil, errors.New("down")
	}
	rest := j.events[org][after:]
	return rest[:min(limit, len(rest))], nil
}

func (j *journal) setDown(down bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.down = down
}

func woken(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// start runs a hub on a journal for the time of the test's bubble.
func start(t *testing.T) (*journal, *notify.Hub) {
	t.Helper()
	j := newJournal()
	h := notify.New(notify.Config{Events: j, Wake: j.outboxWake})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return j, h
}

func TestHubWakesTheWatchersOfTheStreamAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, h := start(t)
		j.append("org_a", "tsk_1", false) // before anybody watches
		a, stopA := h.Watch("org_a", "tsk_1")
		other, stopOther := h.Watch("org_a", "tsk_2")
		sameIDOtherOrg, stopB := h.Watch("org_b", "tsk_1")
		defer stopOther()
		defer stopB()
		synctest.Wait()
		for _, c := range []<-chan struct{}{a, other, sameIDOtherOrg} {
			if !woken(c) {
				t.Error("who watches a new org isn't woken: something may have come before it was followed")
			}
		}
		for range 3 { // a watcher that doesn't read holds nobody up
			j.append("org_a", "tsk_1", false)
		}
		synctest.Wait()
		if !woken(a) || woken(a) {
			t.Error("three events should merge into one pending wake-up")
		}
		if woken(sameIDOtherOrg) || woken(other) {
			t.Error("a watcher of another stream or org was woken")
		}
		stopA()
		j.append("org_a", "tsk_1", false)
		synctest.Wait()
		if woken(a) {
			t.Error("woken after the watch had ended")
		}
	})
}

// TestHubPolls: what another process appends may wake nobody here.
func TestHubPolls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, h := start(t)
		c, stop := h.Watch("org_a", "tsk_1")
		defer stop()
		synctest.Wait()
		woken(c)
		j.append("org_a", "tsk_1", true)
		synctest.Wait()
		if woken(c) {
			t.Error("woken by nothing")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if !woken(c) {
			t.Error("not woken after a second")
		}
	})
}

// TestHubSurvivesItsStore: what came while the store was away isn't missed.
func TestHubSurvivesItsStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, h := start(t)
		old, stop := h.Watch("org_a", "tsk_1")
		defer stop()
		synctest.Wait()
		woken(old)
		j.setDown(true)
		fresh, stopFresh := h.Watch("org_b", "tsk_1")
		defer stopFresh()
		for range 2000 {
			j.append("org_a", "tsk_1", true)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if woken(old) || woken(fresh) {
			t.Error("woken while nothing could be read")
		}
		j.setDown(false)
		time.Sleep(time.Second)
		synctest.Wait()
		if !woken(old) || !woken(fresh) {
			t.Error("not woken when the store came back")
		}
	})
}

func TestHubConcurrently(t *testing.T) {
	t.Parallel()
	j := newJournal()
	h := notify.New(notify.Config{Events: j, Wake: j.outboxWake, Poll: 5 * time.Millisecond})
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 100 {
				c, stop := h.Watch("o", "s")
				j.append("o", "s", false)
				select {
				case <-c:
				case <-time.After(20 * time.Second):
					t.Error("not woken by an event after Watch")
				}
				stop()
			}
		})
	}
	wg.Wait()
	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
