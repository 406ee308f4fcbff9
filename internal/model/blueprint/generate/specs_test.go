package generate

import "github.com/isekai-run/isekai/internal/model/blueprint/spec"

func f64(n float64) *float64 { return &n }

// readingList is the app of the README.
func readingList() spec.App {
	return spec.App{
		Format: 1, Title: "Reading list", Description: "A reading list with title, author, pages, a finished flag and a rating.",
		Accent: "#3557c9", Runtime: "python",
		Entities: []spec.Entity{{
			Table: "books", Name: "book", Plural: "books", Slug: "books",
			Fields: []spec.Field{
				{Column: "title", Name: "title", Label: "Title", Type: spec.Text, Required: true},
				{Column: "author", Name: "author", Label: "Author", Type: spec.Text},
				{Column: "pages", Name: "pages", Label: "Pages", Type: spec.Integer, Min: f64(0)},
				{Column: "finished", Name: "finished", Label: "Finished", Type: spec.Boolean},
				{Column: "rating", Name: "rating", Label: "Rating", Type: spec.Rating, Min: f64(1), Max: f64(5)},
			},
			Features: spec.Features{Search: true, Sort: true, Filter: []string{"finished", "rating"}},
		}},
		Suggestions: []string{"add a due date", "add totals of pages"},
	}
}

// invoices has money, dates, totals, a chart, CSV and overdue marks.
func invoices() spec.App {
	return spec.App{
		Format: 1, Title: "Invoices", Accent: "#0f766e", Runtime: "python",
		Entities: []spec.Entity{{
			Table: "invoices", Name: "invoice", Plural: "invoices", Slug: "invoices",
			Fields: []spec.Field{
				{Column: "client", Name: "client", Label: "Client", Type: spec.Text, Required: true},
				{Column: "amount", Name: "amount", Label: "Amount", Type: spec.Money, Required: true, Currency: "EUR"},
				{Column: "due_date", Name: "due_date", Label: "Due date", Type: spec.Date},
				{Column: "paid", Name: "paid", Label: "Paid", Type: spec.Boolean},
			},
			Features: spec.Features{
				Search: true, Sort: true, CSV: true, Filter: []string{"paid"},
				Totals:  []spec.Total{{Field: "amount"}, {Field: "amount", By: "client"}, {By: "due_date"}},
				Chart:   &spec.Chart{Field: "amount", By: "client"},
				Overdue: &spec.Overdue{Date: "due_date", Done: "paid"},
			},
		}},
	}
}

// bugs is a board.
func bugs() spec.App {
	return spec.App{
		Format: 1, Title: "Bugs", Accent: "#c2410c", Runtime: "python",
		Entities: []spec.Entity{{
			Table: "bugs", Name: "bug", Plural: "bugs", Slug: "bugs",
			Fields: []spec.Field{
				{Column: "title", Name: "title", Label: "Title", Type: spec.Text, Required: true},
				{Column: "severity", Name: "severity", Label: "Severity", Type: spec.Choice, Required: true, Choices: []string{"low", "medium", "high"}},
				{Column: "reporter", Name: "reporter", Label: "Reporter e-mail", Type: spec.Email},
			},
			Features: spec.Features{Search: true, Sort: true, Filter: []string{"severity"}, Kanban: "severity"},
		}},
	}
}

// recipes has tags, a unit and a link.
func recipes() spec.App {
	return spec.App{
		Format: 1, Title: "Recipes", Accent: "#eab308", Runtime: "python",
		Entities: []spec.Entity{{
			Table: "recipes", Name: "recipe", Plural: "recipes", Slug: "recipes",
			Fields: []spec.Field{
				{Column: "name", Name: "name", Label: "Name", Type: spec.Text, Required: true},
				{Column: "ingredients", Name: "ingredients", Label: "Ingredients", Type: spec.Tags},
				{Column: "minutes", Name: "minutes", Label: "Minutes", Type: spec.Integer, Unit: "minutes", Min: f64(0)},
				{Column: "link", Name: "link", Label: "Link", Type: spec.URL},
			},
			Features: spec.Features{Search: true, Filter: []string{"ingredients"}},
		}},
	}
}

