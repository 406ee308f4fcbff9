// Package parse understands prompts: a small grammar and lexicon of English that
// makes a spec of an app from a description, and the next spec from a wish for
// a change. The blueprint driver calls it.
//
// It reads in steps: lex splits a text into words, sentences splits those into
// chunks between separators, a reader makes entities, fields and features of
// the chunks with the lexicon's help, and finish fills in what nobody said. It
// claims only what it understood: the words that it couldn't place stand in the
// spec's Notes. It is pure and deterministic, reads at most core.MaxPrompt
// characters, and no input makes it panic.
package parse

import (
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// Prompt makes an app's spec from a prompt; runtime is "python" or "node". It
// always returns a valid app: of a prompt that it doesn't understand at all, a
// plain list, with notes that say so.
func Prompt(prompt, runtime string) spec.App {
	r := newReader(prompt)
	app := r.app()
	app.Format, app.Runtime = spec.Format, runtime
	app.Notes = r.allNotes()
	app.Suggestions = suggest(app)
	return app
}

// reader understands one text. It is used once.
type reader struct {
	toks     []*token
	sents    []sentence
	cut      bool // the text was longer than what is read
	entities []*draft
	cur      *draft   // what the next field belongs to
	declared []string // lemmas of the entities that the prompt talks about
	title    string   // when the prompt names one
	accent   string
	currency string // of amounts that name none
	parens   bool   // the lists of fields stand in parentheses
	board    bool   // the head says "kanban board"
	pending  []*wish
	tables   map[string]string // by entity name, once build has run
	notes    []string
}

// draft is an entity in the making.
type draft struct {
	spec.Entity
	thing  *thing
	fields []field
	also   []field  // what its name says it has: "customer orders"
	listed bool     // it stands in a list of kinds of things, none of which belongs to it
	named  bool     // the prompt names fields of it
	suite  bool     // it stands for an app of several kinds of things: a CRM
	noun   phrase   // as the prompt names it
	titled string   // what the app is called if this entity is the first
	shared bool     // it gets the fields of the entity after it
	parent []string // lemmas of the entities that it belongs to
}

// wish is a feature that is asked for; its fields are looked up at the end.
type wish struct {
	feature
	p    phrase
	on   *draft
	soft bool // only if the fields for it are there
}

func newReader(text string) *reader {
	r := &reader{}
	r.toks, r.cut = lex(text)
	r.sents = sentences(r.toks)
	r.declare()
	return r
}

// declare notes the nouns that the prompt makes statements about, before
// anything is read: in "zorps with blips; blips have a size" a blip is an entity.
func (r *reader) declare() {
	for _, s := range r.sents {
		for i, c := range s {
			if (c.sep == "has" || c.sep == "belongs") && i > 0 {
				if p := s[i-1].p.trim(); len(p) > 0 && len(p) <= 3 && p.last().kind == word && (isPlural(p.last()) || determiners[s[i-1].p[0].low]) {
					r.declared = append(r.declared, p.lemma())
				}
			}
		}
	}
}

// app reads the whole text as a description of an app.
func (r *reader) app() spec.App {
	r.names()
	if g := r.gadget(); g != nil {
		return r.gadgetApp(g)
	}
	for i, s := range r.sents {
		r.sentence(s, i == 0)
	}
	if len(r.entities) == 0 {
		r.plainList()
	}
	return r.finish()
}

// note adds a note once.
func (r *reader) note(s string) {
	for _, n := range r.notes {
		if n == s {
			return
		}
	}
	r.notes = append(r.notes, s)
}

// names takes the title and the accent out of the text, wherever they stand.
func (r *reader) names() {
	for si, s := range r.sents {
		for ci, c := range s {
			if i := c.p.index("called", "named", "titled", "name"); i >= 0 && i+1 < len(c.p) && c.p[i+1].kind == quoted || i >= 0 && i+1 < len(c.p) && (c.p[i].low == "called" || c.p[i].low == "titled") && r.title == "" && ci == 0 {
				p := c.p[i:]
				if p[1].kind == quoted {
					p = p[:2]
				}
				p.use()
				r.title = clip(p[1:].String(), spec.MaxTitle)
				r.sents[si][ci].p = c.p.without(i, len(p))
				c = r.sents[si][ci]
			}
			if hex, used := accentOf(c.p, false); hex != "" && r.accent == "" && !colourField(s, ci) {
				r.accent = hex
				used.use()
				r.sents[si][ci].p = c.p.minus(used)
			}
		}
	}
}

// colourField reports whether the colour in s[i] belongs to a list of values,
// as in "colour red, green or blue".
func colourField(s sentence, i int) bool {
	if n, ok := choiceName(s[i].p); ok && n < len(s[i].p) && !s[i].p.has("accent", "theme") {
		return true
	}
	return i+1 < len(s) && (s[i+1].sep == "or" || s[i+1].sep == ",") && len(s[i+1].p) > 0 && accents[s[i+1].p[0].low] != ""
}

// allNotes returns what was noted, then the words that weren't understood, in
// notes of less than 300 bytes unless a word is longer.
func (r *reader) allNotes() []string {
	notes := append([]string(nil), r.notes...)
	for left := r.leftover(); len(left) > 0; {
		n, size := 0, 0
		for n < len(left) && (n == 0 || size+len(left[n]) < 220) {
			size += len(left[n]) + 2
			n++
		}
		notes = append(notes, "I didn't understand: "+strings.Join(left[:n], ", ")+".")
		left = left[n:]
	}
	if r.cut {
		notes = append(notes, "I read the first 5,000 characters only.")
	}
	return notes
}

// leftover returns the words that no rule used and that aren't function words,
// each once and quoted.
func (r *reader) leftover() []string {
	var out []string
	seen := map[string]bool{}
	for _, t := range r.toks {
		if t.used || t.kind == mark || t.kind == word && function[t.low] || seen[t.low] {
			continue
		}
		seen[t.low] = true
		out = append(out, `"`+t.text+`"`)
	}
	return out
}

// minus returns the phrase without the tokens of q.
func (p phrase) minus(q phrase) phrase {
	var out phrase
	for _, t := range p {
		drop := false
		for _, u := range q {
			drop = drop || t == u
		}
		if !drop {
			out = append(out, t)
		}
	}
	return out
}
