package gateway

import (
	recent "container/list"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// lane is the way to one operation of one provider: whether it is open, how many may be on
// it, and how it was last. Safe for concurrent use.
type lane struct {
	mu      sync.Mutex // held while the breaker is asked and then told
	breaker circuitbreaker.CircuitBreaker[any]
	places  bulkhead.Bulkhead[any] // nil: any number
	limited atomic.Int32           // how many models are in until
	until   map[string]time.Time   // before when the provider wants no request for a model; under mu
	said    atomic.Pointer[string] // why the last attempt failed; nil: it didn't
}

// laneKey names a lane. A provider that was changed has lanes of its own.
type laneKey struct {
	provider string // catalog.Provider.ID
	op       dialect.Operation
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
}

// maxLanes bounds the lanes of a node. One that goes is forgotten with what it has failed.
const maxLanes = 4096

func newLanes() *lanes { return &lanes{order: recent.New(), open: map[laneKey]*recent.Element{}} }

// of returns the lane to an operation of a provider.
func (l *lanes) of(p *catalog.Provider, op dialect.Operation) *lane {
	key := laneKey{p.ID, op}
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, ok := l.open[key]; ok {
		l.order.MoveToFront(at)
		return at.Value.(*entered).lane
	}
	e := &entered{key, newLane(p.Limits)}
	l.open[key] = l.order.PushFront(e)
	for l.order.Len() > maxLanes {
		delete(l.open, l.order.Remove(l.order.Back()).(*entered).key)
	}
	return e.lane
}

func newLane(c catalog.Limits) *lane {
	l := &lane{breaker: circuitbreaker.NewBuilder[any]().
		WithFailureThresholdRatio(uint(c.Failures), uint(c.FailuresOf)).
		WithDelay(c.OpenFor).
		WithSuccessThreshold(1). // which also has no more than one call try it
		Build()}
	if c.Concurrent > 0 {
		l.places = bulkhead.New[any](uint(c.Concurrent))
	}
	return l
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
func (l *lane) enter(provider, model string, now time.Time) (*place, *fault) {
	if wait := l.wait(model, now); wait > 0 {
		return nil, l.shut(core.Exhausted, provider, limited, wait)
	}
	if l.places != nil && !l.places.TryAcquirePermit() {
		return nil, l.shut(core.Unavailable, provider, full, 0)
	}
	l.mu.Lock()
	probe := !l.breaker.IsClosed()
	in := l.breaker.TryAcquirePermit()
	wait := l.breaker.RemainingDelay()
	l.mu.Unlock()
	if !in {
		l.free()
		f := l.shut(core.Unavailable, provider, broken, max(wait, time.Second))
		f.stuck = true
		return nil, f
	}
	return &place{lane: l, model: model, probe: probe}, nil
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
		p.record(nil)
		p.probe = false
	}
}

// leave gives the place back and notes how it went. f is nil for what went well.
func (p *place) leave(f *fault, now time.Time) {
	defer p.free()
	p.record(f)
	switch {
	case f == nil:
		if p.said.Load() != nil {
			p.said.Store(nil)
		}
		return
	case f.wait > 0:
		p.limit(p.model, now, f.wait)
	}
	if f.why != "" {
		p.said.Store(&f.why)
	}
}

// record tells the breaker how a call went. What was let in before the breaker opened says
// nothing about how the provider is since.
func (p *place) record(f *fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.probe && !p.breaker.IsClosed():
	case f == nil || !f.gone && !f.sick: // it answers
		p.breaker.RecordSuccess()
	case f.sick:
		p.breaker.RecordFailure()
	case p.probe: // its caller left, and it has shown nothing: the next call may
		p.breaker.Open()
		p.breaker.HalfOpen()
	}
}

func (l *lane) free() {
	if l.places != nil {
		l.places.ReleasePermit()
	}
}
