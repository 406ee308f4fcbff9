package gadget_test

import (
	"maps"
	"slices"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// gadgets are an app of every gadget and variant, by name, without a runtime.
func gadgets() map[string]spec.App {
	apps := map[string]spec.App{
		"landing": {Title: "Luna Bakery", Description: "Sourdough bread & cakes <baked> daily.", Gadget: &spec.Gadget{
			Kind: spec.Landing, Sections: []spec.Section{
				{Heading: "Our bread", Text: "Rye, wheat and spelt.\n\nEvery morning."},
				{Heading: "Contact", Text: "Write to us."},
				{Heading: "Contact", Text: "Or come by."},
			},
		}},
		"tictactoe": {Title: "Tic-tac-toe", Gadget: &spec.Gadget{Kind: spec.TicTacToe}},
		"cards":     withEntity("Swedish verbs", spec.Cards, "card", text("front"), text("back"), spec.Field{Type: spec.Boolean, Column: "known"}),
		"quiz":      withEntity("Capitals", spec.Quiz, "question", text("question"), text("answer"), spec.Field{Type: spec.Tags, Column: "wrong_answers"}),
		"poll":      withEntity("Lunch", spec.Poll, "option", text("option"), spec.Field{Type: spec.Integer, Column: "votes"}),
		"notes":     withEntity("Notes", spec.Notes, "note", text("title"), spec.Field{Type: spec.LongText, Column: "body"}, spec.Field{Type: spec.Tags, Column: "tags"}),
	}
	apps["notes"].Entities[0].Features.Search = true
	apps["poll"].Gadget.Question = `Where do we "eat"? </script>`
	for kind, variants := range map[spec.GadgetKind][]string{
		spec.Calculator: {"basic", "tip", "bmi", "loan", "percentage"},
		spec.Converter:  {"length", "weight", "temperature", "volume", "all"},
		spec.Timer:      {"pomodoro", "countdown", "stopwatch"},
	} {
		for _, v := range variants {
			apps[v] = spec.App{Title: "The " + v, Gadget: &spec.Gadget{Kind: kind, Variant: v}}
		}
	}
	for name, app := range apps {
		app.Format, app.Accent = 1, "#3557c9"
		apps[name] = app
	}
	return apps
}

// each is the names of gadgets, in order.
func each() []string { return slices.Sorted(maps.Keys(gadgets())) }

// made returns the app of the name for the runtime.
func made(name, runtime string) spec.App {
	a := gadgets()[name]
	a.Runtime = runtime
	return a
}

func text(column string) spec.Field {
	return spec.Field{Type: spec.Text, Column: column, Required: true}
}

func withEntity(title string, kind spec.GadgetKind, name string, fields ...spec.Field) spec.App {
	for i := range fields {
		fields[i].Name, fields[i].Label = fields[i].Column, fields[i].Column
	}
	return spec.App{Title: title, Gadget: &spec.Gadget{Kind: kind}, Entities: []spec.Entity{
		{Table: name + "s", Name: name, Plural: name + "s", Slug: name + "s", Fields: fields},
	}}
}
