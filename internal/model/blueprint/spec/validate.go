package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
)

// The bounds of an App.
const (
	Format      = 1  // the App.Format that this build writes
	MaxTitle    = 80 // characters of a title, label or name
	MaxEntities = 12
	MaxFields   = 40 // of an entity
	MaxChoices  = 40 // of a field
	MaxSeed     = 200
)

var (
	identifier = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	slug       = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	colour     = regexp.MustCompile(`^#[0-9a-f]{6}$`)
	currency   = regexp.MustCompile(`^[A-Z]{3}$`)
)

// Reserved reports whether a field can't have this name or column, because
// every entity has it already.
func Reserved(name string) bool {
	return slices.Contains([]string{"id", "rowid", "created_at", "updated_at"}, name)
}

// Validate returns nil for an App that generate can turn into files, and an
// Invalid error that names the first thing wrong otherwise.
func (a App) Validate() error {
	v := &validation{}
	v.check(a.Format == Format, "format %d isn't %d", a.Format, Format)
	v.line("title", a.Title)
	v.check(colour.MatchString(a.Accent), "accent %q isn't #rrggbb", a.Accent)
	v.check(a.Runtime == "python" || a.Runtime == "node", "runtime %q is neither python nor node", a.Runtime)
	v.check(len(a.Entities) <= MaxEntities, "more than %d entities", MaxEntities)
	v.gadget(a)
	seen := map[string]bool{}
	for i := range a.Entities {
		e := &a.Entities[i]
		v.check(identifier.MatchString(e.Table), "table %q isn't a lower_snake_case name", e.Table)
		v.check(slug.MatchString(e.Slug), "slug %q doesn't fit in a URL", e.Slug)
		v.check(!seen["t:"+e.Table] && !seen["s:"+e.Slug], "two entities are called %s", e.Table)
		seen["t:"+e.Table], seen["s:"+e.Slug] = true, true
		v.line("name of "+e.Table, e.Name)
		v.line("plural of "+e.Table, e.Plural)
		v.fields(&a, e)
		v.features(e)
	}
	return v.err
}

// validation keeps the first thing that is wrong.
type validation struct{ err error }

func (v *validation) check(ok bool, format string, args ...any) {
	if !ok && v.err == nil {
		v.err = core.E(core.Invalid, "spec.validate", fmt.Sprintf(format, args...))
	}
}

func (v *validation) line(what, s string) {
	n := utf8.RuneCountInString(s)
	v.check(n >= 1 && n <= MaxTitle && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, unicode.IsControl),
		"%s %q isn't a line of 1 to %d characters", what, s, MaxTitle)
}

func (v *validation) fields(a *App, e *Entity) {
	v.check(len(e.Fields) >= 1 && len(e.Fields) <= MaxFields, "%s hasn't 1 to %d fields", e.Table, MaxFields)
	if len(e.Fields) > 0 {
		v.check(e.Fields[0].Type == Text && e.Fields[0].Required, "the first field of %s isn't a required text", e.Table)
	}
	names, columns := map[string]bool{}, map[string]bool{}
	for _, f := range e.Fields {
		names[f.Name] = true
	}
	v.check(len(names) == len(e.Fields), "two fields of %s have one name", e.Table)
	for _, f := range append(slices.Clone(e.Fields), e.Removed...) {
		where := e.Table + "." + f.Name
		v.check(identifier.MatchString(f.Name) && !Reserved(f.Name), "%s isn't a field's name", where)
		v.check(identifier.MatchString(f.Column) && !Reserved(f.Column), "%s: %q isn't a column's name", where, f.Column)
		v.check(!columns[f.Column], "two fields of %s share the column %s", e.Table, f.Column)
		columns[f.Column] = true
		v.line("label of "+where, f.Label)
		v.kind(where, f)
	}
	for _, f := range e.Fields {
		if f.Type == BelongsTo {
			v.check(a.Entity(f.Ref) != nil, "%s.%s belongs to %q, which isn't there", e.Table, f.Name, f.Ref)
			v.check(!names[f.Name+"_label"], "%s has a field %s_label, which %s needs", e.Table, f.Name, f.Name)
		}
	}
}

