package sqlite_test

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

func BenchmarkOpenNew(b *testing.B) {
	dir := b.TempDir()
	for i := range b.N {
		s, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(dir, fmt.Sprint(i))})
		if err != nil {
			b.Fatal(err)
		}
		_ = s.Close()
	}
}

func BenchmarkReadStream(b *testing.B) {
	s, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(b.TempDir(), "isekai.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var events []store.NewEvent
	for i := range 100 {
		events = append(events, store.NewEvent{ID: core.EventID(fmt.Sprint(i)), Type: "x.y", Data: make([]byte, 500)})
	}
	if _, err := s.Append(b.Context(), crashScope, store.Append{Stream: "tsk_1", Events: events}); err != nil {
		b.Fatal(err)
	}
	for _, limit := range []int{1, 100} {
		b.Run(fmt.Sprint(limit), func(b *testing.B) {
			for range b.N {
				if _, err := s.ReadStream(b.Context(), "org_a", "tsk_1", 0, limit); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkClaim claims while a thousand orgs have nothing to do and one has.
func BenchmarkClaim(b *testing.B) {
	s, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(b.TempDir(), "isekai.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for i := range 1000 {
		scope := crashScope
		scope.Org = core.OrgID(fmt.Sprintf("org_%d", i))
		if _, err := s.Append(b.Context(), scope, store.Append{Stream: "tsk_1", Events: []store.NewEvent{{ID: "e", Type: "x.y", Data: []byte("1")}}, Work: store.WorkReady}); err != nil {
			b.Fatal(err)
		}
		if i == 0 {
			continue // this one stays ready
		}
		if _, err := s.Append(b.Context(), scope, store.Append{Stream: "tsk_1", Expected: 1, Work: store.WorkNone}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		leases, err := s.Claim(b.Context(), "w", 1, 1<<40)
		if err != nil || len(leases) != 1 {
			b.Fatal(leases, err)
		}
		if err := s.Release(b.Context(), leases[0], 0); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPost posts holds to the books of one org, by as many callers at once.
func BenchmarkPost(b *testing.B) {
	s, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(b.TempDir(), "isekai.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.Post(b.Context(), "org_a", store.Posting{Effect: "grant", Kind: "grant", Moves: []store.Move{
		{Account: "~source", Amount: -core.MaxCredits}, {Account: "available", Amount: core.MaxCredits}}}); err != nil {
		b.Fatal(err)
	}
	for _, callers := range []int{1, 32, 256} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			run := core.NewID("run")
			var n atomic.Int64
			b.SetParallelism(max(1, callers/2))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					id := fmt.Sprint(run, n.Add(1))
					_, err := s.Post(b.Context(), "org_a", store.Posting{Effect: "evt_" + id, Kind: "hold", Project: "prj_one", Task: core.TaskID("tsk_" + id), Moves: []store.Move{
						{Account: "available", Amount: -core.Credit}, {Account: "held/" + id, Amount: core.Credit}}})
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(n.Load())/b.Elapsed().Seconds(), "calls/s")
		})
	}
}
