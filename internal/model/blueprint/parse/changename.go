package parse

import (
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

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
