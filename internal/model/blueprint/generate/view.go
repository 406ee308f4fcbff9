package generate

import (
	"slices"
	"sort"
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/generate/gadget"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// view is what the templates see: the app, with the answers to what they ask
// before they write a piece of code that not every app needs.
type view struct {
	spec.App
	Entities []*entity
	lang     language
	bundle   gadget.Bundle
}

func newView(a spec.App) *view {
	v := &view{App: a, lang: python}
	if a.Runtime == "node" {
		v.lang = javascript
	}
	for i := range a.Entities {
		v.Entities = append(v.Entities, &entity{Entity: a.Entities[i], app: v, first: i == 0})
	}
	for _, e := range v.Entities {
		for i := range e.Entity.Fields {
			e.Fields = append(e.Fields, &field{Field: e.Entity.Fields[i], in: e})
		}
	}
	return v
}

// addGadget asks the gadget, if the app has one, for its part.
func (v *view) addGadget() error {
	if v.Gadget == nil {
		return nil
	}
	bundle, err := gadget.Files(v.App)
	v.bundle = bundle
	return err
}

// Node reports whether the app's server is JavaScript.
func (v *view) Node() bool { return v.Runtime == "node" }

// API reports whether the server answers more than pages.
func (v *view) API() bool { return len(v.Entities) > 0 || len(v.bundle.Actions) > 0 }

// Body is the page of a gadget that keeps nothing.
func (v *view) Body() string { return v.bundle.Body }

// Bare reports whether that page brings its own heading.
func (v *view) Bare() bool { return v.bundle.Bare }

// Views are the gadget's tabs.
func (v *view) Views() []gadget.View { return v.bundle.Views }

// Has reports whether the gadget brings a file of this path.
func (v *view) Has(path string) bool {
	return slices.ContainsFunc(v.bundle.Files, func(f gadget.File) bool { return f.Path == path })
}

// any reports whether one of the app's entities is so.
func (v *view) any(is func(*entity) bool) bool { return slices.ContainsFunc(v.Entities, is) }

// Uses reports whether a field of the app has one of the types.
func (v *view) Uses(types ...string) bool {
	return v.any(func(e *entity) bool {
		return slices.ContainsFunc(e.Fields, func(f *field) bool { return slices.Contains(types, string(f.Type)) })
	})
}

// Used is Uses as a value, for "types".
func (v *view) Used() func(...string) bool { return v.Uses }

// Filtered is FilterUses as a value.
func (v *view) Filtered() func(...string) bool { return v.FilterUses }

// AnyText reports whether values are checked to be text of some length.
func (v *view) AnyText() bool { return v.Uses("text", "longtext", "url", "email", "tags") }

// Numbers reports whether values are checked to be in a range.
func (v *view) Numbers() bool { return v.Uses("integer", "decimal", "money") }

// Refs reports whether entries belong to others.
func (v *view) Refs() bool { return v.Uses("belongsto") }

// The features that at least one entity has.
func (v *view) Search() bool { return v.any(func(e *entity) bool { return len(e.SearchFields()) > 0 }) }
func (v *view) Filter() bool {
	return v.any(func(e *entity) bool { return len(e.Features.Filter) > 0 })
}
func (v *view) Sort() bool   { return v.any(func(e *entity) bool { return e.Features.Sort }) }
func (v *view) CSV() bool    { return v.any(func(e *entity) bool { return e.Features.CSV }) }
func (v *view) Kanban() bool { return v.any(func(e *entity) bool { return e.Features.Kanban != "" }) }
func (v *view) Overdue() bool {
	return v.any(func(e *entity) bool { return e.Features.Overdue != nil })
}
func (v *view) Calendar() bool {
	return v.any(func(e *entity) bool { return e.Features.Calendar != "" })
}
func (v *view) Chart() bool     { return v.any(func(e *entity) bool { return e.Features.Chart != nil }) }
func (v *view) HasTotals() bool { return v.any(func(e *entity) bool { return len(e.AllTotals()) > 0 }) }

// Grouped reports whether there are totals for each value of a field.
func (v *view) Grouped() bool { return v.any(func(e *entity) bool { return e.HasGroups() }) }

// Where reports whether a list can be narrowed at all.
func (v *view) Where() bool { return v.Filter() || v.Search() || v.Calendar() }

// Votes reports whether entries are voted for.
func (v *view) Votes() bool {
	return v.Gadget != nil && v.Gadget.Kind == spec.Poll && len(v.Entities) > 0
}

// Seed returns the entries that the first start creates, as literals.
func (v *view) Seed() []string {
	if v.Gadget == nil || len(v.Entities) == 0 {
		return nil
	}
	seed := make([]string, len(v.Gadget.Seed))
	for i, s := range v.Gadget.Seed {
		seed[i] = v.lang.object(s)
	}
	return seed
}

// FilterUses reports whether a list is narrowed by a field of one of the types.
func (v *view) FilterUses(types ...string) bool {
	return v.any(func(e *entity) bool {
		return slices.ContainsFunc(e.filterFields(), func(f *field) bool { return slices.Contains(types, string(f.Type)) })
	})
}

// TotalsUse reports whether totals are grouped by a field of one of the types.
func (v *view) TotalsUse(types ...string) bool {
	return v.totals(func(t *total) *field { return t.by }, types)
}

// TotalsSum reports whether a field of one of the types is summed.
func (v *view) TotalsSum(types ...string) bool {
	return v.totals(func(t *total) *field { return t.field }, types)
}

func (v *view) totals(part func(*total) *field, types []string) bool {
	return v.any(func(e *entity) bool {
		return slices.ContainsFunc(e.AllTotals(), func(t *total) bool {
			f := part(t)
			return f != nil && slices.Contains(types, string(f.Type))
		})
	})
}

// SearchesRefs reports whether a search looks into what entries belong to.
func (v *view) SearchesRefs() bool {
	return v.any(func(e *entity) bool {
		return slices.ContainsFunc(e.SearchFields(), func(name string) bool { return e.named(name).Type == spec.BelongsTo })
	})
}

// Reserved reports whether a filter is called as a parameter of every list is.
func (v *view) Reserved() bool {
	return v.any(func(e *entity) bool {
		return slices.ContainsFunc(e.Filters(), func(name string) bool { return reserved[name] })
	})
}

// reserved are the parameters of every list.
var reserved = map[string]bool{"q": true, "sort": true, "order": true, "limit": true, "offset": true}

// classes returns the Python classes of the types, sorted, as an import has them.
func classes(types map[spec.Type]bool) string {
	var names []string
	for t := range types {
		names = append(names, typeOf(t).python)
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}

// FieldClasses are the classes that schema.py needs.
func (v *view) FieldClasses() string {
	used := map[spec.Type]bool{}
	for _, e := range v.Entities {
		for _, f := range e.Fields {
			used[f.Type] = true
		}
	}
	return classes(used)
}

// QueryFields are the classes that query.py tells apart.
func (v *view) QueryFields() string {
	used := map[spec.Type]bool{}
	for _, t := range []spec.Type{spec.Boolean, spec.Tags, spec.Rating, spec.BelongsTo, spec.Integer} {
		used[t] = v.FilterUses(string(t))
	}
	used[spec.Choice] = v.Sort() && v.Uses("choice")
	used[spec.BelongsTo] = used[spec.BelongsTo] || v.SearchesRefs() || v.Sort() && v.Refs()
	return classes(only(used))
}

// NumericFilters are the classes whose filters are whole numbers.
func (v *view) NumericFilters() string {
	used := map[spec.Type]bool{}
	for _, t := range []spec.Type{spec.Rating, spec.BelongsTo, spec.Integer} {
		used[t] = v.FilterUses(string(t))
	}
	names := classes(only(used))
	if strings.Contains(names, ",") {
		return "(" + names + ")"
	}
	return names
}

// TotalFields are the classes that totals.py tells apart.
func (v *view) TotalFields() string {
	used := map[spec.Type]bool{}
	for _, t := range []spec.Type{spec.Boolean, spec.Date, spec.BelongsTo, spec.Tags} {
		used[t] = v.TotalsUse(string(t))
	}
	return classes(only(used))
}

func only(used map[spec.Type]bool) map[spec.Type]bool {
	for t, is := range used {
		if !is {
			delete(used, t)
		}
	}
	return used
}

// Action is a computation of the gadget that the server offers.
type Action struct {
	gadget.Action
}

// Handler is what the API's function for it is called.
func (a Action) Handler() string { return "answer_" + strings.ReplaceAll(a.Path, "-", "_") }

// Actions are the gadget's computations.
func (v *view) Actions() []Action {
	actions := make([]Action, len(v.bundle.Actions))
	for i, a := range v.bundle.Actions {
		actions[i] = Action{a}
	}
	return actions
}

// Tabs reports whether the app has more than one part to go to.
func (v *view) Tabs() bool { return len(v.Entities)+len(v.bundle.Views) > 1 }

// Part is what the address calls a view of the gadget: its id, unless an entity
// is already called so.
func (v *view) Part(id string) string {
	if v.any(func(e *entity) bool { return e.Slug == id }) {
		return id + "-view"
	}
	return id
}
