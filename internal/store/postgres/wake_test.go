package postgres_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
)

// woken waits for a wake, while act makes what should cause it again and again: a store
// that has just been opened may not listen yet.
func woken(t *testing.T, what string, ch <-chan struct{}, act func()) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		act()
		select {
		case <-ch:
			return
		case <-deadline:
			t.Fatalf("%s woke nobody", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// What one process appends or releases wakes another, also after the other's connection
// was lost.
func TestWakesOtherProcesses(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	a, b := open(t, cfg), open(t, cfg)
	version := int64(0)
	ready := func() { add(t, a, "org_a", "tsk_1", version); version++ }
	work, outbox := b.WorkWake(), b.OutboxWake()
	woken(t, "work", work, ready)
	woken(t, "a message", outbox, func() {})

	outbox = b.OutboxWake()
	if _, err := a.Append(t.Context(), scopeOf("org_a"), store.Append{Stream: "tsk_2", Events: news("tsk_2", 0, 1)}); err != nil {
		t.Fatal(err)
	}
	woken(t, "a message without work", outbox, func() {})
	leases, err := a.Claim(t.Context(), "w", 1, time.Minute)
	if err != nil || len(leases) != 1 {
		t.Fatal(leases, err)
	}
	woken(t, "a release", b.WorkWake(), func() {
		if err := a.Release(t.Context(), leases[0], 0); err != nil {
			t.Fatal(err)
		}
		if leases, err = a.Claim(t.Context(), "w", 1, time.Minute); err != nil || len(leases) != 1 {
			t.Fatal(leases, err)
		}
	})

	admin := dial(t, cluster.URL("postgres", dial(t, cfg.URL).Config().Database))
	work = b.WorkWake()
	query[bool](t, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
	woken(t, "connecting again", work, func() {})
	work = b.WorkWake()
	woken(t, "work after connecting again", work, ready)
}

// Opening and closing many times leaves no goroutine and no connection.
func TestOpensAndClosesWithoutALeak(t *testing.T) {
	cfg := cluster.Database(t)
	before := goleak.IgnoreCurrent()
	for range 8 {
		s, err := postgres.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = s.Append(t.Context(), scopeOf("org_a"), store.Append{Stream: "tsk_1", Events: news("tsk_1", 0, 1), Work: store.WorkReady}) // may find it closed
			_, _ = s.Claim(t.Context(), "w", 1, time.Minute)
		}()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		<-ended
		if app, relay := s.Pools(); app != 0 || relay != 0 {
			t.Errorf("%d and %d connections are left", app, relay)
		}
	}
	goleak.VerifyNone(t, before)
}
