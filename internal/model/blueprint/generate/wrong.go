package generate

import (
	"fmt"
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// wrong is a value that a field refuses, and what it says then.
type wrong struct {
	Name    string
	Literal string
	Message string
	cell    string // the value as a CSV file has it
}

// Wrong lists, for each field, values that it refuses.
func (e *entity) Wrong() []wrong {
	var all []wrong
	for _, f := range e.Fields {
		add := func(value any, message string) {
			all = append(all, wrong{f.Name, e.app.lang.value(value), message, fmt.Sprint(value)})
		}
		if f.needed() {
			add(nil, "This is required.")
		}
		f.refuse(add)
	}
	return all
}

// refuse calls add with values that the field's type refuses.
func (f *field) refuse(add func(value any, message string)) {
	long := func(n int) any {
		if f.in.app.Node() {
			return raw(fmt.Sprintf(`"x".repeat(%d)`, n))
		}
		return raw(fmt.Sprintf(`"x" * %d`, n))
	}
	switch f.Type {
	case spec.Text:
		add(5, "Enter text.")
		add(long(201), "Enter at most 200 characters.")
		add("two\nlines", "Enter a single line.")
	case spec.LongText:
		add(5, "Enter text.")
		add(long(10_001), "Enter at most 10,000 characters.")
	case spec.Integer:
		add("many", "Enter a whole number.")
		add(1.5, "Enter a whole number.")
		f.refuseRange(add)
	case spec.Decimal:
		add("many", "Enter a number.")
		f.refuseRange(add)
	case spec.Money:
		add("much", "Enter an amount, such as 12.50.")
		f.refuseRange(add)
		v, _ := f.example(false).(float64)
		if f.Max == nil || v+0.001 < *f.Max {
			add(v+0.001, "Enter at most two decimals.")
		}
	case spec.Date:
		add("2026-02-30", "Enter a date, such as 2026-01-31.")
		add("tomorrow", "Enter a date, such as 2026-01-31.")
	case spec.Time:
		add("24:00", "Enter a time, such as 23:59.")
	case spec.Boolean:
		add("maybe", "Choose yes or no.")
	case spec.Choice:
		add("no such choice", "Choose one of: "+strings.Join(f.Choices, ", ")+".")
	case spec.URL:
		add("javascript:alert(1)", "Enter a web address that starts with http:// or https://.")
	case spec.Email:
		add("nobody", "Enter an e-mail address, such as name@example.com.")
	case spec.Rating:
		add(*f.Max+1, fmt.Sprintf("Choose a whole number from %s to %s.", number(*f.Min), number(*f.Max)))
	case spec.Tags:
		add("red", "Enter words with commas in between.")
		add([]string{"one, two"}, "A tag can't contain a comma.")
	case spec.BelongsTo:
		add(999999, "There is no such "+f.target().Name+".")
	}
}

func (f *field) refuseRange(add func(value any, message string)) {
	if f.Min != nil {
		add(*f.Min-1, "Enter at least "+number(*f.Min)+".")
	}
	if f.Max != nil {
		add(*f.Max+1, "Enter at most "+number(*f.Max)+".")
	}
}

// BadLine is a line of a CSV file with a value that is refused, as a literal.
func (e *entity) BadLine() string {
	var bad string
	cells := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		switch f.Type {
		case spec.Text:
			if bad == "" {
				bad = strings.Repeat("long ", 50)
				cells[i] = bad
			}
		case spec.LongText, spec.Tags:
		default:
			if bad == "" {
				bad = "wrong"
				cells[i] = bad
			}
		}
	}
	return str(strings.Join(cells, ",") + "\r\n")
}
