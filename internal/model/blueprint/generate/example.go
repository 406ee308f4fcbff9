package generate

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// example returns a value that the field accepts, as the tests write it; the
// other one differs where the field allows two values.
func (f *field) example(other bool) any {
	pick := func(one, two any) any {
		if other {
			return two
		}
		return one
	}
	switch f.Type {
	case spec.Integer:
		return f.within(other, 3, 1)
	case spec.Decimal:
		return f.within(other, 2.5, 0.5)
	case spec.Money:
		return f.within(other, 12.5, 0.25)
	case spec.Rating:
		return pick(*f.Max, *f.Min)
	case spec.Date:
		return pick("2026-01-31", "2026-02-28")
	case spec.Time:
		return pick("09:30", "17:45")
	case spec.Boolean:
		return other
	case spec.Choice:
		return pick(f.Choices[0], f.Choices[len(f.Choices)-1])
	case spec.URL:
		return pick("https://example.com/one", "http://example.org/two?page=2")
	case spec.Email:
		return pick("ada@example.com", "grace@example.org")
	case spec.Tags:
		return pick([]string{"red", "green"}, []string{"blue"})
	case spec.BelongsTo:
		if f.circular() {
			return nil
		}
		return raw(f.in.app.call(f.helper()))
	}
	label := strings.ToLower(f.Label)
	return pick("Some "+label, "Another "+label)
}

// within returns a number between the field's bounds: first, if it fits.
func (f *field) within(other bool, first, step float64) float64 {
	low, high := -math.MaxInt32, math.MaxInt32*1.0
	l := float64(low)
	if f.Min != nil {
		l = *f.Min
	}
	if f.Max != nil {
		high = *f.Max
	}
	v := min(max(first, l), high)
	switch {
	case !other:
		return v
	case v+step <= high:
		return v + step
	case v-step >= l:
		return v - step
	}
	return v
}

// circular reports whether what the field refers to is, or needs, an entry of
// the field's own entity. The tests leave such a field empty.
func (f *field) circular() bool {
	return f.target() == f.in || slices.Contains(f.target().needs(), f.in)
}

// helper names the test's function that creates what the field refers to.
func (f *field) helper() string { return "new_" + f.Ref }

// call returns a call of a helper in the tests' language.
func (v *view) call(helper string) string {
	if v.Node() {
		return fmt.Sprintf("await %s(request)", camel(helper))
	}
	return "self." + helper + "()"
}

func camel(s string) string {
	words := strings.Split(s, "_")
	for i := range words[1:] {
		if w := words[i+1]; w != "" {
			words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}

// Example1 is a value of the field, as a literal.
func (f *field) Example1() string { return f.in.app.lang.value(f.example(false)) }

// Parents are the entities that the tests create before an entry of this one,
// with what they need themselves.
func (e *entity) Parents() []*entity {
	var found []*entity
	for _, f := range e.Fields {
		if f.Type != spec.BelongsTo || f.circular() {
			continue
		}
		for _, t := range append([]*entity{f.target()}, f.target().needs()...) {
			if !slices.Contains(found, t) {
				found = append(found, t)
			}
		}
	}
	return found
}

// Needed are all the entities that some test creates as a parent.
func (v *view) Needed() []*entity {
	var found []*entity
	for _, e := range v.Entities {
		for _, p := range e.Parents() {
			if !slices.Contains(found, p) {
				found = append(found, p)
			}
		}
	}
	return found
}

// needs returns the entities that an entry can't be without, and what these need.
func (e *entity) needs() []*entity {
	var found []*entity
	var visit func(*entity)
	visit = func(of *entity) {
		for _, f := range of.Fields {
			if f.Type != spec.BelongsTo || !f.needed() {
				continue
			}
			if t := f.target(); !slices.Contains(found, t) {
				found = append(found, t)
				visit(t)
			}
		}
	}
	visit(e)
	return found
}

// Minimal are the values that a parent needs, as an object literal.
func (e *entity) Minimal() string {
	values := []string{}
	for i, f := range e.Fields {
		if f.needed() || i == 0 && f.Type != spec.BelongsTo {
			key := str(f.Name)
			values = append(values, key+": "+f.Example1())
		}
	}
	if e.app.Node() {
		return "{ " + strings.Join(values, ", ") + " }"
	}
	return "{" + strings.Join(values, ", ") + "}"
}

// Helper names the function of the tests that creates one of these.
func (e *entity) Helper() string { return "new_" + e.Table }

// CamelHelper is Helper as JavaScript writes it.
func (e *entity) CamelHelper() string { return camel(e.Helper()) }

// changing returns the first field that has two different examples, or nil.
func (e *entity) changing() *field {
	for _, f := range e.Fields {
		if f.Type != spec.BelongsTo && f.in.app.lang.value(f.example(false)) != f.in.app.lang.value(f.example(true)) {
			return f
		}
	}
	return nil
}

// change returns the arguments that give the field another value.
func (e *entity) change(f *field, value any) string {
	literal := e.app.lang.value(value)
	if e.app.Node() {
		return "{ " + str(f.Name) + ": " + literal + " }"
	}
	return "**{" + str(f.Name) + ": " + literal + "}"
}

// Change is what an update changes, as arguments; nothing if nothing can be.
func (e *entity) Change() string {
	if f := e.changing(); f != nil {
		return e.change(f, f.example(true))
	}
	return ""
}

// ChangedName is the field that Change changes.
func (e *entity) ChangedName() string {
	if f := e.changing(); f != nil {
		return f.Name
	}
	return "id"
}

// ChangedValue is what it is changed to.
func (e *entity) ChangedValue() string {
	if f := e.changing(); f != nil {
		return e.app.lang.value(f.example(true))
	}
	if e.app.Node() {
		return "entry.id"
	}
	return `entry["id"]`
}

// SortNames are all fields, as a literal.
func (e *entity) SortNames() string {
	var names []string
	for _, f := range e.Fields {
		names = append(names, f.Name)
	}
	if e.app.Node() {
		return array(names)
	}
	return tuple(names)
}

// SortName is a field whose values the tests can compare, or nothing.
func (e *entity) SortName() string {
	if f := e.changing(); f != nil && f.Type != spec.Choice && f.Type != spec.Tags && !e.Seeded() {
		return f.Name
	}
	return ""
}

// searched returns the field in which the test of the search looks.
func (e *entity) searched() (*field, any, string) {
	for _, name := range e.SearchFields() {
		switch f := e.named(name); f.Type {
		case spec.Text, spec.LongText:
			return f, "Zürich zebra", "ZÜRICH"
		case spec.Tags:
			return f, []string{"zebra"}, "ZEBRA"
		case spec.Email:
			return f, "zebra@example.net", "ZEBRA"
		case spec.URL:
			return f, "https://zebra.example.net/", "ZEBRA"
		}
	}
	return nil, nil, ""
}

// SearchChange gives an entry what SearchQuery finds; nothing if that can't be.
func (e *entity) SearchChange() string {
	f, value, _ := e.searched()
	if f == nil {
		return ""
	}
	return e.change(f, value)
}

// SearchQuery is what the test searches for.
func (e *entity) SearchQuery() string {
	_, _, query := e.searched()
	return url.QueryEscape(query)
}
