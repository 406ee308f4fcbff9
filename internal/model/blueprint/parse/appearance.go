package parse

import (
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
