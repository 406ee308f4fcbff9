package parse

import (
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// build gives entities and fields their names in the app's tables and URLs.
func (r *reader) build() {
	taken := map[string]bool{}
	for _, e := range r.entities {
		taken[e.Table] = true
	}
	r.tables = map[string]string{}
	for _, e := range r.entities {
		if e.Table == "" {
			id := ident(e.Plural)
			if id == "" {
				id = "items"
			}
			e.Table = unique(id, taken)
			e.Slug = strings.ReplaceAll(e.Table, "_", "-")
		}
		r.tables[e.Name] = e.Table
	}
	for _, e := range r.entities {
		e.columns(r)
	}
}

// columns turns the draft's fields into the entity's. It may be called again
// after a field was added.
func (e *draft) columns(r *reader) {
	if len(e.fields) > spec.MaxFields {
		r.note("An entry has at most 40 fields; I left out the last.")
		e.fields = e.fields[:spec.MaxFields]
	}
	taken := e.takenColumns()
	names := map[string]bool{}
	for _, f := range e.fields {
		names[f.Name] = true
	}
	e.Entity.Fields = make([]spec.Field, 0, len(e.fields))
	for i := range e.fields {
		f := &e.fields[i]
		f.settle(r)
		if f.Column == "" {
			f.Name = unique(fieldIdent(f.Label), names)
			f.Column = unique(f.Name, taken)
		}
		names[f.Name] = true
		if f.Type == spec.BelongsTo {
			names[f.Name+"_label"] = true
		}
		e.Entity.Fields = append(e.Entity.Fields, f.Field)
	}
}

func (e *draft) takenColumns() map[string]bool {
	taken := map[string]bool{}
	for _, f := range e.Removed {
		taken[f.Column] = true
	}
	for _, f := range e.fields {
		if f.Column != "" {
			taken[f.Column] = true
		}
	}
	return taken
}

// fieldIdent returns the name of a field with this label in the app's API.
func fieldIdent(label string) string {
	id := ident(label)
	if id == "" {
		id = "field"
	}
	if spec.Reserved(id) {
		id = "own_" + id
	}
	return id
}

// settle makes the field's parts fit its type.
func (f *field) settle(r *reader) {
	if f.Ref != "" && r.tables[f.Ref] != "" {
		f.Ref = r.tables[f.Ref]
	}
	one, five := 1.0, 5.0
	switch f.Type {
	case spec.Rating:
		bad := f.Min != nil && (*f.Min < 0 || *f.Min > 9 || *f.Min != float64(int(*f.Min))) || f.Max != nil && (*f.Max < 1 || *f.Max != float64(int(*f.Max)))
		if bad || f.Max != nil && *f.Max > 10 {
			f.Type = spec.Integer
			return
		}
		if f.Min == nil {
			f.Min = &one
		}
		if f.Max == nil || *f.Max <= *f.Min {
			f.Max = &five
			if *f.Min >= five {
				f.Min = &one
			}
		}
	case spec.Integer:
		if f.Min == nil && f.Max == nil && counted[lastWord(f.key)] {
			zero := 0.0
			f.Min = &zero
		}
	case spec.Decimal:
	case spec.Money:
		if f.Currency == "" && r.currency == "" {
			r.currency = "USD"
			r.note("You named no currency; amounts are in US dollars.")
		}
		if f.Currency == "" {
			f.Currency = r.currency
		}
	default:
		f.Min, f.Max, f.Unit = nil, nil, ""
	}
	if f.Type != spec.Choice {
		f.Choices = nil
	}
}

// counted are whole numbers that can't be less than nothing.
var counted = set("page,quantity,count,stock,age,minute,hour,rep,set,serving,capacity,episode,player,vote,mileage,piece,copy")

// usual gives the entity the features that make sense for any.
func (e *draft) usual() {
	fs := &e.Features
	fs.Search, fs.Sort, fs.CSV, fs.Filter = true, true, true, nil
	for _, f := range e.Entity.Fields {
		if f.Type.Filterable() {
			fs.Filter = append(fs.Filter, f.Column)
		}
	}
	if fs.Overdue == nil {
		date, done := e.due(), e.done()
		if date != nil && done != nil && dueLike(date.key) {
			fs.Overdue = &spec.Overdue{Date: date.Column, Done: done.Column}
		}
	}
}

// due returns the date by which an entry is due, or its first date, or nil.
func (e *draft) due() *field {
	var first *field
	for i := range e.fields {
		f := &e.fields[i]
		if f.Type != spec.Date {
			continue
		}
		if dueLike(f.key) {
			return f
		}
		if first == nil {
			first = f
		}
	}
	return first
}

func dueLike(key string) bool {
	for _, w := range []string{"due", "deadline", "expiry", "expiration", "until", "return", "best before", "renewal"} {
		if strings.Contains(key, w) {
			return true
		}
	}
	return false
}

// done returns the boolean that says that an entry is over, or nil.
func (e *draft) done() *field {
	for i := range e.fields {
		f := &e.fields[i]
		if f.Type == spec.Boolean && doneWords[lastWord(f.key)] {
			return f
		}
	}
	return nil
}

var doneWords = set("done,finished,completed,complete,paid,returned,resolved,closed,fixed,used,delivered,submitted,sent,shipped,renewed,bought,archived,settled")
