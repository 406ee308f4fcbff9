package generate

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

var (
	identifier = regexp.MustCompile(`^[a-z0-9_]{1,60}$`)
	slug       = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,59}$`)
	colour     = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
)

// resolve returns a copy of the app in which names that would collide in the
// app's database or API have given way, and what is left open has its default.
// Resolving twice changes nothing more, so versions of an app agree.
func resolve(a spec.App) spec.App {
	if a.Accent == "" {
		a.Accent = "#3557c9"
	}
	a.Title = oneLine(a.Title)
	a.Entities = slices.Clone(a.Entities)
	for i := range a.Entities {
		a.Entities[i] = resolveEntity(a.Entities[i])
	}
	freeCycles(a.Entities)
	return a
}

// resolveEntity moves the fields that are called as something that every entry
// has: its id, and the labels of what it belongs to.
func resolveEntity(e spec.Entity) spec.Entity {
	e.Name, e.Plural = oneLine(e.Name), oneLine(e.Plural)
	e.Fields = slices.Clone(e.Fields)
	names := map[string]bool{"id": true, "constructor": true, "__proto__": true} // the last two: of every JavaScript object
	columns := map[string]bool{"id": true, "constructor": true, "__proto__": true}
	for _, f := range e.Fields {
		if f.Type == spec.BelongsTo {
			names[f.Name+"_label"] = true
		}
	}
	for i := range e.Fields {
		f := &e.Fields[i]
		f.Label = oneLine(f.Label)
		f.Choices = slices.Clone(f.Choices)
		for c := range f.Choices {
			f.Choices[c] = oneLine(f.Choices[c])
		}
		f.Name = free(names, f.Name)
		was := f.Column
		f.Column = free(columns, f.Column)
		if f.Type == spec.Money {
			columns[f.Column+"_cents"] = true
		}
		if f.Column != was {
			e.Features = renamed(e.Features, was, f.Column)
		}
		if f.Type == spec.Rating {
			f.Min, f.Max = orDefault(f.Min, 1), orDefault(f.Max, 5)
		}
	}
	return e
}

// oneLine returns s with every run of white space, and what can't be shown, as
// one space.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

func free(taken map[string]bool, name string) string {
	for taken[name] {
		name += "_value"
	}
	taken[name] = true
	return name
}

func orDefault(v *float64, def float64) *float64 {
	if v != nil {
		return v
	}
	return &def
}

// renamed returns the features with one column called otherwise.
func renamed(f spec.Features, from, to string) spec.Features {
	swap := func(s string) string {
		if s == from {
			return to
		}
		return s
	}
	f.Filter = slices.Clone(f.Filter)
	for i := range f.Filter {
		f.Filter[i] = swap(f.Filter[i])
	}
	f.Totals = slices.Clone(f.Totals)
	for i, t := range f.Totals {
		f.Totals[i] = spec.Total{Field: swap(t.Field), By: swap(t.By)}
	}
	if f.Chart != nil {
		f.Chart = &spec.Chart{Field: swap(f.Chart.Field), By: swap(f.Chart.By)}
	}
	if f.Overdue != nil {
		f.Overdue = &spec.Overdue{Date: swap(f.Overdue.Date), Done: swap(f.Overdue.Done)}
	}
	f.Kanban, f.Calendar = swap(f.Kanban), swap(f.Calendar)
	return f
}

// freeCycles makes a reference optional where entries would each need the other
// to exist first.
func freeCycles(entities []spec.Entity) {
	state := map[string]int{} // 1: being visited, 2: done
	var visit func(table string)
	visit = func(table string) {
		state[table] = 1
		for i := range entities {
			if entities[i].Table != table {
				continue
			}
			for j := range entities[i].Fields {
				f := &entities[i].Fields[j]
				if f.Type != spec.BelongsTo || !f.Required {
					continue
				}
				switch state[f.Ref] {
				case 0:
					visit(f.Ref)
				case 1:
					f.Required = false
				}
			}
		}
		state[table] = 2
	}
	for _, e := range entities {
		if state[e.Table] == 0 {
			visit(e.Table)
		}
	}
}

// check returns an invalid error for a spec that no app can be made of.
func check(a spec.App) error {
	bad := func(what string) error { return core.E(core.Invalid, "generate", "the app's description has "+what) }
	if a.Runtime != "python" && a.Runtime != "node" {
		return bad("an unknown runtime: " + a.Runtime)
	}
	if !colour.MatchString(a.Accent) {
		return bad("a colour that isn't one: " + a.Accent)
	}
	if strings.TrimSpace(a.Title) == "" {
		return bad("no title")
	}
	if a.Gadget == nil && len(a.Entities) == 0 {
		return bad("nothing to do")
	}
	tables, slugs := map[string]bool{}, map[string]bool{}
	for _, e := range a.Entities {
		if !identifier.MatchString(e.Table) || strings.HasPrefix(e.Table, "sqlite_") || tables[e.Table] {
			return bad("an unusable table: " + e.Table)
		}
		if !slug.MatchString(e.Slug) || slugs[e.Slug] {
			return bad("an unusable address: " + e.Slug)
		}
		tables[e.Table], slugs[e.Slug] = true, true
	}
	for _, e := range a.Entities {
		if err := checkFields(e, tables); err != "" {
			return bad(err)
		}
	}
	return nil
}

// checkFields returns what is wrong with the entity's fields and features.
func checkFields(e spec.Entity, tables map[string]bool) string {
	if len(e.Fields) == 0 {
		return "an entity without fields: " + e.Name
	}
	columns := map[string]bool{}
	for _, f := range e.Fields {
		switch {
		case !identifier.MatchString(f.Column) || !identifier.MatchString(f.Name):
			return "an unusable field: " + f.Name
		case typeOf(f.Type).python == "":
			return "a field of an unknown type: " + string(f.Type)
		case f.Type == spec.BelongsTo && !tables[f.Ref]:
			return "a field that belongs to nothing: " + f.Name
		case f.Type == spec.Choice && len(f.Choices) == 0:
			return "a choice without choices: " + f.Name
		}
		columns[f.Column] = true
	}
	for _, column := range namedIn(e.Features) {
		if !columns[column] {
			return "a feature of a field that isn't there: " + column
		}
	}
	return ""
}

// namedIn returns the columns that the features name.
func namedIn(f spec.Features) []string {
	named := slices.Clone(f.Filter)
	for _, t := range f.Totals {
		named = append(named, t.Field, t.By)
	}
	if f.Chart != nil {
		named = append(named, f.Chart.Field, f.Chart.By)
	}
	if f.Overdue != nil {
		named = append(named, f.Overdue.Date, f.Overdue.Done)
	}
	named = append(named, f.Kanban, f.Calendar)
	return slices.DeleteFunc(named, func(s string) bool { return s == "" })
}
