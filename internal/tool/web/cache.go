package web

import (
	"container/list"
	"sync"
	"time"
)

// cache keeps values for a while, within a bound on their sizes: when it is full, what was put
// first goes first. It is safe for concurrent use.
type cache[V any] struct {
	now func() time.Time
	max int

	mu    sync.Mutex
	byKey map[string]*list.Element
	order *list.List // of entry[V], as they were put
	size  int
}

type entry[V any] struct {
	key   string
	value V
	until time.Time
	size  int
}

func newCache[V any](limit int, now func() time.Time) *cache[V] {
	return &cache[V]{now: now, max: limit, byKey: map[string]*list.Element{}, order: list.New()}
}

// get returns a value that is still good.
func (c *cache[V]) get(key string) (v V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.byKey[key]
	if !ok {
		return v, false
	}
	e := at.Value.(entry[V])
	return e.value, c.now().Before(e.until)
}

// put keeps a value for a while. What would take more than a quarter of the cache isn't kept.
func (c *cache[V]) put(key string, v V, size int, life time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(c.byKey[key])
	e := entry[V]{key: key, value: v, until: c.now().Add(life), size: size + len(key) + 100}
	if e.size > c.max/4 {
		return
	}
	c.byKey[key] = c.order.PushBack(e)
	for c.size += e.size; c.size > c.max; {
		c.drop(c.order.Front())
	}
}

func (c *cache[V]) drop(at *list.Element) {
	if at == nil {
		return
	}
	e := c.order.Remove(at).(entry[V])
	delete(c.byKey, e.key)
	c.size -= e.size
}
