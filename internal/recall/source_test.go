package recall_test

import (
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/recall"
)

// What came of a conversation goes with it, and nothing else does.
func TestWhatCameOfASourceIsForgotten(t *testing.T) {
	r := newRig(t)
	r.allow(ann)
	r.allow(other)
	for _, f := range []recall.NewFact{{Text: "Ann likes foxes.", Source: "cnv_1"}, {Text: "Ann likes owls.", Task: "tsk_1"}, {Text: "Ann likes bears.", Source: "cnv_11"}, {Text: "Ann likes bees."}} {
		_, err := r.Remember(t.Context(), ann, f)
		r.ok(err)
	}
	_, err := r.Remember(t.Context(), other, recall.NewFact{Text: "Bea likes foxes.", Source: "cnv_1"})
	r.ok(err)
	r.add(ann, "cnv_1/notes.txt", "Ann likes wolves.")
	r.add(ann, "cnv_11.txt", "Ann likes cats.")
	for source, want := range map[string]int{"cnv_1": 2, "tsk_1": 1, "cnv_2": 0} {
		if n, err := r.ForgetSource(t.Context(), ann, source); err != nil || n != want {
			t.Errorf("%s: %d, %v", source, n, err)
		}
	}
	found := map[string]bool{}
	for _, h := range r.recall(ann, "what does Ann like?").Hits {
		found[h.Text] = true
	}
	if len(found) != 3 || !found["Ann likes bears."] || !found["Ann likes bees."] || !found["Ann likes cats."] {
		t.Errorf("%v", found)
	}
	if all, err := r.Remembered(t.Context(), other); err != nil || len(all) != 1 || all[0].Source != "cnv_1" {
		t.Errorf("of another project: %+v, %v", all, err)
	}
	_, err = r.ForgetSource(t.Context(), ann, "")
	r.wantCode("of nothing", err, core.Invalid)
}

// There is no fact without an end.
func TestEachFactEnds(t *testing.T) {
	r := newRig(t)
	set, err := r.Set(t.Context(), ann, recall.Settings{Remember: true, Days: 0})
	r.ok(err)
	f, err := r.Remember(t.Context(), ann, recall.NewFact{Text: "Ann likes foxes."})
	r.ok(err)
	if set.Days != recall.UsualDays || !f.Expires.Equal(r.clock.Now().AddDate(0, 0, recall.UsualDays)) {
		t.Errorf("%+v %v", set, f.Expires)
	}
}
