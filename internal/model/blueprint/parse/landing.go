package parse

import (
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// landing makes the sections of a landing page from what the prompt lists.
func (r *reader) landing(g *gadget) {
	subject := g.after
	for len(subject) > 0 && subject[0].kind == word && function[subject[0].low] {
		subject = subject[1:]
	}
	name := subject.String()
	if before := g.before.trim(); len(before) > 0 && name == "" {
		before.use()
		name = before.String()
	}
	subject.use()
	g.title = sentenceCase(clip(name, 60))
	if g.title == "" {
		g.title = "Welcome"
	}
	top := spec.Section{Heading: g.title, Text: "Say here in a sentence what this is and for whom."}
	if r.title != "" {
		top.Heading, top.Text = r.title, g.title+"."
	}
	g.Sections = append(g.Sections, top)
	for si, s := range r.sents {
		for ci := 0; ci < len(s); ci++ {
			if si+ci > 0 {
				ci += r.section(g, s, ci)
			}
		}
	}
	if len(g.Sections) > 1 {
		return
	}
	for _, h := range []string{"About", "What we offer", "Contact"} {
		g.Sections = append(g.Sections, section(h, ""))
	}
	r.note("You named no sections; I chose about, what we offer and contact.")
}

// section adds the section that s[i] names and returns how many more chunks it
// took.
func (r *reader) section(g *gadget, s sentence, i int) int {
	p := lead(s[i].p).trim()
	if len(p) > 0 && (p.last().lem == "section" || p.last().lem == "part") {
		p.last().used = true
		p = p[:len(p)-1]
	}
	if len(p.content()) == 0 || allUsed(p) || len(g.Sections) >= 12 {
		return 0
	}
	if l := cannotOf(p); l != nil {
		r.refuse(l, p)
		return 0
	}
	if _, ok := featureOf(p); ok && p.has("dark", "mobile", "responsive", "phone") {
		p.use()
		return 0
	}
	took, text := 0, ""
	if i+1 < len(s) && (s[i+1].sep == ":" || s[i+1].depth > s[i].depth) {
		text = sentenceCase(s[i+1].p.String()) + "."
		s[i+1].p.use()
		took = 1
	}
	if len(p) > 8 {
		text, p = sentenceCase(p.String())+".", p[:min(3, len(p))]
		s[i].p.use()
	}
	p.use()
	g.Sections = append(g.Sections, section(sentenceCase(clip(p.String(), 60)), text))
	return took
}

func section(heading, text string) spec.Section {
	switch {
	case text != "":
	case heading == "About":
		text = "Write here who you are."
	case heading == "Contact":
		text = "Write here how to reach you."
	default:
		text = "Write here about " + strings.ToLower(heading) + "."
	}
	return spec.Section{Heading: heading, Text: text}
}
