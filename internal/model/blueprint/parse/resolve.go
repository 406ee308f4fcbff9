package parse

import (
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// resolve finds the fields that the wished features need, and adds those that
// aren't there. It runs after build.
func (r *reader) resolve() {
	for _, w := range r.pending {
		if w.on == nil {
			w.on = r.entities[0]
		}
		if w.by != nil || w.of != nil {
			r.elsewhere(w)
		}
		r.grant(w)
	}
}

// elsewhere moves a wish to the entity that has the fields it names, or that it
// names itself: "a calendar of tasks".
func (r *reader) elsewhere(w *wish) {
	if e := r.entityOf(w.of); e != nil {
		w.of.use()
		w.on, w.of = e, nil
		return
	}
	if w.on.match(w.by) != nil || w.on.match(w.of) != nil {
		return
	}
	for _, e := range r.entities {
		if w.by != nil && e.match(w.by) != nil || w.of != nil && e.match(w.of) != nil {
			w.on = e
			return
		}
	}
}

// grant writes the wish into its entity's features.
func (r *reader) grant(w *wish) {
	e, fs := w.on, &w.on.Features
	switch w.kind {
	case search:
		r.fieldOf(e, w.by, "")
		r.fieldOf(e, w.of, "")
		fs.Search = true
	case sorting:
		r.fieldOf(e, w.by, "")
		fs.Sort = true
	case csv:
		fs.CSV = true
		w.of, w.by = nil, nil
	case filter:
		if f := r.fieldOf(e, w.by, ""); f != nil && !f.Type.Filterable() {
			r.note(f.Label + " is free text: find entries by searching for it.")
		}
	case totals:
		if t, ok := r.total(w); ok && !slices.Contains(fs.Totals, t) {
			fs.Totals = append(fs.Totals, t)
		}
	case charting:
		if t, ok := r.total(w); ok {
			if t.By == "" {
				t.By = r.bars(e)
			}
			if t.By != "" {
				c := spec.Chart(t)
				fs.Chart = &c
			} else if !w.soft {
				r.note("There is nothing to chart " + e.Plural + " by.")
			}
		}
	case kanban:
		fs.Kanban = r.columnsOf(w)
	case calendar:
		if f := r.dateFor(w); f != nil {
			fs.Calendar = f.Column
		}
	case overdue:
		r.grantOverdue(w)
	}
}

// fieldOf returns the field that p names, made with this type if there is none
// and t isn't empty. It marks p as used when it names one.
func (r *reader) fieldOf(e *draft, p phrase, t spec.Type) *field {
	if len(p) == 0 {
		return nil
	}
	if f := e.match(p); f != nil {
		p.use()
		return f
	}
	if t == "" {
		return nil
	}
	q := p.trim()
	if len(q) == 0 || len(q) > 2 || q.last().kind != word || ident(q.String()) == "" || periods[q.last().lem] {
		return nil
	}
	f := field{Field: spec.Field{Label: label(q.String()), Type: t}, key: q.lemma()}
	if usual := usualChoices(f.key); usual != nil && t == spec.Text {
		f.Type, f.Choices = spec.Choice, usual
	}
	q.use()
	return r.supply(e, f)
}

// supply adds a field that a feature needs.
func (r *reader) supply(e *draft, f field) *field {
	if len(e.fields) >= spec.MaxFields {
		return nil
	}
	e.add(f)
	e.columns(r)
	return e.byKey(f.key)
}

func (e *draft) byKey(key string) *field {
	for i := range e.fields {
		if e.fields[i].key == key {
			return &e.fields[i]
		}
	}
	return nil
}

// periods are the words that group dates.
var periods = set("month,monthly,week,weekly,year,yearly,day,daily,time,date")

// match returns the field that p names, or nil.
func (e *draft) match(p phrase) *field {
	for len(p) > 0 && p[0].kind == word && (determiners[p[0].low] || p[0].low == "the") {
		p = p[1:]
	}
	if q := p.trim(); len(q) > 0 {
		p = q
	}
	if len(p) == 0 {
		return nil
	}
	l := p.lemma()
	if f := e.byKey(l); f != nil {
		return f
	}
	for i := range e.fields {
		if id := ident(p.String()); id != "" && (ident(e.fields[i].Label) == id || e.fields[i].Name == id) {
			return &e.fields[i]
		}
	}
	for i := range e.fields {
		if k := e.fields[i].key; len(l) > 2 && (strings.HasSuffix(k, " "+l) || strings.HasPrefix(k, l+" ")) {
			return &e.fields[i]
		}
	}
	if last := p.last().lem; len(p) > 1 {
		if dropped[last] || last == "mark" || last == "list" {
			return e.match(p[:len(p)-1])
		}
		return nil
	}
	return nil
}

// total makes a spec.Total of a wish for totals or a chart.
func (r *reader) total(w *wish) (spec.Total, bool) {
	e := w.on
	var t spec.Total
	numeric, n := fieldType(w.of)
	if n == 0 || !numeric.Numeric() {
		numeric = ""
	}
	if f := r.fieldOf(e, w.of, numeric); f != nil && f.Type.Numeric() {
		t.Field = f.Column
	} else if f := e.number(); f != nil && (len(w.of) == 0 || !w.of.has("count", "number")) && !(len(w.of) > 0 && r.entityOf(w.of) != nil) {
		t.Field = f.Column
	}
	if by := r.fieldOf(e, w.by, spec.Text); by != nil && by.Type.Groupable() {
		t.By = by.Column
	} else if w.month {
		if d := r.dateFor(&wish{on: e}); d != nil {
			t.By = d.Column
		}
		for _, p := range []phrase{w.by, w.of} {
			for _, tok := range p {
				tok.used = tok.used || periods[tok.lem] || periods[tok.low]
			}
		}
	}
	if t == (spec.Total{}) {
		t.By = r.bars(e)
	}
	return t, t != spec.Total{}
}

// number returns the field that totals are made of: money before other numbers.
func (e *draft) number() *field {
	var best *field
	for i := range e.fields {
		f := &e.fields[i]
		if f.Type.Numeric() && !unsummed[lastWord(f.key)] && (best == nil || f.Type == spec.Money && best.Type != spec.Money) {
			best = f
		}
	}
	return best
}

// unsummed are numbers whose sum says nothing.
var unsummed = set("year,age,vintage,episode,latitude,longitude,temperature,percent,interval,number,grade,level,bpm,floor,odometer,mileage,weight,height")

// bars returns the column that a chart is by when nobody says.
func (r *reader) bars(e *draft) string {
	for _, want := range []spec.Type{spec.Choice, spec.BelongsTo, spec.Date, spec.Boolean, spec.Rating, spec.Text} {
		for i := range e.fields {
			if e.fields[i].Type == want && (i > 0 || want != spec.Text) {
				return e.fields[i].Column
			}
		}
	}
	return ""
}

// columnsOf returns the choice that a board is by: the one that is named, or the
// state of work, which is added if it isn't there.
func (r *reader) columnsOf(w *wish) string {
	e := w.on
	if f := e.match(w.by); f != nil && len(w.by) > 0 {
		w.by.use()
		if f.Type == spec.Choice {
			return f.Column
		}
	}
	for i := range e.fields {
		if f := &e.fields[i]; f.Type == spec.Choice && statusLike[lastWord(f.key)] {
			return f.Column
		}
	}
	key := "status"
	if e.byKey(key) != nil {
		key = "stage"
	}
	f := r.supply(e, field{Field: spec.Field{Label: sentenceCase(key), Type: spec.Choice, Choices: strings.Split(choiceWords["status"], ",")}, key: key})
	if f == nil {
		return ""
	}
	r.note("A board needs columns: I added a " + key + " with " + join(f.Choices) + ".")
	return f.Column
}

var statusLike = set("status,state,stage,phase,column,progress,step,lane,list")

// dateFor returns the date that a calendar is by: the one that is named, the
// first, or a new one.
func (r *reader) dateFor(w *wish) *field {
	if f := r.fieldOf(w.on, w.by, ""); f != nil && f.Type == spec.Date {
		return f
	}
	for i := range w.on.fields {
		if w.on.fields[i].Type == spec.Date {
			return &w.on.fields[i]
		}
	}
	if w.soft || w.on.byKey("date") != nil {
		return nil
	}
	return r.supply(w.on, field{Field: spec.Field{Label: "Date", Type: spec.Date}, key: "date"})
}

func (r *reader) grantOverdue(w *wish) {
	date := w.on.due()
	if date == nil && !w.soft && w.on.byKey("due date") == nil {
		date = r.supply(w.on, field{Field: spec.Field{Label: "Due date", Type: spec.Date}, key: "due date"})
	}
	if date == nil {
		return
	}
	o := &spec.Overdue{Date: date.Column}
	if done := w.on.done(); done != nil {
		o.Done = done.Column
	}
	if !w.soft || o.Done != "" || dueLike(date.key) {
		w.on.Features.Overdue = o
	}
}
