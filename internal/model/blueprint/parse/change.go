package parse

import (
	"reflect"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// Change makes the next spec of an app. understood is false when nothing of the
// wish changes the app; then the app is as it was but for its notes, which say
// why. Data is never lost: a removed field goes to Removed and keeps its column,
// and a field added again under its name gets the column back.
func Change(a spec.App, wish string) (next spec.App, understood bool) {
	next, notes := apply(a, wish)
	if err := next.Validate(); err != nil { // the app must not break
		next = a.Clone()
		notes = append(notes, "The app can't be changed like that.")
	}
	if same(a, next) {
		if len(notes) == 0 {
			notes = []string{"The app is like that already."}
		}
		next = a.Clone()
		next.Notes = notes
		return next, false
	}
	next.Notes = notes
	next.Suggestions = suggest(next)
	return next, true
}

// apply makes the changes that it understands and returns what it has to say.
func apply(a spec.App, wish string) (next spec.App, notes []string) {
	next = a.Clone()
	c := &changer{reader: newReader(wish), app: &next}
	for _, e := range next.Entities {
		c.entities = append(c.entities, draftOf(e))
	}
	c.old = len(c.entities)
	for _, e := range next.Entities {
		for _, f := range e.Fields {
			if f.Currency != "" {
				c.currency = f.Currency
			}
		}
	}
	for _, s := range c.sents {
		c.sentence(s)
	}
	c.finish()
	return next, c.allNotes()
}

// same reports whether two apps differ in their notes and suggestions alone.
func same(a, b spec.App) bool {
	a, b = a.Clone(), b.Clone()
	for _, x := range []*spec.App{&a, &b} {
		x.Notes, x.Suggestions = nil, nil
		for i := range x.Entities {
			e := &x.Entities[i]
			e.Fields, e.Removed = emptyAsNil(e.Fields), emptyAsNil(e.Removed)
		}
	}
	return reflect.DeepEqual(a, b)
}

func emptyAsNil(fields []spec.Field) []spec.Field {
	if len(fields) == 0 {
		return nil
	}
	return fields
}

// mode is what a part of a wish does.
type mode string

const (
	adding   mode = "add"
	dropping mode = "remove"
	renaming mode = "rename"
	making   mode = "change"
	unsaid   mode = ""
)

// modeWords are the verbs of wishes. They hold for what follows, up to the next.
var modeWords = []struct {
	mode  mode
	words patterns
}{
	{dropping, split("get rid of,take out,take away,no more,remove,drop,delete,hide,without,eliminate,disable,lose,do not need,dont need,no longer need")},
	{renaming, split("rename,relabel,retitle,call")},
	{making, split("make,change,turn,convert,set,switch,paint,use")},
	{adding, split("add,include,insert,introduce,create,put,show,need,want,give,allow,have,enable,mark,highlight")},
}

// changer reads a wish for a change of an app that is there.
type changer struct {
	*reader
	app  *spec.App
	mode mode
	old  int // how many entities there were
}

// sentence reads the wishes of one sentence.
func (c *changer) sentence(s sentence) {
	for i := 0; i < len(s); {
		p := s[i].p
		if m, at, n := modeOf(p); n > 0 {
			c.mode = m
			p[at : at+n].use()
			s[i].p = p[at+n:]
			if at > 0 && len(p[:at].content()) > 0 && m == making { // "the rating use ..."
				s[i].p = p
			}
		}
		c.cur = c.main()
		s[i].p = c.target(s[i].p)
		i = c.wish(s, i)
	}
}

// modeOf returns the verb that p begins with, after words that say nothing.
func modeOf(p phrase) (m mode, at, n int) {
	for at = 0; at < len(p) && at < 6; at++ {
		for _, mw := range modeWords {
			for _, w := range mw.words {
				if i, k := p[at:min(len(p), at+len(w))].seek(w); i == 0 {
					return mw.mode, at, k
				}
			}
		}
		if p[at].kind != word || !function[p[at].low] {
			break
		}
	}
	return unsaid, 0, 0
}

// main is the entity that a wish is about when it names none.
func (c *changer) main() *draft {
	if len(c.entities) == 0 {
		return nil
	}
	return c.entities[0]
}

// target takes "to the tasks" or "in employees" from the end of p and makes that
// entity the current one.
func (c *changer) target(p phrase) phrase {
	for i := len(p) - 1; i > 0; i-- {
		switch p[i].low {
		case "to", "in", "for", "from", "on", "of":
			if e := c.entityOf(p[i+1:]); e != nil && !(c.mode == adding && p[i].low == "of") {
				p[i:].use()
				c.cur = e
				return p[:i]
			}
		}
	}
	return p
}

// wish reads one wish, which begins at s[i], and returns the index after it.
func (c *changer) wish(s sentence, i int) int {
	p := s[i].p
	if len(p) == 0 {
		return i + 1
	}
	if next, ok := c.appearance(s, i); ok {
		return next
	}
	if name, is := splitIs(p); is != nil && c.mode == unsaid {
		if _, f := c.find(name); f != nil {
			if v := value(is); p.has("also") && f.Type == spec.Choice && c.addChoice(f, v) {
				p.use()
				return i + 1
			}
			s[i].p = append(append(phrase{}, name...), is...)
			return c.alter(s, i)
		}
	}
	switch c.mode {
	case dropping:
		c.drop(p)
		return i + 1
	case renaming:
		c.rename(p)
		return i + 1
	case making:
		return c.alter(s, i)
	}
	return c.add(s, i)
}

// finish writes the drafts back into the app.
func (c *changer) finish() {
	for i, e := range c.entities {
		if i >= c.old {
			c.fill(e, false)
		}
	}
	c.relate()
	for i, e := range c.entities {
		if i >= c.old {
			c.leading(e)
		}
		c.restore(e)
		c.sayChoices(e)
	}
	c.build()
	c.resolve()
	for i, e := range c.entities {
		if i >= c.old {
			e.usual()
			c.app.Entities = append(c.app.Entities, e.Entity)
			continue
		}
		e.filterNew(c.app.Entities[i])
		c.app.Entities[i] = e.Entity
	}
}

// filterNew lets entries be filtered by the fields that are new.
func (e *draft) filterNew(was spec.Entity) {
	for _, f := range e.Entity.Fields {
		if f.Type.Filterable() && was.Field(f.Column) == nil {
			e.Features.Filter = append(e.Features.Filter, f.Column)
		}
	}
}

// restore gives a field that is added again under its old name its column back.
func (c *changer) restore(e *draft) {
	for i := range e.fields {
		f := &e.fields[i]
		if f.Column != "" {
			continue
		}
		for j, old := range e.Removed {
			if old.Name != fieldIdent(f.Label) || f.typed && f.Type != old.Type && !keepsColumn(old.Type, f.Type) {
				continue
			}
			if !f.typed && f.Type != old.Type {
				req := f.Required
				f.Field = old
				f.Required = req
			}
			f.Column, f.Name = old.Column, old.Name
			if f.Type == spec.BelongsTo && f.Ref == "" {
				f.Ref = old.Ref
			}
			e.Removed = append(append([]spec.Field(nil), e.Removed[:j]...), e.Removed[j+1:]...)
			break
		}
	}
}
