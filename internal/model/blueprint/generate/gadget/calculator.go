package gadget

// exactParts says which functions of the module "exact" an app needs.
type exactParts struct {
	Field  bool // reads a number of the input
	Fields bool // reads several
	Fixed  bool // shows a number with so many decimals
	Plain  bool // shows a number with so many significant digits
	Exact  bool // says whether Plain rounded
	Power  bool // of a fraction, where the language has none
	Ceil   bool // of a fraction, where the language has none
}

// calculators are the variants.
var calculators = map[string]struct {
	needs exactParts
	style []string
	form  bool // its page is a form whose results follow what is typed
}{
	"basic":      {exactParts{Plain: true, Exact: true}, []string{"static/calculator_basic.css"}, false},
	"tip":        {exactParts{Field: true, Fields: true, Fixed: true, Plain: true, Ceil: true}, []string{"static/results.css", "static/calculator_tip.css"}, true},
	"bmi":        {exactParts{Field: true, Fields: true, Fixed: true, Power: true}, []string{"static/results.css", "static/units.css"}, true},
	"loan":       {exactParts{Field: true, Fields: true, Fixed: true, Power: true}, []string{"static/results.css", "static/calculator_loan.css"}, true},
	"percentage": {exactParts{Field: true, Fields: true, Plain: true, Exact: true}, []string{"static/calculator_percentage.css"}, true},
}

// calculator writes a calculator. Without a variant it is the basic one.
func (w *writer) calculator(variant string) {
	if variant == "" {
		variant = "basic"
	}
	c, ok := calculators[variant]
	if !ok {
		w.fail("unknown calculator: " + variant)
		return
	}
	name := "calculator_" + variant
	w.module("exact", c.needs, "exact")
	w.module("calculator", nil, name)
	w.action(Action{Path: "calculate", Module: "calculator", Function: "calculate", Invalid: "exact"}, "cases/"+name+".json")
	w.page(nil, name, c.style...)
	w.file("static/ask.js", nil, "static/ask.js")
	if c.form {
		w.file("static/live.js", nil, "static/live.js")
	}
	if variant != "bmi" {
		w.file("static/number.js", nil, "static/number.js")
	}
}

// action adds a computation that the server offers and the test that runs its
// cases.
func (w *writer) action(a Action, cases ...string) {
	w.bundle.Actions = append(w.bundle.Actions, a)
	w.test("cases", a)
	w.file("tests/cases.json", nil, cases...)
}

// page sets the page's HTML and adds its script, its style and its test.
func (w *writer) page(data any, name string, style ...string) {
	w.body(data, name)
	w.file("static/gadget.js", data, "static/"+name+".js")
	w.file("static/gadget.css", data, style...)
	w.test("page", nil)
}

// tictactoe writes the game for two players at one screen.
func (w *writer) tictactoe() {
	w.module("tictactoe", nil, "tictactoe")
	w.action(Action{Path: "move", Module: "tictactoe", Function: "move", Invalid: "tictactoe"}, "cases/tictactoe.json")
	w.page(nil, "tictactoe", "static/tictactoe.css")
	w.file("static/ask.js", nil, "static/ask.js")
}
