package watch

import (
	"context"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

const (
	termName = "watches"
	term     = 3 * time.Minute // longer than a round takes
	round    = 32              // watches that are looked at in a row
	atOnce   = 8
	lookTime = time.Minute // for one, with what it tells
)

// Run looks at what is due, on one node of the installation at a time, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	holder := s.cfg.IDs("nod")
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := s.cfg.Terms.Resign(ctx, termName, holder); err != nil {
			s.cfg.Log.WarnContext(ctx, "the watches' term goes on until it ends", "error", err)
		}
	}()
	tick := time.NewTicker(s.cfg.Tick)
	defer tick.Stop()
	for {
		n, err := s.Round(ctx, holder)
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.WarnContext(ctx, "watches aren't looked at", "error", err)
		}
		if n == round {
			continue // there may be more
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-tick.C:
		}
	}
}

// Round looks at some of what is due, and returns how many. It does nothing while another holder
// does. A look that can't be kept is made again.
func (s *Service) Round(ctx context.Context, holder string) (int, error) {
	if leads, err := s.cfg.Terms.Lead(ctx, termName, holder, term); err != nil || !leads {
		return 0, err
	}
	all, err := s.due(ctx, round)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, term-30*time.Second) // within the term
	defer cancel()
	queue := make(chan store.Doc[dueDoc], len(all))
	for _, d := range all {
		queue <- d
	}
	close(queue)
	var wg sync.WaitGroup
	for range min(atOnce, len(all)) {
		wg.Go(func() {
			for d := range queue {
				if ctx.Err() != nil {
					return
				}
				if err := s.attend(ctx, d); err != nil && ctx.Err() == nil {
					s.cfg.Log.WarnContext(ctx, "a watch isn't looked at", "org", d.Data.Org, "watch", d.Data.Watch, "error", err)
					s.later(ctx, d)
				}
			}
		})
	}
	wg.Wait()
	return len(all), nil
}

// later puts off what the store, or whoever is told, doesn't take, so that it keeps nobody else
// waiting.
func (s *Service) later(ctx context.Context, d store.Doc[dueDoc]) {
	w, err := s.find(ctx, d.Data.Org, d.Data.Project, d.Data.Watch)
	if err == nil {
		w.Data.Next = s.cfg.Now().UTC().Add(time.Minute).Truncate(time.Second)
		if err = s.plan(ctx, d.Data.Org, w.Data); err == nil {
			err = s.cfg.Records.Write(ctx, d.Data.Org, watches.Put(w))
		}
	}
	if err == nil {
		err = s.done(ctx, d)
	}
	if code := core.CodeOf(err); err != nil && ctx.Err() == nil && code != core.Conflict && code != core.NotFound {
		s.cfg.Log.WarnContext(ctx, "a watch isn't put off", "watch", d.Data.Watch, "error", err)
	}
}
