package platform

import (
	"cmp"
	"math"
	"os"
	"runtime"
	runtimemetrics "runtime/metrics"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/isekai-run/isekai/internal/client"
)

// diagnostics is what this node has counted: what /metrics says of it, and the slow statements.
func (n *node) diagnostics() client.Diagnostics {
	d := n.metrics.diagnostics()
	d.Node, d.Version, d.SlowMS = n.name, BuildVersion, millis(n.cfg.Store.SlowAfter)
	return d
}

// hostname is what a node that has no name is called.
func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}

func (m *metrics) diagnostics() client.Diagnostics {
	return client.Diagnostics{
		Since: m.since.UTC(), Requests: m.requests.counts(), Tools: m.tools.counts(), Models: m.modelCounts(), Providers: m.providerCounts(),
		Queries: m.slow.list(), Runtime: runtimeState(time.Since(m.since)),
	}
}

// sample is a series of a collector: its value or histogram, by its labels.
type sample struct {
	labels map[string]string
	*dto.Metric
}

// samples are a collector's, as they are now.
func samples(c prometheus.Collector) []sample {
	found := make(chan prometheus.Metric)
	go func() {
		defer close(found)
		c.Collect(found)
	}()
	var all []sample
	for f := range found {
		s := sample{map[string]string{}, &dto.Metric{}}
		if f.Write(s.Metric) != nil {
			continue // of a collector that can't say what it has; ours can
		}
		for _, l := range s.Label {
			s.labels[l.GetName()] = l.GetValue()
		}
		all = append(all, s)
	}
	return all
}

// rows are what is said of things, by what they are.
type rows[K comparable, R any] map[K]*R

// of returns the row of a thing, which fill begins.
func (r rows[K, R]) of(key K, fill func() R) *R {
	if r[key] == nil {
		row := fill()
		r[key] = &row
	}
	return r[key]
}

// sorted returns the rows in an order.
func (r rows[K, R]) sorted(order func(a, b R) int) []R {
	all := make([]R, 0, len(r))
	for _, row := range r {
		all = append(all, *row)
	}
	slices.SortFunc(all, order)
	return all
}

func (m *requestMetrics) counts() []client.RequestCount {
	all := rows[string, client.RequestCount]{}
	row := func(s sample) *client.RequestCount {
		operation := s.labels["operation"]
		return all.of(operation, func() client.RequestCount {
			return client.RequestCount{Operation: operation, Statuses: map[string]int64{}}
		})
	}
	for _, s := range samples(m.ended) {
		r, status, n := row(s), s.labels["status"], int64(s.Counter.GetValue())
		r.Count += n
		switch {
		case status >= "500":
			r.Failed += n
		case status >= "400":
			r.Refused += n
		default:
			continue
		}
		r.Statuses[status] += n
	}
	for _, s := range samples(m.took) {
		r := row(s)
		r.Timing, r.TotalMS = timing(s.Histogram), rounded(1000*s.Histogram.GetSampleSum())
	}
	for _, s := range samples(m.open) {
		row(s).InFlight = int64(s.Gauge.GetValue())
	}
	for operation, r := range all {
		if r.Count == 0 && r.InFlight == 0 { // nobody has asked
			delete(all, operation)
		}
	}
	return all.sorted(func(a, b client.RequestCount) int {
		return cmp.Or(cmp.Compare(b.TotalMS, a.TotalMS), strings.Compare(a.Operation, b.Operation))
	})
}

func (m *toolMetrics) counts() []client.ToolCount {
	all := rows[string, client.ToolCount]{}
	row := func(s sample) *client.ToolCount {
		name := s.labels["tool"]
		return all.of(name, func() client.ToolCount { return client.ToolCount{Tool: name, Errors: map[string]int64{}} })
	}
	for _, s := range samples(m.ended) {
		r, n := row(s), int64(s.Counter.GetValue())
		r.Count += n
		switch outcome := s.labels["outcome"]; outcome {
		case toolOK:
		case toolFailed:
			r.Failed += n
		default:
			r.Errors[outcome] += n
		}
	}
	for _, s := range samples(m.took) {
		r := row(s)
		r.Timing, r.TotalMS = timing(s.Histogram), rounded(1000*s.Histogram.GetSampleSum())
	}
	for _, s := range samples(m.longest) {
		r, longest := row(s), rounded(1000*s.Gauge.GetValue())
		r.LongestMS, r.P50, r.P95, r.P99 = longest, min(r.P50, longest), min(r.P95, longest), min(r.P99, longest)
	}
	return all.sorted(func(a, b client.ToolCount) int {
		return cmp.Or(cmp.Compare(b.TotalMS, a.TotalMS), strings.Compare(a.Tool, b.Tool))
	})
}

func (m *metrics) modelCounts() []client.ModelCount {
	all := rows[[3]string, client.ModelCount]{}
	for _, s := range samples(m.calls) {
		l, n := s.labels, int64(s.Counter.GetValue())
		r := all.of([3]string{l["provider"], l["model"], l["op"]}, func() client.ModelCount {
			return client.ModelCount{Provider: l["provider"], Model: l["model"], Operation: l["op"], Statuses: map[string]int64{}, Errors: map[string]int64{}}
		})
		r.Count += n
		r.Statuses[l["status"]] += n
		if l["code"] != "" {
			r.Errors[l["code"]] += n
		}
	}
	return all.sorted(func(a, b client.ModelCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Provider, b.Provider), strings.Compare(a.Model, b.Model), strings.Compare(a.Operation, b.Operation))
	})
}

func (m *metrics) providerCounts() []client.ProviderCount {
	all := rows[[2]string, client.ProviderCount]{}
	row := func(s sample) *client.ProviderCount {
		l := s.labels
		return all.of([2]string{l["provider"], l["op"]}, func() client.ProviderCount {
			return client.ProviderCount{Provider: l["provider"], Operation: l["op"], Attempts: map[string]int64{}}
		})
	}
	for _, s := range samples(m.attempts) {
		row(s).Attempts[s.labels["outcome"]] += int64(s.Counter.GetValue())
	}
	for _, s := range samples(m.took) {
		row(s).Call = timing(s.Histogram)
	}
	for _, s := range samples(m.first) {
		row(s).First = timing(s.Histogram)
	}
	return all.sorted(func(a, b client.ProviderCount) int {
		return cmp.Or(strings.Compare(a.Provider, b.Provider), strings.Compare(a.Operation, b.Operation))
	})
}

// rounded is a number of milliseconds, to the microsecond.
func rounded(ms float64) float64 { return math.Round(ms*1000) / 1000 }

// runtimeState is how this process is. It doesn't stop it to look.
func runtimeState(up time.Duration) client.RuntimeState {
	read := []runtimemetrics.Sample{
		{Name: "/sched/goroutines:goroutines"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/total:bytes"},
		{Name: "/gc/cycles/total:gc-cycles"}, {Name: "/cpu/classes/gc/total:cpu-seconds"},
	}
	runtimemetrics.Read(read)
	whole := func(i int) int64 { return int64(read[i].Value.Uint64()) }
	return client.RuntimeState{
		Go: runtime.Version(), CPUs: runtime.GOMAXPROCS(0), Goroutines: whole(0), HeapBytes: whole(1), TotalBytes: whole(2),
		GCCycles: whole(3), GCSeconds: rounded(read[4].Value.Float64()), UptimeSeconds: rounded(up.Seconds()),
	}
}
