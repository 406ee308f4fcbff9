package postgres_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
)

// What is imported is what was there, however often, and what follows goes on from it.
func TestImport(t *testing.T) {
	t.Parallel()
	from, to := open(t, cluster.Database(t)), open(t, cluster.Database(t))
	for v := range int64(20) {
		add(t, from, "org_a", "tsk_1", v)
		add(t, from, "org_a", "tsk_2", v)
	}
	events, err := from.ReadOrg(t.Context(), "org_a", 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range [][]core.Event{events[:25], events[:25], events[20:], nil} {
		if err := to.Import(t.Context(), "org_a", part); err != nil {
			t.Fatal(err)
		}
	}
	want, err := store.SumOrg(t.Context(), from, "org_a", 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := store.SumOrg(t.Context(), to, "org_a", 0); err != nil || got != want {
		t.Errorf("%+v, want %+v: %v", got, want, err)
	}
	other := slices.Clone(events[:1])
	other[0].Data = []byte(`{"another":1}`)
	if err := to.Import(t.Context(), "org_a", other); core.CodeOf(err) != core.Conflict {
		t.Errorf("another event in the place of one: %v", err)
	}
	other[0] = events[0]
	other[0].Stream = "tsk_3"
	if err := to.Import(t.Context(), "org_a", other); core.CodeOf(err) != core.Conflict {
		t.Errorf("another event at its position: %v", err)
	}
	if got, err := store.SumOrg(t.Context(), to, "org_a", 0); err != nil || got != want {
		t.Errorf("after refusals %+v, want %+v: %v", got, want, err)
	}
	if more := add(t, to, "org_a", "tsk_1", 20); more[0].Position <= want.Position {
		t.Errorf("position %d after %d", more[0].Position, want.Position)
	}
	wantWork(t, to)
}

// wantWork imports work and messages.
func wantWork(t *testing.T, to store.Store) {
	t.Helper()
	in := to.(store.Importer)
	due := time.Now().Add(-time.Minute).UTC().Truncate(time.Microsecond)
	for range 2 {
		items := []store.WorkItem{{Project: "prj_one", Stream: "tsk_2", Due: due}, {Project: "prj_one", Stream: "tsk_9", Due: due.Add(2 * time.Hour)}}
		if err := in.ImportWork(t.Context(), "org_a", items); err != nil {
			t.Fatal(err)
		}
	}
	if err := in.ImportPending(t.Context(), "org_a", []store.Mark{{Stream: "tsk_2", Version: 3}, {Stream: "tsk_2", Version: 4}}); err != nil {
		t.Fatal(err)
	}
	leases, err := to.Claim(t.Context(), "w", 10, time.Minute)
	if err != nil || len(leases) != 2 || leases[0].Stream != "tsk_2" { // and the one that was appended to
		t.Errorf("claimed %+v: %v", leases, err)
	}
	pending, err := to.Pending(t.Context(), 10)
	if err != nil || len(pending) != 3 || pending[1].Event.Version != 3 || pending[2].Event.Version != 4 {
		t.Errorf("pending %+v: %v", pending, err)
	}
}

// A backup is of one moment, holds no keyset, and is restored as it was.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	st := open(t, cfg)
	for v := range int64(5) {
		add(t, st, "org_a", "tsk_1", v)
		add(t, st, "org_b", "tsk_1", v)
	}
	fillState(t, st, "org_b")
	fillState(t, st, "org_c")
	if err := st.SetKeyset(t.Context(), "org_a", 0, []byte("wrapped")); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for v := int64(0); ctx.Err() == nil; v++ {
			if _, err := st.Append(context.WithoutCancel(ctx), scopeOf("org_a"), store.Append{Stream: "tsk_busy", Expected: v, Events: news("tsk_busy", v, 1)}); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	path := filepath.Join(t.TempDir(), "dump")
	sums, err := st.Backup(t.Context(), path)
	stop()
	<-done
	if err != nil || len(sums) != 3 || sums[1].Events != 5 || sums[1].Records != 1 || sums[1].Entries != 2 || sums[2].Org != "org_c" {
		t.Fatalf("%+v: %v", sums, err)
	}
	if _, err := st.Backup(t.Context(), path); core.CodeOf(err) != core.Conflict {
		t.Errorf("over another: %v", err)
	}
	into := cluster.Empty(t)
	if err := postgres.Restore(t.Context(), into, path); err != nil {
		t.Fatal(err)
	}
	back := open(t, into)
	for _, want := range sums {
		if got, err := store.SumAll(t.Context(), back, want.Org); err != nil || got != want {
			t.Errorf("%+v, want %+v: %v", got, want, err)
		}
	}
	if _, err := back.Keyset(t.Context(), "org_a"); core.CodeOf(err) != core.NotFound {
		t.Errorf("the keyset of a backup: %v", err)
	}
	add(t, back, "org_b", "tsk_1", 5)
	if posted, err := back.Post(t.Context(), "org_b", grantOf("evt_org_b"), grantOf("evt_new")); err != nil || posted[0] || !posted[1] {
		t.Errorf("after a restore: posted %v, %v", posted, err)
	}
	if _, left, _, err := back.Draw(t.Context(), "org_b", "b", 1, store.Rate{Burst: 2, Per: time.Hour}); err != nil || left != 1 {
		t.Errorf("the bucket of a backup has %d left: %v", left, err)
	}
	if err := postgres.Restore(t.Context(), into, path); core.CodeOf(err) != core.Conflict {
		t.Errorf("into a database that is used: %v", err)
	}
}
