package parse

// more reads a sentence after the first that introduces no list: "show a chart
// per month", "tasks belong to projects", "the rating is from 1 to 10".
func (r *reader) more(s sentence) {
	adds := s[0].p.has("add", "adds", "include", "includes", "fields", "field", "columns", "also", "need", "needs", "plus", "record", "store", "save")
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c.sep == "belongs":
			if i > 0 {
				r.subject(s[i-1 : i])
			}
			r.belongs(c.p)
			i++
		case i+1 < len(s) && s[i+1].sep == "belongs" && r.subject(s[i:i+1]):
			i++
		case r.extra(c.p), r.colour(c.p):
			i++
		case r.more1(s, &i, adds):
		default:
			r.context(c.p)
			i++
		}
	}
}

// more1 reads one chunk as a statement about a field, as something people do, as
// a new kind of thing, or as a field. It moves i past what it read.
func (r *reader) more1(s sentence, i *int, adds bool) bool {
	p := s[*i].p
	if name, is := splitIs(p); is != nil && r.cur != nil {
		for _, e := range r.entities {
			if f := e.match(name); f != nil {
				name.use()
				cs := append(sentence{{p: is, depth: s[*i].depth}}, s[*i+1:]...)
				*i += r.describe(f, cs, 0)
				return true
			}
		}
	}
	if _, is := splitIs(p); is != nil && r.cur != nil {
		if f, next, ok := r.field(s, *i); ok && (f.listed || f.typed || f.Max != nil || f.Required) {
			r.cur.add(f)
			*i = next
			return true
		}
	}
	if r.doing(p) {
		*i++
		return true
	}
	if a, ok := lookup(lastNoun(p)); ok && isPlural(p.last()) && len(lastNoun(p)) == len(p.content()) {
		r.cur = r.entity(lastNoun(p), a.thing)
		*i++
		return true
	}
	if (adds || *i > 0 && r.cur != nil && r.cur.named) && len(p.content()) <= 3 && r.cur != nil {
		was := len(r.cur.fields)
		*i = r.item(s, *i)
		return len(r.cur.fields) > was || true
	}
	if _, n := fieldType(p.trim()); n > 0 && n == len(p.trim()) && r.cur != nil && determiners[p[0].low] {
		*i = r.item(s, *i)
		return true
	}
	return false
}

// colour reads "make it green" or "use a dark red accent".
func (r *reader) colour(p phrase) bool {
	hex, used := accentOf(p, false)
	if hex == "" {
		return false
	}
	used.use()
	r.accent = hex
	return true
}
