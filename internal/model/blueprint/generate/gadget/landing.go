package gadget

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// landingPage is what the landing page's template is filled with. It says what
// the spec says and nothing else.
type landingPage struct {
	Title    string
	Top      spec.Section     // the spec's first section: what the page begins with
	Lead     []string         // the paragraphs of its text
	Sections []landingSection // the others
}

type landingSection struct {
	ID, Heading string
	Paragraphs  []string
}

// Action is the section that the call to action leads to: the one about getting
// in touch or starting, else the last.
func (p landingPage) Action() *landingSection {
	for i := range p.Sections {
		if calls.MatchString(p.Sections[i].Heading) {
			return &p.Sections[i]
		}
	}
	if n := len(p.Sections); n > 0 {
		return &p.Sections[n-1]
	}
	return nil
}

var (
	calls   = regexp.MustCompile(`(?i)\b(contact|get in touch|get started|sign up|join|book|order|subscribe|visit|reserve|reservations?|bookings?)\b`)
	unnamed = regexp.MustCompile(`[^a-z0-9]+`)
)

// landing writes a page without a script. The first section is its top.
func (w *writer) landing(a spec.App) {
	sections := a.Gadget.Sections
	if len(sections) == 0 {
		sections = []spec.Section{{Heading: a.Title, Text: a.Description}}
	}
	page := landingPage{Title: a.Title, Top: sections[0], Lead: paragraphs(sections[0].Text)}
	taken := map[string]bool{"": true, "main": true}
	for _, s := range sections[1:] {
		id := anchor(s.Heading, taken)
		page.Sections = append(page.Sections, landingSection{id, s.Heading, paragraphs(s.Text)})
	}
	w.bundle.Bare = true
	w.body(page, "landing")
	w.file("static/gadget.css", nil, "static/landing.css")
	w.test("page", nil)
	w.test("landing", page)
}

// anchor returns an id for a heading that no other has.
func anchor(heading string, taken map[string]bool) string {
	base := strings.Trim(unnamed.ReplaceAllString(strings.ToLower(heading), "-"), "-")
	id := base
	for n := 1; taken[id] || taken[id+"-title"]; n++ {
		id = strings.TrimPrefix(fmt.Sprintf("%s-%d", base, n), "-")
		if base == "" {
			id = fmt.Sprintf("section-%d", n)
		}
	}
	taken[id], taken[id+"-title"] = true, true
	return id
}

// paragraphs splits a text at its blank lines.
func paragraphs(text string) []string {
	var found []string
	for p := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			found = append(found, p)
		}
	}
	return found
}
