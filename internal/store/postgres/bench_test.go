package postgres_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
)

// rates runs fn by as many callers at once as it is told, and reports calls in a second.
func rates(b *testing.B, callers int, fn func(n int64) error) {
	var n atomic.Int64
	b.SetParallelism(max(1, callers/2)) // of two processors
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := fn(n.Add(1)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(n.Load())/b.Elapsed().Seconds(), "calls/s")
}

// BenchmarkPost posts holds to the books of one org, in shared transactions and each in
// its own, on a cluster that syncs every commit.
func BenchmarkPost(b *testing.B) {
	s := open(b, pgtest.Start(b, pgtest.Config{}).Database(b))
	if _, err := s.Post(b.Context(), "org_a", store.Posting{Effect: "grant", Kind: "grant", Moves: []store.Move{
		{Account: "~source", Amount: -core.MaxCredits}, {Account: "available", Amount: core.MaxCredits}}}); err != nil {
		b.Fatal(err)
	}
	for _, callers := range []int{1, 32, 256} {
		for name, post := range map[string]func(context.Context, core.OrgID, ...store.Posting) ([]bool, error){"Together": s.Post, "Alone": s.PostAlone} {
			b.Run(fmt.Sprint(name, callers), func(b *testing.B) {
				run := core.NewID("run")
				rates(b, callers, func(n int64) error {
					_, err := post(b.Context(), "org_a", hold(run, n))
					return err
				})
			})
		}
	}
}

func hold(run string, n int64) store.Posting {
	return store.Posting{Effect: fmt.Sprint("evt_", run, n), Kind: "hold", Project: "prj_one", Task: core.TaskID(fmt.Sprint("tsk_", run, n)), Moves: []store.Move{
		{Account: "available", Amount: -core.Credit}, {Account: fmt.Sprint("held/", run, n), Amount: core.Credit}}}
}

// BenchmarkDraw draws from buckets, each caller from any of a hundred.
func BenchmarkDraw(b *testing.B) {
	s := open(b, pgtest.Start(b, pgtest.Config{}).Database(b))
	for _, callers := range []int{1, 32} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			rates(b, callers, func(n int64) error {
				_, _, _, err := s.Draw(b.Context(), "org_a", fmt.Sprint("b", n%100), 1, store.Rate{Burst: 1000, Per: time.Second})
				return err
			})
		})
	}
}

// BenchmarkWrite makes records, two at a time, and reads one.
func BenchmarkRecords(b *testing.B) {
	s := open(b, pgtest.Start(b, pgtest.Config{}).Database(b))
	for name, fn := range map[string]func(s *postgres.Store, run string, n int64) error{
		"Write": func(s *postgres.Store, run string, n int64) error {
			return s.Write(b.Context(), "org_a", store.Change{Kind: "user", ID: fmt.Sprint(run, n), Data: make([]byte, 300)},
				store.Change{Kind: "email", ID: fmt.Sprint(run, n), Data: make([]byte, 60)})
		},
		"Read": func(s *postgres.Store, _ string, n int64) error {
			_, err := s.Record(b.Context(), "org_a", "user", fmt.Sprint(n))
			if core.CodeOf(err) == core.NotFound {
				err = nil
			}
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			run := core.NewID("run")
			rates(b, 32, func(n int64) error { return fn(s, run, n) })
		})
	}
}
