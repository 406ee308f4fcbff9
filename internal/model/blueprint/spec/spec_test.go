package spec_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

func valid() spec.App {
	one, five := 1.0, 5.0
	return spec.App{
		Format: spec.Format, Title: "Books <&> more", Accent: "#15803d", Runtime: "python",
		Entities: []spec.Entity{{Table: "books", Name: "book", Plural: "books", Slug: "books",
			Fields: []spec.Field{
				{Column: "title", Name: "title", Label: "Title", Type: spec.Text, Required: true},
				{Column: "genre", Name: "genre", Label: "Genre", Type: spec.Choice, Choices: []string{"fiction", "other"}},
				{Column: "rating", Name: "rating", Label: "Rating", Type: spec.Rating, Min: &one, Max: &five},
				{Column: "price", Name: "price", Label: "Price", Type: spec.Money, Currency: "EUR"},
				{Column: "due", Name: "due", Label: "Due", Type: spec.Date},
				{Column: "done", Name: "done", Label: "Done", Type: spec.Boolean},
				{Column: "author", Name: "author", Label: "Author", Type: spec.BelongsTo, Ref: "authors"},
			},
			Removed:  []spec.Field{{Column: "pages", Name: "pages", Label: "Pages", Type: spec.Integer}},
			Features: spec.Features{Filter: []string{"genre"}, Totals: []spec.Total{{Field: "price", By: "author"}}, Chart: &spec.Chart{By: "genre"}, Kanban: "genre", Calendar: "due", Overdue: &spec.Overdue{Date: "due", Done: "done"}},
		}, {Table: "authors", Name: "author", Plural: "authors", Slug: "authors",
			Fields: []spec.Field{{Column: "name", Name: "name", Label: "Name", Type: spec.Text, Required: true}}}},
	}
}

func TestValidateNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	first := func(a *spec.App) *spec.Entity { return &a.Entities[0] }
	for _, c := range []struct {
		want  string
		spoil func(a *spec.App)
	}{
		{"format", func(a *spec.App) { a.Format = 0 }},
		{"title", func(a *spec.App) { a.Title = " " }},
		{"title", func(a *spec.App) { a.Title = "two\nlines" }},
		{"accent", func(a *spec.App) { a.Accent = "green" }},
		{"runtime", func(a *spec.App) { a.Runtime = "perl" }},
		{"keeps nothing", func(a *spec.App) { a.Entities = nil }},
		{"two entities", func(a *spec.App) { a.Entities[1].Slug = "books" }},
		{"table", func(a *spec.App) { first(a).Table = "Books; drop" }},
		{"slug", func(a *spec.App) { first(a).Slug = "a/b" }},
		{"1 to 40 fields", func(a *spec.App) { a.Entities[1].Fields = nil }},
		{"required text", func(a *spec.App) { first(a).Fields[0].Required = false }},
		{"one name", func(a *spec.App) { first(a).Fields[1].Name = "title" }},
		{"share the column", func(a *spec.App) { first(a).Fields[1].Column = "pages" }},
		{"isn't a field's name", func(a *spec.App) { first(a).Fields[1].Name = "id" }},
		{"column's name", func(a *spec.App) { first(a).Fields[1].Column = "1st" }},
		{"2 to 40 choices", func(a *spec.App) { first(a).Fields[1].Choices = []string{"one"} }},
		{"twice", func(a *spec.App) { first(a).Fields[1].Choices = []string{"one", "One"} }},
		{"rating is", func(a *spec.App) { first(a).Fields[2].Max = nil }},
		{"currency", func(a *spec.App) { first(a).Fields[3].Currency = "euros" }},
		{"which isn't there", func(a *spec.App) { first(a).Fields[6].Ref = "gone" }},
		{"author_label", func(a *spec.App) { first(a).Fields[1].Name = "author_label" }},
		{"unknown type", func(a *spec.App) { first(a).Fields[5].Type = "blob" }},
		{"filter", func(a *spec.App) { first(a).Features.Filter = []string{"title"} }},
		{"total", func(a *spec.App) { first(a).Features.Totals[0].Field = "title" }},
		{"total of nothing", func(a *spec.App) { first(a).Features.Totals[0] = spec.Total{} }},
		{"bars", func(a *spec.App) { first(a).Features.Chart = &spec.Chart{Field: "price"} }},
		{"board", func(a *spec.App) { first(a).Features.Kanban = "title" }},
		{"calendar", func(a *spec.App) { first(a).Features.Calendar = "done" }},
		{"overdue", func(a *spec.App) { first(a).Features.Overdue.Date = "done" }},
		{"done", func(a *spec.App) { first(a).Features.Overdue.Done = "due" }},
		{"unknown gadget", func(a *spec.App) { a.Gadget = &spec.Gadget{Kind: "jukebox"} }},
		{"variant", func(a *spec.App) { a.Gadget = &spec.Gadget{Kind: spec.Calculator, Variant: "horoscope"} }},
		{"keeps no entries", func(a *spec.App) { a.Gadget = &spec.Gadget{Kind: spec.Calculator, Variant: "tip"} }},
		{"needs the entity", func(a *spec.App) { a.Gadget = &spec.Gadget{Kind: spec.Poll} }},
	} {
		a := valid().Clone()
		c.spoil(&a)
		if err := a.Validate(); core.CodeOf(err) != core.Invalid || !strings.Contains(err.Error(), c.want) {
			t.Errorf("want an error about %q, got %v", c.want, err)
		}
	}
	if err := valid().Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestDecodeReadsWhatEncodeWrote(t *testing.T) {
	t.Parallel()
	b, err := spec.Encode(valid())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), "<&>") {
		t.Error("the title is escaped for HTML")
	}
	a, err := spec.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(valid(), a); d != "" {
		t.Error(d)
	}
}

