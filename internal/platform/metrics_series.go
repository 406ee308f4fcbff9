package platform

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// callLabels are what calls that are counted together have in common.
type callLabels struct {
	provider, model string
	op              dialect.Operation
	status          string
	code            core.Code
}

// callSeries are where they are counted. Nothing is shown of a time or a kind of token before
// there is one.
type callSeries struct {
	calls       prometheus.Counter
	took, first func() prometheus.Observer
	tokens      [len(tokenKinds)]func() prometheus.Counter
}

// tokenKinds are the kinds of tokens, in the order in which Called counts them.
var tokenKinds = [...]string{"input", "output", "cached", "cache_write", "reasoning"}

func (m *metrics) newCallSeries(l callLabels) *callSeries {
	s := &callSeries{
		calls: m.calls.WithLabelValues(l.provider, l.model, string(l.op), l.status, string(l.code)),
		took:  sync.OnceValue(func() prometheus.Observer { return m.took.WithLabelValues(l.provider, string(l.op)) }),
		first: sync.OnceValue(func() prometheus.Observer { return m.first.WithLabelValues(l.provider, string(l.op)) }),
	}
	for i, kind := range tokenKinds {
		s.tokens[i] = sync.OnceValue(func() prometheus.Counter { return m.tokens.WithLabelValues(l.provider, l.model, kind) })
	}
	return s
}

// attemptLabels are what attempts that are counted together have in common.
type attemptLabels struct {
	provider string
	op       dialect.Operation
	outcome  string
}

func (m *metrics) newAttemptSeries(l attemptLabels) prometheus.Counter {
	return m.attempts.WithLabelValues(l.provider, string(l.op), l.outcome)
}

// found are series that were found by their labels, which takes longer than to count. They are
// as many as the labels let there be. Safe for concurrent use.
type found[L comparable, S any] struct {
	find func(L) S

	mu  sync.RWMutex
	all map[L]S
}

func newFound[L comparable, S any](find func(L) S) *found[L, S] {
	return &found[L, S]{find: find, all: map[L]S{}}
}

func (f *found[L, S]) of(l L) S {
	f.mu.RLock()
	s, ok := f.all[l]
	f.mu.RUnlock()
	if ok {
		return s
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s, ok = f.all[l]; !ok {
		s = f.find(l)
		f.all[l] = s
	}
	return s
}
