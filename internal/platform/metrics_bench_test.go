package platform

import (
	"log/slog"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// BenchmarkMetrics is what counting one call costs it.
func BenchmarkMetrics(b *testing.B) {
	m := newMetrics(slog.New(slog.DiscardHandler))
	to := catalog.Target{Provider: &catalog.Provider{Spec: catalog.Spec{Name: "openai", Models: []catalog.Model{{Name: "gpt-5-mini"}}}, Org: core.Installation}, Model: "gpt-5-mini"}
	o := gateway.Outcome{Op: dialect.OpChat, Asked: "smart", Target: to, Usage: core.Usage{Input: 73, Output: 16}, Status: "ok", Took: time.Second, Attempts: 1}
	b.ReportAllocs()
	for b.Loop() {
		m.Tried(to, dialect.OpChat, "")
		m.Called(o)
	}
}

// BenchmarkRequests is what counting a request to the API costs it: see package httpapi's
// BenchmarkCounting for what is around it.
func BenchmarkRequests(b *testing.B) {
	c := newMetrics(slog.New(slog.DiscardHandler)).requests.of("show-task")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Begun()
			c.Ended(200, 3*time.Millisecond)
		}
	})
}
