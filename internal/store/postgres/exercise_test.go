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
