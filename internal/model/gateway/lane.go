package gateway

import (
	recent "container/list"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// lane is an org's way to one operation of one provider: whether it is open, how many are on
// it, and how it was last. What one org provokes closes no lane of another's. Safe for
// concurrent use.
type lane struct {
	mu        sync.Mutex // held while the breaker is asked and then told
	breaker   circuitbreaker.CircuitBreaker[any]
	openFor   time.Duration          // that nobody tries the provider which has failed
	shutUntil time.Time              // when that is over; under mu
	lot       *lot                   // that all orgs share
	inUse     atomic.Int64           // places of it
	limited   atomic.Int32           // how many models are in until
	until     map[string]time.Time   // before when the provider wants no request for a model; under mu
	said      atomic.Pointer[string] // why the last attempt failed; nil: it didn't
}

// lot are the places for calls of one operation of one provider.
type lot struct {
	most  int64 // 0: any number
	inUse atomic.Int64
}

// take takes a place for a lane. An org that has half of all gets none of the last quarter:
// that is for the others.
func (l *lot) take(by *lane) bool {
	mine, all := by.inUse.Add(1), l.inUse.Add(1)
	if l.most > 0 && (all > l.most || mine > l.most/2 && all > l.most-l.most/4) {
		l.give(by)
		return false
	}
	return true
}

func (l *lot) give(by *lane) {
	by.inUse.Add(-1)
	l.inUse.Add(-1)
}

// laneKey names a lane, and with an empty org what is shared. A provider that was changed
// has lanes of its own.
type laneKey struct {
	provider string // catalog.Provider.ID
	op       dialect.Operation
	org      core.OrgID
}

// lanes are those that were used last. Safe for concurrent use.
type lanes struct {
	mu    sync.Mutex
	order *recent.List // of *entered, the last used first
	open  map[laneKey]*recent.Element
}

type entered struct {
	key  laneKey
	lane *lane
	lot  *lot // of a key without an org
}

// maxLanes bounds the lanes of a node. One that goes is forgotten with what it has failed.
const maxLanes = 8192

func newLanes() *lanes { return &lanes{order: recent.New(), open: map[laneKey]*recent.Element{}} }

// of returns an org's lane to an operation of a provider.
func (l *lanes) of(p *catalog.Provider, op dialect.Operation, org core.OrgID) *lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	shared := l.at(laneKey{provider: p.ID, op: op}, func(e *entered) { e.lot = &lot{most: int64(p.Limits.Concurrent)} })
	return l.at(laneKey{p.ID, op, org}, func(e *entered) { e.lane = newLane(p.Limits, shared.lot) }).lane
}

// at returns what is of a key, which make makes. l.mu is held.
func (l *lanes) at(key laneKey, make func(*entered)) *entered {
	if at, ok := l.open[key]; ok {
		l.order.MoveToFront(at)
		return at.Value.(*entered)
	}
	e := &entered{key: key}
	make(e)
	l.open[key] = l.order.PushFront(e)
	for l.order.Len() > maxLanes {
		delete(l.open, l.order.Remove(l.order.Back()).(*entered).key)
	}
	return e
}

func newLane(c catalog.Limits, places *lot) *lane {
	return &lane{lot: places, openFor: c.OpenFor, breaker: circuitbreaker.NewBuilder[any]().
		WithFailureThresholdRatio(uint(c.Failures), uint(c.FailuresOf)).
		WithDelay(math.MaxInt64). // by its own clock; the lane half-opens it by the gateway's
		WithSuccessThreshold(1).  // which also has no more than one call try it
		Build()}
}

// Why a lane takes no request now.
const (
	broken  = "its breaker is open"
	full    = "all its places are taken"
	limited = "it is limiting the rate of requests"
)

// place is what a call has on a lane, from enter until leave.
type place struct {
	*lane
	model string
	probe bool // by which the breaker learns whether to close
}

// maxLimited bounds the models of a lane whose rate is limited.
const maxLimited = 256

// enter takes a place on the lane for a model, unless there is a fault.
func (l *lane) enter(provider, model string, now time.Time) (place, *fault) {
	if wait := l.wait(model, now); wait > 0 {
		return place{}, l.shut(core.Exhausted, provider, limited, wait)
	}
	if !l.lot.take(l) {
		return place{}, l.shut(core.Unavailable, provider, full, 0)
	}
	probe, wait, in := l.admits(now)
	if !in {
		l.lot.give(l)
		f := l.shut(core.Unavailable, provider, broken, max(wait, time.Second))
		f.stuck = true
		return place{}, f
	}
	return place{lane: l, model: model, probe: probe}, nil
}

// admits reports whether the breaker lets a call in, and whether by it the breaker learns
// whether to close; else how long it is open.
func (l *lane) admits(now time.Time) (probe bool, wait time.Duration, in bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if wait = l.shutUntil.Sub(now); wait <= 0 && l.breaker.IsOpen() {
		l.breaker.HalfOpen()
	}
	return !l.breaker.IsClosed(), wait, l.breaker.TryAcquirePermit()
}

// wait is how long the provider wants no request for a model.
func (l *lane) wait(model string, now time.Time) time.Duration {
	if l.limited.Load() == 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until[model].Sub(now)
}

// limit notes that the provider wants no request for a model for so long.
func (l *lane) limit(model string, now time.Time, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.until, func(_ string, until time.Time) bool { return !now.Before(until) })
	if l.until == nil {
		l.until = map[string]time.Time{}
	}
	if _, is := l.until[model]; is || len(l.until) < maxLimited {
		l.until[model] = now.Add(wait)
	}
	l.limited.Store(int32(len(l.until)))
}

// shut is the fault of a lane that lets nobody in.
func (l *lane) shut(code core.Code, provider, why string, wait time.Duration) *fault {
	if said := l.said.Load(); said != nil {
		why += " (" + *said + ")"
	}
	return &fault{err: core.E(code, op, "the provider "+provider+" isn't asked now: "+why), wait: wait, why: why}
}

// answered notes that a stream has begun, so that others are let in while it goes on.
func (p *place) answered() {
	if p.probe {
		p.record(nil, time.Time{})
		p.probe = false
	}
}

// leave gives the place back and notes how it went. f is nil for what went well.
func (p *place) leave(f *fault, now time.Time) {
	defer p.lot.give(p.lane)
	p.record(f, now)
	switch {
	case f == nil:
		if p.said.Load() != nil {
			p.said.Store(nil)
		}
		return
	case f.wait > 0 && !f.alone:
		p.limit(p.model, now, f.wait)
	}
	if f.why != "" {
		p.said.Store(&f.why)
	}
}

// record tells the breaker how a call went. What was let in before the breaker opened says
// nothing about how the provider is since.
func (p *place) record(f *fault, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.probe && !p.breaker.IsClosed():
	case f == nil || !f.gone && !f.sick: // it answers
		p.breaker.RecordSuccess()
	case f.sick:
		if p.breaker.RecordFailure(); p.breaker.IsOpen() {
			p.shutUntil = now.Add(p.openFor)
		}
	case p.probe: // its caller left, and it has shown nothing: the next call may
		p.breaker.Open()
		p.breaker.HalfOpen()
	}
}
