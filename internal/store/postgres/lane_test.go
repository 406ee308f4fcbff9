package postgres

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

func callOf(ctx context.Context, org core.OrgID, stream core.StreamID, size int) *call {
	return newCall(ctx, core.Scope{Org: org}, store.Append{Stream: stream, Events: []store.NewEvent{{Data: make([]byte, size)}}})
}

// Every call is in one batch, a batch is of one org and has a stream once, is bounded,
// and an org has one batch at a time.
func TestLanes(t *testing.T) {
	t.Parallel()
	l := newLanes[*call]()
	var mu sync.Mutex
	running, settled, batches := map[core.OrgID]bool{}, 0, 0
	store := func(batch []*call) {
		org, size, streams := batch[0].scope.Org, 0, map[core.StreamID]bool{}
		mu.Lock()
		if running[org] {
			t.Errorf("two batches of %s at once", org)
		}
		running[org] = true
		mu.Unlock()
		for _, c := range batch {
			if c.scope.Org != org || streams[c.append.Stream] {
				t.Errorf("%s of %s in a batch of %s that has %v", c.append.Stream, c.scope.Org, org, streams)
			}
			streams[c.append.Stream] = true
			size += c.bytes
		}
		if len(batch) > maxBatch || size > maxBytes && len(batch) > 1 {
			t.Errorf("a batch of %d calls and %d bytes", len(batch), size)
		}
		mu.Lock()
		running[org], settled, batches = false, settled+len(batch), batches+1
		mu.Unlock()
	}
	const calls = 3000
	var all sync.WaitGroup
	for i := range calls {
		all.Go(func() {
			size := 100
			if i%100 == 0 {
				size = maxBytes / 2
			}
			l.do(callOf(t.Context(), core.OrgID(fmt.Sprint(i%3)), core.StreamID(fmt.Sprint(i%700)), size), store)
		})
	}
	all.Wait()
	if settled != calls || len(l.byOrg) != 0 {
		t.Errorf("%d of %d calls in %d batches, %d lanes left", settled, calls, batches, len(l.byOrg))
	}
}

// Who gives up while waiting is in no batch; who is to lead by then leads.
func TestLaneWithdrawal(t *testing.T) {
	t.Parallel()
	l := newLanes[*call]()
	entered, leave := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		l.do(callOf(t.Context(), "o", "first", 1), func([]*call) { close(entered); <-leave })
	})
	<-entered
	var mu sync.Mutex
	var seen []core.StreamID
	store := func(batch []*call) {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range batch {
			seen = append(seen, c.append.Stream)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	quitter := callOf(gone, "o", "quitter", 1)
	all.Go(func() { l.do(quitter, store) })
	for waiting := 0; waiting == 0; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		waiting = len(l.byOrg["o"].waiting)
		l.mu.Unlock()
	}
	cancel()
	for waiting := 1; waiting > 0; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		waiting = len(l.byOrg["o"].waiting)
		l.mu.Unlock()
	}
	all.Go(func() { l.do(callOf(t.Context(), "o", "stayer", 1), store) })
	close(leave)
	all.Wait()
	if quitter.err == nil || len(seen) != 1 || seen[0] != "stayer" || len(l.byOrg) != 0 {
		t.Errorf("stored %v, the one that gave up has %v, %d lanes left", seen, quitter.err, len(l.byOrg))
	}
}
