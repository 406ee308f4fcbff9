package parse

import (
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// defaults returns the fields that a thing has when nobody says.
func defaults(th *thing) []field {
	sub := &reader{cur: &draft{}}
	sub.cur.Name = "-"
	sub.toks, _ = lex(th.fields)
	for _, s := range sentences(sub.toks) {
		sub.list(s, 0)
	}
	return sub.cur.fields
}

// plainList makes the entity of an app whose prompt names none.
func (r *reader) plainList() {
	e := &draft{titled: sentenceCase(clip(r.source(), 60))}
	if len(r.sents) > 0 && len(r.sents[0]) > 1 && introduces(r.sents[0][1].sep) { // "a hotel list: name, stars"
		e.titled = sentenceCase(clip(r.sents[0][0].p.undetermined().String(), 60))
	}
	e.Name, e.Plural = "item", "items"
	if e.titled == "" {
		e.titled = "List"
	}
	r.entities = append(r.entities, e)
	r.cur = e
}

// fill gives an entity the fields that nobody named, and what the lexicon knows
// of those that somebody did.
func (r *reader) fill(e *draft, first bool) {
	if e.named {
		if e.thing != nil {
			e.refine(defaults(e.thing))
		}
		r.sayChoices(e)
		return
	}
	extra := e.fields
	if e.thing == nil {
		r.plain(e, first)
	} else {
		e.fields = defaults(e.thing)
		if first && !r.wished(e) {
			toks, _ := lex(e.thing.features)
			for _, s := range sentences(toks) {
				for _, c := range s {
					if f, ok := featureOf(c.p); ok {
						r.pending = append(r.pending, &wish{feature: f, p: c.p, on: e, soft: true})
					}
				}
			}
		}
	}
	chosen := e.fields
	r.grouped(chosen)
	for _, f := range extra {
		e.add(f)
	}
	names := make([]string, 0, len(chosen))
	for _, f := range chosen {
		names = append(names, small(f.Label))
	}
	r.note("You named no fields for " + e.Plural + "; I chose " + join(names) + ".")
}

// grouped marks what entries are said to be kept by as understood if they have a
// field for it: "a budget by category".
func (r *reader) grouped(fields []field) {
	for i, t := range r.toks {
		if i == 0 || t.used || r.toks[i-1].low != "by" && r.toks[i-1].low != "per" {
			continue
		}
		for _, f := range fields {
			t.used = t.used || f.key == t.lem
		}
	}
}

// wished reports whether the prompt asks for features of the entity itself.
func (r *reader) wished(e *draft) bool {
	for _, w := range r.pending {
		if !w.soft && (w.on == e || w.on == nil) && (w.kind == totals || w.kind == charting) {
			return true
		}
	}
	return false
}

// plain makes a plain list of what the lexicon doesn't know.
func (r *reader) plain(e *draft, first bool) {
	if e.titled == "" && first && len(e.noun) > 0 {
		e.titled = sentenceCase(clip(e.noun.String(), 60))
	}
	if len(e.noun) > 0 {
		for _, t := range e.noun {
			t.used = false
		}
		r.note(`I don't know what "` + e.noun.String() + `" is, so this is a plain list.`)
		if !isPlural(e.noun.last()) && len(e.parent) == 0 && len(r.entities) == 1 {
			e.Name, e.Plural = "item", "items"
		}
	} else if len(r.notes) == 0 {
		r.note("I found nothing in the prompt to keep, so this is a plain list.")
	}
	e.fields = append([]field(nil),
		field{Field: spec.Field{Label: "Title", Type: spec.Text}, key: "title"},
		field{Field: spec.Field{Label: "Notes", Type: spec.LongText}, key: "note"},
		field{Field: spec.Field{Label: "Done", Type: spec.Boolean}, key: "done"})
}

// refine gives fields that the prompt only names the types that such a field has
// in such a thing; the time of what has a duration is that.
func (e *draft) refine(known []field) {
	for i := range e.fields {
		f := &e.fields[i]
		for _, k := range known {
			if k.key != f.key && (k.key != "duration" || f.key != "time") || f.typed || f.listed || f.Min != nil || f.Max != nil || f.Unit != "" || f.Currency != "" {
				continue
			}
			req, label := f.Required, f.Label
			f.Field = k.Field
			f.Required, f.Label = req, label
		}
	}
}

// sayChoices notes the values that were chosen for choices which the prompt
// names without any.
func (r *reader) sayChoices(e *draft) {
	for i := range e.fields {
		f := &e.fields[i]
		if f.Type != spec.Choice || f.listed {
			continue
		}
		if len(f.Choices) < 2 {
			if f.typed {
				r.note("You named no values for " + small(f.Label) + "; it is a free text.")
			}
			f.Type, f.Choices = spec.Text, nil
			continue
		}
		r.note("You named no values for " + small(f.Label) + "; I chose " + join(f.Choices) + ".")
	}
}
