package storetest

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

func rowOf(id string, project core.ProjectID, kind, status string, sort int64) store.Row {
	return store.Row{ID: id, Project: project, Kind: kind, Status: status, Sort: sort, Data: json.RawMessage(fmt.Sprintf(`{"id":%q}`, id))}
}

// markOf is the mark of an event.
func markOf(e core.Event) store.Mark { return store.Mark{Stream: e.Stream, Version: e.Version} }

// once is a mark that nothing else has.
func once(n int64) store.Mark { return store.Mark{Stream: "tsk_once", Version: n} }

func testViewApply(t *testing.T, open Open) {
	st, _ := start(t, open)
	one, two := rowOf("tsk_1", "prj_a", "app", "queued", 1), rowOf("tsk_2", "prj_a", "app", "queued", 2)
	running := rowOf("tsk_1", "prj_a", "app", "running", 9)
	for i, c := range []struct {
		stream  core.StreamID
		version int64
		rows    []store.Row
		applied bool
		want    []store.Row
	}{
		{"a", 5, []store.Row{one, two}, true, []store.Row{two, one}},
		{"a", 5, []store.Row{{ID: "tsk_1", Deleted: true}}, false, []store.Row{two, one}},
		{"a", 3, []store.Row{{ID: "tsk_1", Deleted: true}}, false, []store.Row{two, one}},
		{"b", 1, []store.Row{running}, true, []store.Row{running, two}},
		{"a", 6, []store.Row{one}, true, []store.Row{two, one}},
		{"b", 9, []store.Row{{ID: "tsk_1", Deleted: true}, {ID: "tsk_none", Deleted: true}}, true, []store.Row{two}},
		{"b", 10, nil, true, []store.Row{two}},
		{"b", 10, []store.Row{one}, false, []store.Row{two}},
	} {
		if got := must(st.Apply(t.Context(), "org_a", "tasks", store.Mark{Stream: c.stream, Version: c.version}, c.rows))(t); got != c.applied {
			t.Errorf("apply %d: applied %v, want %v", i, got, c.applied)
		}
		if diff := cmp.Diff(c.want, must(st.List(t.Context(), "org_a", "tasks", store.Query{}))(t).Rows); diff != "" {
			t.Errorf("apply %d (-want +got):\n%s", i, diff)
		}
	}
	if !must(st.Apply(t.Context(), "org_b", "tasks", store.Mark{Stream: "a", Version: 1}, nil))(t) ||
		!must(st.Apply(t.Context(), "org_a", "others", store.Mark{Stream: "a", Version: 1}, nil))(t) {
		t.Error("a mark counts in another org or view")
	}
	if got := must(st.Get(t.Context(), "org_a", "tasks", "tsk_2"))(t); !cmp.Equal(got, two) {
		t.Errorf("get: %+v", got)
	}
	_, err := st.Get(t.Context(), "org_a", "tasks", "tsk_1")
	wantCode(t, "get a removed row", err, core.NotFound)
	_, err = st.Get(t.Context(), "org_a", "others", "tsk_2")
	wantCode(t, "get from another view", err, core.NotFound)
}

// testViewList asks for every combination of filters, in pages of every size.
func testViewList(t *testing.T, open Open) {
	st, _ := start(t, open)
	var rows []store.Row
	for i := range 24 {
		rows = append(rows, rowOf(fmt.Sprintf("tsk_%02d", i), []core.ProjectID{"prj_a", "prj_b"}[i%2],
			[]string{"app", "task"}[i/2%2], []string{"queued", "failed", "running"}[i%3], int64(i/4)))
	}
	must(st.Apply(t.Context(), "org_a", "tasks", once(1), rows))(t)
	must(st.Apply(t.Context(), "org_a", "others", once(1), rows[:1]))(t)
	for _, project := range []core.ProjectID{"", "prj_a", "prj_none"} {
		for _, kind := range []string{"", "app"} {
			for _, status := range []string{"", "failed"} {
				var want []string
				for i := len(rows) - 1; i >= 0; i-- { // sort, then id, descending
					r := rows[i]
					if (project == "" || r.Project == project) && (kind == "" || r.Kind == kind) && (status == "" || r.Status == status) {
						want = append(want, r.ID)
					}
				}
				for _, limit := range []int{1, 5, 12, 0} {
					q := store.Query{Project: project, Kind: kind, Status: status, Limit: limit}
					if got := pages(t, st, q); !cmp.Equal(got, want) {
						t.Errorf("%+v lists %v, want %v", q, got, want)
					}
				}
			}
		}
	}
}

