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

func testViewApply(t *testing.T, open Open) {
	st, _ := start(t, open)
	if got := must(st.Checkpoint(t.Context(), "org_a", "tasks"))(t); got != 0 {
		t.Errorf("a new view is at %d", got)
	}
	one, two := rowOf("tsk_1", "prj_a", "app", "queued", 1), rowOf("tsk_2", "prj_a", "app", "queued", 2)
	for i, c := range []struct {
		position int64
		rows     []store.Row
		applied  bool
		at       int64
		want     []store.Row
	}{
		{5, []store.Row{one, two}, true, 5, []store.Row{two, one}},
		{5, []store.Row{{ID: "tsk_1", Deleted: true}}, false, 5, []store.Row{two, one}},
		{3, []store.Row{{ID: "tsk_1", Deleted: true}}, false, 5, []store.Row{two, one}},
		{6, []store.Row{rowOf("tsk_1", "prj_a", "app", "running", 9)}, true, 6, []store.Row{rowOf("tsk_1", "prj_a", "app", "running", 9), two}},
		{9, []store.Row{{ID: "tsk_1", Deleted: true}, {ID: "tsk_none", Deleted: true}}, true, 9, []store.Row{two}},
		{10, nil, true, 10, []store.Row{two}},
	} {
		if got := must(st.Apply(t.Context(), "org_a", "tasks", c.position, c.rows))(t); got != c.applied {
			t.Errorf("apply %d at %d: applied %v, want %v", i, c.position, got, c.applied)
		}
		if got := must(st.Checkpoint(t.Context(), "org_a", "tasks"))(t); got != c.at {
			t.Errorf("apply %d: the checkpoint is %d, want %d", i, got, c.at)
		}
		if diff := cmp.Diff(c.want, must(st.List(t.Context(), "org_a", "tasks", store.Query{}))(t).Rows); diff != "" {
			t.Errorf("apply %d (-want +got):\n%s", i, diff)
		}
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
	must(st.Apply(t.Context(), "org_a", "tasks", 1, rows))(t)
	must(st.Apply(t.Context(), "org_a", "others", 1, rows[:1]))(t)
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
	must(st.Apply(t.Context(), "org_a", "tasks", 1, rows))(t)
	q := store.Query{Limit: 4}
	first := must(st.List(t.Context(), "org_a", "tasks", q))(t)
	must(st.Apply(t.Context(), "org_a", "tasks", 2, []store.Row{
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
		must(st.Apply(t.Context(), "org_a", view, 7, []store.Row{row}))(t)
	}
	for range 2 { // dropping what isn't there is no error
		if err := st.Drop(t.Context(), "org_a", "tasks"); err != nil {
			t.Fatal(err)
		}
	}
	if page := must(st.List(t.Context(), "org_a", "tasks", store.Query{}))(t); len(page.Rows) != 0 {
		t.Errorf("a dropped view lists %v", page.Rows)
	}
	if got := must(st.Checkpoint(t.Context(), "org_a", "tasks"))(t); got != 0 {
		t.Errorf("a dropped view is at %d", got)
	}
	if got := must(st.Checkpoint(t.Context(), "org_a", "others"))(t); got != 7 {
		t.Errorf("the other view is at %d", got)
	}
	if applied := must(st.Apply(t.Context(), "org_a", "tasks", 1, []store.Row{row}))(t); !applied {
		t.Error("a dropped view can't be built again")
	}
}
