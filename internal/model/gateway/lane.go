package gateway

import (
	recent "container/list"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// lane is the way to one operation of one provider: whether it is open, how many may be on
// it, and how it was last. Safe for concurrent use.
type lane struct {
	breaker circuitbreaker.CircuitBreaker[any]
	places  bulkhead.Bulkhead[any] // nil: any number
	until   atomic.Int64           // Unix nanoseconds before which the provider wants no request
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
		Build()}
	if c.Concurrent > 0 {
		l.places = bulkhead.New[any](uint(c.Concurrent))
	}
	return l
}

// state is why a lane takes no request now.
type state string

const (
	open    state = ""
	broken  state = "its breaker is open"
	full    state = "all its places are taken"
	limited state = "it is limiting the rate of requests"
)

// enter takes a place on the lane. Unless the state is open, no place was taken. Otherwise
// one of leave's has to follow.
func (l *lane) enter(now time.Time) state {
	if until := l.until.Load(); until != 0 && now.UnixNano() < until {
		return limited
	}
	if l.places != nil && !l.places.TryAcquirePermit() {
		return full
	}
	if !l.breaker.TryAcquirePermit() {
		l.free()
		return broken
	}
	return open
}

// leave gives the place back and notes how it went. f is nil for what went well.
func (l *lane) leave(f *fault, now time.Time) {
	defer l.free()
	switch {
	case f == nil:
		l.breaker.RecordSuccess()
		if l.said.Load() != nil {
			l.said.Store(nil)
		}
		return
	case f.sick:
		l.breaker.RecordFailure()
	case f.gone && !l.breaker.IsClosed():
		l.breaker.RecordFailure() // a probe that its caller left has shown nothing; the next one may
	case !f.gone:
		l.breaker.RecordSuccess() // it answers
	}
	if f.wait > 0 {
		l.until.Store(now.Add(f.wait).UnixNano())
	}
	if f.why != "" {
		l.said.Store(&f.why)
	}
}

func (l *lane) free() {
	if l.places != nil {
		l.places.ReleasePermit()
	}
}

// String says how the lane is, for people.
func (l *lane) how(s state) string {
	if said := l.said.Load(); said != nil {
		if s == open {
			return *said
		}
		return string(s) + " (" + *said + ")"
	}
	return string(s)
}
