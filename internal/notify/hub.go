// Package notify tells watchers that something has happened: today those who
// watch a stream within this process.
//
// It is a consumer of the bus. It carries no data: whoever is woken reads the
// store, so a wake-up that is lost or doubled does no harm, and a watcher can
// never see another tenant's event through it.
package notify

import (
	"context"
	"sync"

	"github.com/isekai-run/isekai/internal/core"
)

type key struct {
	org    core.OrgID
	stream core.StreamID
}

// Hub wakes the watchers of streams. The zero Hub is ready. Safe for concurrent
// use; it starts no goroutine, and a slow watcher costs one pending wake-up.
type Hub struct {
	mu       sync.Mutex
	watchers map[key]map[chan struct{}]struct{}
}

// Watch returns a channel that gets a value after the stream was appended to,
// and a function that ends the watch and must be called. Wake-ups that come
// while one is pending are merged.
func (h *Hub) Watch(org core.OrgID, stream core.StreamID) (<-chan struct{}, func()) {
	k, c := key{org, stream}, make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watchers == nil {
		h.watchers = map[key]map[chan struct{}]struct{}{}
	}
	if h.watchers[k] == nil {
		h.watchers[k] = map[chan struct{}]struct{}{}
	}
	h.watchers[k][c] = struct{}{}
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.watchers[k], c)
		if len(h.watchers[k]) == 0 {
			delete(h.watchers, k)
		}
	}
}

// Handle is the hub's bus.Handler: it wakes the watchers of the event's stream.
func (h *Hub) Handle(_ context.Context, e core.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.watchers[key{e.Org, e.Stream}] {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	return nil
}
