package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// wish is a prompt, and what has to come of it.
type wish struct {
	name   string
	prompt string
	title  string
	notes  []string                       // words that the notes must have
	fields map[string]spec.Type           // of the first entity
	check  func(t *testing.T, a spec.App) // anything else about the spec
	use    func(p *preview)               // through the app's own API
	browse func(p *page)                  // as a person does
}

var wishes = []wish{
	{
		name:   "reading list",
		prompt: "a reading list with title, author, pages, a finished flag and a rating from 1 to 5",
		title:  "Reading list",
		fields: map[string]spec.Type{"title": spec.Text, "author": spec.Text, "pages": spec.Integer, "finished": spec.Boolean, "rating": spec.Rating},
		check: func(t *testing.T, a spec.App) {
			if f := field(t, a, 0, "rating"); f.Min == nil || f.Max == nil || *f.Min != 1 || *f.Max != 5 {
				t.Errorf("the rating goes from %v to %v", f.Min, f.Max)
			}
		},
		use: entries{
			slug:   "books",
			entry:  map[string]any{"title": "The Dispossessed", "author": "Ursula K. Le Guin", "pages": 387, "finished": false, "rating": 5},
			edit:   map[string]any{"title": "A Wizard of Earthsea", "pages": 205, "finished": true},
			search: "earthsea",
			wrong:  map[string]any{"title": "", "pages": -1, "rating": 6, "finished": "maybe"},
		}.use,
		browse: func(p *page) {
			p.addEntry("book", map[string]string{"title": "Momo", "author": "Michael Ende", "pages": "280", "rating": "4"})
			p.says("tbody tr", "Momo")
			p.says("tbody tr", "Michael Ende")
		},
	},
	{
		name:   "invoices",
		prompt: "track invoices: client, amount in euros, due date, paid or not, with totals per client",
		title:  "Invoices",
		fields: map[string]spec.Type{"client": spec.Text, "amount": spec.Money, "due_date": spec.Date, "paid": spec.Boolean},
		check: func(t *testing.T, a spec.App) {
			if f := field(t, a, 0, "amount"); f.Currency != "EUR" {
				t.Errorf("the amount is in %q", f.Currency)
			}
			if got := a.Entities[0].Features.Totals; len(got) != 1 || got[0] != (spec.Total{Field: "amount", By: "client"}) {
				t.Errorf("the totals are %v", got)
			}
		},
		use: func(p *preview) {
			entries{
				slug:   "invoices",
				entry:  map[string]any{"client": "Acme", "amount": 1200.5, "due_date": "2026-01-31", "paid": false},
				edit:   map[string]any{"client": "Globex", "amount": 0.1, "paid": true},
				search: "globex",
				wrong:  map[string]any{"client": "", "amount": 1.005, "due_date": "2026-02-30", "paid": "not"},
			}.use(p)
			p.must(http.StatusCreated, "POST", "/api/invoices", map[string]any{"client": "Acme", "amount": 0.25})
			p.must(http.StatusOK, "GET", "/api/invoices/totals", nil).wants(p.t, map[string]any{"totals": []any{
				map[string]any{"field": "amount", "by": "client", "groups": []any{map[string]any{"label": "Acme", "total": 1200.75}}},
			}})
		},
		browse: func(p *page) {
			p.addEntry("invoice", map[string]string{"client": "Initech", "amount": "99.95"})
			p.says("tbody tr", "Initech")
			p.says("tbody tr", "€99.95")
		},
	},
	{
		name:   "bugs",
		prompt: "a kanban board for bugs with severity low, medium, high and a reporter e-mail",
		title:  "Bug board",
		fields: map[string]spec.Type{"title": spec.Text, "severity": spec.Choice, "reporter_email": spec.Email, "status": spec.Choice},
		check: func(t *testing.T, a spec.App) {
			if f := field(t, a, 0, "severity"); !slices.Equal(f.Choices, []string{"low", "medium", "high"}) {
				t.Errorf("the severities are %q", f.Choices)
			}
			if by := a.Entities[0].Features.Kanban; by != "status" {
				t.Errorf("the board is by %q", by)
			}
		},
		use: entries{
			slug:   "bugs",
			entry:  map[string]any{"title": "It crashes", "severity": "high", "reporter_email": "ada@example.com", "status": "to do"},
			edit:   map[string]any{"title": "It creaks", "severity": "low", "status": "done"},
			search: "creaks",
			wrong:  map[string]any{"title": nil, "severity": "grave", "reporter_email": "ada"},
		}.use,
		browse: func(p *page) {
			p.addEntry("bug", map[string]string{"title": "It sticks", "severity": "medium", "reporter_email": "bob@example.com", "status": "doing"})
			p.says(`[aria-label="doing"] li`, "It sticks")
			p.says(`[aria-label="to do"] li`, "It crashes")
		},
	},
	{
		name:   "recipes",
		prompt: "recipes with ingredients as tags, minutes and a link",
		title:  "Recipes",
		fields: map[string]spec.Type{"title": spec.Text, "ingredients": spec.Tags, "minutes": spec.Integer, "link": spec.URL},
		use: entries{
			slug:   "recipes",
			entry:  map[string]any{"title": "Pancakes", "ingredients": []string{"flour", "milk", "eggs"}, "minutes": 20, "link": "https://example.com/pancakes"},
			edit:   map[string]any{"ingredients": []string{"buckwheat", "milk"}, "minutes": 30},
			search: "buckwheat",
			wrong:  map[string]any{"title": "", "minutes": "soon", "link": "javascript:alert(1)"},
		}.use,
		browse: func(p *page) { p.says("tbody tr", "Pancakes") },
	},
	{
		name:   "employees",
		prompt: "employees that belong to departments",
		title:  "Employees",
		fields: map[string]spec.Type{"name": spec.Text, "department": spec.BelongsTo},
		check: func(t *testing.T, a spec.App) {
			if f := field(t, a, 0, "department"); len(a.Entities) != 2 || f.Ref != a.Entities[1].Table || f.Ref != "departments" {
				t.Errorf("a department belongs to %q of %d entities", f.Ref, len(a.Entities))
			}
		},
		use: func(p *preview) {
			entries{
				slug:   "departments",
				entry:  map[string]any{"name": "Engineering", "location": "Utrecht"},
				edit:   map[string]any{"name": "Research"},
				search: "research",
				wrong:  map[string]any{"name": ""},
			}.use(p)
			of := p.must(http.StatusOK, "GET", "/api/departments", nil).json["items"].([]any)[0].(map[string]any)["id"]
			entries{
				slug:   "employees",
				entry:  map[string]any{"name": "Ada Lovelace", "email": "ada@example.com", "department": of, "department_label": "Engineering"},
				edit:   map[string]any{"name": "Augusta King"},
				search: "augusta",
				wrong:  map[string]any{"name": "", "email": "@", "department": 99},
			}.use(p)
			p.must(http.StatusConflict, "DELETE", fmt.Sprintf("/api/departments/%v", of), nil)
		},
		browse: func(p *page) { p.says("tbody tr", "Engineering") },
	},
	{
		name: "tip calculator", prompt: "a tip calculator", title: "Tip calculator",
		use: func(p *preview) {
			p.must(http.StatusOK, "POST", "/api/calculate", map[string]any{"bill": "100", "percent": "15", "people": "3"}).
				wants(p.t, map[string]any{"tip": "15.00", "total": "115.00", "each": "38.34", "over": "0.02"})
			p.refuses("/api/calculate", map[string]any{"bill": "ten", "percent": "15", "people": "0"}, "bill", "people")
		},
		browse: func(p *page) {
			p.run(chromedp.SendKeys("#bill", "48.50"), chromedp.Click(`[data-percent="18"]`))
			p.says(`[data-result="total"]`, "57.23")
		},
	},
	{
		name: "pomodoro", prompt: "25 minute pomodoro timer", title: "Pomodoro timer",
		check: func(t *testing.T, a spec.App) {
			if a.Gadget == nil || a.Gadget.Kind != spec.Timer || a.Gadget.Variant != "pomodoro" || a.Gadget.Minutes != 25 {
				t.Errorf("it is %+v", a.Gadget)
			}
		},
		use: func(p *preview) {
			// A timer keeps nothing on the server: it runs in the page.
			if r := p.must(http.StatusOK, "GET", "/", nil); !strings.Contains(r.text, `data-minutes="25"`) {
				p.t.Error("the page doesn't say 25 minutes")
			}
			p.must(http.StatusNotFound, "GET", "/api/sessions", nil)
			p.must(http.StatusMethodNotAllowed, "POST", "/", map[string]any{})
		},
		browse: func(p *page) {
			p.says("#clock", "25:00")
			p.run(chromedp.Click("#toggle"))
			p.says("#clock", "24:5")
			p.run(chromedp.Click("#toggle"))
			p.says("#toggle", "Go on")
		},
	},
	{
		name: "flash cards", prompt: "flash cards for Swedish verbs", title: "Swedish verbs",
		fields: map[string]spec.Type{"front": spec.Text, "back": spec.Text, "known": spec.Boolean},
		use: func(p *preview) {
			if n := p.total("/api/cards"); n < 10 {
				p.t.Errorf("it begins with %d cards", n)
			}
			if n := p.total("/api/cards?q=%C3%A4ta"); n != 1 {
				p.t.Errorf("%d cards for äta", n)
			}
			entries{
				slug:   "cards",
				entry:  map[string]any{"front": "att springa", "back": "to run", "known": false},
				edit:   map[string]any{"front": "att simma", "back": "to swim", "known": true},
				search: "simma",
				wrong:  map[string]any{"front": "", "back": nil},
			}.use(p)
		},
		browse: func(p *page) {
			p.says(".study", "You know 0 of")
			p.run(chromedp.Click(".study button"))
			p.says(".study", "Card 1 of")
		},
	},
	{
		name: "poll", prompt: "poll: where do we eat?", title: "Where do we eat?",
		fields: map[string]spec.Type{"option": spec.Text, "votes": spec.Integer},
		use: func(p *preview) {
			entries{
				slug:   "options",
				entry:  map[string]any{"option": "The pizzeria"},
				edit:   map[string]any{"option": "The canteen"},
				search: "canteen",
				wrong:  map[string]any{"option": ""},
			}.use(p)
			one := p.must(http.StatusOK, "GET", "/api/options", nil).json["items"].([]any)[0].(map[string]any)
			p.must(http.StatusOK, "POST", fmt.Sprintf("/api/options/%v/vote", one["id"]), map[string]any{}).wants(p.t, map[string]any{"votes": 1})
			p.must(http.StatusNotFound, "POST", "/api/options/999/vote", map[string]any{})
		},
		browse: func(p *page) {
			p.says(".poll h2", "Where do we eat?")
			p.says(".poll .choice", "The pizzeria")
		},
	},
	{
		name: "tic-tac-toe", prompt: "two player tic tac toe", title: "Tic-tac-toe",
		use: func(p *preview) {
			board := "........."
			for _, cell := range []int{4, 1, 0, 3} {
				r := p.must(http.StatusOK, "POST", "/api/move", map[string]any{"board": board, "cell": cell})
				r.wants(p.t, map[string]any{"winner": nil})
				board, _ = r.json["board"].(string)
			}
			p.refuses("/api/move", map[string]any{"board": board, "cell": 4}, "cell")
			p.must(http.StatusOK, "POST", "/api/move", map[string]any{"board": board, "cell": 8}).
				wants(p.t, map[string]any{"winner": "X", "line": []int{0, 4, 8}, "next": nil, "board": "XO.OX...X"})
		},
		browse: func(p *page) {
			p.run(chromedp.Click(`[data-cell="4"]`))
			p.says("#status", "O is next.")
		},
	},
	{
		name: "groceries", prompt: "een boodschappenlijst",
		notes:  []string{"een", "boodschappenlijst", "didn't understand"},
		fields: map[string]spec.Type{"title": spec.Text, "done": spec.Boolean},
		use: entries{
			slug:   "items",
			entry:  map[string]any{"title": "melk", "notes": "twee liter", "done": false},
			edit:   map[string]any{"title": "brood", "notes": "vers", "done": true},
			search: "brood",
			wrong:  map[string]any{"title": " ", "done": "ja"},
		}.use,
		browse: func(p *page) { p.says("tbody tr", "melk") },
	},
}

// Every prompt becomes an app by one command; then one server runs all of them,
// and each is used through its own API and in a browser.
func TestElevenPrompts(t *testing.T) {
	t.Parallel()
	dir, env := t.TempDir(), cleanEnv()
	apps := map[string]core.AppID{}
	for _, w := range wishes {
		r := isekai(t, env, "run", "--exit", "--json", "--data-dir", dir, w.prompt)
		if r.code != 0 || r.err != "" {
			t.Fatalf("%q: exit code %d: %s", w.prompt, r.code, r.err)
		}
		apps[w.name] = w.built(t, r.out).ID
	}
	s := serve(t, dir, env)
	for _, w := range wishes {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			a, err := s.StartApp(t.Context(), apps[w.name])
			if err != nil {
				t.Fatal(err)
			}
			w.describes(t, s, a)
			p := previewAt(t, a.URL)
			w.use(p)
			tab := browse(t, a.URL)
			w.browse(tab)
			tab.staysAtHome(a.URL)
		})
	}
}