func (v *validation) kind(where string, f Field) {
	switch f.Type {
	case Text, LongText, Integer, Decimal, Date, Time, Boolean, URL, Email, Tags, BelongsTo:
	case Money:
		v.check(currency.MatchString(f.Currency), "%s: %q isn't a currency", where, f.Currency)
	case Choice:
		v.check(len(f.Choices) >= 2 && len(f.Choices) <= MaxChoices, "%s hasn't 2 to %d choices", where, MaxChoices)
	case Rating:
		v.check(f.Min != nil && f.Max != nil && *f.Min == float64(int(*f.Min)) && *f.Max == float64(int(*f.Max)) &&
			*f.Min >= 0 && *f.Min < *f.Max && *f.Max <= 10, "%s: a rating is from 0 or 1 to at most 10", where)
	default:
		v.check(false, "%s has the unknown type %q", where, f.Type)
	}
	v.check(f.Min == nil || f.Max == nil || *f.Min <= *f.Max, "%s: the least is more than the most", where)
	seen := map[string]bool{}
	for _, c := range f.Choices {
		v.line("choice of "+where, c)
		v.check(!seen[strings.ToLower(c)], "%s has the choice %q twice", where, c)
		seen[strings.ToLower(c)] = true
	}
}

func (v *validation) features(e *Entity) {
	is := func(what, column string, fits func(Type) bool) {
		f := e.Field(column)
		v.check(f != nil && fits(f.Type), "%s: %s can't be by %q", e.Table, what, column)
	}
	total := func(what string, t Total) {
		if t.Field != "" {
			is(what, t.Field, Type.Numeric)
		}
		if t.By != "" {
			is(what, t.By, Type.Groupable)
		}
		v.check(t != Total{}, "%s: %s of nothing", e.Table, what)
	}
	f := e.Features
	for _, c := range f.Filter {
		is("a filter", c, Type.Filterable)
	}
	for _, t := range f.Totals {
		total("a total", t)
	}
	if f.Chart != nil {
		total("a chart", Total(*f.Chart))
		v.check(f.Chart.By != "", "%s: a chart needs bars", e.Table)
	}
	if f.Kanban != "" {
		is("a board", f.Kanban, func(t Type) bool { return t == Choice })
	}
	if f.Calendar != "" {
		is("a calendar", f.Calendar, func(t Type) bool { return t == Date })
	}
	if f.Overdue != nil {
		is("overdue", f.Overdue.Date, func(t Type) bool { return t == Date })
		if f.Overdue.Done != "" {
			is("done", f.Overdue.Done, func(t Type) bool { return t == Boolean })
		}
	}
}

// variants are the values of Gadget.Variant, the default first.
var variants = map[GadgetKind][]string{
	Calculator: {"basic", "tip", "bmi", "loan", "percentage"},
	Converter:  {"all", "length", "weight", "temperature", "volume"},
	Timer:      {"countdown", "pomodoro", "stopwatch"},
	TicTacToe:  {""}, Landing: {""}, Cards: {""}, Quiz: {""}, Poll: {""}, Notes: {""},
}

func (v *validation) gadget(a App) {
	if a.Gadget == nil {
		v.check(len(a.Entities) > 0, "the app keeps nothing and does nothing")
		return
	}
	g := a.Gadget
	known, ok := variants[g.Kind]
	v.check(ok, "unknown gadget %q", g.Kind)
	v.check(slices.Contains(known, g.Variant), "a %s hasn't the variant %q", g.Kind, g.Variant)
	v.check(g.Minutes >= 0 && g.Minutes <= 24*60 && g.Break >= 0 && g.Break <= 24*60, "minutes are from 0 to 1440")
	v.check(g.Kind != Timer || g.Variant == "stopwatch" || g.Minutes > 0, "a timer needs minutes")
	v.check(g.Kind != Landing || len(g.Sections) > 0, "a landing page needs a section")
	if g.Kind.Static() {
		v.check(len(a.Entities) == 0 && len(g.Seed) == 0, "a %s keeps no entries", g.Kind)
		return
	}
	v.check(len(g.Seed) <= MaxSeed, "more than %d seeds", MaxSeed)
	want, _ := GadgetEntity(g.Kind)
	e := a.Entity(want.Table)
	v.check(e != nil, "a %s needs the entity %s", g.Kind, want.Table)
	if e == nil {
		return
	}
	for _, f := range want.Fields {
		have := e.Field(f.Column)
		v.check(have != nil && have.Type == f.Type && have.Name == f.Name, "a %s needs the field %s", g.Kind, f.Name)
	}
	for _, s := range g.Seed {
		for name := range s {
			v.check(slices.ContainsFunc(e.Fields, func(f Field) bool { return f.Name == name }), "a seed has the unknown field %q", name)
		}
	}
}