func TestDecodeIsStrict(t *testing.T) {
	t.Parallel()
	b, err := spec.Encode(valid())
	if err != nil {
		t.Fatal(err)
	}
	good := string(b)
	for _, c := range []struct {
		name, in string
		code     core.Code
	}{
		{"empty", "", core.Invalid},
		{"not an app", `[]`, core.Invalid},
		{"an unknown member", strings.Replace(good, `"title"`, `"colour": 1, "title"`, 1), core.Invalid},
		{"two values", good + good, core.Invalid},
		{"not valid", `{"format":1}`, core.Invalid},
		{"a newer format", `{"format":2,"new":true}`, core.Unsupported},
		{"too long", good + strings.Repeat(" ", spec.MaxSize), core.Invalid},
	} {
		if _, err := spec.Decode([]byte(c.in)); core.CodeOf(err) != c.code {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestGadgetEntitiesAreValid(t *testing.T) {
	t.Parallel()
	for _, k := range []spec.GadgetKind{spec.Cards, spec.Quiz, spec.Poll, spec.Notes} {
		e, ok := spec.GadgetEntity(k)
		a := spec.App{Format: spec.Format, Title: "x", Accent: "#000000", Runtime: "node", Gadget: &spec.Gadget{Kind: k}, Entities: []spec.Entity{e}}
		if err := a.Validate(); err != nil || !ok || k.Static() {
			t.Errorf("%s: %v", k, err)
		}
	}
	if _, ok := spec.GadgetEntity(spec.Timer); ok || !spec.Timer.Static() {
		t.Error("a timer has no entity")
	}
}

func TestCloneSharesNothing(t *testing.T) {
	t.Parallel()
	a := valid()
	b := a.Clone()
	e := &b.Entities[0]
	e.Fields[1].Choices[0], e.Features.Filter[0], e.Features.Totals[0].By = "x", "x", "x"
	*e.Fields[2].Min, e.Features.Chart.By, e.Features.Overdue.Date, e.Removed[0].Name = 9, "x", "x", "x"
	if d := cmp.Diff(valid(), a); d != "" {
		t.Error(d)
	}
}

func FuzzDecode(f *testing.F) {
	b, err := spec.Encode(valid())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"format":1,"title":"t","accent":"#000000","runtime":"node","gadget":{"kind":"tictactoe"}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		a, err := spec.Decode(in)
		if err != nil {
			return
		}
		b, err := spec.Encode(a)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := spec.Decode(b); err != nil {
			t.Fatalf("what was decoded doesn't decode again: %v", err)
		}
	})
}
