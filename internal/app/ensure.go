package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// retryAfter is how long a failed start on request is the answer to others.
const retryAfter = 10 * time.Second

// ensure returns the preview of an app that should run, and starts it if it
// doesn't: after a restart of the platform, the first request does that. It is
// unavailable if the app is stopped or doesn't start, and elsewhere if another node is its
// home.
func (s *Service) ensure(ctx context.Context, r ref) (*preview, error) {
	if p := s.current(r.app); p != nil && p.alive() {
		return p, nil
	}
	sl, err := s.hold(ctx, r.app)
	if err != nil {
		return nil, err
	}
	defer s.release(sl)
	if p := sl.running.Load(); p != nil {
		if p.alive() {
			return p, nil
		}
		return nil, core.E(core.Unavailable, "app", p.reason)
	}
	if sl.failure != nil && s.cfg.Now().Before(sl.retry) {
		return nil, sl.failure
	}
	st, err := s.Get(ctx, r.scope(), r.app)
	if err != nil {
		return nil, err
	}
	if st.Started == 0 {
		return nil, errStopped
	}
	// Others wait for this start: it doesn't end with the request that caused it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Ready+undoing)
	defer cancel()
	if err := s.run(ctx, sl, st, st.Started); err != nil {
		if other := (*elsewhere)(nil); errors.As(err, &other) {
			return nil, err
		}
		// Once, and here: the page that visitors get doesn't say why.
		s.cfg.Logger.WarnContext(ctx, "an app doesn't start on request", "app", st.ID, "version", st.Started, "error", err)
		sl.failure, sl.retry = err, s.cfg.Now().Add(retryAfter)
		return nil, err
	}
	return sl.running.Load(), nil
}

// errStopped says that a person, or too many crashes, stopped the app.
var errStopped = core.E(core.Unavailable, "app", "the app is stopped").WithHint("isekai app start APP starts it")

// current returns what runs of an app, or nil.
func (s *Service) current(app core.AppID) *preview {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sl := s.slots[app]; sl != nil {
		return sl.running.Load()
	}
	return nil
}

// Restore prepares for serving after a start of the platform: it learns every app's
// name from the view, which is to be up to date. What should run by its events is
// started by the first request to it, not here, so that a start of the platform
// doesn't wait for hundreds of apps.
func (s *Service) Restore(ctx context.Context) error {
	orgs, err := s.store.Orgs(ctx)
	if err != nil {
		return fmt.Errorf("app.restore: %w", err)
	}
	for _, org := range orgs {
		if err := s.learn(ctx, org); err != nil {
			return err
		}
	}
	return nil
}

// Shutdown stops every preview, without recording it: after the next start of
// the platform they run again. Nothing can be started afterwards.
func (s *Service) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.end()
	slots := make([]*slot, 0, len(s.slots))
	for _, sl := range s.slots {
		sl.refs++
		slots = append(slots, sl)
	}
	s.mu.Unlock()
	var stopping sync.WaitGroup
	for _, sl := range slots {
		stopping.Go(func() {
			defer s.unrefer(sl)
			select {
			case sl.turn <- struct{}{}:
				s.halt(sl)
				<-sl.turn
			case <-ctx.Done():
			}
		})
	}
	stopping.Wait()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("app.shutdown: %w", err)
	}
	s.procs.Wait()
	return nil
}
