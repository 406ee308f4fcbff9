package notify

import (
	"context"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Events is the part of store.Events that is used; nothing is opened.
type Events interface {
	Head(ctx context.Context, org core.OrgID) (int64, error)
	ReadOrg(ctx context.Context, org core.OrgID, after int64, limit int) ([]core.Event, error)
}

// Config connects a Hub. Events is required.
type Config struct {
	Events Events
	Wake   func() <-chan struct{} // a store.Waker's OutboxWake; nil: polling alone
	Poll   time.Duration          // between two looks without a wake; 1 s
}

// Hub wakes the watchers of streams and of orgs while Run runs; the zero Hub wakes nobody.
// It follows the events of the orgs that are watched, wherever they are appended, and passes
// on no data: whoever is woken reads the store, so that a wake-up that is lost or doubled does
// no harm, and nobody sees another tenant's event through it. Safe for
// concurrent use; a slow watcher costs one pending wake-up.
type Hub struct {
	cfg Config
	ask chan struct{} // somebody watches an org that nobody watched

	mu   sync.Mutex
	orgs map[core.OrgID]*watched
}

// anyStream is what WatchOrg watches: no stream has the name.
const anyStream core.StreamID = ""

// watched is an org with watchers.
type watched struct {
	streams map[core.StreamID]map[chan struct{}]struct{}
	head    int64 // up to where its events were seen
	known   bool  // head is
}

// New returns a Hub.
func New(cfg Config) *Hub {
	if cfg.Poll <= 0 {
		cfg.Poll = time.Second
	}
	if cfg.Wake == nil {
		cfg.Wake = func() <-chan struct{} { return nil }
	}
	return &Hub{cfg: cfg, ask: make(chan struct{}, 1)}
}

// Watch returns a channel that gets a value after the stream was appended to,
// and a function that ends the watch and must be called. Wake-ups that come
// while one is pending are merged. What is appended after Watch returns isn't missed.
func (h *Hub) Watch(org core.OrgID, stream core.StreamID) (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.orgs == nil {
		h.orgs = map[core.OrgID]*watched{}
	}
	w := h.orgs[org]
	if w == nil {
		w = &watched{streams: map[core.StreamID]map[chan struct{}]struct{}{}}
		h.orgs[org] = w
		select {
		case h.ask <- struct{}{}:
		default:
		}
	}
	if w.streams[stream] == nil {
		w.streams[stream] = map[chan struct{}]struct{}{}
	}
	w.streams[stream][c] = struct{}{}
	return c, func() { h.leave(org, w, stream, c) }
}

// WatchOrg is Watch for all streams of an org.
func (h *Hub) WatchOrg(org core.OrgID) (<-chan struct{}, func()) { return h.Watch(org, anyStream) }

func (h *Hub) leave(org core.OrgID, w *watched, stream core.StreamID, c chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(w.streams[stream], c)
	if len(w.streams[stream]) == 0 {
		delete(w.streams, stream)
	}
	if len(w.streams) == 0 && h.orgs[org] == w {
		delete(h.orgs, org)
	}
}

// Run follows the events until ctx ends, then returns nil. While the store can't be
// reached nobody is woken; then everybody is.
func (h *Hub) Run(ctx context.Context) error {
	poll := time.NewTicker(h.cfg.Poll)
	defer poll.Stop()
	for {
		woken := h.cfg.Wake() // before the look, so that nothing is missed
		for org, w := range h.watched() {
			h.follow(ctx, org, w)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-woken:
		case <-h.ask:
		case <-poll.C:
		}
	}
}

// watched returns the orgs that are watched at the moment.
func (h *Hub) watched() map[core.OrgID]*watched {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make(map[core.OrgID]*watched, len(h.orgs))
	for org, w := range h.orgs {
		all[org] = w
	}
	return all
}

// follow wakes the watchers of what an org has got since the last look. An org that is
// new is followed from its head, and all its watchers are woken: something may have come
// between their watch and that.
func (h *Hub) follow(ctx context.Context, org core.OrgID, w *watched) {
	const page = 512
	if !w.known { // which, like head, Run alone uses
		head, err := h.cfg.Events.Head(ctx, org)
		if err != nil {
			return // the next look tries again
		}
		w.head, w.known = head, true
		h.wakeAll(w)
	}
	for {
		events, err := h.cfg.Events.ReadOrg(ctx, org, w.head, page)
		if err != nil {
			return
		}
		for _, e := range events {
			h.wake(w, e.Stream)
			w.head = e.Position
		}
		if len(events) > 0 {
			h.wake(w, anyStream)
		}
		if len(events) < page {
			return
		}
	}
}

func (h *Hub) wake(w *watched, stream core.StreamID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range w.streams[stream] {
		poke(c)
	}
}

func (h *Hub) wakeAll(w *watched) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, watchers := range w.streams {
		for c := range watchers {
			poke(c)
		}
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // one is pending
	}
}
