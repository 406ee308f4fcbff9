package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/isekai-run/isekai/internal/core"
)

// Offer is the tools of one request, ready to check calls against. It is
// immutable and safe for concurrent use.
type Offer struct {
	names   []string
	schemas map[string]*jsonschema.Resolved
}

// NewOffer compiles the tools' schemas. A schema that doesn't compile is an
// internal error: tools come from this program, not from a person.
func NewOffer(tools []ToolSpec) (*Offer, error) {
	o := &Offer{schemas: make(map[string]*jsonschema.Resolved, len(tools))}
	for _, t := range tools {
		var s jsonschema.Schema
		err := json.Unmarshal(t.Schema, &s)
		if err != nil {
			return nil, core.E(core.Internal, "model.offer", "the schema of tool "+t.Name+" isn't JSON Schema").Because(err)
		}
		r, err := s.Resolve(nil)
		if err != nil {
			return nil, core.E(core.Internal, "model.offer", "the schema of tool "+t.Name+" doesn't compile").Because(err)
		}
		o.names = append(o.names, t.Name)
		o.schemas[t.Name] = r
	}
	slices.Sort(o.names)
	return o, nil
}

// Has reports whether a tool of this name is offered.
func (o *Offer) Has(name string) bool { return o.schemas[name] != nil }

// Call makes the canonical call of a name and the arguments that a provider
// sent: a JSON object, a string that holds one, or nothing for no arguments.
// What can't be run has its Problem set, in words for the model, and its
// Arguments are an object in any case.
func (o *Offer) Call(id core.CallID, name string, arguments []byte) core.Call {
	c := core.Call{ID: id, Tool: clip(strings.TrimSpace(name), maxName), Arguments: json.RawMessage("{}")}
	args, why := object(arguments)
	if args != nil {
		c.Arguments = args
	}
	switch {
	case !o.Has(c.Tool):
		c.Problem = o.unknown(c.Tool)
	case why != "":
		c.Problem = fmt.Sprintf("the arguments of %s %s; nothing was run: send them as one JSON object", c.Tool, why)
	default:
		var v map[string]any
		err := json.Unmarshal(args, &v)
		if err == nil {
			err = o.schemas[c.Tool].Validate(v)
		}
		if err != nil {
			c.Problem = fmt.Sprintf("the arguments of %s don't fit its schema; nothing was run: %s", c.Tool, clip(err.Error(), maxExcerpt))
		}
	}
	return c
}

const (
	maxName    = 64  // of a tool, in bytes
	maxExcerpt = 400 // of foreign text quoted in a Problem, in bytes
)

// object returns raw as a compact JSON object, or says why it isn't one.
func object(raw []byte) (json.RawMessage, string) {
	raw = bytes.TrimSpace(raw)
	var inner string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &inner) == nil {
		raw = bytes.TrimSpace([]byte(inner))
	}
	if len(raw) == 0 || string(raw) == "null" {
		return json.RawMessage("{}"), ""
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return nil, fmt.Sprintf("aren't valid JSON (%v): %s", err, clip(string(raw), maxExcerpt))
	}
	if b.Bytes()[0] != '{' {
		return nil, "aren't a JSON object: " + clip(b.String(), maxExcerpt)
	}
	return b.Bytes(), ""
}

// unknown says that there is no such tool, and which there are.
func (o *Offer) unknown(name string) string {
	if len(o.names) == 0 {
		return "nothing was run: no tools are offered"
	}
	if name == "" {
		return "the call names no tool; nothing was run; the tools are: " + strings.Join(o.names, ", ")
	}
	s := fmt.Sprintf("there is no tool %q; nothing was run; the tools are: %s", name, strings.Join(o.names, ", "))
	if near := o.nearest(name); near != "" {
		s += "; did you mean " + near + "?"
	}
	return s
}

// nearest returns the offered name that is most like name, or "" if none is
// like it: at most a third of its letters differ, or one holds the other.
func (o *Offer) nearest(name string) string {
	name = strings.ToLower(name)
	best, at := "", len(name)/3+1
	for _, n := range o.names {
		if d := distance(name, n); d < at {
			best, at = n, d
		}
	}
	for i := 0; best == "" && i < len(o.names); i++ {
		if n := o.names[i]; strings.HasSuffix(name, n) || len(name) > 3 && strings.Contains(n, name) {
			best = n
		}
	}
	return best
}

// distance is the Levenshtein distance of two strings, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// clip cuts s to at most n bytes, as valid UTF-8.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
