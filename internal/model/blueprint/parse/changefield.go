package parse

import (
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// add reads what is to be added: a feature, a value of a choice, a kind of
// thing, or a field.
func (c *changer) add(s sentence, i int) int {
	p := s[i].p
	if c.cur == nil {
		if l := cannotOf(p); l != nil {
			c.refuse(l, p)
		}
		return i + 1
	}
	if c.mode == unsaid && len(p) > 0 && !determiners[p[0].low] {
		if _, n := fieldType(p.trim()); n == 0 {
			if !c.extra(p) {
				c.context(p)
			}
			return i + 1
		}
	}
	if c.addValue(p) {
		return i + 1
	}
	if c.picture(p) || c.extra(p) {
		return i + 1
	}
	if n := c.addEntity(s, i); n > i {
		return n
	}
	if f := c.cur.match(lead(p)); f != nil && f.Column != "" && ident(f.Label) == ident(lead(p).trim().String()) {
		p.use()
		c.note(sentenceCase(c.cur.Plural) + " have " + article(small(f.Label)) + " already.")
		return i + 1
	}
	on, before, kinds := c.cur, len(c.cur.fields), len(c.entities)
	next := c.item(s, i)
	if allUsed(p) && len(on.fields) == before && len(c.entities) == kinds {
		c.note(sentenceCase(on.Plural) + ` have "` + p.trim().String() + `" already.`)
	}
	if next < len(s) && s[next].sep == "with" && c.cur == on && len(on.fields) > before {
		if f := &c.cur.fields[len(c.cur.fields)-1]; f.Type == spec.Choice || usualChoices(f.key) != nil || choiceNamed(f.key) {
			next = c.describe(f, s, next)
		}
	}
	return next
}

func choiceNamed(key string) bool { _, ok := choiceWords[lastWord(key)]; return ok }

// addValue reads "blocked to the status" or "the option blocked to status".
func (c *changer) addValue(p phrase) bool {
	to := p.index("to", "as")
	if to < 1 || to+1 >= len(p) {
		return false
	}
	e, f := c.find(p[to+1:])
	if f == nil || f.Type != spec.Choice {
		return false
	}
	v := lead(p[:to])
	for len(v) > 1 && (v[0].lem == "option" || v[0].lem == "choice" || v[0].lem == "value" || v[0].lem == "status" || v[0].lem == "column") {
		v[0].used = true
		v = v[1:]
	}
	if !c.addChoice(f, value(v)) {
		return false
	}
	p.use()
	c.cur = e
	return true
}

// addChoice adds a value to a choice that hasn't got it yet.
func (c *changer) addChoice(f *field, v string) bool {
	was := len(f.Choices)
	f.Choices = withValue(f.Choices, v)
	return len(f.Choices) > was
}

// addEntity reads a new kind of thing: "authors with a name and a country", "a
// list of suppliers". It returns the index after it, or i.
func (c *changer) addEntity(s sentence, i int) int {
	p := lead(s[i].p)
	for _, w := range []string{"list", "table", "entity", "kind", "section", "page"} {
		if at, _ := p.find(w + " of"); at >= 0 {
			p[at].used = true
			p = lead(p[at+2:])
		}
	}
	p = p.trim()
	if len(p) == 0 || len(p) > maxThing || p.last().kind != word || !isPlural(p.last()) || c.entityOf(p) != nil {
		return i
	}
	a, isThing := lookup(p)
	_, asField := fieldType(p)
	listed := i+1 < len(s) && introduces(s[i+1].sep)
	_, unit := measures[p.last().lem]
	if !listed && (!isThing || asField == len(p) && !childFields[p.lemma()] || unit) {
		return i
	}
	parent := c.cur
	e := c.entity(p, a.thing)
	if parent != c.main() || len(s[i].p) > 0 && c.mode == adding && s[i].p.has("each", "every") {
		e.parent = append(e.parent, parent.Name)
	}
	c.cur = e
	i++
	for i < len(s) {
		if _, _, n := modeOf(s[i].p); n > 0 {
			return i
		}
		c.cur = e
		i = c.item(s, i)
	}
	return i
}

// find returns the field that p names, in the current entity or else in any.
func (c *changer) find(p phrase) (*draft, *field) {
	for _, e := range append([]*draft{c.cur}, c.entities...) {
		if e == nil {
			continue
		}
		if f := e.match(p); f != nil {
			return e, f
		}
	}
	return nil, nil
}

// drop reads what is to be removed: a value, a field, a feature.
func (c *changer) drop(p phrase) {
	p = lead(p)
	if from := p.index("from"); from > 0 && from+1 < len(p) && c.dropValue(p[:from], p[from+1:]) {
		p.use()
		return
	}
	if e, f := c.find(p); f != nil {
		p.use()
		c.dropField(e, f)
		return
	}
	if f, at, n := featureAt(p); n > 0 && c.cur != nil {
		p[at : at+n].use()
		useFeature(p)
		c.cur.dropFeature(f.kind)
		return
	}
	if e := c.entityOf(p); e != nil {
		p.use()
		c.note("I can't remove all " + e.Plural + " from an app; I can remove their fields.")
	}
}

func (c *changer) dropValue(v, from phrase) bool {
	_, f := c.find(from)
	if f == nil || f.Type != spec.Choice || len(f.Choices) < 3 {
		return false
	}
	at := slices.IndexFunc(f.Choices, func(have string) bool { return strings.EqualFold(have, value(v)) })
	if at < 0 {
		return false
	}
	f.Choices = slices.Delete(f.Choices, at, at+1)
	return true
}

// dropField moves a field to Removed, and drops the features that need it.
func (c *changer) dropField(e *draft, f *field) {
	if c.needed(e, f) {
		c.note("The app needs " + small(f.Label) + "; it stays.")
		return
	}
	i := slices.IndexFunc(e.fields, func(g field) bool { return g.key == f.key })
	gone := e.fields[i]
	rest := slices.Delete(slices.Clone(e.fields), i, i+1)
	if i == 0 { // an entry needs something to be called by
		next := slices.IndexFunc(rest, func(g field) bool { return g.Type == spec.Text })
		if next < 0 {
			c.note("An entry is called by its " + small(gone.Label) + "; it stays.")
			return
		}
		first := rest[next]
		first.Required = true
		rest = append([]field{first}, slices.Delete(rest, next, next+1)...)
	}
	e.fields = rest
	if gone.Column != "" {
		e.Removed = append(e.Removed, gone.Field)
		e.forget(gone.Column)
	}
}

// needed reports whether the app's gadget works on the field.
func (c *changer) needed(e *draft, f *field) bool {
	if c.app.Gadget == nil {
		return false
	}
	g, _ := spec.GadgetEntity(c.app.Gadget.Kind)
	return g.Table == e.Table && g.Field(f.Column) != nil
}

// forget drops the features that need a column.
func (e *draft) forget(column string) {
	fs := &e.Features
	fs.Filter = slices.DeleteFunc(fs.Filter, func(c string) bool { return c == column })
	fs.Totals = slices.DeleteFunc(fs.Totals, func(t spec.Total) bool { return t.Field == column || t.By == column })
	if fs.Chart != nil && (fs.Chart.Field == column || fs.Chart.By == column) {
		fs.Chart = nil
	}
	if fs.Kanban == column {
		fs.Kanban = ""
	}
	if fs.Calendar == column {
		fs.Calendar = ""
	}
	if fs.Overdue != nil && fs.Overdue.Date == column {
		fs.Overdue = nil
	}
	if fs.Overdue != nil && fs.Overdue.Done == column {
		fs.Overdue = &spec.Overdue{Date: fs.Overdue.Date}
	}
}

func (e *draft) dropFeature(k featureKind) {
	fs := &e.Features
	switch k {
	case search:
		fs.Search = false
	case filter:
		fs.Filter = nil
	case sorting:
		fs.Sort = false
	case totals:
		fs.Totals = nil
	case charting:
		fs.Chart = nil
	case csv:
		fs.CSV = false
	case kanban:
		fs.Kanban = ""
	case calendar:
		fs.Calendar = ""
	case overdue:
		fs.Overdue = nil
	}
}
