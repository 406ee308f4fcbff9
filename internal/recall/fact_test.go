package recall_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/recall"
)

// allow has the project say that facts may be remembered.
func (r *rig) allow(scope core.Scope) {
	r.Helper()
	_, err := r.Set(r.Context(), scope, recall.Settings{Remember: true, Days: 30})
	r.ok(err)
}

func TestNothingIsRememberedWithoutConsent(t *testing.T) {
	r := newRig(t)
	_, err := r.Remember(t.Context(), ann, recall.NewFact{Text: "Ann drives an automobile."})
	r.wantCode("before", err, core.Denied)
	if !strings.Contains(core.HintOf(err), "--remember on") {
		t.Errorf("the hint is %q", core.HintOf(err))
	}
	r.allow(ann)
	_, err = r.Remember(t.Context(), ann, recall.NewFact{Text: "Ann drives an automobile."})
	r.ok(err)
	_, err = r.Remember(t.Context(), other, recall.NewFact{Text: "so does Bea"})
	r.wantCode("another project", err, core.Denied)
	_, err = r.Set(t.Context(), ann, recall.Settings{})
	r.ok(err)
	_, err = r.Remember(t.Context(), ann, recall.NewFact{Text: "more"})
	r.wantCode("afterwards", err, core.Denied)
	if all, err := r.Remembered(t.Context(), ann); err != nil || len(all) != 1 {
		t.Errorf("what was remembered: %v, %v", all, err)
	}
}

func TestFactsAreFoundAndForgotten(t *testing.T) {
	r := newRig(t)
	r.allow(ann)
	f, err := r.Remember(t.Context(), ann, recall.NewFact{Text: "  Ann drives\nan automobile. ", Task: "tsk_1"})
	r.ok(err)
	if f.Text != "Ann drives an automobile." || f.State != recall.Indexed || f.Task != "tsk_1" || f.By != ann.Actor || !f.Expires.Equal(r.clock.Now().AddDate(0, 0, 30)) {
		t.Errorf("%+v", f)
	}
	r.add(ann, "a.txt", "A text about gardens.")
	a := r.recall(ann, "which car?")
	if first(a) != "Ann drives an automobile." || a.Hits[0].Kind != recall.Facts || a.Hits[0].Document != f.ID || a.Hits[0].Title != "remembered 2026-01-02" {
		t.Errorf("%+v", a.Hits)
	}
	only, err := r.Recall(t.Context(), ann, recall.Query{Text: "automobile", Kind: recall.Documents})
	if err != nil || strings.Contains(first(only), "Ann") {
		t.Errorf("%+v: %v", only, err)
	}
	r.ok(r.Forget(t.Context(), ann, f.ID))
	r.wantCode("again", r.Forget(t.Context(), ann, f.ID), core.NotFound)
	if a := r.recall(ann, "automobile"); strings.Contains(first(a), "Ann") {
		t.Errorf("%+v", a.Hits)
	}
	r.noFacts(ann)
}

// noFacts fails the test if anything is left of facts.
func (r *rig) noFacts(scope core.Scope) {
	r.Helper()
	shelf := shelfOf(scope)
	shelf.Kind = recall.Facts
	if left, err := r.inner.Entries(r.Context(), shelf); err != nil || len(left) > 0 {
		r.Errorf("the index has %v: %v", left, err)
	}
	for _, kind := range []string{"memory_fact", "memory_expiry", "memory_todo"} {
		if left, err := r.driver.Records(r.Context(), scope.Org, kind, "", "", 10); err != nil || len(left) > 0 {
			r.Errorf("records of the kind %s: %v, %v", kind, left, err)
		}
	}
}

func TestFactsExpire(t *testing.T) {
	r := newRig(t)
	r.allow(ann)
	for _, days := range []int{1, 0, 1000} { // at most what the project has set
		_, err := r.Remember(t.Context(), ann, recall.NewFact{Text: "fact", Days: days})
		r.ok(err)
	}
	r.clock.Advance(25 * time.Hour)
	if all, err := r.Remembered(t.Context(), ann); err != nil || len(all) != 2 {
		t.Errorf("%v: %v", all, err)
	}
	if a := r.recall(ann, "fact"); len(a.Hits) != 2 {
		t.Errorf("%+v", a.Hits)
	}
	r.clock.Advance(30 * 24 * time.Hour)
	r.ok(r.Tend(t.Context(), nil))
	r.noFacts(ann)
}

func TestForgetAll(t *testing.T) {
	r := newRig(t)
	r.allow(ann)
	for range 5 {
		_, err := r.Remember(t.Context(), ann, recall.NewFact{Text: "fact"})
		r.ok(err)
	}
	r.add(ann, "a.txt", "The red fox.")
	if n, err := r.ForgetAll(t.Context(), ann); err != nil || n != 5 {
		t.Errorf("%d: %v", n, err)
	}
	r.noFacts(ann)
	if a := r.recall(ann, "fox"); first(a) != "The red fox." {
		t.Error("documents are gone, too")
	}
}

// TestACallThatIsRepeatedRemembersOnce: as after a crash, with the call's id as the key.
func TestACallThatIsRepeatedRemembersOnce(t *testing.T) {
	r := newRig(t)
	r.allow(ann)
	a, err := r.Remember(t.Context(), ann, recall.NewFact{Text: "fact", Key: "cal_1"})
	r.ok(err)
	b, err := r.Remember(t.Context(), ann, recall.NewFact{Text: "fact", Key: "cal_1"})
	r.ok(err)
	if all, err := r.Remembered(t.Context(), ann); err != nil || len(all) != 1 || a.ID != b.ID {
		t.Errorf("%v: %v", all, err)
	}
}

func TestSettings(t *testing.T) {
	r := newRig(t)
	s, err := r.Settings(t.Context(), ann)
	if err != nil || s.Remember || s.Days != recall.UsualDays || s.Revision != 0 {
		t.Errorf("%+v: %v", s, err)
	}
	s, err = r.Set(t.Context(), ann, recall.Settings{Remember: true, Days: 7, Model: "m"})
	if err != nil || !s.Remember || s.Days != 7 || s.Model != "m" || s.Revision != 1 {
		t.Errorf("%+v: %v", s, err)
	}
	_, err = r.Set(t.Context(), ann, recall.Settings{Revision: 9})
	r.wantCode("based on another", err, core.Conflict)
	for _, bad := range []recall.Settings{{Days: -1}, {Days: recall.MaxDays + 1}, {Model: strings.Repeat("m", 201)}, {Model: "a\x00b"}} {
		_, err = r.Set(t.Context(), ann, bad)
		r.wantCode("bad settings", err, core.Invalid)
	}
}

func TestRunStartsAndStops(t *testing.T) {
	r := newRig(t)
	_, err := r.Set(t.Context(), ann, recall.Settings{Model: "m"})
	r.ok(err)
	r.add(ann, "a.txt", "The red fox.")
	_, err = r.Reindex(t.Context(), ann)
	r.ok(err)
	for range 20 {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Service.Run(ctx) }()
		stop()
		r.ok(<-done)
	}
}
