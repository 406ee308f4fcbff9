package postgres_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
)

// openTx begins an append as another process's store does, and leaves it open.
func openTx(t *testing.T, conn *pgx.Conn, org, stream string) pgx.Tx {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{postgres.Begin, []any{org, "60000"}}, {postgres.Counter, []any{org, 1}},
		{postgres.Append, []any{org, nil, 1, []string{stream}, []int64{0}, []string{"prj_one"}, []string{"user"}, []string{"usr_ann"},
			[]int64{1}, []int64{0}, []int64{0}, []int64{1}, []int64{1}, []string{"evt_late"}, []string{"thing.happened"}, [][]byte{[]byte(`{}`)}}},
	} {
		if _, err := tx.Exec(t.Context(), q.sql, q.args...); err != nil {
			t.Fatal(err)
		}
	}
	return tx
}

// waitBlocked returns when a backend of the database waits for a lock.
func waitBlocked(t *testing.T, admin *pgx.Conn) {
	t.Helper()
	for query[int64](t, admin, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)[0] == 0 {
		if t.Context().Err() != nil {
			t.Fatal("nobody waits")
		}
	}
}

// A transaction that has taken its position, and commits late, comes before everything
// with a higher one: who reads the org meanwhile skips nothing.
func TestLateCommitIsNotSkipped(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	st := open(t, cfg)
	admin := dial(t, cluster.URL("postgres", dial(t, cfg.URL).Config().Database))
	first := add(t, st, "org_a", "tsk_first", 0)
	late := openTx(t, dial(t, cfg.URL), "org_a", "tsk_late")

	after := make(chan []core.Event, 1)
	go func() {
		events, err := st.Append(t.Context(), scopeOf("org_a"), store.Append{Stream: "tsk_after", Events: news("tsk_after", 0, 1)})
		if err != nil {
			t.Error(err)
		}
		after <- events
	}()
	waitBlocked(t, admin)
	// Another org's appends aren't held up, and its messages get ahead in the outbox.
	add(t, st, "org_b", "tsk_1", 0)
	for range 3 {
		got, err := st.ReadOrg(t.Context(), "org_a", first[0].Position, 10)
		if err != nil || len(got) != 0 {
			t.Fatalf("with a transaction open, %v is visible after the first event (%v)", got, err)
		}
	}
	pending, err := st.Pending(t.Context(), 10)
	if err != nil || len(pending) != 2 {
		t.Fatalf("pending %v, %v", pending, err)
	}
	if err := st.Published(t.Context(), []int64{pending[0].Seq, pending[1].Seq}); err != nil {
		t.Fatal(err)
	}
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := <-after
	got, err := st.ReadOrg(t.Context(), "org_a", first[0].Position, 10)
	if err != nil || len(got) != 2 || got[0].ID != "evt_late" || got[1].Stream != "tsk_after" || got[1].Position != last[0].Position {
		t.Errorf("after the first event comes %+v, want the late one and the one after it (%v)", got, err)
	}
	rest, err := st.Pending(t.Context(), 10)
	if err != nil || len(rest) != 2 || rest[0].Event.ID != "evt_late" || rest[0].Seq >= pending[1].Seq {
		t.Errorf("the late message, of a lower number than one that was published, isn't found: %+v, %v", rest, err)
	}
}

// Claims don't wait for appends, nor these for claims.
func TestClaimsDontWaitForAppends(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	st := open(t, cfg)
	add(t, st, "org_a", "tsk_1", 0)
	late := openTx(t, dial(t, cfg.URL), "org_a", "tsk_late")
	leases, err := st.Claim(t.Context(), "w", 5, time.Minute)
	if err != nil || len(leases) != 1 {
		t.Fatalf("%v, %v", leases, err)
	}
	if _, err := st.Renew(t.Context(), leases[0], time.Minute); err != nil {
		t.Error(err)
	}
	if err := late.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}

	claim := dial(t, cfg.URL) // another worker's claim, which commits late
	tx, err := claim.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	var org string
	if err := tx.QueryRow(t.Context(), "SELECT of_org FROM isekai.claim('other', 1, 60000000, NULL)").Scan(&org); err != nil || org != "org_a" {
		t.Fatal(org, err)
	}
	add(t, st, "org_a", "tsk_2", 0)
	add(t, st, "org_b", "tsk_1", 0)
	leases, err = st.Claim(t.Context(), "w", 5, time.Minute)
	if err != nil || len(leases) != 2 || leases[0].Org != "org_b" || leases[1].Stream != "tsk_2" {
		t.Errorf("beside an open claim of org_a: %+v, %v; want org_b's first, then what is left of org_a's", leases, err)
	}
}

// A transaction that is stuck with an org's counter holds up that org for a bounded
// time, and the error says so.
func TestStuckTransactionIsBounded(t *testing.T) {
	t.Parallel()
	cfg := cluster.Database(t)
	st := open(t, cfg)
	add(t, st, "org_a", "tsk_1", 0)
	stuck := openTx(t, dial(t, cfg.URL), "org_a", "tsk_stuck")
	_, err := st.Append(t.Context(), scopeOf("org_a"), store.Append{Stream: "tsk_1", Expected: 1, Events: news("tsk_1", 1, 1)})
	if core.CodeOf(err) != core.Unavailable || core.HintOf(err) == "" {
		t.Errorf("%v", err)
	}
	if err := stuck.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	add(t, st, "org_a", "tsk_1", 1)
}