// staff has entities that belong to each other, and to themselves.
func staff() spec.App {
	return spec.App{
		Format: 1, Title: "Staff", Accent: "#7c3aed", Runtime: "python",
		Entities: []spec.Entity{
			{
				Table: "employees", Name: "employee", Plural: "employees", Slug: "employees",
				Fields: []spec.Field{
					{Column: "name", Name: "name", Label: "Name", Type: spec.Text, Required: true},
					{Column: "department", Name: "department", Label: "Department", Type: spec.BelongsTo, Ref: "departments", Required: true},
					{Column: "manager", Name: "manager", Label: "Manager", Type: spec.BelongsTo, Ref: "employees"},
				},
				Features: spec.Features{Search: true, Sort: true, Filter: []string{"department"}, CSV: true, Totals: []spec.Total{{By: "department"}}},
			},
			{
				Table: "departments", Name: "department", Plural: "departments", Slug: "departments",
				Fields: []spec.Field{{Column: "name", Name: "name", Label: "Name", Type: spec.Text, Required: true}},
			},
		},
	}
}

// everything has a field of every type and every feature.
func everything() spec.App {
	return spec.App{
		Format: 1, Title: "Projects", Accent: "#be185d", Runtime: "python",
		Description: "Every kind of field and every feature.",
		Entities: []spec.Entity{
			{
				Table: "projects", Name: "project", Plural: "projects", Slug: "projects",
				Fields: []spec.Field{
					{Column: "name", Name: "name", Label: "Name", Type: spec.Text, Required: true},
					{Column: "summary", Name: "summary", Label: "Summary", Type: spec.LongText},
					{Column: "members", Name: "members", Label: "Members", Type: spec.Integer, Min: f64(1), Max: f64(500), Required: true},
					{Column: "effort", Name: "effort", Label: "Effort", Type: spec.Decimal, Unit: "days", Min: f64(0), Max: f64(999.5)},
					{Column: "budget", Name: "budget", Label: "Budget", Type: spec.Money, Currency: "EUR", Min: f64(0)},
					{Column: "deadline", Name: "deadline", Label: "Deadline", Type: spec.Date, Required: true},
					{Column: "stand_up", Name: "stand_up", Label: "Stand-up", Type: spec.Time},
					{Column: "done", Name: "done", Label: "Done", Type: spec.Boolean},
					{Column: "stage", Name: "stage", Label: "Stage", Type: spec.Choice, Choices: []string{"idea", "doing", "live"}, Required: true},
					{Column: "site", Name: "site", Label: "Site", Type: spec.URL},
					{Column: "contact", Name: "contact", Label: "Contact", Type: spec.Email},
					{Column: "appeal", Name: "appeal", Label: "Appeal", Type: spec.Rating},
					{Column: "topics", Name: "topics", Label: "Topics", Type: spec.Tags},
					{Column: "owner", Name: "owner", Label: "Owner", Type: spec.BelongsTo, Ref: "people"},
				},
				Features: spec.Features{
					Search: true, Sort: true, CSV: true, Kanban: "stage", Calendar: "deadline",
					Filter: []string{"done", "stage", "appeal", "topics", "owner"},
					Totals: []spec.Total{
						{}, {Field: "budget"}, {Field: "effort", By: "stage"}, {By: "done"}, {Field: "members", By: "topics"},
						{Field: "budget", By: "owner"}, {By: "deadline"}, {Field: "appeal"},
					},
					Chart:   &spec.Chart{Field: "budget", By: "stage"},
					Overdue: &spec.Overdue{Date: "deadline", Done: "done"},
				},
			},
			{
				Table: "people", Name: "person", Plural: "people", Slug: "people",
				Fields:   []spec.Field{{Column: "name", Name: "name", Label: "Name", Type: spec.Text, Required: true}},
				Features: spec.Features{CSV: true},
			},
		},
	}
}

