// Package memorytest is the suite that every index of documents passes. Tests alone import it.
package memorytest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/memory"
)

// Open returns an empty index that the test's end closes, and a function that closes it and
// returns it open again.
type Open func(t testing.TB) (memory.Index, func() memory.Index)

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, *rig){
		"a document is found by its words":         byWords,
		"parts and vectors are as they were put":   asPut,
		"what is put again is replaced whole":      replaced,
		"what is deleted is gone":                  deleted,
		"shelves are apart":                        apart,
		"a shelf, a project, an org are cleared":   cleared,
		"generations":                              generations,
		"bytes that are no text":                   anyBytes,
		"the bounds":                               bounds,
		"much at once":                             much,
		"readers see whole documents":              whole,
		"writers of one shelf wait for each other": writers,
		"an error of the caller's ends it":         ended,
		"an ended context":                         endedContext,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, again := open(t)
			test(t, &rig{t, x, again})
		})
	}
	t.Run("what is put stays", func(t *testing.T) { t.Parallel(); durable(t, open) })
	t.Run("closed", func(t *testing.T) { t.Parallel(); closed(t, open) })
}

type rig struct {
	t *testing.T
	memory.Index
	again func() memory.Index
}

// The shelves that the tests use.
var (
	mine  = memory.Shelf{Org: "org_a", Project: "prj_one", Kind: "document"}
	notes = memory.Shelf{Org: "org_a", Project: "prj_one", Kind: "fact"}
	other = memory.Shelf{Org: "org_a", Project: "prj_two", Kind: "document"}
	yours = memory.Shelf{Org: "org_b", Project: "prj_one", Kind: "document"}
)

// doc is a document of the words of each part.
func doc(id, stamp string, parts ...string) memory.Document {
	d := memory.Document{ID: id, Stamp: stamp, Space: "model/2", Vectors: []byte("vectors of " + id + " " + stamp)}
	uses := map[string][]byte{}
	for i, p := range parts {
		d.Parts = append(d.Parts, []byte(p))
		for _, w := range strings.Fields(p) {
			d.Length++
			uses[w] = append(uses[w], byte(i))
		}
	}
	for w, u := range uses {
		d.Words = append(d.Words, memory.Word{Text: []byte(w), Uses: u})
	}
	return d
}

func (r *rig) put(s memory.Shelf, docs ...memory.Document) {
	r.t.Helper()
	for _, d := range docs {
		if err := r.Put(r.t.Context(), s, d); err != nil {
			r.t.Fatal(err)
		}
	}
}

