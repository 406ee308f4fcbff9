package recall_test

import (
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
	"github.com/isekai-run/isekai/internal/recall"
)

// What an index lacks, or has too much of, is found, and repaired by Reindex.
func TestAnIndexIsCheckedAndRepaired(t *testing.T) {
	r := newRig(t)
	r.allow(ann)
	check := func(want recall.Checked) {
		t.Helper()
		got, err := recall.Check(t.Context(), recall.Checking{Records: r.records, Index: r.index, Orgs: r.cfg.Orgs, Now: r.clock.Now})
		if err != nil || got.Kept != want.Kept || got.Missing != want.Missing || got.Strays != want.Strays || got.Behind != want.Behind || len(got.Of) != len(want.Of) {
			t.Errorf("%+v, want %+v: %v", got, want, err)
		}
	}
	a := r.add(ann, "a.txt", "A text about gardens.")
	r.add(ann, "b.txt", "A text about pumps.")
	_, err := r.Remember(t.Context(), ann, recall.NewFact{Text: "Ann likes foxes."})
	r.ok(err)
	check(recall.Checked{Kept: 3})
	shelf := memory.Shelf{Org: ann.Org, Project: ann.Project, Kind: recall.Documents}
	r.ok(r.index.Delete(t.Context(), shelf, a.ID))
	r.ok(r.index.Put(t.Context(), shelf, memory.Document{ID: "doc_gone", Stamp: "x", Parts: [][]byte{{1}}}))
	check(recall.Checked{Kept: 3, Missing: 1, Strays: 1, Of: []core.ProjectID{ann.Project}})
	_, err = r.Reindex(t.Context(), ann)
	r.ok(err)
	r.ok(r.Tend(t.Context(), nil))
	check(recall.Checked{Kept: 3})
}
