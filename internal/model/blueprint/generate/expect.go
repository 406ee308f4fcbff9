package generate

import (
	"fmt"
	"net/url"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// filterTest is a test of one filter.
type filterTest struct{ Name, Param, Change, Path string }

// Param is what the field's filter is called in a query.
func (f *field) Param() string {
	if reserved[f.Name] {
		return "filter_" + f.Name
	}
	return f.Name
}

// FilterTests are the tests of the filters.
func (e *entity) FilterTests() []filterTest {
	var tests []filterTest
	for _, f := range e.filterFields() {
		t := filterTest{Name: f.Name, Change: e.change(f, f.example(true))}
		address := "/api/" + e.Slug + "?" + f.Param() + "="
		var text string
		switch v := f.example(true).(type) {
		case nil:
			continue
		case raw:
			t.Change = ""
			t.Path = `f"` + address + `{entry['` + f.Name + `']}"`
			if e.app.Node() {
				t.Path = "`" + address + "${entry." + f.Name + "}`"
			}
		case []string:
			text = v[0]
			t.Change = e.change(f, v)
		case bool:
			text = "true"
		case float64:
			text = number(v)
		default:
			text = fmt.Sprint(v)
		}
		if t.Path == "" {
			t.Path = str(address + url.QueryEscape(text))
		}
		tests = append(tests, t)
	}
	return tests
}

// totalTest is a test of one total.
type totalTest struct {
	Ident, Expected, Group string
	Index                  int
	By                     bool
}

// TotalTests are the tests of the totals: what two entries add to each.
func (e *entity) TotalTests() []totalTest {
	var tests []totalTest
	for i, t := range e.AllTotals() {
		test := totalTest{Ident: "count", Expected: "2", Index: i, By: t.by != nil}
		if t.field != nil {
			test.Ident = t.field.Name
			if v, ok := t.field.example(false).(float64); ok {
				test.Expected = number(2 * v)
			}
		}
		if t.by != nil {
			test.Ident += "_by_" + t.by.Name
			if t.by.Type == spec.Tags { // an entry counts once for each of its tags
				if v, ok := t.expected(); ok {
					test.Expected = v
				}
			}
			test.Group = e.app.lang.value(t.by.groupLabel())
		}
		tests = append(tests, test)
	}
	return tests
}

func (t *total) expected() (string, bool) {
	tags, _ := t.by.example(false).([]string)
	each := 2.0
	if t.field != nil {
		v, ok := t.field.example(false).(float64)
		if !ok {
			return "", false
		}
		each = 2 * v
	}
	return number(each * float64(len(tags))), true
}

// groupLabel returns what the totals call the group of the field's example.
func (f *field) groupLabel() any {
	switch f.Type {
	case spec.Boolean:
		return "no"
	case spec.Date:
		return "2026-01"
	case spec.Tags:
		return "red"
	case spec.BelongsTo:
		if f.circular() {
			return nil
		}
		return f.target().Fields[0].groupLabel()
	case spec.Integer, spec.Rating:
		return number(f.example(false).(float64))
	}
	return f.example(false)
}

// refTest is a test that what is belonged to stays.
type refTest struct{ Ident, Name, Slug, Own string }

// RefTests are the tests of the belongs-to fields.
func (e *entity) RefTests() []refTest {
	var tests []refTest
	for _, f := range e.Fields {
		if f.Type == spec.BelongsTo && !f.circular() {
			tests = append(tests, refTest{Ident: f.Name, Name: f.Name, Slug: f.target().Slug, Own: e.Slug})
		}
	}
	return tests
}
