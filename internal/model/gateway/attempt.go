package gateway

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
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
	t := trail{faults: make([]*fault, len(targets))}
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
			r, f := g.attemptOne(ctx, j, target)
			g.tried(j, target, f)
			if f == nil {
				return r, nil
			}
			if f.final {
				return nil, f.err
			}
			t.faults[i] = f
		}
	}
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	return nil, t.err(j.req.Model, targets)
}

// attemptOne asks one target, unless its lane lets nobody in. What fails before that says
// nothing about the provider.
func (g *Gateway) attemptOne(ctx context.Context, j *job, t catalog.Target) (*reply, *fault) {
	r := &reply{target: t, op: j.Op, room: share{of: g.room, by: &j.Call}}
	req, f := g.request(ctx, j, r)
	if f != nil {
		return nil, f
	}
	if f = g.anew(ctx, j); f != nil {
		return nil, f
	}
	if r.lane, f = g.lanes.of(t.Provider, j.Op, j.Scope.Org).enter(t.Provider.Name, t.Model, g.cfg.Now()); f != nil {
		return nil, f
	}
	j.attempts++
	f = &fault{gone: true} // should it panic
	defer func() {
		if f != nil {
			r.lane.leave(f, g.cfg.Now())
			r.room.end()
		}
	}()
	if f = g.try(ctx, j, r, req); f != nil {
		if f.cut {
			j.cut = &r.target
		}
		return nil, f
	}
	return r, nil
}

// anew has a provider be paid that was at work when its time was over, and sets aside what the call
// may cost at the next: that one is paid, too. Without so much nobody else is asked.
func (g *Gateway) anew(ctx context.Context, j *job) *fault {
	if j.cut == nil || j.ticket == nil {
		return nil
	}
	j.charge(g, *j.cut, core.Usage{Input: read(j.req), Estimated: true}, meter.StatusFailed, 0)
	j.cut, j.paid = nil, j.attempts
	if err := g.open(ctx, j, most(j.req)); err != nil {
		return &fault{err: err, final: true, gone: core.CodeOf(err) == core.Canceled, why: "credits don't cover it besides the one before"}
	}
	return nil
}

// trail is what came of the targets so far.
type trail struct {
	faults []*fault // of the last attempt
}

// again reports whether another round may do better.
func (t *trail) again() bool {
	for _, f := range t.faults {
		if !f.stuck {
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
		if !f.stuck && (asked < 0 || f.wait < asked) {
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
	var code core.Code
	wait := time.Duration(-1) // of whoever may do better first
	states := make([]string, len(targets))
	for i, f := range t.faults {
		states[i] = targets[i].Provider.Name + ": " + f.why
		if is := core.CodeOf(f.err); i == 0 {
			code = is
		} else if code != is {
			code = core.Unavailable
		}
		if (!f.stuck || f.wait > 0) && (wait < 0 || f.wait < wait) {
			wait = f.wait
		}
	}
	if len(targets) == 1 {
		return t.faults[0].waiting(wait)
	}
	e := core.E(code, op, "no provider of "+model+" can answer: "+strings.Join(states, "; ")).WithHint("try again later, or ask for another model")
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
