package parse

import (
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// doings are verbs that say which field they need.
var doings = map[string]spec.Field{
	"rate": {Label: "Rating", Type: spec.Rating}, "tag": {Label: "Tags", Type: spec.Tags}, "comment": {Label: "Comment", Type: spec.LongText},
	"prioritize": {Label: "Priority", Type: spec.Choice, Choices: []string{"low", "medium", "high"}}, "prioritise": {Label: "Priority", Type: spec.Choice, Choices: []string{"low", "medium", "high"}},
	"categorize": {Label: "Category", Type: spec.Text}, "categorise": {Label: "Category", Type: spec.Text}, "archive": {Label: "Archived", Type: spec.Boolean}, "pin": {Label: "Pinned", Type: spec.Boolean}, "star": {Label: "Starred", Type: spec.Boolean},
}

// marks are the verbs before "as done".
var marks = set("mark,tick,check,flag,set")

// doneBy reads a field from what people do with an entry: "rate them", "mark
// them as done", "tick off".
func doneBy(p phrase) (f field, ok bool) {
	for i, t := range p {
		if d, ok := doings[t.low]; ok && (len(p.content()) == 1 || len(p.content()) == 2 && i == 0 && isPlural(p.last()) && (t.low == "rate" || hasSuffix(t.low, "ize", "ise"))) {
			p.use()
			d.Choices = append([]string(nil), d.Choices...)
			return field{Field: d, key: strings.ToLower(singular(strings.ToLower(d.Label))), typed: true}, true
		}
		if !marks[t.low] {
			continue
		}
		done := "done"
		if as := p[i:].index("as"); as > 0 && i+as+1 < len(p) {
			done = p[i+as+1:].trim().lower()
		} else if !p.has("off") {
			continue
		}
		if done == "" || len(done) > 30 || ident(done) == "" {
			continue
		}
		p[i:].use()
		return field{Field: spec.Field{Label: label(done), Type: spec.Boolean}, key: done, typed: true}, true
	}
	return f, false
}

// doing reads a chunk that says what people do with an entry.
func (r *reader) doing(p phrase) bool {
	f, ok := doneBy(p)
	if ok && r.cur != nil {
		r.cur.add(f)
		if r.cur.thing == nil {
			r.cur.named = true
		}
	}
	return ok && r.cur != nil
}
