package generate

import (
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// field is a field as the templates see it.
type field struct {
	spec.Field
	in *entity
}

// kind is what the generator knows of a type.
type kind struct {
	python string // the class in fields.py
	text   bool   // a search looks into it
	number bool   // it has a range
}

func typeOf(t spec.Type) kind {
	switch t {
	case spec.Text:
		return kind{python: "Text", text: true}
	case spec.LongText:
		return kind{python: "LongText", text: true}
	case spec.Integer:
		return kind{python: "Integer", number: true}
	case spec.Decimal:
		return kind{python: "Decimal", number: true}
	case spec.Money:
		return kind{python: "Money", number: true}
	case spec.Date:
		return kind{python: "Date"}
	case spec.Time:
		return kind{python: "Time"}
	case spec.Boolean:
		return kind{python: "Boolean"}
	case spec.Choice:
		return kind{python: "Choice", text: true}
	case spec.URL:
		return kind{python: "Link", text: true}
	case spec.Email:
		return kind{python: "Email", text: true}
	case spec.Rating:
		return kind{python: "Rating", number: true}
	case spec.Tags:
		return kind{python: "Tags", text: true}
	case spec.BelongsTo:
		return kind{python: "BelongsTo", text: true}
	}
	return kind{}
}

func (f *field) searchable() bool { return typeOf(f.Type).text }

func (f *field) name() string {
	if f == nil {
		return ""
	}
	return f.Name
}

// needed reports whether an entry without a value is refused.
func (f *field) needed() bool { return f.Required && f.Type != spec.Boolean }

// target returns the entity that the field refers to.
func (f *field) target() *entity {
	for _, e := range f.in.app.Entities {
		if e.Table == f.Ref {
			return e
		}
	}
	return nil
}

// Python is the field as schema.py defines it.
func (f *field) Python() string {
	parts := []string{str(f.Name), str(f.Label)}
	add := func(name, value string) { parts = append(parts, name+"="+value) }
	if f.needed() {
		add("required", "True")
	}
	if f.Column != f.Name {
		add("column", str(f.Column))
	}
	switch {
	case f.Type == spec.Choice:
		add("choices", tuple(f.Choices))
	case f.Type == spec.BelongsTo:
		add("table", str(f.Ref))
	case f.Type == spec.Money && f.Currency != "":
		add("currency", str(f.Currency))
	}
	if typeOf(f.Type).number {
		if f.Min != nil {
			add("min", number(*f.Min))
		}
		if f.Max != nil {
			add("max", number(*f.Max))
		}
	}
	return typeOf(f.Type).python + "(" + strings.Join(parts, ", ") + ")"
}

// JS is the field as schema.js defines it.
func (f *field) JS() string {
	parts := []string{"name: " + str(f.Name), "label: " + str(f.Label), "type: " + str(string(f.Type))}
	add := func(name, value string) { parts = append(parts, name+": "+value) }
	if f.needed() {
		add("required", "true")
	}
	if f.Column != f.Name && f.in.app.Node() {
		add("column", str(f.Column))
	}
	switch f.Type {
	case spec.Choice:
		add("choices", array(f.Choices))
	case spec.BelongsTo:
		add("slug", str(f.target().Slug))
		add("shows", str(f.target().Fields[0].Name))
	case spec.Money:
		if f.Currency != "" {
			add("currency", str(f.Currency))
		}
	}
	if typeOf(f.Type).number {
		if f.Min != nil {
			add("min", number(*f.Min))
		}
		if f.Max != nil {
			add("max", number(*f.Max))
		}
		if f.Unit != "" {
			add("unit", str(f.Unit))
		}
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

// Describe says in words what the field accepts.
func (f *field) Describe() string {
	words := map[spec.Type]string{
		spec.Text: "text", spec.LongText: "long text", spec.Integer: "whole number", spec.Decimal: "number",
		spec.Money: "amount of money", spec.Date: "date (2026-01-31)", spec.Time: "time (23:59)", spec.Boolean: "yes or no",
		spec.Choice: "one of " + strings.Join(f.Choices, ", "), spec.URL: "web address", spec.Email: "e-mail address",
		spec.Rating: "rating", spec.Tags: "list of words",
	}[f.Type]
	if f.Type == spec.BelongsTo {
		words = "id of one of the " + f.target().Plural
	}
	if f.needed() {
		words += ", required"
	}
	return line(words)
}
