package backup_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/backup"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
	"github.com/isekai-run/isekai/internal/store/postgres/pgtest"
	"github.com/isekai-run/isekai/internal/store/sqlite"
)

// keep gives an org records of two kinds, some of which expire, books and a share.
func keep(t *testing.T, st *sqlite.Store, org core.OrgID, n int) {
	t.Helper()
	for i := range n {
		changes := []store.Change{
			{Kind: "user", ID: fmt.Sprint("usr_", i), Data: []byte(`{}`)},
			{Kind: "session", ID: fmt.Sprint("ses_", i), Data: []byte{}, Expires: time.Now().Add(time.Duration(i-1) * time.Hour)},
		}
		if err := st.Write(t.Context(), org, changes...); err != nil {
			t.Fatal(err)
		}
		posting := store.Posting{Effect: fmt.Sprint("evt_", i), Kind: "grant", Task: "tsk_1", Note: "a note", Moves: []store.Move{
			{Account: "~source", Amount: -3}, {Account: "available", Amount: 1}, {Account: fmt.Sprint("held/", i%7), Amount: 2}}}
		if _, err := st.Post(t.Context(), org, posting); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.SetShare(t.Context(), org, 7); err != nil {
		t.Fatal(err)
	}
}

// Everything but views and quotas is moved, however often, and what follows goes on from it.
func TestMoveCarriesEverything(t *testing.T) {
	r := newRig(t)
	keep(t, r.store, "org_a", 5)
	keep(t, r.store, "org_books", 400) // which has no events; its entries are more than a page
	if err := r.store.SetKeyset(t.Context(), "org_books", 0, []byte("keys")); err != nil {
		t.Fatal(err)
	}
	if err := r.store.SetShare(t.Context(), "org_idle", 3); err != nil { // nor keys
		t.Fatal(err)
	}
	cluster := pgtest.Start(t, pgtest.Config{Fast: true})
	to := pgtest.Open(t, cluster.Database(t))
	for round := range 2 {
		sums, err := backup.Move(t.Context(), r.store, to, nil)
		if err != nil || len(sums) != 4 || sums[2].Org != "org_books" || sums[2].Records != 800 || sums[2].Entries != 1200 {
			t.Fatalf("round %d: %+v, %v", round, sums, err)
		}
		for _, want := range sums {
			if got, err := store.SumAll(t.Context(), to, want.Org); err != nil || got != want {
				t.Errorf("%+v, want %+v: %v", got, want, err)
			}
		}
	}
	if n, err := to.Sweep(t.Context(), 100); err != nil || n != 4 { // two of each org's
		t.Errorf("%d had expired: %v", n, err)
	}
	last, err := to.Entries(t.Context(), "org_books", store.EntryQuery{After: 1, Limit: 5000})
	if err != nil {
		t.Fatal(err)
	}
	again := store.Posting{Effect: "evt_1", Kind: "grant", Moves: []store.Move{{Account: "available", Amount: -1}, {Account: "spent", Amount: 1}}}
	fresh := again
	fresh.Effect = "evt_fresh"
	if posted, err := to.Post(t.Context(), "org_books", again, fresh); err != nil || posted[0] || !posted[1] {
		t.Errorf("posted %v: %v", posted, err)
	}
	next, err := to.Entries(t.Context(), "org_books", store.EntryQuery{After: last[len(last)-1].Seq, Limit: 10})
	if err != nil || len(next) != 2 || next[0].Balance != 399 {
		t.Errorf("after the move %+v: %v", next, err)
	}
}

// What the destination has otherwise is a conflict, and nothing of it is changed.
func TestMoveMeetsAnother(t *testing.T) {
	r := newRig(t)
	keep(t, r.store, "org_a", 3)
	cluster := pgtest.Start(t, pgtest.Config{Fast: true})
	for name, spoil := range map[string]func(to *postgres.Store) error{
		"a record": func(to *postgres.Store) error {
			return to.Write(t.Context(), "org_a", store.Change{Kind: "user", ID: "usr_1", Data: []byte(`{"other":1}`)})
		},
		"an entry": func(to *postgres.Store) error {
			_, err := to.Post(t.Context(), "org_a", store.Posting{Effect: "evt_x", Kind: "grant", Moves: []store.Move{{Account: "~source", Amount: -9}, {Account: "available", Amount: 9}}})
			return err
		},
		"one more record": func(to *postgres.Store) error {
			return to.Write(t.Context(), "org_a", store.Change{Kind: "user", ID: "usr_x", Data: []byte(`{}`)})
		},
		"another org's record": func(to *postgres.Store) error {
			return to.Write(t.Context(), "org_z", store.Change{Kind: "user", ID: "usr_x", Data: []byte(`{}`)})
		},
	} {
		to, err := postgres.Open(t.Context(), cluster.Database(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := spoil(to); err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Move(t.Context(), r.store, to, nil); core.CodeOf(err) != core.Conflict || core.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A restored backup has the records, books and shares that were there, and a copy that has
// others isn't good.
func TestRestoreComparesState(t *testing.T) {
	r := newRig(t)
	keep(t, r.store, "org_a", 20)
	if err := r.store.SetShare(t.Context(), "org_idle", 3); err != nil { // which has no keys
		t.Fatal(err)
	}
	m := r.take()
	if report := r.wantGood(m.ID); len(report.Orgs) != 3 || report.Orgs[0].Records != 40 || report.Orgs[0].Entries != 60 {
		t.Errorf("%+v", report.Orgs)
	}
	for name, sql := range map[string]string{
		"a record": `UPDATE records SET data = x'31' WHERE id = 'usr_3'`, "a record less": `DELETE FROM records WHERE id = 'usr_3'`,
		"a balance": `UPDATE accounts SET balance = balance + 1 WHERE account = 'available'`, "a share": `UPDATE shares SET share = 8 WHERE org = 'org_a'`,
		"an expiry": `UPDATE records SET expires = expires + 1 WHERE id = 'ses_3'`,
	} {
		m := r.take()
		harm(r, filepath.Join(r.folder(), m.ID, "store"), sql)
		report, err := r.restore(m.ID, nil)
		if err != nil || len(report.Problems) < 2 { // the digest's, and this one
			t.Errorf("%s: %v, %v", name, report.Problems, err)
		}
	}
}
