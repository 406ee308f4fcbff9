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
	r.warn()
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

// warn says of secrets that they aren't kept as such, and of numbers that one
// would expect to be counted that they aren't.
func (r *reader) warn() {
	for _, e := range r.entities {
		has := e.thing != nil && e.thing.name == "password"
		for _, f := range e.fields {
			has = has || lastWord(f.key) == "password"
			if lastWord(f.key) == "streak" {
				r.note(`It doesn't count streaks by itself: "` + f.Label + `" is a number that you fill in.`)
			}
		}
		if has {
			r.note("It doesn't encrypt what it keeps: passwords are safer in a program made for them.")
		}
	}
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
