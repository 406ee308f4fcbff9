package gadget

import "github.com/isekai-run/isekai/internal/model/blueprint/spec"

// view adds a tab with its script, the logic that it stands on and its style. The
// scripts know the fields of spec.GadgetEntity by their names, which no change
// touches.
func (w *writer) view(a spec.App, v View, logic string, style ...string) {
	want, _ := spec.GadgetEntity(a.Gadget.Kind)
	if len(a.Entities) == 0 || a.Entities[0].Table != want.Table {
		w.fail("the first entity of a " + string(a.Gadget.Kind) + " has to be its " + want.Table)
		return
	}
	w.bundle.Views = append(w.bundle.Views, v)
	w.file("static/"+v.ID+".js", a, "static/"+v.ID+".js")
	w.file("static/"+logic+".js", nil, "static/"+logic+".js")
	w.file("static/gadget.css", nil, style...)
	if w.runtime == "node" {
		w.test(logic, nil)
	}
}

// cards writes the view that studies flash cards.
func (w *writer) cards(a spec.App) {
	w.view(a, View{ID: "study", Label: "Study"}, "deck", "static/study.css", "static/progress.css")
}

// quiz writes the view that asks the questions.
func (w *writer) quiz(a spec.App) {
	w.view(a, View{ID: "quiz", Label: "Quiz"}, "round", "static/quiz.css", "static/progress.css")
}

// poll writes the view that votes on the gadget's question, or else on the title.
func (w *writer) poll(a spec.App) {
	w.view(a, View{ID: "poll", Label: "Vote"}, "tally", "static/poll.css", "static/progress.css")
}

// notes writes the view that writes and reads notes in Markdown.
func (w *writer) notes(a spec.App) {
	w.view(a, View{ID: "write", Label: "Write"}, "markdown", "static/write.css")
}
