package httpapi

import (
	"bytes"
	"cmp"
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsHTML string

//go:embed docs.css
var docsCSS []byte

// nonceMark is where each answer's own nonce goes.
const nonceMark = "{nonce}"

var docsTemplate = template.Must(template.New("docs").Parse(docsHTML))

// operation is an operation as the reference page shows it.
type operation struct {
	*huma.Operation
	Open      bool
	BodyType  string
	Responses []string
}

// docs serves the reference page: made from the OpenAPI document, with nothing
// from elsewhere. huma serves the document itself at /openapi.json.
func (s *server) docs(mux *http.ServeMux) {
	page := sync.OnceValues(s.reference)
	mux.HandleFunc("GET /docs", func(w http.ResponseWriter, r *http.Request) {
		b, err := page()
		if err != nil {
			s.deny(w, r, err)
			return
		}
		// A reader that has gone needs no answer.
		_, _ = w.Write(bytes.ReplaceAll(b, []byte(nonceMark), []byte(asPage(w.Header()))))
	})
	mux.HandleFunc("GET /docs.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(docsCSS)
	})
}

func (s *server) reference() ([]byte, error) {
	doc := s.api.OpenAPI()
	var ops []operation
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			o := operation{Operation: op, Open: op.Security != nil && len(op.Security) == 0}
			for status := range op.Responses {
				o.Responses = append(o.Responses, status)
			}
			slices.Sort(o.Responses)
			if op.RequestBody != nil && op.RequestBody.Content["application/json"] != nil {
				if s := op.RequestBody.Content["application/json"].Schema; s.Ref != "" { // others are said in the description
					o.BodyType = name(s)
				}
			}
			ops = append(ops, o)
		}
	}
	slices.SortFunc(ops, func(a, b operation) int {
		return cmp.Or(cmp.Compare(a.Tags[0], b.Tags[0]), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	var b bytes.Buffer
	err := docsTemplate.Execute(&b, map[string]any{"Doc": doc, "Operations": ops, "Schemas": schemas(doc.Components.Schemas.Map())})
	return b.Bytes(), err
}

// schema is a type of the document.
type schema struct {
	Name   string
	Fields []field
}

type field struct {
	Name, Type, Doc string
	Required        bool
}

func schemas(m map[string]*huma.Schema) []schema {
	var out []schema
	for n, s := range m {
		t := schema{Name: n}
		for p, f := range s.Properties {
			t.Fields = append(t.Fields, field{Name: p, Type: name(f), Doc: f.Description, Required: slices.Contains(s.Required, p)})
		}
		slices.SortFunc(t.Fields, func(a, b field) int { return cmp.Compare(a.Name, b.Name) })
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b schema) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// name is a schema's name for a person.
func name(s *huma.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return s.Ref[1+bytes.LastIndexByte([]byte(s.Ref), '/'):]
	case s.Type == "array":
		return name(s.Items) + "[]"
	case s.Format != "":
		return s.Type + " (" + s.Format + ")"
	}
	return s.Type
}
