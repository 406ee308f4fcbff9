package read

import (
	"strings"

	htmltoken "golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// html reads what a page shows: its tokens alone, since a tree of hostile nesting costs more than
// its text. Scripts, styles and what isn't shown are left out.
func html(s string) (title string, _ []block) {
	p := page{}
	z := htmltoken.NewTokenizer(strings.NewReader(s))
	z.SetMaxBuf(MaxText)
	for {
		switch z.Next() {
		case htmltoken.ErrorToken: // the end, or a token that is too long
			p.flush()
			return p.title, p.blocks
		case htmltoken.TextToken:
			p.text(string(z.Text()))
		case htmltoken.StartTagToken, htmltoken.SelfClosingTagToken:
			name, _ := z.TagName()
			p.start(atom.Lookup(name))
		case htmltoken.EndTagToken:
			name, _ := z.TagName()
			p.end(atom.Lookup(name))
		}
	}
}

// page gathers the text of a page.
type page struct {
	title        string
	blocks       []block
	path         headings
	now          strings.Builder
	level        int       // of the heading that it is in; 0: none
	skip         atom.Atom // what isn't shown, until it ends; 0: it is shown
	inTitle, pre bool
}

// hidden are elements of which nothing is shown. Those whose end may be left out aren't here.
var hidden = map[atom.Atom]bool{atom.Script: true, atom.Style: true, atom.Noscript: true, atom.Template: true, atom.Svg: true, atom.Iframe: true, atom.Object: true, atom.Select: true, atom.Textarea: true}

var breaks = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Section: true, atom.Article: true, atom.Ul: true, atom.Ol: true, atom.Table: true, atom.Pre: true, atom.Blockquote: true,
	atom.Header: true, atom.Footer: true, atom.Main: true, atom.Nav: true, atom.Aside: true, atom.Figure: true, atom.Dl: true, atom.Form: true, atom.Hr: true, atom.Details: true,
}

var lines = map[atom.Atom]bool{atom.Br: true, atom.Li: true, atom.Tr: true, atom.Dt: true, atom.Dd: true, atom.Summary: true}

var levels = map[atom.Atom]int{atom.H1: 1, atom.H2: 2, atom.H3: 3, atom.H4: 4, atom.H5: 5, atom.H6: 6}

func (p *page) start(a atom.Atom) {
	switch {
	case p.skip != 0:
	case hidden[a]:
		p.skip = a
	case a == atom.Title:
		p.inTitle = p.title == ""
	case levels[a] > 0:
		p.flush()
		p.level = levels[a]
	case breaks[a]:
		p.flush()
		p.pre = p.pre || a == atom.Pre
	case lines[a]:
		p.now.WriteByte('\n')
	case a == atom.Td || a == atom.Th:
		p.now.WriteString(" | ")
	}
}

func (p *page) end(a atom.Atom) {
	switch {
	case p.skip != 0:
		if a == p.skip {
			p.skip = 0
		}
	case a == atom.Title:
		p.inTitle = false
	case levels[a] > 0 && p.level > 0:
		words := p.now.String()
		p.now.Reset()
		heading := p.path.set(p.level, words)
		if p.level = 0; p.title == "" {
			p.title = heading
		}
	case breaks[a]:
		p.flush()
		p.pre = p.pre && a != atom.Pre
	}
}

func (p *page) text(s string) {
	switch {
	case p.skip != 0:
	case p.inTitle:
		p.title = tidy(p.title + s)
	case p.pre:
		p.now.WriteString(s)
	default:
		words := strings.Join(strings.Fields(s), " ")
		if s != "" && strings.ContainsRune(" \t\n", rune(s[0])) {
			words = " " + words
		}
		if n := len(s); n > 1 && strings.ContainsRune(" \t\n", rune(s[n-1])) {
			words += " "
		}
		p.now.WriteString(words)
	}
}

func (p *page) flush() {
	p.level = 0
	var kept []string
	for line := range strings.Lines(p.now.String()) {
		if line = strings.TrimRight(line, " \n"); strings.Trim(line, " |") != "" {
			if !p.pre {
				line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "|"))
			}
			kept = append(kept, line)
		}
	}
	p.now.Reset()
	if len(kept) > 0 {
		p.blocks = append(p.blocks, block{Place: Place{Heading: p.path.path()}, text: strings.Join(kept, "\n")})
	}
}
