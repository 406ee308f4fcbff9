package parse

import (
	"strings"
)

// listed reads "authors" in "books (title, author) and authors (name)": a kind of
// thing with a list of its own in parentheses.
func (r *reader) listed(s sentence, i int) bool {
	p := s[i].p.trim()
	if !r.parens && !r.cur.suite || s[i].depth > 0 || i+1 == len(s) || s[i+1].depth == 0 || len(p) == 0 || len(p) > maxThing || !isPlural(p.last()) {
		return false
	}
	a, _ := lookup(p)
	suite := r.cur.suite
	if suite {
		r.partOf(r.cur, p, a.thing)
	}
	r.cur = r.entity(p, a.thing)
	r.cur.suite = suite
	return true
}

// child reads an item that is a kind of thing of its own: "projects with tasks",
// "a department has many employees". The thing then belongs to the current one, or
// the current one to it.
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
	case r.cur.suite && !r.cur.named && isThing && !a.list && isPlural(q.last()):
		r.partOf(r.cur, q, a.thing)
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
	switch {
	case parent.listed || e == parent:
	case !many && parent.thing != nil && contained[parent.thing.name] && containers[q.lemma()]:
		parent.parent = append(parent.parent, e.Name)
	default:
		e.parent = append(e.parent, parent.Name)
	}
	return true
}

// contained are things of which there are several to one of the containers: in
// "a todo app with projects" a todo belongs to a project.
var (
	contained  = set("task,bug,ticket,issue,invoice,order,expense,time entry,song,meeting,appointment,payment,lesson")
	containers = set("project,client,customer,department,team,course,album,account")
)

// partOf adds one of the kinds of things that a suite keeps: "a CRM with
// contacts and deals". The first takes the place of the suite itself.
func (r *reader) partOf(suite *draft, q phrase, th *thing) {
	if a, _ := lookup(suite.noun); a.list && !suite.listed {
		q.use()
		suite.Name, suite.thing, suite.noun = q.lemma(), th, q
		suite.Plural = plural(suite.Name)
	} else {
		r.entity(q, th)
	}
	suite.listed = true
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
