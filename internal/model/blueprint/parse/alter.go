package parse

import (
	"slices"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// alter reads "pages a decimal", "the due date required", "the severity to low
// or high".
func (c *changer) alter(s sentence, i int) int {
	p := lead(s[i].p)
	for n := len(p); n > 0; n-- {
		if function[p[n-1].low] {
			continue
		}
		e, f := c.find(p[:n])
		if f == nil {
			continue
		}
		rest := p[n:]
		for len(rest) > 1 && (rest[0].low == "to" || choosing[rest[0].low] || rest[0].low == "into" || rest[0].low == "as" || rest[0].low == "be" || rest[0].low == "is") {
			rest[0].used = true
			rest = rest[1:]
		}
		if len(rest) == 0 {
			continue
		}
		p[:n].use()
		cs := append(sentence{{p: rest, depth: s[i].depth}}, s[i+1:]...)
		return i + c.alterField(e, f, cs)
	}
	if at := p.index("currency"); at >= 0 && c.cur != nil {
		if cur, _, ok := unitOf(p[at+1:].trim()); ok && cur != "" {
			p.use()
			c.setCurrency(cur)
			return i + 1
		}
	}
	if f, ok := featureOf(p); ok && c.cur != nil && f.kind != totals {
		c.extra(p)
		return i + 1
	}
	if cannotOf(p) != nil {
		c.extra(p)
	}
	return i + 1
}

// choosing are the words of "a choice of" and "one of".
var choosing = set("a,choice,dropdown,selection,one,of,either,between")

func (c *changer) setCurrency(cur string) {
	for _, e := range c.entities {
		for i := range e.fields {
			if e.fields[i].Type == spec.Money {
				e.fields[i].Currency = cur
			}
		}
	}
}

// alterField describes a field anew. Where the new type reads the old values,
// the column stays; else the old field is kept in Removed.
func (c *changer) alterField(e *draft, f *field, cs sentence) int {
	was := *f
	now := *f
	now.listed = false
	n := c.describe(&now, cs, 0)
	if now.Type != was.Type {
		if c.needed(e, f) || &e.fields[0] == f && now.Type != spec.Text {
			c.note(sentenceCase(small(was.Label)) + " has to stay " + article(string(was.Type)) + ".")
			return n
		}
		now.Min, now.Max = nil, nil
		if now.Type == spec.Choice && len(now.Choices) < 2 {
			if now.Choices = usualChoices(now.key); now.Choices == nil {
				c.note("A choice needs values: say which " + small(was.Label) + " has.")
				return n
			}
		}
		if !keepsColumn(was.Type, now.Type) {
			e.Removed = append(e.Removed, was.Field)
			now.Column = ""
			c.note("The " + small(was.Label) + " of earlier entries stays stored, but it isn't shown: the new type can't read it.")
		}
		e.forget(was.Column)
	}
	i := slices.IndexFunc(e.fields, func(g field) bool { return g.key == was.key })
	e.fields[i] = now
	return n
}

// keepsColumn reports whether a column of one type can be read as another.
func keepsColumn(was, now spec.Type) bool {
	text := func(t spec.Type) bool { return t == spec.Text || t == spec.LongText }
	switch {
	case was == now:
		return true
	case now == spec.LongText || now == spec.Text && was != spec.LongText:
		return text(was) || was == spec.URL || was == spec.Email || was == spec.Choice
	case now == spec.Integer:
		return was == spec.Rating
	case now == spec.Decimal:
		return was == spec.Integer || was == spec.Rating
	}
	return false
}
