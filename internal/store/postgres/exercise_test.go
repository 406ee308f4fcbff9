package postgres_test

import (
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/postgres"
)

// exercise calls every method, with every query that it has, on streams of org with the
// prefix, and checks the results that tell.
func exercise(t *testing.T, s *postgres.Store, org core.OrgID, prefix core.StreamID) {
	t.Helper()
	ctx, scope, stream := t.Context(), scopeOf(org), prefix+"_1"
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Append(ctx, scope, store.Append{Stream: stream, Events: news(stream, 0, 2), Work: store.WorkReady})
	ok(err)
	exerciseWork(t, s, scope, stream)
	events, err := s.ReadStream(ctx, org, stream, 0, 5)
	ok(err)
	inOrg, err := s.ReadOrg(ctx, org, events[0].Position-1, 3)
	ok(err)
	if len(events) != 3 || len(inOrg) != 3 || inOrg[2].ID != events[2].ID {
		t.Errorf("read %d of the stream and %+v of the org", len(events), inOrg)
	}
	_, err = s.Orgs(ctx)
	ok(err)
	pending, err := s.Pending(ctx, 5)
	ok(err)
	ok(s.Published(ctx, []int64{pending[0].Seq}))
	exerciseViews(t, s, org, stream)

	mark := store.Mark{Stream: stream, Version: 1}
	ok(s.Bury(ctx, org, store.Letter{Consumer: "c", Mark: mark, Event: "e", Type: "x", Reason: "r", Tries: 1}))
	for _, consumer := range []string{"", "c"} {
		letters, err := s.Buried(ctx, org, consumer, store.Letter{}, 5)
		if err != nil || len(letters) == 0 {
			t.Errorf("buried: %v, %v", letters, err)
		}
	}
	if blocked, err := s.Blocked(ctx, org, "c", mark); err != nil || !blocked {
		t.Errorf("blocked: %v, %v", blocked, err)
	}
	ok(s.Unbury(ctx, org, "c", mark))

	if leads, err := s.Lead(ctx, string(prefix), "me", time.Minute); err != nil || !leads {
		t.Errorf("leads: %v, %v", leads, err)
	}
	ok(s.Resign(ctx, string(prefix), "me"))

	keys := org + "_" + core.OrgID(prefix)
	ok(s.SetKeyset(ctx, keys, 0, []byte("one")))
	ok(s.SetKeyset(ctx, keys, 1, []byte("two")))
	if k, err := s.Keyset(ctx, keys); err != nil || string(k.Wrapped) != "two" {
		t.Errorf("keyset %+v, %v", k, err)
	}
	_, err = s.KeysetOrgs(ctx)
	ok(err)
	ok(s.Shred(ctx, keys))

	exerciseRecords(t, s, org, string(stream))
	exerciseBooks(t, s, org, stream)
	if got, left, _, err := s.Draw(ctx, org, string(stream), 1, store.Rate{Burst: 2, Per: time.Millisecond}); err != nil || got != 1 || left != 1 {
		t.Errorf("drew %d, %d left: %v", got, left, err)
	}
	ok(s.SetShare(ctx, org, 3))
	if share, err := s.Share(ctx, org); err != nil || share != 3 {
		t.Errorf("a share of %d: %v", share, err)
	}
}

