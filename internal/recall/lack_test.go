package recall_test

import (
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
	"github.com/isekai-run/isekai/internal/recall"
)

func shelfOf(scope core.Scope) memory.Shelf {
	return memory.Shelf{Org: scope.Org, Project: scope.Project, Kind: recall.Documents}
}

func TestWithoutAnEmbedderThingsAreFoundByWords(t *testing.T) {
	r := newRig(t, func(c *recall.Config) { c.Embed = nil })
	d := r.add(ann, "a.txt", "The red fox.")
	if d.State != recall.Words || !strings.Contains(d.Why, "no model that makes embeddings") || d.Model != "" {
		t.Errorf("%+v", d)
	}
	a := r.recall(ann, "fox")
	if first(a) != "The red fox." || len(a.Lacks) != 1 || !strings.Contains(a.Lacks[0], "by words alone: there is no model") {
		t.Errorf("%+v", a)
	}
	if left, err := r.records.Records(t.Context(), "org_a", "memory_todo", "", "", 10); err != nil || len(left) > 0 {
		t.Errorf("something is to be done all the same: %v, %v", left, err)
	}
}

// TestAnEmbedderThatIsAway: what is added meanwhile is found by its words, and gets its vectors
// when the embedder is back.
func TestAnEmbedderThatIsAway(t *testing.T) {
	r := newRig(t)
	r.add(ann, "a.txt", "The quick automobile.")
	r.model.set(func(c *concepts) { c.err = errAway })
	d := r.add(ann, "b.txt", "The glad physician.")
	if d.State != recall.Words || d.Why != "the embedder is away" {
		t.Errorf("%+v", d)
	}
	a := r.recall(ann, "physician")
	if first(a) != "The glad physician." || len(a.Lacks) != 1 || !strings.Contains(a.Lacks[0], "the embedder is away") {
		t.Errorf("%+v", a)
	}
	r.model.set(func(c *concepts) { c.err = nil })
	a = r.recall(ann, "fast car")
	if first(a) != "The quick automobile." || len(a.Lacks) != 1 || !strings.Contains(a.Lacks[0], "1 of 2 documents found by words alone") {
		t.Errorf("%+v", a)
	}
	r.ok(r.Tend(t.Context(), nil)) // too early: who added it might still be at it
	if d, _ := r.Document(t.Context(), ann, d.ID); d.State != recall.Words {
		t.Errorf("%+v", d)
	}
	r.clock.Advance(time.Hour)
	r.ok(r.Tend(t.Context(), nil))
	if d, _ := r.Document(t.Context(), ann, d.ID); d.State != recall.Indexed || d.Why != "" {
		t.Errorf("%+v", d)
	}
	if a := r.recall(ann, "happy doctor"); first(a) != "The glad physician." || len(a.Lacks) > 0 {
		t.Errorf("%+v", a)
	}
}

func TestAnEmbedderThatIsSlow(t *testing.T) {
	r := newRig(t, func(c *recall.Config) { c.Limits.Patience = 10 * time.Millisecond })
	hold := make(chan struct{})
	r.model.set(func(c *concepts) { c.hold = hold })
	d := r.add(ann, "a.txt", "The quick automobile.")
	if d.State != recall.Waiting {
		t.Errorf("%+v", d)
	}
	close(hold)
	if a := r.recall(ann, "automobile"); first(a) != "The quick automobile." {
		t.Errorf("%+v", a)
	}
	r.clock.Advance(time.Hour)
	r.ok(r.Tend(t.Context(), nil))
	if d, _ := r.Document(t.Context(), ann, d.ID); d.State != recall.Indexed {
		t.Errorf("%+v", d)
	}
}

// TestOtherModelsVectorsAreNotCompared: after a change of the model all is embedded anew.
func TestOtherModelsVectorsAreNotCompared(t *testing.T) {
	r := newRig(t)
	d := r.add(ann, "a.txt", "The quick automobile.")
	r.model.set(func(c *concepts) { c.name = "others" })
	a := r.recall(ann, "fast car")
	if len(a.Hits) != 0 || len(a.Lacks) != 1 || !strings.Contains(a.Lacks[0], "no vectors of others") {
		t.Errorf("%+v", a)
	}
	_, err := r.Set(t.Context(), ann, recall.Settings{Model: "others", Days: 1})
	r.ok(err)
	if a := r.recall(ann, "automobile"); first(a) != "The quick automobile." {
		t.Errorf("meanwhile it isn't found: %+v", a)
	}
	r.ok(r.Tend(t.Context(), nil))
	if d, _ := r.Document(t.Context(), ann, d.ID); d.Model != "others" {
		t.Errorf("%+v", d)
	}
	if a := r.recall(ann, "fast car"); first(a) != "The quick automobile." || len(a.Lacks) > 0 {
		t.Errorf("%+v", a)
	}
	if _, e := r.model.asked(); e.Model != "others" {
		t.Errorf("asked for %q", e.Model)
	}
}

// TestALostIndexIsBuiltAgain: as after a restore, which brings documents and no index.
func TestALostIndexIsBuiltAgain(t *testing.T) {
	r := newRig(t)
	r.add(ann, "a.txt", "The quick automobile.")
	r.allow(ann)
	_, err := r.Remember(t.Context(), ann, recall.NewFact{Text: "Ann is a physician."})
	r.ok(err)
	r.ok(r.Tend(t.Context(), nil))
	r.openIndex("another.db")
	r.start()
	if a := r.recall(ann, "automobile"); len(a.Hits) > 0 {
		t.Errorf("%+v", a)
	}
	r.ok(r.Tend(t.Context(), nil))
	if a := r.recall(ann, "automobile"); first(a) != "The quick automobile." {
		t.Errorf("%+v", a)
	}
	if a := r.recall(ann, "doctor"); first(a) != "Ann is a physician." {
		t.Errorf("%+v", a)
	}
	calls, _ := r.model.asked()
	r.ok(r.Tend(t.Context(), nil))
	if again, _ := r.model.asked(); again != calls {
		t.Error("and again, though nothing has changed")
	}
}

// TestAnIndexThatIsAway: nothing is found, and it is said; what is added isn't lost.
func TestAnIndexThatIsAway(t *testing.T) {
	r := newRig(t)
	r.add(ann, "a.txt", "The red fox.")
	r.ok(r.inner.Close())
	_, err := r.Recall(t.Context(), ann, recall.Query{Text: "fox"})
	r.wantCode("recall", err, core.Unavailable)
	_, err = r.Add(t.Context(), ann, recall.NewDocument{Source: "b.txt", Data: []byte("The blue whale.")})
	r.wantCode("add", err, core.Unavailable)
	r.openIndex("memory.db")
	r.start()
	r.clock.Advance(time.Hour)
	r.ok(r.Tend(t.Context(), nil))
	if a := r.recall(ann, "whale"); first(a) != "The blue whale." {
		t.Errorf("%+v", a)
	}
}
