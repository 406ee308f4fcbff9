package parse

import (
	"strings"
)

// pick returns the thing that a head is about: the last of the first run of
// things, before any "for".
func (r *reader) pick(p phrase) (at, n int, th *thing) {
	weak := func(i, k int) bool {
		return k == 1 && (kindNouns[p[i].low] || kindNouns[p[i].lem] || contexts[p[i].lem] || function[p[i].low])
	}
	for _, allowWeak := range []bool{false, true} {
		for i := 0; i < len(p); i++ {
			t, k := thingAt(p, i)
			if t == nil || verbAt(p, i) || weak(i, k) && !allowWeak {
				continue
			}
			at, n, th = i, k, t
			for j := i + k; j < len(p); { // "book reviews": the last noun is what is kept
				t2, k2 := thingAt(p, j)
				if t2 == nil || weak(j, k2) || verbs[p[j].low] && !isPlural(p[j]) {
					break
				}
				if p[j].low == "crm" { // "a contacts CRM"
					p[j].used = true
					break
				}
				at, n, th = j, k2, t2
				j += k2
			}
			return pickContents(p, at, n, th)
		}
	}
	return 0, 0, nil
}

// pickContents prefers what a list is of to the list: "a CRM to manage
// customers" keeps customers.
func pickContents(p phrase, at, n int, th *thing) (int, int, *thing) {
	if a, ok := lookup(p[at : at+n]); !ok || !a.list {
		return at, n, th
	}
	for i := at + n; i < len(p); i++ {
		if p[i].low != "to" && p[i].low != "of" {
			continue
		}
		for j := i + 1; j < len(p) && (j == i+1 || function[p[j-1].low]); j++ {
			if t, k := thingAt(p, j); t != nil && isPlural(p[j+k-1]) && !contexts[p[j].lem] && !function[p[j].low] {
				p[at : at+n].use()
				return j, k, t
			}
		}
	}
	return at, n, th
}

// unknownNoun returns the words of a head that name a thing which the lexicon
// doesn't know.
func unknownNoun(p phrase, r *reader) phrase {
	for _, d := range r.declared {
		if at, n := p.find(d); at >= 0 {
			return p[at : at+n]
		}
	}
	plain := func(t *token) bool {
		return t.kind == word && !function[t.low] && !t.used && !contexts[t.lem] && !kindNouns[t.low] && !kindNouns[t.lem]
	}
	kind := p.index("tracker", "list", "log", "manager", "database", "catalog", "catalogue", "organizer", "organiser", "planner", "diary", "collection", "register", "app", "overview", "system")
	if kind > 0 && plain(p[kind-1]) {
		from := kind - 1
		for from > 0 && plain(p[from-1]) && kind-from < 3 {
			from--
		}
		return p[from:kind]
	}
	for i, t := range p {
		if isPlural(t) && (len(p) == 1 || i > 0 && (p[i-1].low == "my" || p[i-1].low == "our")) { // "my tools", though a tool is a sort of app
			return p[i : i+1]
		}
		if !plain(t) || i > 0 && (kind < 0 && p[i-1].low == "for" || p[i-1].low == "who") {
			continue
		}
		to := i
		for to < len(p) && plain(p[to]) && to-i < 3 {
			to++
		}
		return p[i:to]
	}
	return nil
}

// headThing returns the thing that p is about, or nil.
func (r *reader) headThing(p phrase) *thing {
	_, _, th := r.pick(p)
	return th
}

// known reports whether p names an entity that the prompt declares.
func (r *reader) known(p phrase) bool { return r.entityOf(p) != nil || r.isDeclared(p) }

func (r *reader) isDeclared(p phrase) bool {
	l := p.trim().lemma()
	for _, d := range r.declared {
		if d == l && l != "" {
			return true
		}
	}
	return false
}

// entityOf returns the entity that p names, or nil.
func (r *reader) entityOf(p phrase) *draft {
	for len(p) > 0 && (determiners[p[0].low] || p[0].low == "in" || p[0].low == "to" || p[0].low == "for" || p[0].low == "of") {
		p = p[1:]
	}
	l := p.lemma()
	for _, e := range r.entities {
		if l != "" && (l == e.Name || l == strings.ReplaceAll(e.Table, "_", " ") || l == singular(e.Plural)) {
			return e
		}
	}
	return nil
}
