package parse

import (
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// sentence reads one sentence. The first says what the app keeps; a later one
// says more of it.
func (r *reader) sentence(s sentence, first bool) {
	k := 0
	for k < len(s) && !introduces(s[k].sep) {
		k++
	}
	if len(s[0].p) == 0 {
		return
	}
	switch {
	case first || len(r.entities) == 0:
		r.heads(s[:k], k < len(s))
	case k == len(s):
		r.more(s)
		return
	case k == 1 && s[0].p.has("per", "each", "every") && s[0].p[0].low != "each" && s[0].p[0].low != "every" && r.newKind(s[0].p):
		r.head(s[0].p, false)
	case !r.subject(s[:k]):
		if k == 1 && r.newKind(s[0].p) {
			r.head(s[0].p, false)
			break
		}
		r.more(s[:k])
	}
	if k < len(s) {
		if r.cur == nil {
			r.plainList()
		}
		r.parens = s[k].sep == "("
		r.list(s, k)
	}
}

// newKind reports whether a later sentence speaks of one more kind of thing.
func (r *reader) newKind(p phrase) bool {
	at, n, th := r.pick(p)
	return th != nil && isPlural(p[at+n-1]) && r.entityOf(p[at:at+n]) == nil
}

// heads reads the chunks before the first list of fields.
func (r *reader) heads(s sentence, list bool) {
	start := len(r.entities)
	for i, c := range s {
		if c.sep == "belongs" {
			r.belongs(c.p)
			continue
		}
		last := i == len(s)-1
		switch {
		case c.sep == "where" && r.cur != nil:
			r.list(s, i)
			return
		case i == 0 || r.cur == nil:
			r.head(c.p, true)
		case r.doing(c.p) || r.extra(c.p):
		case r.headThing(c.p) != nil || r.known(c.p):
			r.head(c.p, false)
		case last && list && nameable(c.p.trim()) && !r.fieldOnly(c.p):
			r.head(c.p, false)
		case r.cur != nil && i > 0 && nameable(c.p.trim()):
			r.list(s, i)
			return
		}
	}
	if list && len(s) > 1 && len(r.entities)-start > 1 && !anyComma(s) {
		r.shareList(start)
	}
}

func anyComma(s sentence) bool {
	for _, c := range s {
		if c.comma || c.sep == "," || c.sep == ";" || c.sep == "belongs" {
			return true
		}
	}
	return false
}

// fieldOnly reports whether the lexicon knows p as a field and not as a thing.
func (r *reader) fieldOnly(p phrase) bool {
	_, n := fieldType(p.trim())
	return n == len(p.trim()) && n > 0
}

// shareList marks that "books and movies with a title" gives the fields to both.
func (r *reader) shareList(start int) {
	for _, e := range r.entities[start : len(r.entities)-1] {
		e.shared = true
	}
}

// head reads a noun phrase that says what is kept: "an inventory tracker for my
// shop", "bugs", "tasks per project".
func (r *reader) head(p phrase, first bool) {
	p = r.headFeatures(p)
	p = r.headParents(p)
	at, n, th := r.pick(p)
	var noun phrase
	if th != nil {
		noun = p[at : at+n]
	} else if noun = unknownNoun(p, r); len(noun) == 0 {
		r.context(p)
		return
	}
	rest := p.minus(noun)
	e := r.entity(noun, th)
	if first && e.titled == "" {
		e.titled = r.headTitle(p, noun)
	}
	r.cur = e
	e.suite = p.has("crm")
	for _, t := range rest {
		if kindNouns[t.lem] || kindNouns[t.low] {
			t.used = true
		}
	}
	r.modifiers(p, at, e)
	r.places(rest, e)
	r.context(rest)
}

// entity returns the entity that noun names, made if it is new.
func (r *reader) entity(noun phrase, th *thing) *draft {
	noun.use()
	name := strings.ToLower(noun.lemma())
	if a, ok := lookup(noun); ok && a.list {
		name = th.name
	}
	for _, e := range r.entities {
		if e.Name == name || e.Name == name+" entry" {
			return e
		}
	}
	if len(r.entities) == spec.MaxEntities {
		r.note("An app keeps at most 12 kinds of things; I left out " + name + ".")
		return r.entities[len(r.entities)-1]
	}
	e := &draft{thing: th, noun: noun}
	if th == nil && hasSuffix(name, "ing") && len(noun) == 1 && !isPlural(noun[0]) {
		name += " entry"
	}
	e.Name = clip(name, 40)
	e.Plural = plural(e.Name)
	r.entities = append(r.entities, e)
	return e
}
