package notify

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

const (
	lookEvery = 2 * time.Second // between two looks at the queue without news; other processes add to it, too
	claimFor  = time.Minute     // longer than a try takes: then somebody else may try
	stopTime  = 3 * time.Second // that tries under way get at a stop
	atOnce    = 32              // tries on a node
	orgAtOnce = 4               // of one org
	lookPage  = 200             // items that are looked at at once
	lookPages = 10              // in one look: behind so many of orgs that are busy others wait
)

// Run sends what is due, on this node, until ctx ends; then it waits for tries under way, but
// not for long: what they didn't finish is tried again by whoever runs next.
func (s *Service) Run(ctx context.Context) error {
	trying, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	r := runner{Service: s, orgs: map[core.OrgID]int{}, ended: make(chan struct{}, 1)}
	for {
		next, err := r.look(ctx, trying)
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.WarnContext(ctx, "what is to be sent can't be read", "err", err)
		}
		t := time.NewTimer(next)
		select {
		case <-ctx.Done():
			t.Stop()
			r.wait(stop)
			return nil
		case <-s.wake:
		case <-r.ended:
		case <-t.C:
		}
		t.Stop()
	}
}

// runner is a Service at work.
type runner struct {
	*Service
	all   sync.WaitGroup
	ended chan struct{} // a try has ended: there is room for another

	mu    sync.Mutex
	total int
	orgs  map[core.OrgID]int // tries under way
}

// wait waits for the tries under way, and stops them when their time is over.
func (r *runner) wait(stop func()) {
	over := time.AfterFunc(stopTime, stop)
	defer over.Stop()
	r.all.Wait()
}

// look begins to try what is due, as far as there is room, and returns when to look again.
func (r *runner) look(ctx, trying context.Context) (time.Duration, error) {
	after := ""
	for range lookPages {
		items, err := r.queue.list(ctx, after, lookPage)
		if err != nil {
			return lookEvery, err
		}
		for _, i := range items {
			after = i.ID
			if wait := i.due.Sub(r.cfg.Now()); wait > 0 {
				return min(wait, lookEvery), nil
			}
			room, full := r.enter(i.Data.Org)
			if full {
				return lookEvery, nil
			}
			if room {
				r.begin(ctx, trying, i)
			}
		}
		if len(items) < lookPage {
			return lookEvery, nil
		}
	}
	return lookEvery, nil
}

// enter makes room for a try of an org's, if there is; full says that there is none at all.
func (r *runner) enter(org core.OrgID) (room, full bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.total >= atOnce {
		return false, true
	}
	if r.orgs[org] >= orgAtOnce {
		return false, false
	}
	r.total++
	r.orgs[org]++
	return true, false
}

func (r *runner) leave(org core.OrgID) {
	r.mu.Lock()
	if r.total--; r.orgs[org] == 1 {
		delete(r.orgs, org)
	} else {
		r.orgs[org]--
	}
	r.mu.Unlock()
	poke(r.ended)
}

// begin claims an item and tries it beside the caller. One that somebody else has claimed is
// theirs.
func (r *runner) begin(ctx, trying context.Context, i item) {
	mine, err := r.queue.move(ctx, i, r.cfg.Now().Add(claimFor))
	if err != nil {
		if core.CodeOf(err) != core.Conflict && ctx.Err() == nil {
			r.cfg.Log.WarnContext(ctx, "what is due can't be claimed", "err", err)
		}
		r.leave(i.Data.Org)
		return
	}
	r.all.Go(func() {
		defer r.leave(i.Data.Org)
		if err := r.try(trying, mine); err != nil && trying.Err() == nil {
			r.cfg.Log.WarnContext(ctx, "what is due is tried later", "org", i.Data.Org, "kind", i.Data.Kind, "err", err)
		}
	})
}

// try does a job and says in the queue what is left of it. An error leaves it claimed: it is
// tried again when that ends.
func (s *Service) try(ctx context.Context, i item) error {
	do := map[string]func(context.Context, job) (time.Time, error){jobHook: s.tryDelivery, jobMail: s.tryMail}[i.Data.Kind]
	if do == nil {
		return s.queue.done(ctx, i)
	}
	next, err := do(ctx, i.Data)
	if core.CodeOf(err) == core.NotFound { // what it was about, or its org, is gone
		next, err = time.Time{}, nil
	}
	if ctx.Err() != nil { // at a stop: whoever runs next goes on at once
		later, stop := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer stop()
		_, moved := s.queue.move(later, i, s.cfg.Now())
		return errors.Join(err, moved)
	}
	switch {
	case err != nil:
		return err
	case next.IsZero():
		return s.queue.done(ctx, i)
	}
	_, err = s.queue.move(ctx, i, next)
	return err
}
