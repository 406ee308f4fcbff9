// Package spec is the built-in planner's own language: a description of an app
// that parse makes from a prompt and generate turns into files.
//
// It is kept in every generated app as Name, so that a change starts from what
// the app is and not from the prompt that once made it. It is data alone: it
// parses no prose and writes no code.
package spec

// Name is the file in an app's tree that holds the App as indented JSON.
const Name = "blueprint.json"

// App describes a web app.
type App struct {
	Format      int      `json:"format"` // of this file: 1
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Accent      string   `json:"accent"`           // a colour as "#rrggbb"
	Runtime     string   `json:"runtime"`          // "python" or "node"
	Gadget      *Gadget  `json:"gadget,omitempty"` // what it does besides, or instead of, keeping entities
	Entities    []Entity `json:"entities,omitempty"`
	Suggestions []string `json:"suggestions,omitempty"` // changes that parse understands
	Notes       []string `json:"notes,omitempty"`       // what wasn't understood or can't be done
}

// Entity is a kind of thing that the app keeps.
type Entity struct {
	Table    string   `json:"table"`  // lower_snake_case, never changes once released
	Name     string   `json:"name"`   // singular, for people: "reading"
	Plural   string   `json:"plural"` // for people: "readings"
	Slug     string   `json:"slug"`   // in URLs: "readings"
	Fields   []Field  `json:"fields"` // the first is what an entry is called by
	Features Features `json:"features"`
	Removed  []Field  `json:"removed,omitempty"` // fields that a change dropped: their columns and data stay
}

// Field is one property of an entity.
type Field struct {
	Column   string   `json:"column"` // lower_snake_case, never changes once released: renaming keeps it
	Name     string   `json:"name"`   // lower_snake_case, in the app's API
	Label    string   `json:"label"`  // for people
	Type     Type     `json:"type"`
	Required bool     `json:"required,omitempty"`
	Choices  []string `json:"choices,omitempty"` // of a Choice, in order
	Min      *float64 `json:"min,omitempty"`     // of numbers
	Max      *float64 `json:"max,omitempty"`
	Currency string   `json:"currency,omitempty"` // of Money: ISO 4217
	Unit     string   `json:"unit,omitempty"`     // of numbers, for people: "minutes"
	Ref      string   `json:"ref,omitempty"`      // of BelongsTo: the other entity's table
}

// Type is the type of a field.
type Type string

// The types, and how the app's API shows their values in JSON. An optional
// field without a value is null.
const (
	Text      Type = "text"      // string, one line, at most 200 characters
	LongText  Type = "longtext"  // string, at most 10,000 characters
	Integer   Type = "integer"   // number without a fraction
	Decimal   Type = "decimal"   // number
	Money     Type = "money"     // number with two decimals; kept as whole cents
	Date      Type = "date"      // "2026-01-31"
	Time      Type = "time"      // "23:59"
	Boolean   Type = "boolean"   // true or false, never null
	Choice    Type = "choice"    // one of Choices
	URL       Type = "url"       // http or https
	Email     Type = "email"     // string
	Rating    Type = "rating"    // whole number from Min (1) to Max (5)
	Tags      Type = "tags"      // array of strings, at most 20
	BelongsTo Type = "belongsto" // the id of an entry of Ref; "<name>_label" beside it is its name
)

// Features are what the app offers on top of creating, showing, editing and
// deleting entries. Fields are named by their Column.
type Features struct {
	Search   bool     `json:"search,omitempty"`   // in every text
	Filter   []string `json:"filter,omitempty"`   // by choice, boolean, rating, tags, belongs-to
	Sort     bool     `json:"sort,omitempty"`     // by any field
	Totals   []Total  `json:"totals,omitempty"`   //
	Chart    *Chart   `json:"chart,omitempty"`    //
	CSV      bool     `json:"csv,omitempty"`      // import and export
	Kanban   string   `json:"kanban,omitempty"`   // a board by this choice
	Calendar string   `json:"calendar,omitempty"` // a month by this date
	Overdue  *Overdue `json:"overdue,omitempty"`
}

// Total sums a numeric field, or counts entries when Field is empty, overall
// or for each value of By (for each month, when By is a Date).
type Total struct {
	Field string `json:"field,omitempty"`
	By    string `json:"by,omitempty"`
}

// Chart draws a Total as bars.
type Chart Total

// Overdue marks entries whose date has passed and which aren't done.
type Overdue struct {
	Date string `json:"date"`
	Done string `json:"done,omitempty"` // a boolean column; empty: none
}

// GadgetKind says what an app does besides keeping entries.
type GadgetKind string

// The gadgets. The first five keep nothing on the server and have no entities;
// the last four come with the entities that their comments name.
const (
	Calculator GadgetKind = "calculator" // Variant: "basic", "tip", "bmi", "loan", "percentage"
	Converter  GadgetKind = "converter"  // Variant: "length", "weight", "temperature", "volume", "all"
	Timer      GadgetKind = "timer"      // Variant: "pomodoro", "countdown", "stopwatch"; Minutes, Break
	TicTacToe  GadgetKind = "tictactoe"  // two players at one screen
	Landing    GadgetKind = "landing"    // Sections
	Cards      GadgetKind = "cards"      // flash cards: "cards" (front, back, known boolean)
	Quiz       GadgetKind = "quiz"       // "questions" (question, answer, wrong answers as tags)
	Poll       GadgetKind = "poll"       // "options" (option, votes integer); Question
	Notes      GadgetKind = "notes"      // "notes" (title, body longtext in Markdown, tags)
)

// Gadget configures what an app does besides keeping entries.
type Gadget struct {
	Kind     GadgetKind `json:"kind"`
	Variant  string     `json:"variant,omitempty"`
	Minutes  int        `json:"minutes,omitempty"`
	Break    int        `json:"break,omitempty"`
	Question string     `json:"question,omitempty"`
	Topic    string     `json:"topic,omitempty"`    // "Swedish verbs"
	Sections []Section  `json:"sections,omitempty"` // of a landing page
	Seed     []Seed     `json:"seed,omitempty"`     // entries that the first start creates
}

// Section is a part of a landing page.
type Section struct {
	Heading string `json:"heading"`
	Text    string `json:"text"`
}

// Seed is an entry that the first start creates: values by field name.
type Seed map[string]any
