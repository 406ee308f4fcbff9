package storetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// testViewModel applies random rows with random marks and compares the view
// with a map.
func testViewModel(t *testing.T, open Open) {
	st, _ := start(t, open)
	rapid.Check(t, func(rt *rapid.T) {
		if err := st.Drop(rt.Context(), "org_a", "tasks"); err != nil {
			rt.Fatal(err)
		}
		rows := map[string]store.Row{}
		var at int64 // of one stream
		rt.Repeat(map[string]func(*rapid.T){
			"apply": func(rt *rapid.T) {
				position := max(1, at+int64(rapid.IntRange(-1, 3).Draw(rt, "by")))
				batch := rapid.SliceOfN(rapid.Custom(drawRow), 0, 4).Draw(rt, "rows")
				applied, err := st.Apply(rt.Context(), "org_a", "tasks", once(position), batch)
				if err != nil || applied != (position > at) {
					rt.Fatalf("apply at %d over %d: %v, %v", position, at, applied, err)
				}
				if !applied {
					return
				}
				at = position
				for _, r := range batch {
					if rows[r.ID] = r; r.Deleted {
						delete(rows, r.ID)
					}
				}
			},
			"list": func(rt *rapid.T) { compareView(rt, st, rows) },
		})
		compareView(rt, st, rows)
	})
}

func drawRow(t *rapid.T) store.Row {
	r := rowOf(
		rapid.SampledFrom([]string{"a", "b", "c", "d", "é", "Z"}).Draw(t, "id"),
		rapid.SampledFrom([]core.ProjectID{"prj_a", "prj_b"}).Draw(t, "project"),
		rapid.SampledFrom([]string{"app", "task"}).Draw(t, "kind"),
		rapid.SampledFrom([]string{"queued", "failed"}).Draw(t, "status"),
		int64(rapid.IntRange(-2, 2).Draw(t, "sort")),
	)
	r.Deleted = rapid.IntRange(0, 4).Draw(t, "deleted") == 0
	return r
}

// compareView lists the rows under drawn filters, in pages.
func compareView(t *rapid.T, st store.Store, rows map[string]store.Row) {
	q := store.Query{
		Project: rapid.SampledFrom([]core.ProjectID{"", "prj_a"}).Draw(t, "project"),
		Kind:    rapid.SampledFrom([]string{"", "app"}).Draw(t, "kind"),
		Status:  rapid.SampledFrom([]string{"", "failed"}).Draw(t, "status"),
		Limit:   rapid.IntRange(1, 4).Draw(t, "limit"),
	}
	var want, got []store.Row
	for _, r := range rows {
		if (q.Project == "" || r.Project == q.Project) && (q.Kind == "" || r.Kind == q.Kind) && (q.Status == "" || r.Status == q.Status) {
			want = append(want, r)
		}
	}
	slices.SortFunc(want, func(a, b store.Row) int {
		if a.Sort != b.Sort {
			return int(b.Sort - a.Sort)
		}
		return strings.Compare(b.ID, a.ID)
	})
	for {
		page, err := st.List(t.Context(), "org_a", "tasks", q)
		if err != nil {
			t.Fatalf("list %+v: %v", q, err)
		}
		got = append(got, page.Rows...)
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%+v (-want +got):\n%s", q, diff)
	}
}
