package parse

import (
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// wanted is how many suggestions come with an app.
const wanted = 3

// suggest returns wishes for a change that are understood and change the app:
// each is tried before it is offered.
func suggest(a spec.App) []string {
	a = a.Clone()
	a.Suggestions, a.Notes = nil, nil
	var out []string
	for _, wish := range candidates(a) {
		if len(out) == wanted {
			break
		}
		if works(a, wish) {
			out = append(out, wish)
		}
	}
	return out
}

// works reports whether a wish changes the app without a word left over.
func works(a spec.App, wish string) bool {
	next, notes := apply(a, wish)
	return len(notes) == 0 && !same(a, next) && next.Validate() == nil
}

// candidates are wishes that make sense for many apps, the most useful first.
func candidates(a spec.App) []string {
	var out []string
	if g := a.Gadget; g != nil {
		switch g.Kind {
		case spec.Timer:
			out = append(out, "make it 50 minutes", "make it 15 minutes", "make the break 10 minutes")
		case spec.Landing:
			out = append(out, "add a section about prices", "add a section about opening hours")
		case spec.Calculator:
			out = append(out, "make it a tip calculator", "make it a loan calculator")
		case spec.Cards:
			out = append(out, "add an example", "add tags", "rename the app to My cards")
		case spec.Quiz:
			out = append(out, "add a difficulty easy, medium, hard", "add an explanation")
		case spec.Poll:
			out = append(out, "add a description to the options", "add a link to the options")
		case spec.Notes:
			out = append(out, "add a date", "add a pinned flag", "add a calendar")
		}
	} else if len(a.Entities) > 0 {
		out = append(out, forEntity(draftOf(a.Entities[0]))...)
	}
	return append(out, "make it green", "use a dark red accent", "make it dark blue", "make it purple", "rename the app to My app")
}

// forEntity returns wishes for what an entity has not.
func forEntity(e *draft) []string {
	var out []string
	fs := e.Features
	number, by := e.number(), ""
	for i, f := range e.fields {
		if by == "" && i > 0 && (f.Type == spec.Choice || f.Type == spec.BelongsTo || f.Type == spec.Text && !poorNames[lastWord(f.key)]) {
			by = small(f.Label)
		}
	}
	// What entries are called by groups them only if it isn't theirs alone.
	if first := e.fields[0]; by == "" && number != nil && first.Column != "title" && first.Column != "name" {
		by = small(first.Label)
	}
	if number != nil && by != "" {
		if len(fs.Totals) == 0 {
			out = append(out, "add totals of "+small(number.Label)+" per "+by)
		}
		if fs.Chart == nil {
			out = append(out, "add a chart of "+small(number.Label)+" per "+by)
		}
	}
	for _, f := range e.fields {
		switch {
		case f.Type == spec.Date && fs.Calendar == "":
			out = append(out, "add a calendar by "+small(f.Label))
		case f.Type == spec.Choice && fs.Kanban == "" && statusLike[lastWord(f.key)]:
			out = append(out, "add a kanban board by "+small(f.Label))
		}
	}
	if fs.Overdue == nil && e.due() != nil && e.done() != nil {
		out = append(out, "mark overdue entries")
	}
	return append(out, "add a due date", "add tags", "add notes", "add a priority low, medium, high", "add a link", "add a done flag")
}
