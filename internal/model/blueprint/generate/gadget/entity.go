package gadget

import "github.com/isekai-run/isekai/internal/model/blueprint/spec"

// view adds a tab with its script, the logic that it stands on and its style.
func (w *writer) view(v View, logic string, data any) {
	w.bundle.Views = append(w.bundle.Views, v)
	w.file("static/"+v.ID+".js", data, "static/"+v.ID+".js")
	w.file("static/"+logic+".js", nil, "static/"+logic+".js")
	style := []string{"static/" + v.ID + ".css"}
	if v.ID != "write" {
		style = append(style, "static/progress.css")
	}
	w.file("static/gadget.css", nil, style...)
	if w.runtime == "node" {
		w.test(logic, nil)
	}
}

// role is a field that a view needs: the one of this column, else the first of
// this type that has no other role.
type role struct {
	key    string // what the templates call it
	column string
	kind   spec.Type
}

// fields returns the names in the app's API of the first entity's fields, by the
// keys of the roles. A change may have renamed them; without one of them the view
// can't be.
func (w *writer) fields(a spec.App, roles ...role) map[string]string {
	names, taken := map[string]string{}, map[string]bool{}
	if len(a.Entities) == 0 {
		w.fail("the gadget has no entity: " + string(a.Gadget.Kind))
		return names
	}
	fill := func(fits func(role, spec.Field) bool) {
		for _, r := range roles {
			for _, f := range a.Entities[0].Fields {
				if names[r.key] == "" && !taken[f.Column] && fits(r, f) {
					names[r.key], taken[f.Column] = f.Name, true
				}
			}
		}
	}
	fill(func(r role, f spec.Field) bool { return f.Column == r.column })
	fill(func(r role, f spec.Field) bool { return f.Type == r.kind })
	for _, r := range roles {
		if names[r.key] == "" {
			w.fail("the " + string(a.Gadget.Kind) + " needs the field " + r.column)
		}
	}
	return names
}

// cards writes the view that studies flash cards.
func (w *writer) cards(a spec.App) {
	names := w.fields(a, role{"Front", "front", spec.Text}, role{"Back", "back", spec.Text}, role{"Known", "known", spec.Boolean})
	w.view(View{ID: "study", Label: "Study"}, "deck", names)
}

// quiz writes the view that asks the questions.
func (w *writer) quiz(a spec.App) {
	names := w.fields(a, role{"Question", "question", spec.Text}, role{"Answer", "answer", spec.Text}, role{"Wrong", "wrong_answers", spec.Tags})
	w.view(View{ID: "quiz", Label: "Quiz"}, "round", names)
}

// poll writes the view that votes.
func (w *writer) poll(a spec.App) {
	names := w.fields(a, role{"Option", "option", spec.Text}, role{"Votes", "votes", spec.Integer})
	names["Question"] = a.Gadget.Question
	if names["Question"] == "" {
		names["Question"] = a.Title
	}
	w.view(View{ID: "poll", Label: "Vote"}, "tally", names)
}

// notes writes the view that writes and reads notes in Markdown.
func (w *writer) notes(a spec.App) {
	names := w.fields(a, role{"Title", "title", spec.Text}, role{"Body", "body", spec.LongText}, role{"Tags", "tags", spec.Tags})
	w.view(View{ID: "write", Label: "Write"}, "markdown", names)
}
