package postgres

import (
	"context"
	"sync"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// What one transaction holds at most, and so how long its first caller waits for the
// others.
const (
	maxBatch = 256
	maxBytes = 4 << 20
)

// lanes puts the appends of each org one after another, for the org's row in the
// database is held by one transaction at a time anyway. Who finds the lane empty leads:
// it stores its own append and those that wait by then, in one transaction (group
// commit), and hands the lead to one that has come meanwhile. There is no goroutine and
// no queue but the blocked callers.
type lanes struct {
	mu    sync.Mutex
	byOrg map[core.OrgID]*lane // those with a leader
}

type lane struct{ waiting []*call }

// call is one caller's append.
type call struct {
	ctx    context.Context
	scope  core.Scope
	append store.Append
	bytes  int
	lead   chan struct{} // closed when the call is to lead
	done   chan struct{} // closed when events and err are set
	events []core.Event
	err    error
}

func newCall(ctx context.Context, scope core.Scope, a store.Append) *call {
	c := &call{ctx: ctx, scope: scope, append: a, lead: make(chan struct{}), done: make(chan struct{})}
	for _, e := range a.Events {
		c.bytes += len(e.Data)
	}
	return c
}

// do returns when c is settled: by store, which a leader calls with its batch and which
// sets the result of each call in it. c's ctx counts until c is in a batch.
func (l *lanes) do(c *call, store func([]*call)) {
	if !l.join(c) {
		select {
		case <-c.lead:
		case <-c.done:
			return
		case <-c.ctx.Done():
			if l.withdraw(c) {
				c.err = c.ctx.Err()
				return
			}
			select { // it was too late
			case <-c.lead:
			case <-c.done:
				return
			}
		}
	}
	batch := l.take(c)
	store(batch)
	l.next(c.scope.Org)
	for _, other := range batch {
		close(other.done)
	}
}

// join reports whether c leads; otherwise it waits in the lane.
func (l *lanes) join(c *call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if busy := l.byOrg[c.scope.Org]; busy != nil {
		busy.waiting = append(busy.waiting, c)
		return false
	}
	l.byOrg[c.scope.Org] = &lane{}
	return true
}

// withdraw reports whether c was still waiting; then it isn't any more.
func (l *lanes) withdraw(c *call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	busy := l.byOrg[c.scope.Org]
	if busy == nil {
		return false
	}
	for i, other := range busy.waiting {
		if other == c {
			busy.waiting = append(busy.waiting[:i], busy.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// take returns the leader's batch: itself and those who wait, in their order, but of
// each stream one.
func (l *lanes) take(leader *call) []*call {
	l.mu.Lock()
	defer l.mu.Unlock()
	busy := l.byOrg[leader.scope.Org]
	batch, size := []*call{leader}, leader.bytes
	streams := map[core.StreamID]bool{leader.append.Stream: true}
	rest := busy.waiting[:0]
	for _, c := range busy.waiting {
		if streams[c.append.Stream] || len(batch) == maxBatch || size+c.bytes > maxBytes {
			rest = append(rest, c)
			continue
		}
		streams[c.append.Stream] = true
		batch, size = append(batch, c), size+c.bytes
	}
	clear(busy.waiting[len(rest):])
	busy.waiting = rest
	return batch
}

// next hands the lead to the first who waits, or ends the lane.
func (l *lanes) next(org core.OrgID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	busy := l.byOrg[org]
	if len(busy.waiting) == 0 {
		delete(l.byOrg, org)
		return
	}
	close(busy.waiting[0].lead)
	busy.waiting = busy.waiting[1:]
}
