package catalog

import (
	recent "container/list"
	"context"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Config is what a Catalog needs. Records is required; the other zero fields have the
// defaults that are named.
type Config struct {
	Records store.Records // sealed
	// Static are providers of the installation that the configuration has. They come before
	// those that are kept, and can't be changed.
	Static []Spec
	// Secretive reports whether a text looks like a secret, which has no business in a
	// header. nil: nothing does.
	Secretive func(string) bool
	Now       func() time.Time
	CacheFor  time.Duration // how long a view is taken for what is there; 5 s
	Orgs      int           // whose views are at hand; 1024
}

// Catalog keeps providers, routes and settings. Safe for concurrent use, and in several
// processes on one store.
type Catalog struct {
	cfg    Config
	static []*Provider

	mu    sync.Mutex
	order *recent.List // of *shelf, the last used first
	orgs  map[core.OrgID]*recent.Element
}

// shelf is what is at hand of an org. Its fields are guarded by Catalog.mu, but loading.
type shelf struct {
	org     core.OrgID
	loading chan struct{} // holds one: whoever reads the org's records
	part    *part         // nil: it has to be read
	at      time.Time     // as of when
	changes int           // that were made here
	view    *View         // of the two that follow
	own     *part
	house   *part
}

// New returns a Catalog. invalid: a provider of the configuration can't be one.
func New(cfg Config) (*Catalog, error) {
	if cfg.Records == nil {
		return nil, core.E(core.Invalid, "model.catalog", "there is nowhere to keep providers")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.CacheFor <= 0 {
		cfg.CacheFor = 5 * time.Second
	}
	if cfg.Orgs <= 0 {
		cfg.Orgs = 1024
	}
	c := &Catalog{cfg: cfg, order: recent.New(), orgs: map[core.OrgID]*recent.Element{}}
	for _, s := range cfg.Static {
		if err := s.Check(nil); err != nil {
			return nil, err
		}
		p, err := newProvider(core.Installation, s, 0, time.Time{})
		if err != nil {
			return nil, err
		}
		c.static = append(c.static, p)
	}
	return c, nil
}

// Of returns what an org can call, at most Config.CacheFor old, and with all that was
// changed here. An org without anything of its own has the installation's.
func (c *Catalog) Of(ctx context.Context, org core.OrgID) (*View, error) {
	if v := c.known(org); v != nil {
		return v, nil
	}
	house, err := c.part(ctx, core.Installation)
	if err != nil {
		return nil, err
	}
	var own *part
	if org != core.Installation {
		if own, err = c.part(ctx, org); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	at := c.shelf(org)
	if at.view != nil && at.house == house && at.own == own {
		v := at.view
		c.mu.Unlock()
		return v, nil
	}
	c.mu.Unlock()
	v := view(own, house)
	c.mu.Lock()
	defer c.mu.Unlock()
	at.view, at.own, at.house = v, own, house
	return v, nil
}

// known returns an org's view, if nothing of it has to be read or put together.
func (c *Catalog) known(org core.OrgID) *View {
	now := c.cfg.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	at, house := c.shelf(org), c.shelf(core.Installation)
	if at.view == nil || at.house != house.part || !c.fresh(house, now) || org != core.Installation && (at.own != at.part || !c.fresh(at, now)) {
		return nil
	}
	return at.view
}

// shelf returns an org's, which is the last used now. c.mu is held.
func (c *Catalog) shelf(org core.OrgID) *shelf {
	if e, ok := c.orgs[org]; ok {
		c.order.MoveToFront(e)
		return e.Value.(*shelf)
	}
	s := &shelf{org: org, loading: make(chan struct{}, 1)}
	c.orgs[org] = c.order.PushFront(s)
	for c.order.Len() > c.cfg.Orgs {
		delete(c.orgs, c.order.Remove(c.order.Back()).(*shelf).org)
	}
	return s
}

// part returns an org's, which one caller at a time reads when it is too old.
func (c *Catalog) part(ctx context.Context, org core.OrgID) (*part, error) {
	c.mu.Lock()
	s := c.shelf(org)
	p, fresh := s.part, c.fresh(s, c.cfg.Now())
	c.mu.Unlock()
	if fresh {
		return p, nil
	}
	select {
	case s.loading <- struct{}{}:
		defer func() { <-s.loading }()
	case <-ctx.Done():
		return nil, core.E(core.Canceled, "model.catalog", "nobody waits for it any more").Because(context.Cause(ctx))
	}
	c.mu.Lock()
	now := c.cfg.Now()
	p, fresh = s.part, c.fresh(s, now)
	changes := s.changes
	c.mu.Unlock()
	if fresh { // somebody else has read it
		return p, nil
	}
	p, err := c.read(ctx, org, p)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.changes == changes {
		s.part, s.at = p, now
	}
	return p, nil
}

func (c *Catalog) fresh(s *shelf, now time.Time) bool {
	age := now.Sub(s.at)
	return s.part != nil && age >= 0 && age < c.cfg.CacheFor
}

// forget has an org's part be read anew: something was changed here.
func (c *Catalog) forget(org core.OrgID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.shelf(org)
	s.changes++
	s.part = nil
}