// pages reads a list to its end and returns the ids.
func pages(t *testing.T, st store.Store, q store.Query) []string {
	t.Helper()
	var ids []string
	for {
		page := must(st.List(t.Context(), "org_a", "tasks", q))(t)
		for _, r := range page.Rows {
			ids = append(ids, r.ID)
		}
		if page.Next == "" {
			return ids
		}
		if q.Limit > 0 && len(page.Rows) != q.Limit {
			t.Fatalf("a page of %d before the end, want %d", len(page.Rows), q.Limit)
		}
		q.After = page.Next
	}
}

// testViewCursor inserts and removes rows between two pages: what is there all
// the time comes exactly once.
func testViewCursor(t *testing.T, open Open) {
	st, _ := start(t, open)
	var rows []store.Row
	for i := range 10 {
		rows = append(rows, rowOf(fmt.Sprintf("tsk_%d", i), "prj_a", "app", "queued", int64(i)))
	}
	must(st.Apply(t.Context(), "org_a", "tasks", once(1), rows))(t)
	q := store.Query{Limit: 4}
	first := must(st.List(t.Context(), "org_a", "tasks", q))(t)
	must(st.Apply(t.Context(), "org_a", "tasks", once(2), []store.Row{
		rowOf("tsk_new", "prj_a", "app", "queued", 99), // before the cursor
		rowOf("tsk_old", "prj_a", "app", "queued", 2),  // after it
		{ID: "tsk_6", Deleted: true},                   // the cursor's own row
	}))(t)
	q.After = first.Next
	got := pages(t, st, q)
	want := []string{"tsk_5", "tsk_4", "tsk_3", "tsk_old", "tsk_2", "tsk_1", "tsk_0"}
	if !cmp.Equal(got, want) {
		t.Errorf("the rest of the list is %v, want %v", got, want)
	}
	for name, q := range map[string]store.Query{
		"nonsense": {After: "nonsense"}, "not base 64": {After: "%%%"}, "an id": {After: "tsk_1"},
		"negative limit": {Limit: -1}, "huge limit": {Limit: store.MaxLimit + 1},
	} {
		_, err := st.List(t.Context(), "org_a", "tasks", q)
		wantCode(t, name, err, core.Invalid)
	}
}

func testViewDrop(t *testing.T, open Open) {
	st, _ := start(t, open)
	row := rowOf("tsk_1", "prj_a", "app", "queued", 1)
	for _, view := range []string{"tasks", "others"} {
		must(st.Apply(t.Context(), "org_a", view, once(7), []store.Row{row}))(t)
	}
	for range 2 { // dropping what isn't there is no error
		if err := st.Drop(t.Context(), "org_a", "tasks"); err != nil {
			t.Fatal(err)
		}
	}
	if page := must(st.List(t.Context(), "org_a", "tasks", store.Query{}))(t); len(page.Rows) != 0 {
		t.Errorf("a dropped view lists %v", page.Rows)
	}
	if must(st.Apply(t.Context(), "org_a", "others", once(7), nil))(t) {
		t.Error("the other view's mark is gone")
	}
	if !must(st.Apply(t.Context(), "org_a", "tasks", once(1), []store.Row{row}))(t) {
		t.Error("a dropped view can't be built again")
	}
}

func testViewReplace(t *testing.T, open Open) {
	st, _ := start(t, open)
	live, built := rowOf("tsk_1", "prj_a", "app", "queued", 1), rowOf("tsk_2", "prj_a", "app", "queued", 1)
	for _, org := range []core.OrgID{"org_a", "org_b"} {
		must(st.Apply(t.Context(), org, "tasks", once(9), []store.Row{live}))(t)
		must(st.Apply(t.Context(), org, "tasks~built", once(7), []store.Row{built}))(t)
	}
	if err := st.Replace(t.Context(), "org_a", "tasks", "tasks~built"); err != nil {
		t.Fatal(err)
	}
	list := func(org core.OrgID, view string) []store.Row {
		return must(st.List(t.Context(), org, view, store.Query{}))(t).Rows
	}
	if diff := cmp.Diff([]store.Row{built}, list("org_a", "tasks")); diff != "" {
		t.Errorf("the view (-want +got):\n%s", diff)
	}
	if len(list("org_a", "tasks~built")) != 0 || !cmp.Equal(list("org_b", "tasks"), []store.Row{live}) || !cmp.Equal(list("org_b", "tasks~built"), []store.Row{built}) {
		t.Error("the other views aren't what they should be")
	}
	if must(st.Apply(t.Context(), "org_a", "tasks", once(7), nil))(t) || !must(st.Apply(t.Context(), "org_a", "tasks", once(8), nil))(t) {
		t.Error("the marks aren't those of the view that was put there")
	}
	if err := st.Replace(t.Context(), "org_a", "tasks", "tasks~none"); err != nil || len(list("org_a", "tasks")) != 0 {
		t.Errorf("replaced by an empty view: %v, %v", list("org_a", "tasks"), err)
	}
}
