package platform

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/isekai-run/isekai/internal/httpapi"
)

// requestTimes are the bounds of how long requests take, in seconds.
var requestTimes = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}

// requestMetrics count what becomes of requests to the API on this node. Labels are bounded: an
// operation is one of the API's, or httpapi.NoOperation; a status is one that HTTP has.
type requestMetrics struct {
	ended *prometheus.CounterVec
	took  *prometheus.HistogramVec
	open  *prometheus.GaugeVec
}

func newRequestMetrics(to prometheus.Registerer) *requestMetrics {
	m := &requestMetrics{
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "isekai_http_requests_total", Help: "Requests to the API that are over, by operation and status."}, []string{"operation", "status"}),
		took:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "isekai_http_request_seconds", Help: "How long requests to the API took, a stream's to its end.", Buckets: requestTimes}, []string{"operation"}),
		open:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "isekai_http_requests_open", Help: "Requests to the API under way."}, []string{"operation"}),
	}
	to.MustRegister(m.ended, m.took, m.open)
	return m
}

// of returns what counts the requests of an operation.
func (m *requestMetrics) of(operation string) httpapi.RequestCounter {
	return &requestSeries{
		open: m.open.WithLabelValues(operation), took: m.took.WithLabelValues(operation),
		by: newFound(func(status int) prometheus.Counter {
			return m.ended.WithLabelValues(operation, strconv.Itoa(status))
		}),
	}
}

// requestSeries are where the requests of an operation are counted.
type requestSeries struct {
	open prometheus.Gauge
	took prometheus.Observer
	by   *found[int, prometheus.Counter]
}

// Begun implements httpapi.RequestCounter.
func (s *requestSeries) Begun() { s.open.Inc() }

// Ended implements httpapi.RequestCounter.
func (s *requestSeries) Ended(status int, took time.Duration) {
	if http.StatusText(status) == "" && status != httpapi.StatusCanceled {
		status = http.StatusInternalServerError // no such thing is answered here
	}
	s.open.Dec()
	s.took.Observe(took.Seconds())
	s.by.of(status).Inc()
}