func exerciseRecords(t *testing.T, s *postgres.Store, org core.OrgID, id string) {
	t.Helper()
	ctx := t.Context()
	expired := store.Change{Kind: "user", ID: id + "_old", Data: []byte("1"), Expires: time.Now().Add(-time.Hour)}
	for _, changes := range [][]store.Change{
		{{Kind: "user", ID: id, Data: []byte("1"), Expires: time.Now().Add(time.Hour)}, {Kind: "user", ID: id + "_2", Data: []byte("1")}, expired},
		{{Kind: "user", ID: id, Data: []byte("2"), Expected: 1}, {Kind: "user", ID: id + "_2", Expected: 1}, expired},
	} {
		if err := s.Write(ctx, org, changes...); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := s.Record(ctx, org, "user", id); err != nil || r.Version != 2 {
		t.Errorf("%+v: %v", r, err)
	}
	if all, err := s.Records(ctx, org, "user", id, "", 5); err != nil || len(all) != 1 {
		t.Errorf("%+v: %v", all, err)
	}
	if all, err := s.AllRecords(ctx, org, store.Record{Kind: "user", ID: id}, 5); err != nil || len(all) == 0 {
		t.Errorf("%+v: %v", all, err)
	}
	if n, err := s.Sweep(ctx, 5); err != nil || n != 1 {
		t.Errorf("%d swept: %v", n, err)
	}
}

func exerciseBooks(t *testing.T, s *postgres.Store, org core.OrgID, task core.StreamID) {
	t.Helper()
	ctx := t.Context()
	p := grantOf(core.EventID("evt_" + task))
	p.Task = core.TaskID(task)
	p.Moves[1].Account = string("available/" + task)
	for _, fresh := range []bool{true, false} {
		if posted, err := s.Post(ctx, org, p); err != nil || posted[0] != fresh {
			t.Fatalf("posted %v: %v", posted, err)
		}
	}
	if b, err := s.Balances(ctx, org, p.Moves[1].Account, "", 5); err != nil || len(b) != 1 {
		t.Errorf("%+v: %v", b, err)
	}
	all, err := s.Entries(ctx, org, store.EntryQuery{Task: p.Task, Limit: 5})
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v: %v", all, err)
	}
	for _, q := range []store.EntryQuery{{After: all[0].Seq - 1}, {Account: "~source", After: all[0].Seq - 1}, {Account: "~source", Task: p.Task}, {Effect: p.Effect},
		{Newest: true, After: all[1].Seq}, {Newest: true, Task: p.Task, After: all[1].Seq}, {Newest: true, Account: "~source"}, {Newest: true, Account: "~source", Task: p.Task}} {
		q.Limit = 5
		if found, err := s.Entries(ctx, org, q); err != nil || len(found) == 0 || found[0] != all[0] {
			t.Errorf("%+v of %+v: %v", found, q, err)
		}
	}
}

func exerciseWork(t *testing.T, s *postgres.Store, scope core.Scope, stream core.StreamID) {
	t.Helper()
	ctx := t.Context()
	leases, err := s.Claim(ctx, "w", 5, time.Minute)
	if err != nil || len(leases) != 1 || leases[0].Stream != stream {
		t.Fatalf("claimed %+v, %v", leases, err)
	}
	l, err := s.Renew(ctx, leases[0], time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.Append(ctx, scope, store.Append{Stream: stream, Expected: 2, Events: news(stream, 2, 1), Lease: &l}); err != nil {
		t.Fatal(err)
	}
	if err := s.Release(ctx, l, 0); err != nil {
		t.Fatal(err)
	}
	if _, err = s.Append(ctx, scope, store.Append{Stream: stream, Expected: 3, Work: store.WorkNone}); err != nil {
		t.Fatal(err)
	}
}

func exerciseViews(t *testing.T, s *postgres.Store, org core.OrgID, stream core.StreamID) {
	t.Helper()
	ctx, view := t.Context(), "v_"+string(stream)
	applied, err := s.Apply(ctx, org, view, store.Mark{Stream: stream, Version: 1}, []store.Row{{ID: "a"}, {ID: "b"}, {ID: "c", Deleted: true}})
	if err != nil || !applied {
		t.Fatalf("applied %v, %v", applied, err)
	}
	if _, err = s.Get(ctx, org, view, "a"); err != nil {
		t.Fatal(err)
	}
	for i := range 16 {
		q := store.Query{Project: "p", Kind: "k", Status: "s", After: store.Cursor{ID: "a"}.String()}
		for bit, clear := range []func(){func() { q.Project = "" }, func() { q.Kind = "" }, func() { q.Status = "" }, func() { q.After = "" }} {
			if i>>bit&1 == 0 {
				clear()
			}
		}
		if _, err = s.List(ctx, org, view, q); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Replace(ctx, org, view+"_new", view); err != nil {
		t.Fatal(err)
	}
	if err := s.Drop(ctx, org, view+"_new"); err != nil {
		t.Fatal(err)
	}
}
