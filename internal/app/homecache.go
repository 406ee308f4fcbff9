package app

import (
	"context"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Bounds of what visitors' requests go by.
const (
	homeFresh = 5 * time.Second // how long a home is taken for what it was
	homesSeen = 4096            // apps; beyond that all are looked up anew
)

// homeCache holds where apps were at home a moment ago, for visitors' requests: a look
// into the store for each would be too many. Safe for concurrent use.
type homeCache struct {
	mu   sync.Mutex
	seen map[core.AppID]seenHome
}

type seenHome struct {
	home Home
	at   time.Time
}

func newHomeCache() *homeCache { return &homeCache{seen: map[core.AppID]seenHome{}} }

func (c *homeCache) get(app core.AppID, now time.Time) (Home, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, ok := c.seen[app]
	return h.home, ok && now.Sub(h.at) < homeFresh
}

func (c *homeCache) put(app core.AppID, h Home, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.seen) >= homesSeen {
		clear(c.seen)
	}
	c.seen[app] = seenHome{h, now}
}

func (c *homeCache) forget(app core.AppID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.seen, app)
}

// lately returns where an app is at home, or was a moment ago. That it has no home is
// looked up each time.
func (s *Service) lately(ctx context.Context, r ref) (Home, error) {
	if s.cfg.Homes == nil {
		return Home{Here: true}, nil
	}
	now := s.cfg.Now()
	if h, ok := s.homes.get(r.app, now); ok {
		return h, nil
	}
	h, err := s.home(ctx, r.org, r.app)
	if err == nil && h.Node != "" {
		s.homes.put(r.app, h, now)
	}
	return h, err
}
