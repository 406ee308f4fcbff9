package parse

import (
	"strconv"
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// finish fills in what nobody said and makes the spec.
func (r *reader) finish() spec.App {
	for i := len(r.entities) - 2; i >= 0; i-- {
		if e := r.entities[i]; e.shared && !e.named {
			e.fields, e.named = append(e.fields, r.entities[i+1].fields...), r.entities[i+1].named
		}
	}
	for i, e := range r.entities {
		r.fill(e, i == 0)
		for _, f := range e.also {
			e.add(f)
		}
	}
	r.relate()
	for _, e := range r.entities {
		r.leading(e)
	}
	if r.board {
		r.pending = append([]*wish{{feature: feature{kind: kanban}, on: r.entities[0]}}, r.pending...)
	}
	r.build()
	r.resolve()
	app := spec.App{Accent: r.accent}
	app.Title = r.appTitle()
	if app.Accent == "" {
		app.Accent = usualAccent(app.Title)
	}
	app.Description = clip(r.source(), 200)
	for _, e := range r.entities {
		e.usual()
		app.Entities = append(app.Entities, e.Entity)
	}
	return app
}

// source returns the text as it was read, in one line.
func (r *reader) source() string {
	var b strings.Builder
	for _, t := range r.toks {
		if t.low == "\n" {
			b.WriteByte(' ')
			continue
		}
		b.WriteString(t.glue)
		b.WriteString(t.text)
	}
	return b.String()
}

func (r *reader) appTitle() string {
	first := r.entities[0]
	title := r.title
	switch {
	case title != "":
	case r.board && first.titled == sentenceCase(first.noun.String()):
		title = sentenceCase(first.Name) + " board"
	case first.titled != "":
		title = first.titled
	default:
		title = sentenceCase(first.Plural)
	}
	return clip(title, spec.MaxTitle)
}

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
	for _, f := range extra {
		e.add(f)
	}
	names := make([]string, 0, len(chosen))
	for _, f := range chosen {
		names = append(names, small(f.Label))
	}
	r.note("You named no fields for " + e.Plural + "; I chose " + join(names) + ".")
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
// in such a thing.
func (e *draft) refine(known []field) {
	for i := range e.fields {
		f := &e.fields[i]
		for _, k := range known {
			if k.key != f.key || f.typed || f.listed || f.Min != nil || f.Max != nil || f.Unit != "" || f.Currency != "" {
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

// relate turns what an entity belongs to, and fields named after another
// entity, into relations.
func (r *reader) relate() {
	for _, e := range r.entities {
		for _, p := range e.parent {
			parent := r.named(p)
			if parent == nil || parent == e {
				continue
			}
			f := field{Field: spec.Field{Label: sentenceCase(parent.Name), Type: spec.BelongsTo, Ref: parent.Name}, key: parent.Name, typed: true}
			have := false
			for i := range e.fields {
				if e.fields[i].key == f.key {
					e.fields[i], have = f, true
				}
			}
			if !have {
				e.fields = append(e.fields, f)
			}
		}
		for i := range e.fields {
			f := &e.fields[i]
			if f.many && f.Type == spec.Text {
				f.Type = spec.Tags
			}
			if f.typed || f.Type == spec.Tags || f.Type == spec.LongText {
				continue
			}
			if parent := r.named(f.key); parent != nil && parent != e {
				f.Type, f.Ref, f.Choices = spec.BelongsTo, parent.Name, nil
			}
		}
	}
}

// named returns the entity of this name, or nil.
func (r *reader) named(lemma string) *draft {
	for _, e := range r.entities {
		if e.Name == lemma {
			return e
		}
	}
	return nil
}

// leading makes the first field one that an entry can be called by.
func (r *reader) leading(e *draft) {
	best := -1
	for i, f := range e.fields {
		if f.Type != spec.Text || f.many || poorNames[lastWord(f.key)] && e.named {
			continue
		}
		if best < 0 || nameLike[lastWord(f.key)] && !nameLike[lastWord(e.fields[best].key)] {
			best = i
		}
	}
	if best < 0 {
		f := field{Field: spec.Field{Label: "Title", Type: spec.Text}, key: "title"}
		if e.thing != nil {
			if d := defaults(e.thing); len(d) > 0 && d[0].Type == spec.Text {
				f = d[0]
			}
		} else if len(r.entities) > 1 || len(e.noun) > 0 {
			f.Label, f.key = "Name", "name"
		}
		e.add(f)
		best = len(e.fields) - 1
		r.note("I added " + article(small(f.Label)) + ", by which " + article(e.Name) + " is called.")
		r.closing(e)
	}
	f := e.fields[best]
	f.Required = true
	e.fields = append([]field{f}, append(append([]field(nil), e.fields[:best]...), e.fields[best+1:]...)...)
}

// closing gives a thing that gets done a mark for it, when the prompt says only
// what else it has.
func (r *reader) closing(e *draft) {
	if e.thing == nil || r.board && e == r.entities[0] {
		return
	}
	if d := defaults(e.thing); len(d) > 1 && d[1].Type == spec.Money && e.number() == nil {
		e.add(d[1])
		r.note("I added " + article(small(d[1].Label)) + ".")
	}
	for _, f := range e.fields {
		if f.Type == spec.Boolean || statusLike[lastWord(f.key)] {
			return
		}
	}
	for _, f := range defaults(e.thing) {
		if f.key == "done" {
			e.add(f)
			r.note("I added a mark for what is done.")
		}
	}
}

// nameLike are the fields that an entry is called by before any other.
var nameLike = set("title,name,subject,headline,description")

// poorNames are texts that don't tell one entry from another.
var poorNames = set("colour,color,location,address,phone,city,country,shape,material,genre,category,type,kind,brand,room,shelf,assignee,reporter,owner,source,language,region,currency,seat,place,unit,label,department,team,format,role,status,size,isbn,frequency,sku,code,barcode,reference,assigned,payment")

func lastWord(s string) string { return s[strings.LastIndexByte(s, ' ')+1:] }

// join writes a list as a person would: "a, b and c".
func join(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// unique returns id, or id with a number that isn't taken yet.
func unique(id string, taken map[string]bool) string {
	out := id
	for n := 2; taken[out]; n++ {
		suffix := strconv.Itoa(n)
		out = strings.Trim(id[:min(len(id), 39-len(suffix))], "_-") + "_" + suffix
	}
	taken[out] = true
	return out
}
