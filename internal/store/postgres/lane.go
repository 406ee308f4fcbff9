package postgres

import (
	"context"
	"sync"

	"github.com/isekai-run/isekai/internal/core"
)

// What one transaction holds at most, and so how long its first caller waits for the
// others.
const (
	maxBatch = 256
	maxBytes = 4 << 20
)

// lanes puts the writes of each org one after another, for the row in the database that
// orders them is held by one transaction at a time anyway. Who finds the lane empty leads:
// it stores its own write and those that wait by then, in one transaction (group
// commit), and hands the lead to one that has come meanwhile. There is no goroutine and
// no queue but the blocked callers.
type lanes[C waiter] struct {
	mu    sync.Mutex
	byOrg map[core.OrgID]*lane[C] // those with a leader
}

type lane[C waiter] struct{ waiting []C }

func newLanes[C waiter]() *lanes[C] { return &lanes[C]{byOrg: map[core.OrgID]*lane[C]{}} }

// place is a call's in its lane.
type place struct {
	ctx   context.Context
	org   core.OrgID
	apart string // calls with the same aren't in one batch, unless it is empty
	bytes int
	lead  chan struct{} // closed when the call is to lead
	done  chan struct{} // closed when the call has its result
	err   error
}

func newPlace(ctx context.Context, org core.OrgID, apart string, bytes int) place {
	return place{ctx: ctx, org: org, apart: apart, bytes: bytes, lead: make(chan struct{}), done: make(chan struct{})}
}

// waiter is a call with a place in a lane, which it embeds.
type waiter interface{ inLane() *place }

func (p *place) inLane() *place { return p }

// do returns when c is settled: by store, which a leader calls with its batch and which
// sets the result of each call in it. c's ctx counts until c is in a batch.
func (l *lanes[C]) do(c C, store func([]C)) {
	p := c.inLane()
	if !l.join(c) {
		select {
		case <-p.lead:
		case <-p.done:
			return
		case <-p.ctx.Done():
			if l.withdraw(p) {
				p.err = p.ctx.Err()
				return
			}
			select { // it was too late
			case <-p.lead:
			case <-p.done:
				return
			}
		}
	}
	batch := l.take(c)
	store(batch)
	l.next(p.org)
	for _, other := range batch {
		close(other.inLane().done)
	}
}

// join reports whether c leads; otherwise it waits in the lane.
func (l *lanes[C]) join(c C) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if busy := l.byOrg[c.inLane().org]; busy != nil {
		busy.waiting = append(busy.waiting, c)
		return false
	}
	l.byOrg[c.inLane().org] = &lane[C]{}
	return true
}

// withdraw reports whether the call at p was still waiting; then it isn't any more.
func (l *lanes[C]) withdraw(p *place) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	busy := l.byOrg[p.org]
	if busy == nil {
		return false
	}
	for i, other := range busy.waiting {
		if other.inLane() == p {
			busy.waiting = append(busy.waiting[:i], busy.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// take returns the leader's batch: itself and those who wait, in their order, but of
// those that are to be apart one.
func (l *lanes[C]) take(leader C) []C {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := leader.inLane()
	busy := l.byOrg[p.org]
	batch, size := []C{leader}, p.bytes
	there := map[string]bool{p.apart: p.apart != ""}
	rest := busy.waiting[:0]
	for _, c := range busy.waiting {
		p := c.inLane()
		if there[p.apart] || len(batch) == maxBatch || size+p.bytes > maxBytes {
			rest = append(rest, c)
			continue
		}
		there[p.apart] = p.apart != ""
		batch, size = append(batch, c), size+p.bytes
	}
	clear(busy.waiting[len(rest):])
	busy.waiting = rest
	return batch
}

// next hands the lead to the first who waits, or ends the lane.
func (l *lanes[C]) next(org core.OrgID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	busy := l.byOrg[org]
	if len(busy.waiting) == 0 {
		delete(l.byOrg, org)
		return
	}
	close(busy.waiting[0].inLane().lead)
	busy.waiting = busy.waiting[1:]
}