// uses returns "word document uses", sorted.
func (r *rig) uses(s memory.Shelf, words ...string) []string {
	r.t.Helper()
	var asked [][]byte
	for _, w := range words {
		asked = append(asked, []byte(w))
	}
	found := []string{}
	err := r.Uses(r.t.Context(), s, asked, func(u memory.Use) error {
		found = append(found, fmt.Sprintf("%s %s %v", u.Word, u.Document, u.Uses))
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(found)
	return found
}

func (r *rig) entries(s memory.Shelf) []memory.Entry {
	r.t.Helper()
	all, err := r.Entries(r.t.Context(), s)
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

func (r *rig) vectors(s memory.Shelf, ids ...string) []string {
	r.t.Helper()
	found := []string{}
	err := r.Vectors(r.t.Context(), s, ids, func(v memory.Vectors) error {
		found = append(found, v.Document+" "+v.Stamp+" "+v.Space+": "+string(v.Data))
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(found)
	return found
}

func (r *rig) parts(s memory.Shelf, id string, numbers ...int) []string {
	r.t.Helper()
	parts, err := r.Parts(r.t.Context(), s, id, numbers)
	if err != nil {
		r.t.Fatal(err)
	}
	found := []string{}
	for _, p := range parts {
		found = append(found, fmt.Sprintf("%s %s %d: %s", p.Document, p.Stamp, p.Number, p.Data))
	}
	return found
}

func (r *rig) generation(s memory.Shelf) int64 {
	r.t.Helper()
	n, err := r.Generation(r.t.Context(), s)
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

func (r *rig) same(what string, got, want []string) {
	r.t.Helper()
	if !slices.Equal(got, want) {
		r.t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func byWords(t *testing.T, r *rig) {
	r.put(mine, doc("doc_1", "s1", "red fox", "red red dog"), doc("doc_2", "s2", "blue fox"))
	r.same("one word", r.uses(mine, "fox"), []string{"fox doc_1 [0]", "fox doc_2 [0]"})
	r.same("two words", r.uses(mine, "dog", "red"), []string{"dog doc_1 [1]", "red doc_1 [0 1 1]"})
	r.same("an unknown word", r.uses(mine, "cat"), []string{})
	r.same("a part of a word", r.uses(mine, "fo"), []string{})
	r.same("no word", r.uses(mine), []string{})
	want := []memory.Entry{{ID: "doc_1", Stamp: "s1", Space: "model/2", Parts: 2, Length: 5}, {ID: "doc_2", Stamp: "s2", Space: "model/2", Parts: 1, Length: 2}}
	if got := r.entries(mine); !slices.Equal(got, want) {
		t.Errorf("entries %v, want %v", got, want)
	}
}

func asPut(_ *testing.T, r *rig) {
	plain := doc("doc_3", "s3", "alone")
	plain.Space, plain.Vectors = "", nil
	r.put(mine, doc("doc_1", "s1", "zero", "one", "two"), doc("doc_2", "s2", "other"), plain)
	r.same("parts", r.parts(mine, "doc_1", 2, 0, 7), []string{"doc_1 s1 0: zero", "doc_1 s1 2: two"})
	r.same("parts of no document", r.parts(mine, "doc_9", 0), []string{})
	r.same("no parts", r.parts(mine, "doc_1"), []string{})
	r.same("vectors", r.vectors(mine, "doc_1", "doc_3", "doc_9"), []string{"doc_1 s1 model/2: vectors of doc_1 s1"})
	r.same("vectors of nothing", r.vectors(mine), []string{})
}

func replaced(t *testing.T, r *rig) {
	r.put(mine, doc("doc_1", "s1", "red fox", "green"), doc("doc_2", "s2", "red"))
	next := doc("doc_1", "s9", "blue fox")
	next.Space, next.Vectors = "", nil
	r.put(mine, next)
	r.same("words", r.uses(mine, "red", "fox", "green", "blue"), []string{"blue doc_1 [0]", "fox doc_1 [0]", "red doc_2 [0]"})
	r.same("parts", r.parts(mine, "doc_1", 0, 1), []string{"doc_1 s9 0: blue fox"})
	r.same("vectors", r.vectors(mine, "doc_1"), []string{})
	if got := r.entries(mine); len(got) != 2 || got[0] != (memory.Entry{ID: "doc_1", Stamp: "s9", Parts: 1, Length: 2}) {
		t.Errorf("entries %v", got)
	}
}

func deleted(t *testing.T, r *rig) {
	r.put(mine, doc("doc_1", "s1", "red fox"), doc("doc_2", "s2", "red"), doc("doc_3", "s3", "fox"))
	for range 2 { // again is no error
		if err := r.Delete(t.Context(), mine, "doc_1", "doc_3", "doc_9"); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Delete(t.Context(), mine); err != nil {
		t.Errorf("nothing: %v", err)
	}
	r.same("words", r.uses(mine, "red", "fox"), []string{"red doc_2 [0]"})
	r.same("parts", r.parts(mine, "doc_1", 0), []string{})
	r.same("vectors", r.vectors(mine, "doc_1", "doc_3"), []string{})
	if got := r.entries(mine); len(got) != 1 || got[0].ID != "doc_2" {
		t.Errorf("entries %v", got)
	}
}

func apart(t *testing.T, r *rig) {
	all := []memory.Shelf{mine, notes, other, yours}
	for i, s := range all {
		r.put(s, doc("doc_1", fmt.Sprint("s", i), "red", "fox"))
	}
	if err := r.Delete(t.Context(), notes, "doc_1"); err != nil {
		t.Fatal(err)
	}
	for i, s := range all {
		want := []string{"red doc_1 [0]"}
		parts, vectors := []string{fmt.Sprintf("doc_1 s%d 1: fox", i)}, []string{fmt.Sprintf("doc_1 s%d model/2: vectors of doc_1 s%[1]d", i)}
		if s == notes {
			want, parts, vectors = []string{}, want[:0], want[:0]
		}
		r.same(fmt.Sprint("words of ", s), r.uses(s, "red"), want)
		r.same(fmt.Sprint("parts of ", s), r.parts(s, "doc_1", 1), parts)
		r.same(fmt.Sprint("vectors of ", s), r.vectors(s, "doc_1"), vectors)
		if n := len(r.entries(s)); n != len(want) {
			t.Errorf("%v has %d entries", s, n)
		}
	}
}

func cleared(t *testing.T, r *rig) {
	all := []memory.Shelf{mine, notes, other, yours}
	fill := func() {
		for _, s := range all {
			r.put(s, doc("doc_1", "s1", "red"), doc("doc_2", "s2", "red"))
		}
	}
	for _, c := range []struct {
		what memory.Shelf
		left []memory.Shelf
	}{
		{mine, []memory.Shelf{notes, other, yours}},
		{memory.Shelf{Org: mine.Org, Project: mine.Project}, []memory.Shelf{other, yours}},
		{memory.Shelf{Org: mine.Org}, []memory.Shelf{yours}},
		{memory.Shelf{Org: "org_none"}, all},
	} {
		fill()
		if err := r.Clear(t.Context(), c.what); err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			n := 0
			if slices.Contains(c.left, s) {
				n = 2
			}
			if got := len(r.entries(s)); got != n || len(r.uses(s, "red")) != n {
				t.Errorf("after clearing %v, %v has %d entries, want %d", c.what, s, got, n)
			}
		}
	}
}

func generations(t *testing.T, r *rig) {
	if n := r.generation(mine); n != 0 {
		t.Errorf("an empty shelf has generation %d", n)
	}
	last := int64(0)
	moved := func(what string) {
		t.Helper()
		n := r.generation(mine)
		if n == last {
			t.Errorf("%s: the generation stays %d", what, n)
		}
		last = n
	}
	r.put(mine, doc("doc_1", "s1", "red"))
	moved("put")
	r.put(mine, doc("doc_1", "s2", "red"))
	moved("put again")
	r.put(notes, doc("doc_1", "s1", "red"))
	r.put(yours, doc("doc_1", "s1", "red"))
	if n := r.generation(mine); n != last {
		t.Errorf("other shelves change this one's generation")
	}
	if err := r.Delete(t.Context(), mine, "doc_1"); err != nil {
		t.Fatal(err)
	}
	moved("delete")
	r.put(mine, doc("doc_1", "s1", "red"))
	moved("put after delete")
	if err := r.Clear(t.Context(), memory.Shelf{Org: mine.Org}); err != nil {
		t.Fatal(err)
	}
	moved("clear")
	r.put(mine, doc("doc_1", "s1", "red"))
	moved("put after clear")
}

func anyBytes(t *testing.T, r *rig) {
	odd := []byte{0, 255, 1, '\'', '%', 0}
	d := memory.Document{ID: "doc '\"%_é", Stamp: "s", Space: "x", Vectors: odd, Parts: [][]byte{odd, {}}, Words: []memory.Word{{Text: odd, Uses: odd}, {Text: odd[:2]}}}
	r.put(mine, d)
	found := 0
	err := r.Uses(t.Context(), mine, [][]byte{odd}, func(u memory.Use) error {
		if found++; !bytes.Equal(u.Word, odd) || !bytes.Equal(u.Uses, odd) || u.Document != d.ID {
			t.Errorf("found %v", u)
		}
		return nil
	})
	if err != nil || found != 1 {
		t.Errorf("found %d: %v", found, err)
	}
	parts, err := r.Parts(t.Context(), mine, d.ID, []int{0, 1})
	if err != nil || len(parts) != 2 || !bytes.Equal(parts[0].Data, odd) || len(parts[1].Data) != 0 {
		t.Errorf("parts %v: %v", parts, err)
	}
}

func bounds(t *testing.T, r *rig) {
	long := strings.Repeat("x", memory.MaxID+1)
	change := func(f func(*memory.Document)) memory.Document { d := doc("doc_1", "s1", "red"); f(&d); return d }
	for name, d := range map[string]memory.Document{
		"no id":             change(func(d *memory.Document) { d.ID = "" }),
		"no stamp":          change(func(d *memory.Document) { d.Stamp = "" }),
		"a long id":         change(func(d *memory.Document) { d.ID = long }),
		"an id with NUL":    change(func(d *memory.Document) { d.ID = "a\x00b" }),
		"a long space":      change(func(d *memory.Document) { d.Space = long }),
		"no parts":          change(func(d *memory.Document) { d.Parts = nil }),
		"too many parts":    change(func(d *memory.Document) { d.Parts = make([][]byte, memory.MaxParts+1) }),
		"a large part":      change(func(d *memory.Document) { d.Parts[0] = make([]byte, memory.MaxPart+1) }),
		"large vectors":     change(func(d *memory.Document) { d.Vectors = make([]byte, memory.MaxVectors+1) }),
		"vectors of what":   change(func(d *memory.Document) { d.Space = "" }),
		"a space of none":   change(func(d *memory.Document) { d.Vectors = nil }),
		"an empty word":     change(func(d *memory.Document) { d.Words[0].Text = nil }),
		"a long word":       change(func(d *memory.Document) { d.Words[0].Text = make([]byte, memory.MaxWord+1) }),
		"a word twice":      change(func(d *memory.Document) { d.Words = append(d.Words, d.Words[0]) }),
		"a negative length": change(func(d *memory.Document) { d.Length = -1 }),
	} {
		if err := r.Put(t.Context(), mine, d); core.CodeOf(err) != core.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, s := range []memory.Shelf{{}, {Org: "org_a", Project: "prj_one"}, {Org: "org_a", Kind: "document"}, {Project: "prj_one", Kind: "document"}} {
		_, e := r.Entries(t.Context(), s)
		for i, err := range []error{r.Put(t.Context(), s, doc("doc_1", "s1", "red")), r.Delete(t.Context(), s, "doc_1"), e} {
			if core.CodeOf(err) != core.Invalid {
				t.Errorf("shelf %v, call %d: %v", s, i, err)
			}
		}
	}
	for _, s := range []memory.Shelf{{}, {Org: "org_a", Kind: "document"}, {Project: "prj_one"}} {
		if err := r.Clear(t.Context(), s); core.CodeOf(err) != core.Invalid {
			t.Errorf("clear %v: %v", s, err)
		}
	}
	if err := r.Uses(t.Context(), mine, make([][]byte, memory.MaxWords+1), func(memory.Use) error { return nil }); core.CodeOf(err) != core.Invalid {
		t.Errorf("too many words: %v", err)
	}
	if err := r.Delete(t.Context(), mine, make([]string, memory.MaxDelete+1)...); core.CodeOf(err) != core.Invalid {
		t.Errorf("too many documents: %v", err)
	}
	if len(r.entries(mine)) != 0 || r.generation(mine) != 0 {
		t.Error("something was put")
	}
}

func much(t *testing.T, r *rig) {
	d := memory.Document{ID: "doc_big", Stamp: "s", Space: "m", Vectors: bytes.Repeat([]byte{7}, 3<<20)}
	for i := range 2000 {
		d.Parts = append(d.Parts, bytes.Repeat([]byte{byte(i)}, 300))
		d.Words = append(d.Words, memory.Word{Text: fmt.Appendf(nil, "word%d", i), Uses: []byte{byte(i)}})
	}
	r.put(mine, d)
	var ids []string
	for i := range 1200 {
		small := doc(fmt.Sprintf("doc_%04d", i), "s", "word7")
		ids = append(ids, small.ID)
		r.put(notes, small)
	}
	parts, err := r.Parts(t.Context(), mine, "doc_big", []int{1999, 300})
	if err != nil || len(parts) != 2 || !bytes.Equal(parts[1].Data, d.Parts[1999]) {
		t.Errorf("%d parts: %v", len(parts), err)
	}
	if n := len(r.uses(notes, "word7")); n != 1200 {
		t.Errorf("%d uses", n)
	}
	if got := r.vectors(notes, ids...); len(got) != 1200 {
		t.Errorf("vectors of %d documents", len(got))
	}
	all := r.entries(notes)
	if len(all) != 1200 || !slices.IsSortedFunc(all, func(a, b memory.Entry) int { return cmp.Compare(a.ID, b.ID) }) {
		t.Errorf("%d entries, or not by id", len(all))
	}
}

// whole reads a document, whose two forms have nothing in common, while it is put.
func whole(t *testing.T, r *rig) {
	forms := [2]memory.Document{doc("doc_1", "a", "one one", "one"), doc("doc_1", "b", "two")}
	r.put(mine, forms[0])
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(stop)
		for i := range 60 {
			if err := r.Put(context.WithoutCancel(t.Context()), mine, forms[i%2]); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for done := false; !done; {
		select {
		case <-stop:
			done = true
		default:
		}
		if n := len(r.uses(mine, "one")) + len(r.uses(mine, "two")); n > 2 {
			t.Errorf("%d uses", n)
		}
		if got := r.parts(mine, "doc_1", 0, 1); !slices.Equal(got, []string{"doc_1 a 0: one one", "doc_1 a 1: one"}) && !slices.Equal(got, []string{"doc_1 b 0: two"}) {
			t.Errorf("parts %q", got)
		}
		if got := r.entries(mine); len(got) != 1 || (got[0].Stamp == "a") != (got[0].Parts == 2) {
			t.Errorf("entries %v", got)
		}
	}
	wg.Wait()
}

func writers(t *testing.T, r *rig) {
	const each = 15
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprintf("doc_%d_%d", w, i)
				if err := r.Put(t.Context(), mine, doc(id, "s", "red w", "fox")); err != nil {
					t.Error(err)
				}
				if i%3 == 0 {
					if err := r.Delete(t.Context(), mine, id); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := len(r.entries(mine)); n != 4*10 {
		t.Errorf("%d documents, want 40", n)
	}
	if n := len(r.uses(mine, "fox")); n != 40 {
		t.Errorf("%d uses, want 40", n)
	}
}

func ended(t *testing.T, r *rig) {
	r.put(mine, doc("doc_1", "s1", "red"), doc("doc_2", "s2", "red"))
	stop := errors.New("enough")
	n := 0
	if err := r.Uses(t.Context(), mine, [][]byte{[]byte("red")}, func(memory.Use) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("after %d uses: %v", n, err)
	}
	n = 0
	if err := r.Vectors(t.Context(), mine, []string{"doc_1", "doc_2"}, func(memory.Vectors) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("after %d vectors: %v", n, err)
	}
}

func endedContext(t *testing.T, r *rig) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Put(ctx, mine, doc("doc_1", "s1", "red")); core.CodeOf(err) != core.Canceled {
		t.Errorf("put: %v", err)
	}
	if _, err := r.Entries(ctx, mine); core.CodeOf(err) != core.Canceled {
		t.Errorf("entries: %v", err)
	}
	if len(r.entries(mine)) != 0 {
		t.Error("it was put all the same")
	}
}

func durable(t *testing.T, open Open) {
	x, again := open(t)
	r := &rig{t, x, again}
	r.put(mine, doc("doc_1", "s1", "red", "fox"))
	id, n := r.ID(), r.generation(mine)
	r.Index = again()
	if r.ID() != id || id == "" || r.generation(mine) != n {
		t.Errorf("it was index %q at %d and is %q at %d", id, n, r.ID(), r.generation(mine))
	}
	r.same("words", r.uses(mine, "fox"), []string{"fox doc_1 [1]"})
	r.same("parts", r.parts(mine, "doc_1", 0), []string{"doc_1 s1 0: red"})
	another, _ := open(t)
	if another.ID() == id {
		t.Error("two indexes have one name")
	}
}

func closed(t *testing.T, open Open) {
	x, _ := open(t)
	for range 2 {
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Put(t.Context(), mine, doc("doc_1", "s1", "red")); core.CodeOf(err) != core.Unavailable {
		t.Errorf("put: %v", err)
	}
	if _, err := x.Entries(t.Context(), mine); core.CodeOf(err) != core.Unavailable {
		t.Errorf("entries: %v", err)
	}
}
