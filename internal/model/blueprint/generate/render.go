package generate

import (
	"bytes"
	"embed"
	"fmt"
	"html"
	"slices"
	"strings"
	"text/template"
)

//go:embed python/*.tmpl node/*.tmpl web/*.tmpl
var templates embed.FS

// functions are what templates call besides the methods of what they are given.
var functions = template.FuncMap{
	"str":   str,
	"doc":   doc,
	"html":  html.EscapeString,
	"tuple": tuple,
	"array": array,
	"line":  line,
	"types": func(is func(...string) bool, types ...string) string {
		return array(slices.DeleteFunc(types, func(t string) bool { return !is(t) }))
	},
	"ident": func(s string) string { return camel(strings.ReplaceAll(s, "-", "_")) },
}

// render returns the text that the template makes of the app. Its actions
// stand between <% and %>, which no file that we write uses.
func render(name string, v *view) (string, error) {
	source, err := templates.ReadFile(name + ".tmpl")
	if err != nil {
		return "", fmt.Errorf("template: %w", err)
	}
	t, err := template.New(name).Delims("<%", "%>").Funcs(functions).Parse(string(source))
	if err != nil {
		return "", fmt.Errorf("template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return "", fmt.Errorf("template: %w", err)
	}
	return b.String(), nil
}
