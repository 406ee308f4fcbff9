package identity

import (
	"container/list"
	"sync"
	"sync/atomic"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// lru holds the max values that were used last. Safe for concurrent use.
type lru[K comparable, V any] struct {
	max int

	mu    sync.Mutex
	order *list.List // of *item[K, V], the last used first
	items map[K]*list.Element
}

type item[K comparable, V any] struct {
	key   K
	value V
}

func newLRU[K comparable, V any](max int) *lru[K, V] {
	return &lru[K, V]{max: max, order: list.New(), items: map[K]*list.Element{}}
}

func (c *lru[K, V]) get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.items[key]
	if !ok {
		return value, false
	}
	c.order.MoveToFront(at)
	return at.Value.(*item[K, V]).value, true
}

func (c *lru[K, V]) put(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.items[key]; ok {
		at.Value.(*item[K, V]).value = value
		c.order.MoveToFront(at)
		return
	}
	c.items[key] = c.order.PushFront(&item[K, V]{key, value})
	for c.order.Len() > c.max {
		delete(c.items, c.order.Remove(c.order.Back()).(*item[K, V]).key)
	}
}

func (c *lru[K, V]) remove(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.items[key]; ok {
		c.order.Remove(at)
		delete(c.items, key)
	}
}

// What was read may be used until it is maxAge old: another node's change is seen by
// then. From renewAge on, one caller reads it anew while the others go on with it.
const (
	maxAge   = 5 * time.Second
	renewAge = 3 * time.Second
)

// recordKey is a record's place.
type recordKey struct {
	org      core.OrgID
	kind, id string
}

// seen is a record as it was read, decoded: a store.Doc[T]. It is never changed.
type seen struct {
	entry   any
	at      time.Time // when the read began
	renewer *sync.Once
}

// recordCache keeps decoded records. Safe for concurrent use.
type recordCache struct {
	items *lru[recordKey, seen]

	mu      sync.Mutex    // held while changes is counted up, and while something is kept
	changes atomic.Uint64 // counts the times that records were forgotten
}

func newRecordCache(max int) *recordCache {
	return &recordCache{items: newLRU[recordKey, seen](max)}
}

// get returns what is known of a record and may still be used, and as of when.
func (c *recordCache) get(key recordKey, now time.Time) (entry any, at time.Time, ok bool) {
	s, ok := c.items.get(key)
	if !ok {
		return nil, at, false
	}
	age := now.Sub(s.at)
	if age < 0 || age >= maxAge {
		return nil, at, false
	}
	if age >= renewAge {
		mine := false
		s.renewer.Do(func() { mine = true })
		return s.entry, s.at, !mine
	}
	return s.entry, s.at, true
}

// reading returns what put wants to know of the time before a read.
func (c *recordCache) reading() uint64 { return c.changes.Load() }

// put keeps a record that was read from the time at on, unless any was forgotten since
// reading: then this might be how it was before.
func (c *recordCache) put(key recordKey, entry any, at time.Time, reading uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes.Load() == reading {
		c.items.put(key, seen{entry, at, new(sync.Once)})
	}
}

// forget drops records that have changed.
func (c *recordCache) forget(org core.OrgID, changed []recordKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes.Add(1)
	for _, key := range changed {
		key.org = org
		c.items.remove(key)
	}
}
