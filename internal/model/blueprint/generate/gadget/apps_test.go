package gadget_test

import (
	"maps"
	"slices"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// gadgets are an app of every gadget and variant, by name, without a runtime.
func gadgets() map[string]spec.App {
	apps := map[string]spec.App{
		"landing": {Title: "Luna Bakery", Description: "a landing page for a bakery", Gadget: &spec.Gadget{
			Kind: spec.Landing, Sections: []spec.Section{
				{Heading: "Luna Bakery", Text: "Sourdough bread & cakes <baked> daily."},
				{Heading: "Our bread", Text: "Rye, wheat and spelt.\n\nEvery morning."},
				{Heading: "Contact", Text: "Write to us."},
				{Heading: "Contact", Text: "Or come by."},
			},
		}},
		"tictactoe": {Title: "Tic-tac-toe", Gadget: &spec.Gadget{Kind: spec.TicTacToe}},
		"cards":     withEntity("Swedish verbs", spec.Cards),
		"quiz":      withEntity("Capitals", spec.Quiz),
		"poll":      withEntity("Lunch", spec.Poll),
		"notes":     withEntity("Notes", spec.Notes),
	}
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

func withEntity(title string, kind spec.GadgetKind) spec.App {
	e, _ := spec.GadgetEntity(kind)
	return spec.App{Title: title, Gadget: &spec.Gadget{Kind: kind}, Entities: []spec.Entity{e}}
}
