package platform

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// ofServers stands in a label for the tools of MCP servers, whose names are tenants' words. It
// can't be a tool's name.
const ofServers = "(an MCP server's)"

// The outcomes of calls of tools that ended without an error. Others are a core.Code.
const (
	toolOK     = "ok"
	toolFailed = "failed" // the call was made, and what it was to do didn't succeed
)

// toolTimes are the bounds of how long calls of tools take, in seconds: a file is read in less
// than a millisecond, and an agent of others works for minutes.
var toolTimes = []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800}

// toolMetrics count what becomes of calls of tools on this node. Labels are bounded: a tool is
// one of the installation's, or ofServers.
type toolMetrics struct {
	ended   *prometheus.CounterVec
	took    *prometheus.HistogramVec
	longest *prometheus.GaugeVec
	all     *found[string, *toolSeries]
}

// toolSeries are where the calls of a tool are counted.
type toolSeries struct {
	by   *found[string, prometheus.Counter] // outcome
	took prometheus.Observer

	mu      sync.Mutex
	worst   time.Duration
	longest prometheus.Gauge
}

func newToolMetrics(to prometheus.Registerer) *toolMetrics {
	m := &toolMetrics{
		ended:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "isekai_tool_calls_total", Help: "Calls of tools that are over, by what came of them: ok, failed (the call was made and didn't succeed), or an error's code."}, []string{"tool", "outcome"}),
		took:    prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "isekai_tool_call_seconds", Help: "How long calls of tools took.", Buckets: toolTimes}, []string{"tool"}),
		longest: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "isekai_tool_call_longest_seconds", Help: "How long the longest call of a tool took."}, []string{"tool"}),
	}
	m.all = newFound(func(name string) *toolSeries {
		return &toolSeries{
			by:   newFound(func(outcome string) prometheus.Counter { return m.ended.WithLabelValues(name, outcome) }),
			took: m.took.WithLabelValues(name), longest: m.longest.WithLabelValues(name),
		}
	})
	to.MustRegister(m.ended, m.took, m.longest)
	return m
}

// observer returns what is told of calls, in an installation with these tools.
func (m *toolMetrics) observer(installed []tool.Tool) tool.Observer {
	names := map[string]bool{}
	for _, t := range installed {
		names[t.Spec().Name] = true
	}
	return func(s tool.Spec, took time.Duration, r tool.Result, err error) {
		name := s.Name
		if !names[name] {
			name = ofServers
		}
		m.all.of(name).called(took, outcomeOf(r, err))
	}
}

func outcomeOf(r tool.Result, err error) string {
	switch {
	case err != nil:
		return string(core.CodeOf(err))
	case r.Failed:
		return toolFailed
	}
	return toolOK
}

func (s *toolSeries) called(took time.Duration, outcome string) {
	s.by.of(outcome).Inc()
	s.took.Observe(took.Seconds())
	s.mu.Lock()
	defer s.mu.Unlock()
	if took > s.worst {
		s.worst = took
		s.longest.Set(took.Seconds())
	}
}
