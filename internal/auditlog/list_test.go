package auditlog_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/core"
)

func TestListFilters(t *testing.T) {
	t.Parallel()
	on(t, true, func(t *testing.T, r *rig) {
		start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
		for i, e := range []auditlog.Entry{
			{Action: "key.create", Actor: core.Actor{Kind: core.ActorUser, ID: "ann"}, Target: "a"},
			{Action: "key.revoke", Actor: core.Actor{Kind: core.ActorUser, ID: "ann"}, Target: "b", Project: "prj_1"},
			{Action: "keys.rotate", Actor: core.Actor{Kind: core.ActorUser, ID: "bob"}, Target: "a"},
			{Action: "signin", Actor: core.Actor{Kind: core.ActorUser, ID: "bob"}, Outcome: auditlog.Failed},
			{Action: "signin", Actor: core.Actor{Kind: core.ActorUser, ID: "bob"}},
		} {
			e.At = start.Add(time.Duration(i) * 24 * time.Hour)
			ok(t, r.Record(t.Context(), orgA, e))
		}
		r.fill(t, orgB, 1)
		for name, c := range map[string]struct {
			q    auditlog.Query
			want []int64
		}{
			"all":        {auditlog.Query{}, []int64{5, 4, 3, 2, 1}},
			"action":     {auditlog.Query{Action: "signin"}, []int64{5, 4}},
			"a family":   {auditlog.Query{Action: "key."}, []int64{2, 1}},
			"no prefix":  {auditlog.Query{Action: "key"}, nil},
			"actor":      {auditlog.Query{Actor: "bob"}, []int64{5, 4, 3}},
			"target":     {auditlog.Query{Target: "a"}, []int64{3, 1}},
			"project":    {auditlog.Query{Project: "prj_1"}, []int64{2}},
			"outcome":    {auditlog.Query{Outcome: auditlog.Failed}, []int64{4}},
			"from":       {auditlog.Query{From: start.Add(48 * time.Hour)}, []int64{5, 4, 3}},
			"until":      {auditlog.Query{Until: start.Add(48 * time.Hour)}, []int64{2, 1}},
			"in between": {auditlog.Query{From: start.Add(24 * time.Hour), Until: start.Add(49 * time.Hour), Target: "a"}, []int64{3}},
		} {
			page := must(r.List(t.Context(), orgA, c.q))(t)
			var got []int64
			for _, e := range page.Entries {
				got = append(got, e.Row)
			}
			if !slices.Equal(got, c.want) || page.Next != "" {
				t.Errorf("%s: %v, then %q, want %v", name, got, page.Next, c.want)
			}
		}
	})
}

// TestListPages walks a log in pages while it grows: nothing is skipped or doubled.
func TestListPages(t *testing.T) {
	t.Parallel()
	on(t, false, func(t *testing.T, r *rig) {
		r.fill(t, orgA, 600)
		for _, limit := range []int{7, 200} {
			size := int64(len(must(r.cfg.Events.ReadStream(t.Context(), orgA, core.AuditLog, 0, 2000))(t)))
			want, after := size, ""
			for {
				page := must(r.List(t.Context(), orgA, auditlog.Query{After: after, Limit: limit}))(t)
				for _, e := range page.Entries {
					if e.Row != want {
						t.Fatalf("limit %d: row %d, want %d", limit, e.Row, want)
					}
					want--
				}
				if size-want < 1000/int64(limit) {
					ok(t, r.Record(t.Context(), orgA, entry("meanwhile")))
				}
				if after = page.Next; after == "" {
					break
				}
			}
			if want != 0 {
				t.Errorf("limit %d: it ends before row %d", limit, want)
			}
		}
		for _, q := range []auditlog.Query{{Limit: 201}, {Limit: -1}, {After: "x"}, {After: fmt.Sprint(5)}} {
			_, err := r.List(t.Context(), orgA, q)
			wantCode(t, fmt.Sprint(q), err, core.Invalid)
		}
	})
}

// TestListWhereClocksDiffer finds an entry of a node whose clock is ahead behind one of a node
// whose clock isn't.
func TestListWhereClocksDiffer(t *testing.T) {
	t.Parallel()
	on(t, false, func(t *testing.T, r *rig) {
		start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
		for _, ahead := range []time.Duration{0, 50 * time.Minute, 0} {
			e := entry("x")
			e.At = start.Add(ahead)
			ok(t, r.Record(t.Context(), orgA, e))
		}
		page := must(r.List(t.Context(), orgA, auditlog.Query{From: start.Add(10 * time.Minute)}))(t)
		if len(page.Entries) != 1 || page.Entries[0].Row != 2 {
			t.Errorf("%+v", page.Entries)
		}
	})
}
