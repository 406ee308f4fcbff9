package generate

import (
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// entity is an entity as the templates see it.
type entity struct {
	spec.Entity
	Fields []*field
	app    *view
	first  bool
}

// total is a sum, or a count, that the app shows.
type total struct {
	field, by *field
}

// Const is what the entity is called in the app's Python.
func (e *entity) Const() string {
	name := strings.ToUpper(e.Table)
	switch {
	case name[0] >= '0' && name[0] <= '9':
		name = "T" + name
	case name == "ENTITIES" || name == "SEED" || name == "LONGEST_PAGE" || strings.Trim(name, "_") == "":
		name += "_TABLE"
	}
	return name
}

// Class begins the name of the entity's test class.
func (e *entity) Class() string {
	var b strings.Builder
	for word := range strings.SplitSeq(e.Table, "_") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	name := b.String()
	if name == "" || name == "App" || name == "AnyApp" || name[0] <= '9' {
		return "The" + name
	}
	return name
}

// Article goes before the entity's name.
func (e *entity) Article() string {
	if name := strings.ToLower(e.Name); name != "" && strings.ContainsRune("aeio", rune(name[0])) {
		return "an"
	}
	return "a"
}

// column returns the field that is kept in the column, or nil.
func (e *entity) column(column string) *field {
	i := slices.IndexFunc(e.Fields, func(f *field) bool { return f.Column == column })
	if i < 0 {
		return nil
	}
	return e.Fields[i]
}

// named returns the field that the API calls so.
func (e *entity) named(name string) *field {
	return e.Fields[slices.IndexFunc(e.Fields, func(f *field) bool { return f.Name == name })]
}

// nameOf returns what the API calls the column, or nothing for none.
func (e *entity) nameOf(column string) string {
	if f := e.column(column); f != nil {
		return f.Name
	}
	return ""
}

func (e *entity) filterFields() []*field {
	var fields []*field
	for _, column := range e.Features.Filter {
		fields = append(fields, e.column(column))
	}
	return fields
}

// Filters are the fields that a list can be narrowed by.
func (e *entity) Filters() []string {
	var names []string
	for _, f := range e.filterFields() {
		names = append(names, f.Name)
	}
	return names
}

// SearchFields are the fields that a search looks into.
func (e *entity) SearchFields() []string {
	if !e.Features.Search {
		return nil
	}
	var names []string
	for _, f := range e.Fields {
		if f.searchable() {
			names = append(names, f.Name)
		}
	}
	return names
}

// AllTotals are the totals, and the one that the chart draws.
func (e *entity) AllTotals() []*total {
	var totals []*total
	for _, t := range e.Features.Totals {
		totals = append(totals, e.total(t))
	}
	if c := e.chart(); c != nil && !slices.ContainsFunc(totals, c.same) {
		totals = append(totals, c)
	}
	return totals
}

func (e *entity) total(t spec.Total) *total {
	return &total{field: e.column(t.Field), by: e.column(t.By)}
}

// chart returns what the chart draws: without a group, each entry by its name.
func (e *entity) chart() *total {
	if e.Features.Chart == nil {
		return nil
	}
	t := e.total(spec.Total(*e.Features.Chart))
	if t.by == nil {
		t.by = e.Fields[0]
	}
	return t
}

// ChartIndex is the place of the chart's total among all, or -1.
func (e *entity) ChartIndex() int {
	c := e.chart()
	if c == nil {
		return -1
	}
	return slices.IndexFunc(e.AllTotals(), c.same)
}

// HasGroups reports whether there are totals for each value of a field.
func (e *entity) HasGroups() bool {
	return slices.ContainsFunc(e.AllTotals(), func(t *total) bool { return t.by != nil })
}

// KanbanField is the choice whose values are the columns of a board, or nothing.
func (e *entity) KanbanField() string { return e.nameOf(e.Features.Kanban) }

// CalendarField is the date that places an entry in a month, or nothing.
func (e *entity) CalendarField() string { return e.nameOf(e.Features.Calendar) }

// OverdueDate is the date after which an entry is overdue, or nothing.
func (e *entity) OverdueDate() string {
	if e.Features.Overdue == nil {
		return ""
	}
	return e.nameOf(e.Features.Overdue.Date)
}

// OverdueDone is the field that says that an entry is done, or nothing.
func (e *entity) OverdueDone() string {
	if e.Features.Overdue == nil {
		return ""
	}
	return e.nameOf(e.Features.Overdue.Done)
}

// Seeded reports whether the first start creates entries of it.
func (e *entity) Seeded() bool { return e.first && len(e.app.Seed()) > 0 }

// VotesHere reports whether its entries are voted for.
func (e *entity) VotesHere() bool { return e.first && e.app.Votes() }

func (t *total) same(o *total) bool { return t.field == o.field && t.by == o.by }

// Field is the name of the field summed; empty for a count.
func (t *total) Field() string { return t.field.name() }

// By is the name of the field grouped by; empty for none.
func (t *total) By() string { return t.by.name() }

// Python is the total as schema.py defines it.
func (t *total) Python() string {
	var parts []string
	if t.field != nil {
		parts = append(parts, "field="+str(t.field.Name))
	}
	if t.by != nil {
		parts = append(parts, "by="+str(t.by.Name))
	}
	return "Total(" + strings.Join(parts, ", ") + ")"
}

// JS is the total as schema.js defines it.
func (t *total) JS() string {
	var parts []string
	if t.field != nil {
		parts = append(parts, "field: "+str(t.field.Name))
	}
	if t.by != nil {
		parts = append(parts, "by: "+str(t.by.Name))
	}
	if len(parts) == 0 {
		return "{}"
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}
