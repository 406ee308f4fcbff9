package parse

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
	"pgregory.net/rapid"
)

// vocabulary is what random prompts are made of: the words that rules look for,
// in any order.
var vocabulary = strings.Fields(`a an the my our with and or , , , : ; . ( ) - / " \n of in to from as per by for each is are can be not has have belong to between
	books book tasks bugs invoices recipe employees departments clients list tracker app kanban board calendar chart totals total csv export import search filter sort overdue
	title author pages finished flag rating due date amount euros dollars price status severity low medium high open done priority email e-mail link url tags minutes km kg number
	required optional paid yes no 1 5 10 100 2.5 month category name notes text checkbox green dark red blue accent called "Bean" timer calculator quiz poll flash cards landing page
	login photos upload payments AI add drop remove rename make change it writer authors when where how many whether I want we should you un0known zorp zorps éclair 日本`)

func prompts() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		words := rapid.SliceOfN(rapid.SampledFrom(vocabulary), 1, 40).Draw(t, "words")
		return strings.ReplaceAll(strings.Join(words, " "), `\n`, "\n")
	})
}

// accounted fails unless each word of the text was used, carries grammar, or is
// named in the notes.
func accounted(t interface {
	Helper()
	Fatalf(string, ...any)
}, text string, a spec.App) {
	t.Helper()
	toks, _ := lex(text)
	everything, _ := json.Marshal(a)
	notes := strings.ToLower(strings.Join(a.Notes, "\n"))
	for _, tok := range toks {
		if !strings.Contains(tok.low, "qx") { // gibberish, which no lexicon knows
			continue
		}
		a.Description, a.Suggestions = "", nil
		visible, _ := json.Marshal(a)
		if !strings.Contains(strings.ToLower(string(visible)), tok.low) && !strings.Contains(notes, tok.low) {
			t.Fatalf("%q: %q was swallowed: %s", text, tok.text, everything)
		}
	}
}

func TestPromptIsAlwaysValidAndDeterministic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := prompts().Draw(t, "prompt")
		a := Prompt(p, "node")
		if err := a.Validate(); err != nil {
			t.Fatalf("%q: %v\n%s", p, err, show(a))
		}
		if d := cmp.Diff(a, Prompt(p, "node")); d != "" {
			t.Fatalf("%q: two answers:\n%s", p, d)
		}
		b, err := spec.Encode(a)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := spec.Decode(b); err != nil {
			t.Fatalf("%q: doesn't decode: %v", p, err)
		}
	})
}

// Gibberish anywhere in a sensible prompt either becomes something that the user
// sees, or is named in the notes.
func TestNoWordIsSwallowed(t *testing.T) {
	t.Parallel()
	base := lines(t, "testdata/prompts.txt")
	rapid.Check(t, func(t *rapid.T) {
		words := strings.Fields(rapid.SampledFrom(base).Draw(t, "prompt"))
		at := rapid.IntRange(0, len(words)).Draw(t, "at")
		p := strings.Join(slices.Insert(words, at, rapid.SampledFrom([]string{"qxilp", "qxorm", "qxedly"}).Draw(t, "gibberish")), " ")
		accounted(t, p, Prompt(p, "python"))
	})
}

func TestEverySuggestionWorks(t *testing.T) {
	t.Parallel()
	for _, p := range lines(t, "testdata/prompts.txt") {
		a := Prompt(p, "python")
		for depth := range 3 {
			if len(a.Suggestions) != wanted {
				t.Fatalf("%q at depth %d: %d suggestions: %q", p, depth, len(a.Suggestions), a.Suggestions)
			}
			var next spec.App
			for _, s := range a.Suggestions {
				n, understood := Change(a, s)
				if !understood || len(n.Notes) > 0 || same(a, n) {
					t.Fatalf("%q: the suggestion %q isn't understood: %q", p, s, n.Notes)
				}
				if next.Title == "" {
					next = n
				}
			}
			a = next
		}
	}
}

// A change keeps the data: every table stays, and every column stays under its
// type or one that reads it, or among the removed.
func TestChangeKeepsTheData(t *testing.T) {
	t.Parallel()
	base := lines(t, "testdata/prompts.txt")
	rapid.Check(t, func(t *rapid.T) {
		a := Prompt(rapid.SampledFrom(base).Draw(t, "prompt"), "python")
		for range 3 {
			wish := prompts().Draw(t, "wish")
			next, understood := Change(a, wish)
			if err := next.Validate(); err != nil {
				t.Fatalf("%q: %v", wish, err)
			}
			if understood == same(a, next) {
				t.Fatalf("%q: understood %t, but the app changed: %t", wish, understood, !same(a, next))
			}
			if !understood && len(next.Notes) == 0 {
				t.Fatalf("%q: not understood, and nothing said", wish)
			}
			keepsData(t, wish, a, next)
			a = next
		}
	})
}

func keepsData(t *rapid.T, wish string, was, now spec.App) {
	for _, e := range was.Entities {
		n := now.Entity(e.Table)
		if n == nil {
			t.Fatalf("%q: the table %s is gone", wish, e.Table)
		}
		for _, f := range slices.Concat(e.Fields, e.Removed) {
			i := slices.IndexFunc(slices.Concat(n.Fields, n.Removed), func(g spec.Field) bool { return g.Column == f.Column })
			if i < 0 {
				t.Fatalf("%q: the column %s.%s is gone", wish, e.Table, f.Column)
			}
			if g := slices.Concat(n.Fields, n.Removed)[i]; !keepsColumn(f.Type, g.Type) {
				t.Fatalf("%q: the column %s.%s was %s and is read as %s", wish, e.Table, f.Column, f.Type, g.Type)
			}
		}
	}
}

func FuzzPrompt(f *testing.F) {
	for _, s := range []string{"", "a", "\"", "(((", "a: b: c; d", "1,000 .5 -", "\xff\xfe", "é́́", "- - -\n\n- a", "between 1 and", "٣ books", "İ with ı"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, p string) {
		a := Prompt(p, "python")
		if err := a.Validate(); err != nil {
			t.Fatalf("%q: %v", p, err)
		}
	})
}

func FuzzChange(f *testing.F) {
	f.Add("books with title", "add a due date and drop the title")
	f.Add("poll: a or b", "rename option to x")
	f.Fuzz(func(t *testing.T, p, wish string) {
		a := Prompt(p, "python")
		next, understood := Change(a, wish)
		if err := next.Validate(); err != nil {
			t.Fatalf("%q, %q: %v", p, wish, err)
		}
		if understood == same(a, next) {
			t.Fatalf("%q, %q: understood: %t", p, wish, understood)
		}
	})
}