// hostile is named to break what it can.
func hostile() spec.App {
	nasty := `"</script><img src=x onerror=alert(1)>'""" */ <%= {{ ${1} \ ` + "\u2028 `🙂` \n#"
	choices := []string{`it's "so"`, "</option>", `back\slash`, "ünï çødé", "100%", "{}"}
	return spec.App{
		Format: 1, Title: nasty, Description: nasty, Accent: "#ffffff", Runtime: "python",
		Suggestions: []string{nasty}, Notes: []string{nasty},
		Entities: []spec.Entity{
			{
				Table: "select", Name: nasty, Plural: nasty, Slug: "select",
				Fields: []spec.Field{
					{Column: "order", Name: "order", Label: nasty, Type: spec.Choice, Choices: choices, Required: true},
					{Column: "class", Name: "class", Label: nasty, Type: spec.Text},
					{Column: "index", Name: "index", Label: "Index", Type: spec.Integer},
					{Column: "id", Name: "id", Label: "Id", Type: spec.Text},
					{Column: "limit", Name: "limit", Label: "Limit", Type: spec.Boolean},
					{Column: "q", Name: "q", Label: "Q", Type: spec.Tags},
					{Column: "none", Name: "constructor", Label: "None", Type: spec.Decimal},
					{Column: "self", Name: "__proto__", Label: "Self", Type: spec.BelongsTo, Ref: "entities"},
					{Column: "self_label", Name: "__proto___label", Label: "Self label", Type: spec.Text},
				},
				Features: spec.Features{
					Search: true, Sort: true, CSV: true, Kanban: "order", Filter: []string{"order", "limit", "q", "self", "id"},
					Totals: []spec.Total{{Field: "index", By: "order"}, {By: "id"}}, Chart: &spec.Chart{Field: "none"},
				},
			},
			{
				Table: "entities", Name: "class", Plural: "classes", Slug: "entities-totals",
				Fields: []spec.Field{{Column: "3d", Name: "3d", Label: "3D", Type: spec.LongText, Required: true}},
			},
			{
				Table: "app", Name: "import", Plural: "imports", Slug: "app",
				Fields: []spec.Field{
					{Column: "sort", Name: "sort", Label: "Sort", Type: spec.BelongsTo, Ref: "app", Required: true},
					{Column: "t", Name: "t", Label: "t", Type: spec.BelongsTo, Ref: "select", Required: true},
				},
				Features: spec.Features{Sort: true, Filter: []string{"sort"}},
			},
		},
	}
}

// lunchPoll is voted in.
func lunchPoll() spec.App {
	return spec.App{
		Format: 1, Title: "Lunch", Accent: "#16a34a", Runtime: "python",
		Gadget: &spec.Gadget{Kind: spec.Poll, Question: "Where do we eat?", Seed: []spec.Seed{
			{"option": "Pizza", "votes": 0.0}, {"option": "Curry's", "votes": 0.0},
		}},
		Entities: []spec.Entity{{
			Table: "options", Name: "option", Plural: "options", Slug: "options",
			Fields: []spec.Field{
				{Column: "option", Name: "option", Label: "Option", Type: spec.Text, Required: true},
				{Column: "votes", Name: "votes", Label: "Votes", Type: spec.Integer, Min: f64(0)},
			},
		}},
	}
}

// specs are the apps that the tests make, by name.
func specs() map[string]spec.App {
	return map[string]spec.App{
		"reading list": readingList(),
		"invoices":     invoices(),
		"bugs":         bugs(),
		"recipes":      recipes(),
		"staff":        staff(),
		"everything":   everything(),
		"hostile":      hostile(),
		"poll":         lunchPoll(),
	}
}
