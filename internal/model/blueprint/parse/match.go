package parse

import (
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

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
