package parse

import (
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// headFeatures takes a feature out of a head: "a kanban board for bugs", "a
// searchable list of wines".
func (r *reader) headFeatures(p phrase) phrase {
	for _, w := range []string{"kanban board", "kanban", "board"} {
		if i, n := p.find(w); i >= 0 && (w != "board" || i+1 < len(p) && p[i+1].low == "for" || i > 0 && p[i-1].lem == "task") {
			p[i : i+n].use()
			r.board = true
			p = p.without(i, n)
			break
		}
	}
	for i, t := range p {
		switch t.low {
		case "searchable", "filterable", "sortable":
			p[i : i+1].use()
			p = p.without(i, 1)
			return p
		case "calendar":
			if i+1 < len(p) && (p[i+1].low == "of" || p[i+1].low == "for" || p[i+1].low == "with") {
				p[i : i+1].use()
				r.pending = append(r.pending, &wish{feature: feature{kind: calendar}, p: p[i : i+1]})
				return p.without(i, 1)
			}
		}
	}
	return p
}

// headParents takes "per project" or "for each client" out of a head.
func (r *reader) headParents(p phrase) phrase {
	for i, t := range p {
		from := i + 1
		switch {
		case i == 0 || i+1 >= len(p):
			continue
		case t.low == "per", t.low == "by":
		case t.low == "for" && (p[i+1].low == "each" || p[i+1].low == "every") && i+2 < len(p):
			from = i + 2
		default:
			continue
		}
		noun := p[from:]
		if len(noun) > 3 || noun.last().kind != word || noun.has("month", "week", "day", "year", "category") {
			continue
		}
		_, _, th := r.pick(noun)
		child := p[:i]
		if _, _, c := r.pick(child); c == nil && th == nil || t.low == "by" && th == nil {
			continue
		}
		if f, ok := featureOf(p); ok && f.kind != given && f.kind != sorting {
			continue
		}
		p[i:].use()
		r.declareParent(noun, th, child)
		return child
	}
	return p
}

// declareParent makes the entity that child names and the one that it belongs to.
func (r *reader) declareParent(noun phrase, th *thing, child phrase) {
	at, n, cth := r.pick(child)
	kid := child.trim()
	if cth != nil {
		kid = child[at : at+n]
	} else if u := unknownNoun(child, r); len(u) > 0 {
		kid = u
	}
	if len(kid) == 0 {
		return
	}
	c := r.entity(kid, cth)
	if parent := r.entity(noun, th); c != parent {
		c.parent = append(c.parent, parent.Name)
	}
}

// headEnds begin what isn't part of an app's title any more.
var headEnds = set("for,of,where,that,which,to,per,in,so")

// headTitle is what the app is called after its first head.
func (r *reader) headTitle(p, noun phrase) string {
	q := p
	for i, t := range q {
		if i > 0 && headEnds[t.low] && containsAll(q[:i], noun) {
			q = q[:i]
			break
		}
	}
	from := 0
	for i, t := range q {
		if t == noun[0] {
			from = i
		}
	}
	for from > 0 && q[from-1].kind == word && !function[q[from-1].low] && !verbs[q[from-1].low] && q[from-1].glue != "" {
		from--
	}
	to := from
	for to < len(q) && (q[to].kind == word && (!function[q[to].low] || kindNouns[q[to].low] || noun.holds(q[to])) && !pronouns[q[to].low]) {
		to++
	}
	if to <= from {
		return ""
	}
	return sentenceCase(clip(q[from:to].String(), spec.MaxTitle))
}

func (p phrase) holds(t *token) bool {
	for _, u := range p {
		if u == t {
			return true
		}
	}
	return false
}

func containsAll(p, q phrase) bool {
	for _, t := range q {
		if !p.holds(t) {
			return false
		}
	}
	return true
}

// context marks the words that say for whom or where the app is: they go into
// its description.
func (r *reader) context(p phrase) {
	if in := p.index("in"); in >= 0 && in+1 < len(p) {
		if cur, _, ok := unitOf(p[in+1 : in+2]); ok && cur != "" {
			p[in : in+2].use()
			r.currency = cur
		}
	}
	for i, t := range p {
		if contexts[t.lem] && (i > 0 && (function[p[i-1].low] || contexts[p[i-1].lem] || p[i-1].used) || i == 0) {
			t.used = true
		}
	}
	for _, t := range p { // "books that I have read"
		if ownVerbs[t.low] && p.has("i", "we", "my", "our", "you", "that", "which", "to") {
			t.used = true
		}
	}
}

// ownVerbs are what people do with what they keep lists of.
var ownVerbs = set("read,own,bought,buy,watched,watch,visited,visit,drank,drunk,drink,ate,eat,cook,cooked,see,saw,seen,played,play,collect,collected,spend,spent,earn,earned,lend,lent,grow,do,did,meet,met,sell,sold,learn,tried,try,taste,tasted")

// places reads what the entries are in or about: "employees in departments",
// "time spent on projects" belong to those.
func (r *reader) places(p phrase, e *draft) {
	for i, t := range p {
		if t.low != "on" && t.low != "in" && t.low != "under" && t.low != "about" {
			continue
		}
		j := i + 1
		for j < len(p) && determiners[p[j].low] {
			j++
		}
		if j >= len(p) {
			return
		}
		if th, n := thingAt(p, j); th != nil && isPlural(p[j+n-1]) && !contexts[p[j].lem] && !kindNouns[p[j].low] && !function[p[j].low] {
			if parent := r.entity(p[j:j+n], th); parent != e {
				e.parent = append(e.parent, parent.Name)
			}
			return
		}
	}
}

// modifiers reads the things before the one that is kept: "customer orders" have
// a customer.
func (r *reader) modifiers(p phrase, at int, e *draft) {
	for i := 0; i < at; i++ {
		t, n := thingAt(p, i)
		if t == nil || verbAt(p, i) || i+n > at || contexts[p[i].lem] || kindNouns[p[i].low] || p[i].used {
			continue
		}
		m := p[i : i+n]
		m.use()
		if t == e.thing { // "rental properties"
			continue
		}
		e.also = append(e.also, field{Field: spec.Field{Label: label(m.lemma()), Type: spec.Text}, key: m.lemma()})
	}
}

// subject makes the entity that a sentence speaks of the current one: "each book
// has", "tasks have", "it has". It reports whether there is one.
func (r *reader) subject(s sentence) bool {
	if len(s) == 0 {
		return r.cur != nil
	}
	p := s[len(s)-1].p
	if e := r.entityOf(lastNoun(p)); e != nil {
		lastNoun(p).use()
		r.cur = e
		return true
	}
	if len(p.content()) == 0 {
		return r.cur != nil
	}
	q := lastNoun(p)
	if th, _ := lookup(q); th.thing != nil && (isPlural(q.last()) || r.isDeclared(q)) {
		r.cur = r.entity(q, th.thing)
		return true
	}
	if r.isDeclared(q) {
		r.cur = r.entity(q, nil)
		return true
	}
	return false
}

// lastNoun returns the noun phrase at the end of p: what stands after its last
// function word.
func lastNoun(p phrase) phrase {
	p = p.trim()
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].kind == word && function[p[i].low] {
			return p[i+1:]
		}
	}
	return p
}
