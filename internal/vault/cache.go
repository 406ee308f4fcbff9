package vault

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// cache holds the entries of the orgs that were used last. Safe for concurrent use.
type cache struct {
	max int

	mu      sync.Mutex
	order   *list.List // of *entry, the last used first
	entries map[core.OrgID]*list.Element
}

// entry is what is known about one org's keys. One that has been dropped from the cache
// serves whoever has it to the end of their call.
type entry struct {
	org   core.OrgID
	known atomic.Pointer[known]
	turn  chan struct{} // held by the one who looks at the store, or drops what was seen
}

// known is a look at the store.
type known struct {
	keys *orgKeys
	gone bool      // shredded, which is for good
	at   time.Time // when the store was looked at
}

func newCache(max int) *cache {
	return &cache{max: max, order: list.New(), entries: map[core.OrgID]*list.Element{}}
}

// entry returns the org's, a new one if there is none.
func (c *cache) entry(org core.OrgID) *entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.entries[org]; ok {
		c.order.MoveToFront(at)
		return at.Value.(*entry)
	}
	e := &entry{org: org, turn: make(chan struct{}, 1)}
	c.entries[org] = c.order.PushFront(e)
	for c.order.Len() > c.max {
		oldest := c.order.Remove(c.order.Back()).(*entry)
		delete(c.entries, oldest.org)
	}
	return e
}

// lock waits for the entry's turn, or for ctx.
func (e *entry) lock(ctx context.Context) error {
	select {
	case e.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *entry) unlock() { <-e.turn }
