// Package gadget writes the parts of a generated app that do something besides
// keeping entries: calculators, a unit converter, timers, tic-tac-toe, a landing
// page, and the views of flash cards, quizzes, polls and notes.
//
// Package generate calls it and adds what it returns to the app's server, pages
// and tests. It starts nothing, reads no disk and knows no variant but the asked
// one: an app gets no code that it doesn't use.
//
// # Where the logic lives
//
// What computes is in a module without a page, so that the app's own tests
// reach it on the app's own runtime:
//
//   - Calculators, the converter and the rules of tic-tac-toe run in the server
//     (a Python or a JavaScript module, exact fractions instead of floats) as an
//     Action; the page asks for each result. The app's tests run the cases of
//     tests/cases.json, the same ones on both runtimes, straight and over HTTP.
//   - Timers, and the decks, rounds, tallies and Markdown of the entity views,
//     have to run in the browser. Their logic is an ES module in static/ that never
//     touches the page. On Node the app's tests import it. Python can't run it, so
//     there they check what is served: every file, its type, the configured
//     lengths. The modules are the same bytes on both runtimes, which this
//     package's tests hold, so what a Node app's tests show is true of both.
package gadget

import (
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// File is one file of an app.
type File struct{ Path, Text string } // Path is slash-separated, from the app's root

// Bundle is what a gadget adds to an app.
type Bundle struct {
	Body    string   // gadgets without entities: HTML for <main id="main"> of the page
	Bare    bool     // Body brings its own header
	Views   []View   // gadgets with entities: tabs, shown first
	Actions []Action // computations that the server offers
	Files   []File   // in the order in which a person would write them
}

// View is a tab of an app that keeps entities, drawn by static/<ID>.js.
type View struct {
	ID    string // in the URL's hash: "study"
	Label string // for people: "Study"
}

// Action is a computation that the server offers at POST /api/<Path>: a JSON
// object in, a JSON object out.
type Action struct {
	Path     string // "calculate"
	Module   string // at the app's root, without its ending: "calculator"
	Function string // takes the object, and refuses it with an Invalid
	Invalid  string // module of the exception Invalid, whose errors map fields to messages
}

// Files returns what the app's gadget adds to it. The app must have one. A kind,
// variant or runtime that isn't known is invalid.
func Files(a spec.App) (Bundle, error) {
	if a.Runtime != "python" && a.Runtime != "node" {
		return Bundle{}, core.E(core.Invalid, "generate.gadget", "unknown runtime: "+a.Runtime)
	}
	w := &writer{runtime: a.Runtime}
	switch a.Gadget.Kind {
	case spec.Calculator:
		w.calculator(a.Gadget.Variant)
	case spec.Converter:
		w.converter(a.Gadget.Variant)
	case spec.Timer:
		w.timer(*a.Gadget)
	case spec.TicTacToe:
		w.tictactoe()
	case spec.Landing:
		w.landing(a)
	case spec.Cards:
		w.cards(a)
	case spec.Quiz:
		w.quiz(a)
	case spec.Poll:
		w.poll(a)
	case spec.Notes:
		w.notes(a)
	default:
		w.fail("unknown gadget: " + string(a.Gadget.Kind))
	}
	return w.bundle, w.err
}
