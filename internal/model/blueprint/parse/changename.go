package parse

import (
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// appearance reads a wish about the app as a whole: its colour, its title, or
// what its gadget is set to.
func (c *changer) appearance(s sentence, i int) (next int, ok bool) {
	p := s[i].p
	if c.mode == dropping {
		return i, false
	}
	if hex, used := accentOf(p, true); hex != "" {
		if c.mode == making || c.mode == unsaid || len(used) > 1 || p.has("in") {
			used.use()
			c.app.Accent = hex
			return i + 1, true
		}
	}
	if to := c.titleAt(p); to > 0 {
		title := titleText(c.toks, p[to])
		for _, ch := range s[i:] {
			ch.p.use()
		}
		c.app.Title = title
		return len(s), true
	}
	if g := c.app.Gadget; g != nil {
		return i + 1, c.setGadget(g, p)
	}
	return i, false
}

// titleAt returns where in p the app's new title begins, or 0: "the title to My
// books", "it Library", "the app Library".
func (c *changer) titleAt(p phrase) int {
	about := 0
	for about < len(p) && (determiners[p[about].low] || p[about].low == "it") {
		about++
	}
	if about < len(p) && (p[about].lem == "app" || p[about].lem == "title" || p[about].lem == "heading") {
		if p[about].lem == "title" && c.mode != making {
			if _, f := c.find(p[about : about+1]); f != nil && !p.has("app") {
				return 0
			}
		}
		about++
		if about < len(p) && (p[about].lem == "title" || p[about].lem == "name") {
			about++
		}
		if about+1 < len(p) && p[about].low == "of" {
			about += 3
		}
	} else if !(len(p) > 1 && p[0].low == "it") || c.mode != renaming {
		return 0
	}
	if about < len(p) && (p[about].low == "to" || p[about].low == "as" || p[about].low == "into") {
		about++
	} else if c.mode != renaming {
		return 0
	}
	if about == 0 || about >= len(p) || c.mode == making && typeNouns[p[about:].trim().lemma()] != "" {
		return 0
	}
	return about
}

// titleText returns the text from a token to the end of its line, or the quoted
// token alone.
func titleText(toks []*token, from *token) string {
	if from.kind == quoted {
		return clip(from.text, spec.MaxTitle)
	}
	var b strings.Builder
	in := false
	for _, t := range toks {
		in = in || t == from
		if !in {
			continue
		}
		if t.kind == mark && (t.low == "." || t.low == "\n" || t.low == ";" || t.low == "!") {
			break
		}
		if b.Len() > 0 {
			b.WriteString(t.glue)
		}
		b.WriteString(t.text)
	}
	return sentenceCase(clip(b.String(), spec.MaxTitle))
}

// setGadget reads a wish about what a gadget is set to.
func (c *changer) setGadget(g *spec.Gadget, p phrase) bool {
	switch g.Kind {
	case spec.Timer:
		for i, t := range p {
			if t.kind != number || i+1 >= len(p) || g.Variant == "stopwatch" {
				continue
			}
			if m := minutes(t.num, p[i+1].lem); m > 0 {
				p[i : i+2].use()
				if at := p.index("break", "pause"); at >= 0 {
					p[at].used = true
					g.Break = m
				} else {
					g.Minutes = m
				}
				return true
			}
		}
	case spec.Landing:
		if c.mode == adding && len(g.Sections) < 12 {
			q := lead(p).trim()
			if at := q.index("section", "part"); at >= 0 {
				q[at].used = true
				q = lead(q[at+1:]).trim().orElse(q[:at])
			}
			if len(q) > 0 && len(q) <= 6 && cannotOf(q) == nil {
				q.use()
				g.Sections = append(g.Sections, section(sentenceCase(clip(q.String(), 60)), ""))
				return true
			}
		}
	case spec.Calculator:
		for _, v := range []string{"tip", "bmi", "loan", "percentage", "basic"} {
			if at := p.index(v); at >= 0 && c.mode == making {
				p[at].used = true
				if k := p.index("calculator"); k >= 0 {
					p[k].used = true
				}
				g.Variant = v
				return true
			}
		}
	case spec.Poll:
		if at := p.index("question"); at >= 0 && at+2 < len(p) && p[at+1].low == "to" {
			p.use()
			g.Question = strings.TrimRight(sentenceCase(clip(p[at+2:].String(), 199)), "?") + "?"
			return true
		}
	}
	return false
}

// orElse returns p, or q if p is empty.
func (p phrase) orElse(q phrase) phrase {
	if len(p) > 0 {
		return p
	}
	return q
}

// rename reads "author to writer": the field's name and label change, its column
// stays.
func (c *changer) rename(p phrase) {
	to := p.index("to", "as", "into")
	if to < 1 || to+1 >= len(p) {
		if to = c.callSplit(p); to < 1 {
			return
		}
		p = append(append(append(phrase{}, p[:to]...), &token{kind: word, low: "to"}), p[to:]...)
	}
	was, name := lead(p[:to]), p[to+1:]
	if len(name) > maxName || ident(name.String()) == "" {
		return
	}
	if e, f := c.find(was); f != nil {
		p.use()
		c.renameField(e, f, name)
		return
	}
	if e := c.entityOf(was); e != nil {
		p.use()
		e.Name, e.Plural = clip(name.lemma(), 40), clip(plural(name.lemma()), 41)
	}
}

// callSplit returns where the new name begins in "call author writer".
func (c *changer) callSplit(p phrase) int {
	for i := len(p) - 1; i > 0; i-- {
		if _, f := c.find(lead(p[:i])); f != nil {
			return i
		}
	}
	return 0
}

func (c *changer) renameField(e *draft, f *field, name phrase) {
	id := fieldIdent(label(name.String()))
	for _, g := range e.fields {
		if g.key != f.key && (g.Name == id || g.Type == spec.BelongsTo && g.Name+"_label" == id) {
			c.note(sentenceCase(e.Plural) + " have " + article(small(g.Label)) + " already.")
			return
		}
	}
	f.Label, f.key = label(name.String()), name.lemma()
	if !c.needed(e, f) {
		f.Name = id
	}
}

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
