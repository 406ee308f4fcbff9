package blueprint

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/blueprint/generate"
	"github.com/isekai-run/isekai/internal/model/blueprint/parse"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// part is a step of building an app: the files of one kind.
type part struct {
	title, goal string
}

// The parts of an app, in the order in which they are written.
var (
	server = part{"Data and server", "The server keeps the data and answers the app's requests."}
	pages  = part{"Pages", "The pages show the app and let people use it."}
	tests  = part{"Tests", "Tests try everything that the app does."}
)

// partOf returns the part that a file belongs to.
func partOf(name string) part {
	dir, _, _ := strings.Cut(name, "/")
	base := path.Base(name)
	switch {
	case dir == "tests" || dir == "test" || strings.HasPrefix(base, "test_") || strings.Contains(base, ".test.") || strings.Contains(base, "_test."):
		return tests
	case dir == "static" || dir == "public" || dir == "pages" || dir == "web" || dir == "templates":
		return pages
	}
	switch path.Ext(base) {
	case ".html", ".css", ".svg", ".ico", ".webmanifest":
		return pages
	}
	return server
}

// app returns the app that the prompt asks for, and its files.
func (p *Planner) app(prompt string) (spec.App, []generate.File, error) {
	runtime, err := p.runtime()
	if err != nil {
		return spec.App{}, nil, err
	}
	a := parse.Prompt(prompt, runtime)
	files, err := generate.Files(a)
	if err != nil {
		return a, nil, fmt.Errorf("generate the app: %w", err)
	}
	return a, files, nil
}

// plan answers with the plan of an app or of a change.
func (p *Planner) plan(b model.Brief) (model.Answer, error) {
	if b.Change {
		return answerPlan(core.Plan{
			Title:   clip(b.Prompt, 80),
			Summary: "Change the app as asked: " + clip(b.Prompt, 300),
			Steps:   []core.Step{{Title: "Change the app", Goal: "The app does what was asked, and its data is kept."}},
		})
	}
	a, files, err := p.app(b.Prompt)
	if err != nil {
		return model.Answer{}, err
	}
	plan := core.Plan{Title: a.Title, Summary: summary(a), Notes: a.Notes}
	for _, part := range []part{server, pages, tests} {
		if len(filesOf(part, files)) > 0 {
			plan.Steps = append(plan.Steps, core.Step{Title: part.title, Goal: part.goal})
		}
	}
	return answerPlan(plan)
}

func answerPlan(p core.Plan) (model.Answer, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return model.Answer{}, fmt.Errorf("encode the plan: %w", err)
	}
	return model.Answer{Text: string(b)}, nil
}

// filesOf returns the files of one part.
func filesOf(p part, files []generate.File) []generate.File {
	var out []generate.File
	for _, f := range files {
		if partOf(f.Path) == p {
			out = append(out, f)
		}
	}
	return out
}

// gadgets are what a gadget is called in a sentence.
var gadgets = map[spec.GadgetKind]string{
	spec.Calculator: "a calculator", spec.Converter: "a unit converter", spec.Timer: "a timer", spec.TicTacToe: "tic-tac-toe for two at one screen",
	spec.Landing: "a landing page", spec.Cards: "flash cards", spec.Quiz: "a quiz", spec.Poll: "a poll", spec.Notes: "notes in Markdown",
}

// summary says in a sentence what was understood: entities and their fields.
func summary(a spec.App) string {
	var said []string
	if a.Gadget != nil {
		said = append(said, gadgets[a.Gadget.Kind])
		if a.Gadget.Topic != "" {
			said[0] += " about " + a.Gadget.Topic
		}
	}
	for i, e := range a.Entities {
		if a.Gadget != nil && i == 0 {
			continue
		}
		fields := make([]string, len(e.Fields))
		for j, f := range e.Fields {
			fields[j] = strings.ToLower(f.Label)
		}
		said = append(said, e.Plural+" with "+join(fields))
	}
	return "An app for " + strings.Join(said, "; ") + "."
}

// join writes a list as a person would.
func join(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
