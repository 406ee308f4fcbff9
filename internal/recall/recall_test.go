package recall_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/recall"
)

const guide = `# Operating

Intro of the guide.

## Backups

A backup is taken every hour.
It can be verified.

## Keys

Keys are rotated by the operator.
`

func TestADocumentIsFoundWithItsPlace(t *testing.T) {
	r := newRig(t)
	d := r.add(ann, "guide.md", guide)
	if d.State != recall.Indexed || d.Title != "Operating" || d.Parts != 3 || d.Model != "concepts" || d.Kind != "markdown" || d.Size != int64(len(guide)) {
		t.Errorf("%+v", d)
	}
	a := r.recall(ann, "how often are backups verified?")
	if len(a.Hits) == 0 || len(a.Lacks) > 0 {
		t.Fatalf("%+v", a)
	}
	h := a.Hits[0]
	if h.Text != "A backup is taken every hour.\nIt can be verified." || h.Line != 7 || h.End != 8 || h.Heading != "Operating > Backups" || h.Document != d.ID || h.Source != "guide.md" {
		t.Errorf("%+v", h)
	}
	if want := `Operating, lines 7 to 8, "Operating > Backups"`; h.Cite() != want {
		t.Errorf("cited as %s, want %s", h.Cite(), want)
	}
}

// TestMeaningAndWordsTogether: what is asked in other words is found by its meaning, what
// has a rare word by that.
func TestMeaningAndWordsTogether(t *testing.T) {
	r := newRig(t)
	r.add(ann, "a.txt", "The physician arrived in a quick vehicle.")
	r.add(ann, "b.txt", "Order number zx81 was paid.")
	for i := range 5 {
		r.add(ann, fmt.Sprintf("c%d.txt", i), fmt.Sprintf("Unrelated text about gardens, number %d.", i))
	}
	a := r.recall(ann, "doctor with a fast car")
	if !strings.Contains(first(a), "physician") || a.Hits[0].ByMeaning != 1 || a.Hits[0].ByWords != 0 {
		t.Errorf("%+v", a.Hits)
	}
	if a = r.recall(ann, "zx81"); !strings.Contains(first(a), "zx81") || a.Hits[0].ByWords != 1 {
		t.Errorf("%+v", a.Hits)
	}
	if n, e := r.model.asked(); n == 0 || e.Side != recall.Question {
		t.Errorf("the question was embedded as %q", e.Side)
	}
}

func TestAnotherVersionReplacesTheOneBefore(t *testing.T) {
	r := newRig(t)
	before := r.add(ann, "a.txt", "The red fox.")
	after := r.add(ann, "a.txt", "The blue whale.")
	if after.ID != before.ID || after.Revision <= before.Revision {
		t.Errorf("%+v, then %+v", before, after)
	}
	if a := r.recall(ann, "fox"); strings.Contains(first(a), "fox") {
		t.Errorf("the version before is found: %+v", a.Hits)
	}
	if a := r.recall(ann, "whale"); first(a) != "The blue whale." {
		t.Errorf("%+v", a.Hits)
	}
	all, _, err := r.List(t.Context(), ann, "", 10)
	if err != nil || len(all) != 1 || r.fileCount("org_a") != 1 {
		t.Errorf("%d documents, %d blobs: %v", len(all), r.fileCount("org_a"), err)
	}
	_, data, err := r.Content(t.Context(), ann, after.ID)
	if err != nil || string(data) != "The blue whale." {
		t.Errorf("%q: %v", data, err)
	}
}

func TestADeletionIsComplete(t *testing.T) {
	r := newRig(t)
	d := r.add(ann, "a.txt", "The red fox.")
	r.add(bob, "a.txt", "The red fox.")
	r.wantCode("another revision", r.Remove(t.Context(), ann, d.ID, d.Revision+1), core.Conflict)
	r.ok(r.Remove(t.Context(), ann, d.ID, d.Revision))
	r.wantCode("again", r.Remove(t.Context(), ann, d.ID, 0), core.NotFound)
	if a := r.recall(ann, "fox"); len(a.Hits) > 0 {
		t.Errorf("%+v", a.Hits)
	}
	entries, err := r.inner.Entries(t.Context(), shelfOf(ann))
	if err != nil || len(entries) > 0 || r.fileCount("org_a") != 0 {
		t.Errorf("%d entries, %d blobs: %v", len(entries), r.fileCount("org_a"), err)
	}
	for _, kind := range []string{"memory_document", "memory_name", "memory_todo"} {
		if left, err := r.driver.Records(t.Context(), "org_a", kind, "", "", 10); err != nil || len(left) > 0 {
			t.Errorf("records of the kind %s: %v, %v", kind, left, err)
		}
	}
	if a := r.recall(bob, "fox"); first(a) != "The red fox." {
		t.Error("another org's is gone, too")
	}
	if d := r.add(ann, "a.txt", "The red fox."); d.State != recall.Indexed {
		t.Errorf("and added again: %+v", d)
	}
}

