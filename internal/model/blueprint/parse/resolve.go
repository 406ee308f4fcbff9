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
		if w.kind == kanban && len(w.by) == 0 && w.on.stage() == nil {
			r.boardHome(w)
		}
		r.grant(w)
	}
}

// boardHome moves the wish for a board to the first entity that has columns for it.
func (r *reader) boardHome(w *wish) {
	for _, e := range r.entities {
		if e.stage() != nil {
			w.on = e
			return
		}
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
	if f := e.stage(); f != nil {
		return f.Column
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

// stage returns the choice that says how far an entry is, or nil.
func (e *draft) stage() *field {
	for i := range e.fields {
		if f := &e.fields[i]; f.Type == spec.Choice && statusLike[lastWord(f.key)] {
			return f
		}
	}
	return nil
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
