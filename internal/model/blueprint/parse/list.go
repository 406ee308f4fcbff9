package parse

import (
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// list reads the items of a list of fields and features, from s[i] to the end.
func (r *reader) list(s sentence, i int) {
	for i < len(s) {
		i = r.item(s, i)
	}
}

// item reads the item that begins at s[i] and returns the index after it.
func (r *reader) item(s sentence, i int) int {
	c := s[i]
	p := lead(c.p)
	s[i].p = p
	if c.sep == "belongs" {
		r.belongs(p)
		return i + 1
	}
	if i+1 < len(s) && (s[i+1].sep == "has" || s[i+1].sep == "belongs") && r.subject(s[i:i+1]) {
		return i + 1
	}
	if len(p.content()) == 0 && !p.has("when", "where", "who") && !namesField(p) {
		r.kindField(c.p.undetermined())
		return i + 1
	}
	if attributeOnly(p) && len(r.cur.fields) > 0 {
		takeAttributes(p, &r.cur.fields[len(r.cur.fields)-1])
		return i + 1
	}
	if q := p.trim(); c.sep == "with" && (i+1 == len(s) || s[i+1].sep == "with") && !r.cur.named && len(q) == 1 && contexts[q[0].lem] { // "with friends"
		q.use()
		return i + 1
	}
	switch {
	case r.extra(p), r.picture(p), r.doing(p), r.listed(s, i):
		return i + 1
	case r.child(p):
		return i + 1
	}
	if f, next, ok := r.field(s, i); ok {
		r.cur.add(f)
		r.cur.named = true
		return next
	}
	return i + 1
}

// kindField reads a word that mostly says what sort of app is meant as the name
// of a field, where it stands in a list of them: "tool, person, lent on".
func (r *reader) kindField(p phrase) {
	if len(p) != 1 {
		return
	}
	t, ok := kindFields[p[0].lem]
	if !ok {
		return
	}
	p.use()
	r.cur.add(field{Field: spec.Field{Label: label(p.String()), Type: t}, key: p[0].lem})
	r.cur.named = true
}

// kindFields are the types of such fields.
var kindFields = map[string]spec.Type{
	"website": spec.URL, "site": spec.URL, "page": spec.Integer,
	"tool": spec.Text, "program": spec.Text, "application": spec.Text, "part": spec.Text, "detail": spec.LongText,
}

// lead drops what people do from the beginning of an item: "I can set a
// priority" is about a priority.
func lead(p phrase) phrase {
	for len(p) > 1 && p[0].kind == word && function[p[0].low] && !questions[p[0].low] && !(p[0].low == "number") && !namesField(p) {
		p = p[1:]
	}
	return p
}

// questions begin a field that is asked for, and words that matter to it.
var questions = set("when,where,who,whether,if,how,many,several,multiple,required,optional,optionally,mandatory,not,no")

// add adds a field unless there is one of that name; then the later description
// counts where it says more.
func (e *draft) add(f field) {
	for i, have := range e.fields {
		if have.key != f.key {
			continue
		}
		if have.Column != "" { // it is there already: a change says so by "make", not "add"
			return
		}
		if f.typed || f.listed {
			f.Required = f.Required || have.Required
			e.fields[i] = f
		} else if f.Required {
			e.fields[i].Required = true
		}
		return
	}
	e.fields = append(e.fields, f)
}

// extra reads p as a feature, as something that can't be done, or as a rule
// ("no double bookings"), which nothing checks; or, after a
// feature that is by a field, as one more field of it.
func (r *reader) extra(p phrase) bool {
	if l := cannotOf(p); l != nil {
		if _, n := fieldType(p); n == len(p.trim()) && n > 0 && len(p) == n && len(p) > 1 {
			return false
		}
		r.refuse(l, p)
		if p.has("remind", "reminder", "notify", "notification") && r.cur != nil {
			r.pending = append(r.pending, &wish{feature: feature{kind: overdue}, on: r.cur, soft: true})
		}
		return true
	}
	if len(p) > 1 && p[0].low == "no" {
		p.use()
		r.note(`It doesn't check "` + p.String() + `".`)
		return true
	}
	if f, ok := featureOf(p); ok {
		useFeature(p)
		if f.kind == given {
			return true
		}
		r.pending = append(r.pending, &wish{feature: f, p: p, on: r.cur})
		return true
	}
	if n := len(r.pending); n > 0 && r.cur != nil && r.pending[n-1].on == r.cur && len(r.pending[n-1].by) > 0 && r.pending[n-1].kind == filter {
		if f := r.cur.match(p); f != nil {
			p.use()
			w := *r.pending[n-1]
			w.by = p.trim()
			r.pending = append(r.pending, &w)
			return true
		}
	}
	return false
}

// picture reads a wish to keep a picture: a link to one is what it gets.
func (r *reader) picture(p phrase) bool {
	q := p.trim()
	said := q.String()
	if of := q.index("of"); of == 1 && pictures[q[0].lem] {
		q.use()
		q = q[:1]
	}
	if len(q) == 0 || len(q) > 3 || !pictures[q.last().lem] && !pictures[q.lemma()] || r.cur == nil {
		return false
	}
	q.use()
	r.note(`It stores no files or pictures: "` + said + `" is a link to one.`)
	label := sentenceCase(clip(q.lower(), 40))
	if len(q) == 1 {
		label = sentenceCase(q.last().lem)
	}
	r.cur.add(field{Field: spec.Field{Label: label, Type: spec.URL}, key: q.lemma(), typed: true})
	r.cur.named = true
	return true
}
