package platform

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/isekai-run/isekai/internal/client"
)

// Bounds of slowQueries.
const (
	maxSlow      = 100              // statements; the one that was slow longest ago makes room for another
	maxStatement = 4000             // bytes of a statement's text
	slowPause    = 10 * time.Second // between two lines of the log about one statement
)

// slowQueries are the statements that took a store of this node long: their text, which has no
// values in it. Safe for concurrent use.
type slowQueries struct {
	log   *slog.Logger
	level slog.Level
	now   func() time.Time
	total *prometheus.CounterVec

	mu  sync.Mutex
	all map[slowKey]*slowQuery
}

type slowKey struct{ store, statement string }

// slowQuery is how often one was slow.
type slowQuery struct {
	count        int64
	total, worst time.Duration
	last, logged time.Time
	quiet        int64 // of count, since logged
}

func newSlowQueries(log *slog.Logger, to prometheus.Registerer) *slowQueries {
	s := &slowQueries{log: log, level: slog.LevelWarn, now: time.Now, all: map[slowKey]*slowQuery{}, total: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "isekai_slow_queries_total", Help: "Statements, or transactions sent in one piece, that took a store longer than store.slow_after.",
	}, []string{"store"})}
	to.MustRegister(s.total)
	return s
}

// of returns what a store tells of its slow statements.
func (s *slowQueries) of(store string) func(statement string, took time.Duration) {
	total := s.total.WithLabelValues(store)
	return func(statement string, took time.Duration) {
		total.Inc()
		s.add(slowKey{store, short(statement)}, took)
	}
}

// short is a statement's text on one line, as far as it is kept.
func short(statement string) string {
	const more = " ..."
	text := strings.Join(strings.Fields(strings.ToValidUTF8(statement, "?")), " ")
	if len(text) <= maxStatement {
		return text
	}
	return strings.ToValidUTF8(text[:maxStatement-len(more)], "") + more
}

func (s *slowQueries) add(key slowKey, took time.Duration) {
	s.mu.Lock()
	q, known := s.all[key]
	if !known {
		if len(s.all) == maxSlow {
			s.forget()
		}
		q = &slowQuery{}
		s.all[key] = q
	}
	now := s.now()
	q.count, q.total, q.worst, q.last, q.quiet = q.count+1, q.total+took, max(q.worst, took), now, q.quiet+1
	times := q.quiet
	tell := q.logged.IsZero() || now.Sub(q.logged) >= slowPause
	if tell {
		q.logged, q.quiet = now, 0
	}
	s.mu.Unlock()
	if tell {
		s.log.Log(context.Background(), s.level, "a statement was slow", "store", key.store, "took", took.Round(time.Millisecond), "times", times, "statement", key.statement)
	}
}

// forget removes the statement that was slow longest ago.
func (s *slowQueries) forget() {
	var oldest slowKey
	for key, q := range s.all {
		if at := s.all[oldest]; at == nil || q.last.Before(at.last) {
			oldest = key
		}
	}
	delete(s.all, oldest)
}

// list returns them, the one that took the most time in all first.
func (s *slowQueries) list() []client.SlowQuery {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]client.SlowQuery, 0, len(s.all))
	for key, q := range s.all {
		all = append(all, client.SlowQuery{Store: key.store, Statement: key.statement, Count: q.count, LongestMS: millis(q.worst), TotalMS: millis(q.total), Last: q.last.UTC()})
	}
	slices.SortFunc(all, func(a, b client.SlowQuery) int {
		return cmp.Or(cmp.Compare(b.TotalMS, a.TotalMS), strings.Compare(a.Statement, b.Statement), strings.Compare(a.Store, b.Store))
	})
	return all
}

// millis is a duration in milliseconds, to the microsecond.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
