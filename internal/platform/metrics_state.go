package platform

import (
	"context"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
)

// modelStates collects how the ways to providers are at the moment when it is asked. What
// orgs have of their own is one provider, as in metrics.
type modelStates struct {
	gateway *gateway.Gateway
	catalog *catalog.Catalog
}

var (
	openCalls = prometheus.NewDesc("isekai_model_calls_open", "Calls under way to a provider.", []string{"provider", "op"}, nil)
	shutOrgs  = prometheus.NewDesc("isekai_model_orgs_shut", "Orgs whose calls a provider isn't asked now: its breaker is open, or it limits their rate.", []string{"provider", "op", "state"}, nil)
)

// Describe implements prometheus.Collector.
func (m modelStates) Describe(to chan<- *prometheus.Desc) { to <- openCalls; to <- shutOrgs }

// Collect implements prometheus.Collector.
func (m modelStates) Collect(to chan<- prometheus.Metric) {
	house, err := m.catalog.Providers(context.Background(), core.Installation)
	if err != nil {
		to <- prometheus.NewInvalidMetric(openCalls, err)
		return
	}
	names := map[string]string{} // of the installation's, as they are now
	for _, p := range house {
		names[p.ID] = p.Name
	}
	type way struct{ provider, op string }
	calls, shut := map[way]int64{}, map[way]map[string]int{}
	for _, s := range m.gateway.States("") {
		name := names[s.Provider]
		if name == "" && strings.HasPrefix(s.Provider, string(core.Installation)+"/") {
			continue // it was changed or removed since
		}
		if name == "" {
			name = ofOrgs
		}
		at := way{name, string(s.Op)}
		calls[at] += s.Calls
		if shut[at] == nil {
			shut[at] = map[string]int{gateway.StateOpen: 0, gateway.StateLimited: 0}
		}
		if _, is := shut[at][s.State]; is {
			shut[at][s.State] += s.Orgs
		}
	}
	for at, n := range calls {
		to <- prometheus.MustNewConstMetric(openCalls, prometheus.GaugeValue, float64(n), at.provider, at.op)
		for state, n := range shut[at] {
			to <- prometheus.MustNewConstMetric(shutOrgs, prometheus.GaugeValue, float64(n), at.provider, at.op, state)
		}
	}
}
