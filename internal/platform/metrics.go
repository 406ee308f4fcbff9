package platform

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// metrics counts what becomes of calls of models on this node, and writes failed ones to its
// log; it has what counts requests, calls of tools and slow statements, too. It is the gateway's Observer. Labels are bounded by what operators have said: a
// provider is one of the installation's, or ofOrgs; a model is one that such a provider lists,
// or otherModel. Nothing that a caller sends becomes a label.
type metrics struct {
	registry *prometheus.Registry
	log      *slog.Logger
	calls    *prometheus.CounterVec
	attempts *prometheus.CounterVec
	tokens   *prometheus.CounterVec
	took     *prometheus.HistogramVec
	first    *prometheus.HistogramVec
	ended    *found[callLabels, *callSeries]
	asked    *found[attemptLabels, prometheus.Counter]
	sent     *prometheus.CounterVec
	since    time.Time
	requests *requestMetrics
	tools    *toolMetrics
	slow     *slowQueries
}

// What stands in a label for what isn't named there: neither can be a provider's name.
const (
	ofOrgs     = "(an org's own)"
	otherModel = "(other)"
)

// callTimes are the bounds of durations, in seconds: an answer of a cache takes a millisecond,
// and of a model up to minutes.
var callTimes = []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}

func newMetrics(log *slog.Logger) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	times := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: callTimes}, []string{"provider", "op"})
	}
	m := &metrics{
		registry: prometheus.NewRegistry(), log: log, since: time.Now(),
		calls:    counter("isekai_model_calls_total", "Calls of models that are over, by who answered, and how they ended.", "provider", "model", "op", "status", "code"),
		attempts: counter("isekai_model_attempts_total", "Times that a provider was to be asked, by what came of it.", "provider", "op", "outcome"),
		tokens:   counter("isekai_model_tokens_total", "Tokens of calls of models; cached is a part of input, reasoning of output.", "provider", "model", "kind"),
		took:     times("isekai_model_call_seconds", "How long calls took that a provider answered, to the end."),
		sent:     counter("isekai_notices_total", "Tries to send something to a webhook or by e-mail, by what came of it: sent, again (it is tried later) or dead.", "channel", "outcome"),
		first:    times("isekai_model_first_event_seconds", "How long streams took to their first event."),
	}
	m.requests, m.tools, m.slow = newRequestMetrics(m.registry), newToolMetrics(m.registry), newSlowQueries(log, m.registry)
	m.ended, m.asked = newFound(m.newCallSeries), newFound(m.newAttemptSeries)
	m.registry.MustRegister(m.calls, m.attempts, m.tokens, m.took, m.first, m.sent, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// watch has what is so at the moment be shown, too.
func (m *metrics) watch(n *node) {
	waiting := func() float64 { return float64(n.meter.Waiting()) }
	m.registry.MustRegister(modelStates{n.gateway, n.catalog}, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "isekai_model_calls_unsettled", Help: "Calls that are over and wait to be written down; at 65536 no call is taken.",
	}, waiting))
}

// Sent counts tries to send a notice.
func (m *metrics) Sent(channel, outcome string) { m.sent.WithLabelValues(channel, outcome).Inc() }

// Called implements gateway.Observer.
func (m *metrics) Called(o gateway.Outcome) {
	provider, model := labels(o.Target)
	in := m.ended.of(callLabels{provider, model, o.Op, o.Status, o.Code()})
	in.calls.Inc()
	if o.Target.Provider != nil {
		in.took().Observe(o.Took.Seconds())
		if o.Stream {
			in.first().Observe(o.First.Seconds())
		}
		for i, n := range [...]int{o.Usage.Input, o.Usage.Output, o.Usage.Cached, o.Usage.CacheWrite, o.Usage.Reasoning} {
			if n > 0 {
				in.tokens[i]().Add(float64(n))
			}
		}
	}
	if o.Err != nil {
		m.tell(o)
	}
}

// tell writes down why a call failed, so that it is found by what its caller has of it.
func (m *metrics) tell(o gateway.Outcome) {
	level := slog.LevelInfo
	switch o.Code() {
	case core.Internal:
		level = slog.LevelError
	case core.Unavailable:
		level = slog.LevelWarn
	case core.Canceled: // a caller that leaves is no trouble of ours
		level = slog.LevelDebug
	}
	who := []any{"org", o.Scope.Org, "project", o.Scope.Project}
	if o.Task != "" {
		who = append(who, "task", o.Task)
	} else {
		who = append(who, "request", o.Request, "by", string(o.Scope.Actor.Kind)+" "+o.Scope.Actor.ID)
	}
	if o.Target.Provider != nil {
		who = append(who, "provider", o.Target.Provider.Name)
	}
	const longest = 200 // bytes of a name that is anybody's
	m.log.Log(context.Background(), level, "a call of a model failed", append(who,
		"op", o.Op, "model", strings.ToValidUTF8(o.Asked[:min(len(o.Asked), longest)], ""), "attempts", o.Attempts, "took", o.Took.Round(time.Millisecond), "code", o.Code(), "err", o.Why())...)
}

// Tried implements gateway.Observer.
func (m *metrics) Tried(t catalog.Target, op dialect.Operation, why string) {
	provider, _ := labels(t)
	if why == "" {
		why = "ok"
	}
	m.asked.of(attemptLabels{provider, op, bounded(why)}).Inc()
}

// bounded is why as a label: the statuses that HTTP has, and no others.
func bounded(why string) string {
	status, is := strings.CutPrefix(why, "status ")
	if !is {
		return why
	}
	if n, err := strconv.Atoi(status); err != nil || http.StatusText(n) == "" {
		return "status other"
	}
	return why
}

// labels are the names of a target, as far as they are bounded.
func labels(t catalog.Target) (provider, model string) {
	switch p := t.Provider; {
	case p == nil:
		return "", ""
	case p.Own():
		return ofOrgs, ""
	case !p.Names(t.Model):
		return p.Name, otherModel
	default:
		return p.Name, t.Model
	}
}

// handler serves what there is, as Prometheus reads it.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(m.log.Handler(), slog.LevelWarn)})
}