// TestTenantsAreApart asks for what another has by every way in.
func TestTenantsAreApart(t *testing.T) {
	r := newRig(t)
	d := r.add(ann, "a.txt", "The red fox.")
	r.allow(ann)
	f, err := r.Remember(t.Context(), ann, recall.NewFact{Text: "Ann likes foxes."})
	r.ok(err)
	for _, scope := range []core.Scope{other, bob} {
		if a := r.recall(scope, "fox"); len(a.Hits) > 0 {
			t.Errorf("%s of %s finds %+v", scope.Project, scope.Org, a.Hits)
		}
		_, err := r.Document(t.Context(), scope, d.ID)
		r.wantCode("document", err, core.NotFound)
		_, _, err = r.Content(t.Context(), scope, d.ID)
		r.wantCode("content", err, core.NotFound)
		r.wantCode("remove", r.Remove(t.Context(), scope, d.ID, 0), core.NotFound)
		r.wantCode("forget", r.Forget(t.Context(), scope, f.ID), core.NotFound)
		if all, _, err := r.List(t.Context(), scope, "", 10); err != nil || len(all) > 0 {
			t.Errorf("lists %v: %v", all, err)
		}
		if all, err := r.Remembered(t.Context(), scope); err != nil || len(all) > 0 {
			t.Errorf("remembers %v: %v", all, err)
		}
		if _, err := r.ForgetAll(t.Context(), scope); err != nil {
			t.Error(err)
		}
		if n, err := r.Reindex(t.Context(), scope); err != nil || n > 0 {
			t.Errorf("reindexes %d: %v", n, err)
		}
	}
	if a := r.recall(ann, "fox"); len(a.Hits) != 2 {
		t.Errorf("its own finds %+v", a.Hits)
	}
	for _, bad := range []string{"", "doc_", "../doc_1", "prj_one/doc_1", "doc_1/../doc_2"} {
		_, err := r.Document(t.Context(), ann, bad)
		r.wantCode(bad, err, core.NotFound)
	}
	_, err = r.Recall(t.Context(), core.Scope{}, recall.Query{Text: "fox"})
	r.wantCode("no tenant", err, core.Internal)
}

func TestAShreddedOrgIsGone(t *testing.T) {
	r := newRig(t)
	r.add(ann, "a.txt", "The red fox.")
	r.recall(ann, "fox") // what it holds in memory is of no use then
	r.ok(r.vault.Shred(t.Context(), "org_a"))
	_, err := r.Recall(t.Context(), ann, recall.Query{Text: "fox"})
	r.wantCode("recall", err, core.NotFound)
	_, err = r.Add(t.Context(), ann, recall.NewDocument{Source: "b.txt", Data: []byte("b")})
	r.wantCode("add", err, core.NotFound)
	r.ok(r.Tend(t.Context(), nil)) // and isn't tended
}

func TestBounds(t *testing.T) {
	r := newRig(t, func(c *recall.Config) {
		c.Limits = recall.Limits{Document: 1000, Documents: 3, Bytes: 1500, Parts: 4, Facts: 2}
	})
	add := func(source, content string) error {
		_, err := r.Add(t.Context(), ann, recall.NewDocument{Source: source, Data: []byte(content)})
		return err
	}
	r.wantCode("no source", add("", "x"), core.Invalid)
	r.wantCode("nothing", add("a.txt", ""), core.Invalid)
	r.wantCode("spaces", add("a.txt", " \n "), core.Invalid)
	r.wantCode("binary", add("a.bin", "a\x00b\x01\x02"), core.Invalid)
	r.wantCode("a PDF where none is read", add("a.pdf", "%PDF-1.7"), core.Unsupported)
	r.wantCode("too large", add("a.txt", strings.Repeat("x ", 501)), core.Exhausted)
	r.ok(add("a.txt", strings.Repeat("x ", 450)))
	r.wantCode("too many bytes", add("b.txt", strings.Repeat("x ", 450)), core.Exhausted)
	r.ok(add("b.txt", "b"))
	r.wantCode("too many parts", add("c.md", "# a\na\n# b\nb\n# c\nc"), core.Exhausted)
	r.ok(add("c.txt", "c"))
	r.wantCode("too many documents", add("d.txt", "d"), core.Exhausted)
	r.ok(add("c.txt", "instead of c")) // the same number
	if n := r.fileCount("org_a"); n != 3 {
		t.Errorf("%d blobs: those that were refused stay", n)
	}
	r.allow(ann)
	for i, code := range []core.Code{"", "", core.Exhausted} {
		_, err := r.Remember(t.Context(), ann, recall.NewFact{Text: fmt.Sprint("fact ", i)})
		r.wantCode(fmt.Sprint("fact ", i), err, code)
	}
	_, err := r.Recall(t.Context(), ann, recall.Query{Text: " \n"})
	r.wantCode("nothing asked", err, core.Invalid)
	if a := r.recall(ann, strings.Repeat("many words that are asked ", 10_000)); len(a.Hits) > 8 {
		t.Errorf("%d hits", len(a.Hits))
	}
}
