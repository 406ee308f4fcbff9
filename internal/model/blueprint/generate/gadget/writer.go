package gadget

import (
	"embed"
	"encoding/json"
	html "html/template"
	"path"
	"strings"
	"text/template"

	"github.com/isekai-run/isekai/internal/core"
)

//go:embed files
var sources embed.FS

// writer collects a bundle and keeps the first error.
type writer struct {
	runtime string // "python" or "node"
	bundle  Bundle
	err     error
}

func (w *writer) fail(msg string) {
	if w.err == nil {
		w.bundle, w.err = Bundle{}, core.E(core.Invalid, "generate.gadget", msg)
	}
}

// file adds a file made of sources, one after the other. A source that is a
// template is filled with data.
func (w *writer) file(name string, data any, from ...string) {
	var text strings.Builder
	for _, source := range from {
		text.WriteString(w.text(source, data))
	}
	if w.err == nil {
		w.bundle.Files = append(w.bundle.Files, File{name, text.String()})
	}
}

// module adds a module of the server, written in the app's runtime.
func (w *writer) module(name string, data any, from string) {
	if w.runtime == "python" {
		w.file(name+".py", data, "python/"+from+".py")
	} else {
		w.file(name+".js", data, "node/"+from+".js")
	}
}

// test adds the app's test called name.
func (w *writer) test(name string, data any) {
	if w.runtime == "python" {
		w.file("tests/test_"+name+".py", data, "python/test_"+name+".py")
	} else {
		w.file("tests/"+name+".test.js", data, "node/"+name+".test.js")
	}
}

// body sets the HTML of the page.
func (w *writer) body(data any, from string) {
	w.bundle.Body = w.text("html/"+from+".html", data)
}

// text returns what a source says: its file as it is, or the template beside it,
// filled with data.
func (w *writer) text(source string, data any) string {
	if w.err != nil {
		return ""
	}
	if plain, err := sources.ReadFile("files/" + source); err == nil {
		return string(plain)
	}
	text, err := fill("files/"+source+".tmpl", data)
	if err != nil {
		w.bundle, w.err = Bundle{}, core.E(core.Internal, "generate.gadget", "a template failed").Because(err)
	}
	return text
}

// fill runs a template. One of HTML escapes what it is given.
func fill(file string, data any) (string, error) {
	var b strings.Builder
	name := path.Base(file)
	if strings.HasPrefix(file, "files/html/") {
		t, err := html.New(name).ParseFS(sources, file)
		if err != nil {
			return "", err
		}
		err = t.Execute(&b, data)
		return b.String(), err
	}
	t, err := template.New(name).Funcs(template.FuncMap{"literal": literal}).ParseFS(sources, file)
	if err != nil {
		return "", err
	}
	err = t.Execute(&b, data)
	return b.String(), err
}

// literal returns s as a string literal of JavaScript and of Python.
func literal(s string) (string, error) {
	b, err := json.Marshal(s)
	return string(b), err
}
