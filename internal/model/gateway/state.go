package gateway

import (
	"cmp"
	"slices"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// The states of an org's way to an operation of a provider.
const (
	StateOK      = "ok"
	StateFailing = "failing" // the last attempt failed; it is still asked
	StateLimited = "limited" // it wants no request for some model, for a while
	StateTrying  = "trying"  // its breaker lets one call through, to see how it is
	StateOpen    = "open"    // its breaker is: nobody is let through
)

// worse are the states, the better first.
var worse = []string{StateOK, StateFailing, StateLimited, StateTrying, StateOpen}

// State is how the way to an operation of a provider is, on this node.
type State struct {
	Provider string // catalog.Provider.ID
	Op       dialect.Operation
	State    string
	Why      string        // the last attempt failed, if it did
	For      time.Duration // until somebody is let through again; 0: that isn't known
	Calls    int64         // under way, of all orgs
	Orgs     int           // for how many the state is that
}

// States returns how the ways are that were used lately: those of an org, or with "" of all,
// of each the worst. It is for who looks after them, and not for the way of a call.
func (g *Gateway) States(org core.OrgID) []State {
	type place struct {
		provider string
		op       dialect.Operation
	}
	now, worst := g.cfg.Now(), map[place]State{}
	for _, e := range g.lanes.used(org) {
		s := e.lane.state(now)
		s.Provider, s.Op, s.Calls, s.Orgs = e.key.provider, e.key.op, e.lane.lot.inUse.Load(), 1
		at := place{s.Provider, s.Op}
		switch was, is := worst[at]; {
		case is && slices.Index(worse, was.State) > slices.Index(worse, s.State):
			continue
		case is && was.State == s.State:
			s.Orgs, s.For = was.Orgs+1, max(s.For, was.For)
		}
		worst[at] = s
	}
	all := make([]State, 0, len(worst))
	for _, s := range worst {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b State) int { return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Op, b.Op)) })
	return all
}

// used are the lanes of an org, or with "" of all.
func (l *lanes) used(org core.OrgID) (all []*entered) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at := l.order.Front(); at != nil; at = at.Next() {
		if e := at.Value.(*entered); e.lane != nil && (org == "" || e.key.org == org) {
			all = append(all, e)
		}
	}
	return all
}

// state is how the lane is.
func (l *lane) state(now time.Time) State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := State{State: StateOK}
	if said := l.said.Load(); said != nil {
		s.State, s.Why = StateFailing, *said
	}
	for _, until := range l.until {
		if wait := until.Sub(now); wait > 0 {
			s.State, s.For = StateLimited, max(s.For, wait)
		}
	}
	switch wait := l.shutUntil.Sub(now); {
	case l.breaker.IsOpen() && wait > 0:
		s.State, s.For = StateOpen, wait
	case !l.breaker.IsClosed(): // the next call is let through
		s.State, s.For = StateTrying, 0
	}
	return s
}
