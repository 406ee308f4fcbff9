package parse

import (
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// gadgetWords are the phrases that ask for a gadget.
var gadgetWords = []struct {
	kind  spec.GadgetKind
	words patterns
}{
	{spec.TicTacToe, split("tic tac toe,tictactoe,noughts and crosses,tic tac")},
	{spec.Cards, split("flash card,flashcard")},
	{spec.Quiz, split("quiz,trivia")},
	{spec.Poll, split("poll,opinion poll,voting app,vote app,voting")},
	{spec.Timer, split("pomodoro timer,pomodoro,egg timer,kitchen timer,countdown timer,countdown,stopwatch,stop watch,timer")},
	{spec.Converter, split("unit converter,unit conversion,converter,convert,conversion")},
	{spec.Calculator, split("bmi,calculator,calculate,calc")},
	{spec.Landing, split("landing page,home page,homepage,one page website,one page site,portfolio site,portfolio website,portfolio page,portfolio")},
	{spec.Notes, split("markdown note,note taking app,note taking,notepad,note app,notebook")},
}

// gadget finds the gadget that the prompt asks for, or returns nil.
func (r *reader) gadget() *gadget {
	if len(r.sents) == 0 {
		return nil
	}
	head := r.sents[0][0].p
	for _, gw := range gadgetWords {
		for _, w := range gw.words {
			at, n := head.seek(w)
			if at < 0 || at+n < len(head) && kindNouns[head[at+n].low] && head[at+n].low != "app" && head[at+n].low != "tool" && head[at+n].low != "page" && head[at+n].low != "site" && head[at+n].low != "website" && head[at+n].low != "board" {
				continue
			}
			head[at : at+n].use()
			return &gadget{Gadget: spec.Gadget{Kind: gw.kind}, before: head[:at], after: head[at+n:]}
		}
	}
	if len(head) == 1 && head[0].low == "vote" && len(r.sents[0]) > 1 && r.sents[0][1].sep == ":" {
		head.use()
		return &gadget{Gadget: spec.Gadget{Kind: spec.Poll}}
	}
	if i := head.index("note"); i >= 0 && r.mentions("markdown") {
		head[i : i+1].use()
		return &gadget{Gadget: spec.Gadget{Kind: spec.Notes}, before: head[:i], after: head[i+1:]}
	}
	return nil
}

// gadget is a gadget in the making, with the words around its name.
type gadget struct {
	spec.Gadget
	title         string
	before, after phrase
}

// mentions reports whether the text has one of the words, and marks them.
func (r *reader) mentions(lemmas ...string) bool {
	found := false
	for _, t := range r.toks {
		for _, l := range lemmas {
			if t.lem == l || t.low == l {
				t.used, found = true, true
			}
		}
	}
	return found
}

// gadgetApp makes the spec of an app that is a gadget.
func (r *reader) gadgetApp(g *gadget) spec.App {
	app := spec.App{Accent: r.accent, Description: clip(r.source(), 200)}
	switch g.Kind {
	case spec.Calculator:
		r.calculator(g)
	case spec.Converter:
		r.converter(g)
	case spec.Timer:
		r.timer(g)
	case spec.TicTacToe:
		g.title = "Tic-tac-toe"
		r.mentions("2", "two", "player", "game", "tic", "tac", "toe")
		if r.mentions("computer", "ai", "bot", "opponent", "online", "against") {
			r.note("It is for two people at one screen; it has no computer opponent and isn't played over a network.")
		}
	case spec.Landing:
		r.landing(g)
	case spec.Cards, spec.Quiz:
		r.deck(g)
	case spec.Poll:
		r.poll(g)
	case spec.Notes:
		g.title = "Notes"
		r.mentions("markdown", "note", "md", "taking", "support", "preview", "format", "formatting")
	}
	if g.Kind.Static() {
		r.others()
	} else {
		app.Entities = r.gadgetEntities(g)
	}
	app.Title = r.title
	if app.Title == "" {
		app.Title = clip(g.title, spec.MaxTitle)
	}
	if app.Accent == "" {
		app.Accent = usualAccent(app.Title)
	}
	app.Gadget = &g.Gadget
	return app
}

// others reads the chunks after the head of a gadget that keeps nothing.
func (r *reader) others() {
	for si, s := range r.sents {
		for ci, c := range s {
			if si+ci == 0 {
				r.context(c.p)
				continue
			}
			if l := cannotOf(c.p); l != nil && !allUsed(c.p) {
				r.refuse(l, c.p)
			} else if f, ok := featureOf(c.p); ok && f.kind == given {
				useFeature(c.p)
			}
			r.context(c.p)
		}
	}
}

func allUsed(p phrase) bool {
	for _, t := range p.content() {
		if !t.used {
			return false
		}
	}
	return true
}

// gadgetEntities makes the entity that the gadget works on, with the fields that
// the prompt adds to it.
func (r *reader) gadgetEntities(g *gadget) []spec.Entity {
	e, _ := spec.GadgetEntity(g.Kind)
	d := draftOf(e)
	r.entities, r.cur = []*draft{d}, d
	for si, s := range r.sents {
		from := 0
		if si == 0 {
			from = 1
		}
		for i := from; i < len(s); {
			if allUsed(s[i].p) {
				i++
				continue
			}
			i = r.item(s, i)
		}
	}
	r.sayChoices(d)
	r.build()
	r.resolve()
	var out []spec.Entity
	for _, d := range r.entities {
		if d != r.entities[0] {
			r.fill(d, false)
			r.leading(d)
		}
	}
	r.relate()
	r.build()
	for _, d := range r.entities {
		d.usual()
		out = append(out, d.Entity)
	}
	return out
}

// draftOf returns an entity that is there already as a draft that can be added to.
func draftOf(e spec.Entity) *draft {
	d := &draft{Entity: e, named: true}
	for _, f := range e.Fields {
		toks, _ := lex(f.Label)
		d.fields = append(d.fields, field{Field: f, key: phrase(toks).lemma(), typed: true, listed: true})
	}
	return d
}
