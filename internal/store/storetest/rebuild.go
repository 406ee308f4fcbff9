package storetest

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// counting keeps a view with a row per stream: how many events it has.
func counting(st store.Store) *store.Projector {
	return &store.Projector{
		Store: st, View: "counts", Wants: func(string) bool { return true },
		Row: func(events []core.Event) (store.Row, error) {
			return store.Row{ID: string(events[0].Stream), Project: events[0].Project, Kind: "count", Status: "s", Sort: 1,
				Data: json.RawMessage(fmt.Sprint(len(events)))}, nil
		},
	}
}

// testRebuild damages a view, which Verify sees and Rebuild mends, while events come.
func testRebuild(t *testing.T, open Open) {
	st, _ := start(t, open)
	p := counting(st)
	handle := func(events []core.Event) {
		for _, e := range events {
			if err := p.Handle(t.Context(), e); err != nil {
				t.Error(err)
			}
		}
	}
	for i := range 8 {
		handle(add(t, st, "org_a", core.StreamID(fmt.Sprint("s", i)), 0, 3, store.WorkKeep))
	}
	verify := func() map[string]string {
		_, all, err := p.Verify(t.Context(), "org_a")
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, d := range all {
			found[d.ID] = d.What
		}
		return found
	}
	if found := verify(); len(found) != 0 {
		t.Errorf("a good view: %v", found)
	}
	must(st.Apply(t.Context(), "org_a", "counts", once(1), []store.Row{
		{ID: "s1", Deleted: true}, {ID: "ghost", Data: json.RawMessage(`0`)},
		{ID: "s2", Project: "prj_one", Kind: "count", Status: "s", Sort: 1, Data: json.RawMessage(`9`)},
		{ID: "s3", Project: "prj_one", Kind: "count", Status: "wrong", Sort: 1, Data: json.RawMessage(`3`)},
	}))(t)
	want := map[string]string{"s1": "missing", "ghost": "left over", "s2": "data", "s3": "status"}
	if diff := cmp.Diff(want, verify()); diff != "" {
		t.Errorf("a damaged view (-want +got):\n%s", diff)
	}

	stop := make(chan struct{})
	var writing sync.WaitGroup
	for i := 4; i < 8; i++ {
		writing.Go(func() {
			for v := int64(3); v < 200; v++ {
				handle(add(t, st, "org_a", core.StreamID(fmt.Sprint("s", i)), v, 1, store.WorkKeep))
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for range 3 {
		if err := p.Rebuild(t.Context(), "org_a"); err != nil {
			t.Fatal(err)
		}
		if found := verify(); len(found) != 0 {
			t.Errorf("rebuilt under writes: %v", found)
		}
	}
	close(stop)
	writing.Wait()
	if found := verify(); len(found) != 0 {
		t.Errorf("at last: %v", found)
	}
	if rows := must(st.List(t.Context(), "org_a", "counts~beside", store.Query{}))(t).Rows; len(rows) != 0 {
		t.Errorf("left beside the view: %v", rows)
	}
}
