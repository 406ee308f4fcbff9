package app

import (
	"fmt"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// idleAfter is for how long nobody has to have asked an app for anything before it may be
// stopped to make room for any other.
const idleAfter = time.Minute

// places are the room for running apps on this node. Safe for concurrent use.
type places struct {
	mu    sync.Mutex
	taken int
	by    map[core.OrgID]int // without zeros
}

// take takes one of most places, if one is free.
func (p *places) take(org core.OrgID, most int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken >= most {
		return false
	}
	if p.by == nil {
		p.by = map[core.OrgID]int{}
	}
	p.taken++
	p.by[org]++
	return true
}

func (p *places) leave(org core.OrgID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.by[org]--; p.by[org] == 0 {
		delete(p.by, org)
	}
}

// hungriest returns the org that has the most places, if it has more than another would
// have with one more; else "".
func (p *places) hungriest(than core.OrgID) (org core.OrgID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	most := p.by[than] + 1
	for o, n := range p.by {
		if n > most {
			org, most = o, n
		}
	}
	return org
}

// reserve takes a place for an app of an org; vacate returns it. When there is none, an
// app makes room: its next visitor starts it again. exhausted: all are in use, and no org
// has more than its share.
func (s *Service) reserve(org core.OrgID) error {
	for !s.places.take(org, s.cfg.Previews) {
		if !s.makeRoom(org) {
			return core.E(core.Exhausted, "app.start", fmt.Sprintf("%d apps are running and in use, which is the limit", s.cfg.Previews)).
				WithHint("stop one with isekai app stop, or try again when one was left alone for a minute")
		}
	}
	return nil
}

func (s *Service) vacate(org core.OrgID) { s.places.leave(org) }

// makeRoom stops the app that was left alone for the longest, if it was for long enough;
// else one of the org that has the most places, if it has more than its share. By its
// events the app should run, and it does when somebody visits it.
func (s *Service) makeRoom(org core.OrgID) bool {
	sl := s.idlest(s.places.hungriest(org))
	if sl == nil {
		return false
	}
	defer s.unrefer(sl)
	select {
	case sl.turn <- struct{}{}: // who has the turn may wait for this one's
	default:
		return false
	}
	defer func() { <-sl.turn }()
	sl.log.add(FromPlatform, "it is stopped to make room, until somebody visits it")
	s.halt(sl)
	return true
}

// idlest finds the slot to make room with, and refers to it; nil: there is none. Of the
// org that has too much, any will do.
func (s *Service) idlest(hungry core.OrgID) *slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	var idle, of *slot
	idleSince, left := s.cfg.Now().Add(-idleAfter).UnixNano(), s.cfg.Now().UnixNano()+1
	for _, sl := range s.slots {
		p := sl.running.Load()
		if p == nil {
			continue
		}
		at := p.left.Load()
		if p.visitors.Load() == 0 && at < idleSince {
			idle, idleSince = sl, at
		}
		if p.ref.org == hungry && at < left {
			of, left = sl, at
		}
	}
	if idle == nil {
		idle = of
	}
	if idle != nil {
		idle.refs++
	}
	return idle
}

// visit notes a visitor until the function that it returns is called.
func (p *preview) visit(now func() time.Time) (leave func()) {
	p.visitors.Add(1)
	return func() {
		p.left.Store(now().UnixNano())
		p.visitors.Add(-1)
	}
}
