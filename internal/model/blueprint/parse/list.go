package parse

import (
	"strings"

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
	if len(p.content()) == 0 && !p.has("when", "where", "who") {
		return i + 1
	}
	if attributeOnly(p) && len(r.cur.fields) > 0 {
		takeAttributes(p, &r.cur.fields[len(r.cur.fields)-1])
		return i + 1
	}
	if q := p.trim(); c.sep == "with" && i+1 == len(s) && !r.cur.named && len(q) == 1 && contexts[q[0].lem] { // "with friends"
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

// listed reads "authors" in "books (title, author) and authors (name)": a kind of
// thing with a list of its own in parentheses.
func (r *reader) listed(s sentence, i int) bool {
	p := s[i].p.trim()
	if !r.parens || s[i].depth > 0 || i+1 == len(s) || s[i+1].depth == 0 || len(p) == 0 || len(p) > maxThing || !isPlural(p.last()) {
		return false
	}
	a, _ := lookup(p)
	r.cur = r.entity(p, a.thing)
	return true
}

// lead drops what people do from the beginning of an item: "I can set a
// priority" is about a priority.
func lead(p phrase) phrase {
	for len(p) > 1 && p[0].kind == word && function[p[0].low] && !questions[p[0].low] && !(p[0].low == "number") {
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

// extra reads p as a feature or as something that can't be done; or, after a
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
	if f, ok := featureOf(p); ok {
		useFeature(p)
		if f.kind == given {
			p.use()
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

// child reads an item that is a kind of thing of its own: "projects with tasks",
// "a department has many employees". The thing then belongs to the current one.
func (r *reader) child(p phrase) bool {
	many := p.has("many", "multiple", "several")
	q := p.trim()
	if _, ok := lookup(p); ok {
		q = p
	}
	if len(q) == 0 || len(q) > maxThing || q.last().kind != word || r.cur == nil {
		return false
	}
	a, isThing := lookup(q)
	declared := r.known(q)
	_, asField := fieldType(q)
	_, unit := measures[q.last().lem]
	switch {
	case q.lemma() == r.cur.Name && isPlural(q.last()) && !r.cur.named: // "a library with books and members"
		q.use()
		r.cur.listed = true
		return true
	case r.cur.named && r.entityOf(q) == r.cur, q.lemma() == r.cur.Name:
		return false
	case declared && isPlural(q.last()):
	case many && isPlural(q.last()) && !unit:
	case isThing && a.list && strings.Contains(q.lemma(), "tracking"):
	case isThing && !a.list && isPlural(q.last()) && asField != len(q) && !unit:
	case isThing && isPlural(q.last()) && r.cur.thing != nil && childFields[q.lemma()]:
	default:
		return false
	}
	parent := r.cur
	e := r.entity(q, a.thing)
	if !parent.listed {
		e.parent = append(e.parent, parent.Name)
	}
	return true
}

// childFields are fields in the lexicon that are rather things of their own when
// they come in the plural.
var childFields = set("task,song,student,product,project,course,guest,client,customer,episode,album,team,player,question,answer,option,comment,employee,item,member,participant,attendee")

// belongs reads what the current entity belongs to: "employees that belong to
// departments".
func (r *reader) belongs(p phrase) {
	q := p.trim()
	if len(q) > 0 && r.cur != nil {
		at, n, th := r.pick(q)
		noun := q
		if th != nil {
			noun = q[at : at+n]
		}
		if len(noun) > 3 || noun.last().kind != word {
			return
		}
		child := r.cur
		r.entity(noun, th)
		child.parent = append(child.parent, r.entityOf(noun).nameOr(noun))
		r.cur = child
	}
}

// nameOr returns the entity's name, or that of the phrase if there is none.
func (e *draft) nameOr(p phrase) string {
	if e == nil {
		return p.lemma()
	}
	return e.Name
}

// doings are verbs that say which field they need.
var doings = map[string]spec.Field{
	"rate": {Label: "Rating", Type: spec.Rating}, "tag": {Label: "Tags", Type: spec.Tags}, "comment": {Label: "Comment", Type: spec.LongText},
	"prioritize": {Label: "Priority", Type: spec.Choice, Choices: []string{"low", "medium", "high"}}, "prioritise": {Label: "Priority", Type: spec.Choice, Choices: []string{"low", "medium", "high"}},
	"categorize": {Label: "Category", Type: spec.Text}, "categorise": {Label: "Category", Type: spec.Text}, "archive": {Label: "Archived", Type: spec.Boolean}, "pin": {Label: "Pinned", Type: spec.Boolean}, "star": {Label: "Starred", Type: spec.Boolean},
}

// marks are the verbs before "as done".
var marks = set("mark,tick,check,flag,set")

// doneBy reads a field from what people do with an entry: "rate them", "mark
// them as done", "tick off".
func doneBy(p phrase) (f field, ok bool) {
	for i, t := range p {
		if d, ok := doings[t.low]; ok && (len(p.content()) == 1 || len(p.content()) == 2 && i == 0 && isPlural(p.last()) && (t.low == "rate" || hasSuffix(t.low, "ize", "ise"))) {
			p.use()
			d.Choices = append([]string(nil), d.Choices...)
			return field{Field: d, key: strings.ToLower(singular(strings.ToLower(d.Label))), typed: true}, true
		}
		if !marks[t.low] {
			continue
		}
		done := "done"
		if as := p[i:].index("as"); as > 0 && i+as+1 < len(p) {
			done = p[i+as+1:].trim().lower()
		} else if !p.has("off") {
			continue
		}
		if done == "" || len(done) > 30 || ident(done) == "" {
			continue
		}
		p[i:].use()
		return field{Field: spec.Field{Label: label(done), Type: spec.Boolean}, key: done, typed: true}, true
	}
	return f, false
}

// doing reads a chunk that says what people do with an entry.
func (r *reader) doing(p phrase) bool {
	f, ok := doneBy(p)
	if ok && r.cur != nil {
		r.cur.add(f)
		if r.cur.thing == nil {
			r.cur.named = true
		}
	}
	return ok && r.cur != nil
}
