package postgres_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/storetest"
)

func TestStoreThroughAPooler(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB, now func() time.Time) (store.Store, func() store.Store) {
		cfg := cluster.Pooler(t, cluster.Database(t))
		cfg.Now = now
		s := open(t, cfg)
		return s, func() store.Store { _ = s.Close(); return open(t, cfg) }
	})
}

// Behind a pooler that gives each transaction another session, everything works, and
// no org is left behind on a session. Another process's work wakes nobody there.
func TestThroughAPooler(t *testing.T) {
	t.Parallel()
	direct := cluster.Database(t)
	cfg := cluster.Pooler(t, direct)
	a, b := open(t, cfg), open(t, cfg)
	exercise(t, a, "org_x", "tsk_x")

	const orgs, streams, each = 5, 4, 5
	var all sync.WaitGroup
	for i := range orgs * streams {
		st, org, stream := []store.Store{a, b}[i%2], core.OrgID(fmt.Sprint("org_", i%orgs)), core.StreamID(fmt.Sprint("tsk_", i))
		all.Go(func() {
			for v := range int64(each) {
				if _, err := st.Append(t.Context(), scopeOf(org), store.Append{Stream: stream, Expected: v, Events: news(stream, v, 1), Work: store.WorkReady}); err != nil {
					t.Errorf("%s of %s at %d: %v", stream, org, v, err)
					return
				}
				if got, err := st.ReadOrg(t.Context(), org, 0, 1000); err != nil || len(got) == 0 || got[0].Org != org {
					t.Errorf("%s reads %+v, %v", org, got, err)
				}
				if got, err := st.ReadOrg(t.Context(), "org_none", 0, 1000); err != nil || len(got) != 0 {
					t.Errorf("an org without events reads %+v, %v", got, err)
				}
			}
		})
	}
	all.Wait()
	for i := range orgs {
		if got, err := b.ReadOrg(t.Context(), core.OrgID(fmt.Sprint("org_", i)), 0, 1000); err != nil || len(got) != streams*each {
			t.Errorf("org %d has %d events, want %d (%v)", i, len(got), streams*each, err)
		}
	}

	elsewhere, here := b.WorkWake(), a.WorkWake()
	add(t, a, "org_y", "tsk_1", 0)
	select {
	case <-here:
	default:
		t.Error("its own work doesn't wake a process")
	}
	select {
	case <-elsewhere:
		t.Error("another process's work woke one that can't listen")
	default:
	}
}
