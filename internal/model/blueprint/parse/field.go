package parse

import (
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// field is a field as the prompt describes it, before it has a column.
type field struct {
	spec.Field
	key    string // the lemmas of its name: what other phrases call it by
	typed  bool   // the prompt says its type; else the lexicon or nobody does
	listed bool   // the prompt lists its choices
	many   bool   // its name is a plural of no known type
}

// maxName is the most words that a field's name has.
const maxName = 5

// field reads the field that cs[i] names, with the chunks after it that describe
// it further. ok is false when cs[i] isn't a field.
func (r *reader) field(cs sentence, i int) (f field, next int, ok bool) {
	p := cs[i].p
	next = i + 1
	if f, ok := askedField(p); ok {
		return f, next, true
	}
	p = takeAttributes(p, &f)
	b, p := takeBounds(p)
	cur, m, p := takeUnit(p)
	if c, u, ok := unitOf(p[max(0, len(p)-1):]); ok && len(p) > 1 && b != (bounds{}) && cur == "" {
		p[len(p)-1:].use()
		cur, m, p = c, u, p[:len(p)-1]
	}
	p = takeType(p, &f)
	p, is := splitIs(p)
	done := doneType(p)
	if done == "" {
		p = p.trim()
	}
	if !nameable(p) {
		return f, next, false
	}
	singularName := false // "categories food and rent" is a category
	if n, choice := choiceName(p); choice && n < len(p) && is == nil && !f.typed && b == (bounds{}) {
		if _, known := fieldType(p); known == 0 || known < len(p) && isValue(p[n:]) {
			p, is = p[:n], p[n:]
			singularName = isPlural(p.last())
		}
	}
	if len(p) == 2 && is == nil && isValue(p[1:]) && next < len(cs) && (cs[next].sep == "," || cs[next].sep == "or") && isValue(cs[next].p) { // "visibility good, fair or poor"
		p, is = p[:1], p[1:]
	}
	if len(p) == 0 {
		return f, next, false
	}
	f.name(p)
	if done != "" {
		f.Type, f.typed, f.many = done, true, false
	}
	if singularName {
		f.Label = label(p.lemma())
	}
	switch {
	case len(is) > 0:
		next = r.describe(&f, append(sentence{{p: is, depth: cs[i].depth}}, cs[next:]...), 0) + i
	case next < len(cs) && (cs[next].depth > cs[i].depth || cs[next].sep == ":"):
		next = r.describe(&f, cs, next)
	case next < len(cs) && cs[next].sep == "or":
		next = r.orElse(&f, cs, next)
	}
	f.limit(b, cur, m)
	p.use()
	return f, next, true
}

// countsDone returns the measure of a name that says what was done in it: "minutes
// practised", "points earned".
func countsDone(p phrase) (measure, bool) {
	if len(p) != 2 || !isPlural(p[0]) || !wasDone(p[1]) {
		return measure{}, false
	}
	mm, ok := measures[p[0].lem]
	return mm, ok
}

// isDone reports whether an unknown word reads like something that is done or not:
// "claimed", but not "seabed" or "feed".
func isDone(w string) bool {
	return len(w) > 5 && hasSuffix(w, "ed") && !hasSuffix(w, "eed", "bed", "shed", "red", "led")
}

// wasDone reports whether t is a verb that says that something was done.
func wasDone(t *token) bool {
	return fieldWords[t.low] == spec.Boolean || hasSuffix(t.low, "ed") || participles[t.low]
}

// doneType returns the type of a name that ends in what was done and a word for
// its circumstance ("lent on" is a date, "bought at" and "lent to" are texts), or
// that says when it was done last or is valid. It is "" for every other.
func doneType(p phrase) spec.Type {
	if len(p) == 2 && (p[0].low == "last" || p[0].low == "first" || p[0].low == "next") && wasDone(p[1]) {
		return spec.Date
	}
	if len(p) < 2 || function[p[0].low] {
		return ""
	}
	if begins[p[len(p)-2].low] && edges[p.last().low] {
		return spec.Date
	}
	if !wasDone(p[len(p)-2]) {
		return ""
	}
	switch p.last().low {
	case "on":
		return spec.Date
	case "at", "by", "from", "to":
		return spec.Text
	}
	return ""
}

// begins and edges make the names of dates: "valid until", "expires on".
var (
	begins = set("valid,effective,available,expires,starts,ends,begins,renews")
	edges  = set("on,from,to,until,till,since,by")
)

// participles are the common ones that don't end in "ed" and are no field by
// themselves.
var participles = set("made,born,built,written,taken,given,held,grown,brewed,found,drawn,chosen,driven,ridden,slept,swum,due,told,lost,kept,led,caught,spent")

// nameable reports whether p can be the name of a field: a few words without a
// verb of wishing or somebody who does something.
func nameable(p phrase) bool {
	if namesField(p) {
		return true
	}
	if len(p) == 0 || len(p) > maxName || len(p.content()) == 0 || len(p.content()) > maxName-1 {
		return false
	}
	for _, t := range p {
		if pronouns[t.low] || t.low == "want" || t.low == "should" || t.low == "can" || t.low == "could" || t.low == "not" {
			return false
		}
	}
	return ident(p.String()) != ""
}

// name sets what the field is called, and the type that the name implies.
func (f *field) name(p phrase) {
	head := p
	if i := p.index("of", "per"); i > 0 && i < len(p)-1 {
		head = p[:i]
	}
	t, n := fieldType(head)
	if p[0].low == "number" && len(head) == 1 && head.last() != p.last() {
		t, n = spec.Integer, 1
	}
	if whole, k := fieldType(p); k == len(p) {
		t, n = whole, k
	}
	if len(p) > 1 && dropped[p.last().low] {
		if !f.typed && p.last().low != "field" && p.last().low != "column" {
			f.Type, f.typed = typeNouns[p.last().lem], true
		}
		p.last().used = true
		p = p[:len(p)-1]
		if t, n = fieldType(p); n == 0 {
			t = ""
		}
	}
	f.Label = label(p.String())
	f.key = p.lemma()
	if p.has("per") && head.last().low == "times" { // "times per day"
		t, n = spec.Integer, 1
	}
	if t == spec.Time && n == 1 && takesTime(p) {
		t = spec.Integer
		f.Unit = "minutes"
	}
	if !f.typed {
		f.Type = t
		if usual := usualChoices(f.key); usual != nil && (t == "" || t == spec.Text) {
			f.Type, f.Choices = spec.Choice, usual
		}
		if f.Type == "" && len(p) == 1 && isDone(p[0].low) {
			f.Type = spec.Boolean
		}
		if f.Type == "" {
			f.Type = spec.Text
			if f.many = isPlural(p.last()); isPlural(head.last()) && p.has("per") { // "plants per bed"
				f.Type, f.many = spec.Integer, false
			}
		}
		if mm, ok := measures[p.last().lem]; ok && n <= 1 && isPlural(p.last()) && t != spec.Date {
			if f.Type = mm.t; !strings.HasPrefix(mm.unit, p.lemma()) {
				f.Unit = mm.unit
			}
		} else if mm, ok := countsDone(p); ok {
			f.Type, f.many = mm.t, false
		}
	}
	if f.Type == spec.Choice && f.Choices == nil {
		f.Choices = usualChoices(f.key)
	}
	if (f.Type == spec.Date || f.Type == spec.Choice) && isPlural(p.last()) { // an entry of "todos with deadlines" has one
		f.Label = label(p.lemma())
	}
}

// takesTime reports whether a name that ends in "time" means how long something
// takes ("cooking time") and not when it is.
func takesTime(p phrase) bool {
	if len(p) < 2 {
		return false
	}
	doing := p[len(p)-2].low
	return hasSuffix(doing, "ing") || lasting[doing]
}

// lasting are the other words before a "time" that is a duration.
var lasting = set("prep,preparation,cook,total,travel,lead,play,run,brew,screen,response,drive,transit,delivery,recovery,rest,oven,commute")

// describe reads what stands after a field's name in parentheses, after a colon
// or after "is": a type, a unit, whether it is required, limits, or values.
func (r *reader) describe(f *field, cs sentence, i int) int {
	depth := cs[i].depth
	for first := true; i < len(cs) && cs[i].depth == depth && (first || depth > 0 || attributeOnly(cs[i].p)); first = false {
		p := takeAttributes(cs[i].p, f)
		b, p := takeBounds(p)
		f.limit(b, "", measure{})
		if cur, m, ok := unitOf(p); ok {
			p.use()
			f.limit(bounds{}, cur, m)
			p = nil
		}
		if cur, m, rest := takeUnit(p); cur != "" || m.unit != "" {
			f.limit(bounds{}, cur, m)
			p = rest
		}
		if t, ok := typeNouns[p.trim().lemma()]; ok && !(len(cs) > i+1 && cs[i+1].sep == "or") {
			f.Type, f.typed = t, true
			p.use()
			p = nil
		}
		if len(p.content()) == 0 && len(p) == 0 {
			i++
			continue
		}
		vals, words, next := r.values(cs, i)
		if len(vals) >= 2 {
			words.use()
			setChoices(&f.Field, vals)
			f.typed, f.listed = true, true
		}
		i = next
	}
	return i
}

// orElse reads "or ..." after a field: "paid or not", "yes or no", "indoor or
// outdoor".
func (r *reader) orElse(f *field, cs sentence, i int) int {
	p := cs[i].p
	switch {
	case p[0].low == "not" || p[0].low == "no" && len(p) == 1 && strings.EqualFold(f.Label, "yes"):
		f.Type, f.typed, f.Choices = spec.Boolean, true, nil
		p[:1].use()
		if len(p) > 1 {
			return i
		}
		return i + 1
	case len(p.content()) > 2 || determiners[p[0].low]:
		return i
	}
	rest := cs
	if cs[i].depth == 0 && (i+1 == len(cs) || cs[i+1].sep != "or") { // "present or absent, excuse"
		rest = cs[:i+1]
	}
	more, words, next := r.values(rest, i)
	vals := []string{small(f.Label)}
	for _, v := range more {
		vals = withValue(vals, v)
	}
	if len(vals) < 2 {
		return i
	}
	words.use()
	f.Label, f.key = "Kind", "kind"
	setChoices(&f.Field, vals)
	f.typed, f.listed = true, true
	return next
}

// limit applies bounds, a currency and a unit to the field, where they fit.
func (f *field) limit(b bounds, cur string, m measure) {
	switch {
	case cur == "GBP" && f.Type == spec.Decimal: // a weight in pounds
		f.Unit = "lb"
	case cur != "":
		f.Type, f.Currency, f.Unit = spec.Money, cur, ""
	case m.unit != "" && f.Type != spec.Rating && f.Type != spec.Choice:
		if f.Type != spec.Decimal && f.Type != spec.Integer || m.t == spec.Decimal {
			f.Type = m.t
		}
		f.Unit, f.Choices = m.unit, nil
	}
	if b.min == nil && b.max == nil {
		return
	}
	if f.Type == spec.Text || f.Type == spec.Choice || f.Type == spec.Boolean {
		f.Type, f.Choices = spec.Integer, nil
		if whole := (b.min == nil || *b.min == float64(int(*b.min))) && (b.max == nil || *b.max == float64(int(*b.max))); !whole {
			f.Type = spec.Decimal
		}
	}
	if f.Type == spec.Integer || f.Type == spec.Decimal || f.Type == spec.Money || f.Type == spec.Rating {
		f.Min, f.Max = b.min, b.max
	}
}
