package gateway

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
)

// The bounds of trying. A round asks each target once, so that another provider is asked
// before the same one again.
const (
	rounds    = 3
	firstWait = 250 * time.Millisecond // before the second round; then twice as long
	maxPause  = 20 * time.Second       // between rounds, because a provider asked for it
)

// attempt asks target by target, until one answers. Nothing was handed to the caller by
// then, so that another may be asked. Its error says how each target is.
func (g *Gateway) attempt(ctx context.Context, j *job) (*reply, error) {
	targets := g.order(j)
	t := trail{faults: make([]*fault, len(targets)), states: make([]string, len(targets))}
	for round := range rounds {
		if round > 0 {
			if !t.again() || !pause(ctx, t.pause(round)) {
				break
			}
		}
		for i, target := range targets {
			if f := t.faults[i]; f != nil && f.stuck {
				continue
			}
			r, f := g.attemptOne(ctx, j, target, &t.states[i])
			if r != nil {
				return r, nil
			}
			t.faults[i] = f
			if f != nil && f.final {
				return nil, f.err
			}
		}
	}
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	return nil, t.err(j.req.Model, targets)
}

// attemptOne asks one target, unless its lane lets nobody in; then both results are nil.
func (g *Gateway) attemptOne(ctx context.Context, j *job, t catalog.Target, how *string) (*reply, *fault) {
	l := g.lanes.of(t.Provider, j.Op)
	if s := l.enter(g.cfg.Now()); s != open {
		*how = l.how(s)
		return nil, nil
	}
	j.attempts++
	r, f := g.try(ctx, j, t)
	if f != nil {
		l.leave(f, g.cfg.Now())
		*how = f.why
		return nil, f
	}
	r.lane = l
	return r, nil
}

// trail is what came of the targets so far.
type trail struct {
	faults []*fault // of the last attempt; nil: there was none
	states []string
}

// again reports whether another round may do better.
func (t *trail) again() bool {
	for _, f := range t.faults {
		if f != nil && !f.stuck {
			return true
		}
	}
	return false
}

// pause is how long to wait before a round: with full jitter, so that callers which failed
// together don't come back together; or as long as the providers ask for, if all do.
func (t *trail) pause(round int) time.Duration {
	asked := time.Duration(-1)
	for _, f := range t.faults {
		if f != nil && !f.stuck && (asked < 0 || f.wait < asked) {
			asked = f.wait
		}
	}
	most := firstWait << (round - 1)
	return max(asked, 0) + most/4 + rand.N(most)
}

// pause waits, unless that takes too long or the caller goes.
func pause(ctx context.Context, d time.Duration) bool {
	if d > maxPause {
		return false
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// err is the error after the last attempt: of a single target its own, else what they have
// in common, with the state of each.
func (t *trail) err(model string, targets []catalog.Target) error {
	code, wait := core.Code(""), time.Duration(0)
	var last *fault
	var states []string
	for i, f := range t.faults {
		states = append(states, targets[i].Provider.Name+": "+t.states[i])
		is := core.Unavailable
		if f != nil {
			is, last = core.CodeOf(f.err), f
			if f.wait > 0 && (wait == 0 || f.wait < wait) {
				wait = f.wait
			}
		}
		if code == "" {
			code = is
		} else if code != is {
			code = core.Unavailable
		}
	}
	if len(targets) == 1 && last != nil {
		return last.waiting(wait)
	}
	e := core.E(code, op, "no provider of "+model+" can answer: "+strings.Join(states, "; ")).WithHint("try again later, or ask for another model")
	if last != nil {
		e = e.Because(last.err)
	}
	return (&fault{err: e}).waiting(wait)
}

// Wait is how long it is of no use to ask again. It is in errors of code exhausted and
// unavailable.
type Wait time.Duration

// Error implements error.
func (w Wait) Error() string { return "again in " + time.Duration(w).Round(time.Second).String() }

// waiting is the fault's error with how long to wait.
func (f *fault) waiting(d time.Duration) error {
	if d <= 0 {
		return f.err
	}
	return errors.Join(f.err, Wait(d))
}
