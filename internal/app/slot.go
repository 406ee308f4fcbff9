package app

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// idleSlots is how many apps that don't run keep their log in memory.
const idleSlots = 64

// slot is an app's place among the previews: its log, what runs, and whose turn
// it is to change that. It stays while somebody refers to it or it runs; beyond
// that the idle ones are dropped, idleSlots kept.
type slot struct {
	app     core.AppID
	log     *Ring
	running atomic.Pointer[preview]
	turn    chan struct{} // capacity 1: filled by who starts, stops or deletes

	refs int       // guarded by Service.mu
	used time.Time // guarded by Service.mu: when refs last became 0

	failure error     // guarded by turn: why the last start on request failed,
	retry   time.Time // and until when that is the answer
}

// refer returns the app's slot, and keeps it until unrefer.
func (s *Service) refer(app core.AppID) (*slot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil, errShutdown()
	}
	sl := s.slots[app]
	if sl == nil {
		sl = &slot{app: app, log: newRing(s.cfg.Now), turn: make(chan struct{}, 1)}
		s.slots[app] = sl
	}
	sl.refs++
	return sl, nil
}

func (s *Service) unrefer(sl *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sl.refs--; sl.refs == 0 {
		sl.used = s.cfg.Now()
	}
	if len(s.slots) > idleSlots {
		s.evict()
	}
}

// evict drops the idle slot that was left longest ago, if there are more than
// idleSlots of them.
func (s *Service) evict() {
	var oldest *slot
	idle := 0
	for _, sl := range s.slots {
		if sl.refs > 0 || sl.running.Load() != nil {
			continue
		}
		if idle++; oldest == nil || sl.used.Before(oldest.used) {
			oldest = sl
		}
	}
	if idle > idleSlots {
		delete(s.slots, oldest.app)
	}
}

// hold waits for the app's turn; release ends it.
func (s *Service) hold(ctx context.Context, app core.AppID) (*slot, error) {
	sl, err := s.refer(app)
	if err != nil {
		return nil, err
	}
	select {
	case sl.turn <- struct{}{}:
	case <-ctx.Done():
		s.unrefer(sl)
		return nil, ctx.Err()
	case <-s.ctx.Done():
		s.unrefer(sl)
		return nil, errShutdown()
	}
	if s.ctx.Err() != nil {
		s.release(sl)
		return nil, errShutdown()
	}
	return sl, nil
}

func (s *Service) release(sl *slot) {
	<-sl.turn
	s.unrefer(sl)
}

func errShutdown() error {
	return core.E(core.Unavailable, "app", "the platform is shutting down").WithHint("try again once it is up")
}
