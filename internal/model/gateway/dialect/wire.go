package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

const opTranslate = "dialect.translate"

// encode returns v as JSON, with <, > and & as they are.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("dialect: %T can't be encoded: %v", v, err)) // the types are ours, and what is raw in them was decoded
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// orNull is a text that is null in JSON if it is empty.
type orNull string

// MarshalJSON implements json.Marshaler.
func (s orNull) MarshalJSON() ([]byte, error) {
	if s == "" {
		return []byte("null"), nil
	}
	return encode(string(s)), nil
}

// absent reports whether a member isn't there, or is null, which means the same.
func absent(v json.RawMessage) bool { return len(v) == 0 || string(v) == "null" }

// unsaid is what to do with the members that a type doesn't have.
type unsaid struct {
	drop     []string          // left out: they change nothing that the caller could rely on
	defaults map[string]string // left out if they have this value, which is what is so anyway
	hints    map[string]string // what to do instead
}

// take reads a JSON object as a T. Its members that T doesn't have and that can't be left out
// are unsupported. path says where it is in the request: "" or "messages[2]".
func take[T any](raw json.RawMessage, path string, u unsaid) (T, error) {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, wrong(path, unmarshalProblem(err))
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return v, wrong(path, "isn't an object")
	}
	known := tags(reflect.TypeFor[T]())
	for _, name := range slices.Sorted(maps.Keys(all)) {
		value := all[name]
		if known[name] || absent(value) || slices.Contains(u.drop, name) {
			continue
		}
		if d, ok := u.defaults[name]; ok && sameJSON(value, d) {
			continue
		}
		return v, refuse(join(path, name), u.hints[name])
	}
	return v, nil
}

// contentOf reads content that is a string, of which text makes a part, or a list of parts. None
// has no parts.
func contentOf[T any](raw json.RawMessage, path string, text func(string) T, part func(raw json.RawMessage, path string) (T, error)) (parts []T, err error) {
	var s string
	var list []json.RawMessage
	switch {
	case absent(raw):
		return nil, nil
	case json.Unmarshal(raw, &s) == nil:
		return []T{text(s)}, nil
	case json.Unmarshal(raw, &list) != nil:
		return nil, wrong(path, "is neither a string nor a list of parts")
	}
	for i, raw := range list {
		p, err := part(raw, fmt.Sprintf("%s[%d]", path, i))
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// tags returns the names of a struct's members.
func tags(t reflect.Type) map[string]bool {
	known := map[string]bool{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		known[name] = true
	}
	return known
}

// sameJSON reports whether a value is the one that is written as want.
func sameJSON(v json.RawMessage, want string) bool {
	var a, b any
	return json.Unmarshal(v, &a) == nil && json.Unmarshal([]byte(want), &b) == nil && reflect.DeepEqual(a, b)
}

// unmarshalProblem says what encoding/json found, without the names of our types.
func unmarshalProblem(err error) string {
	if t, ok := err.(*json.UnmarshalTypeError); ok { // json returns it as it is
		if t.Field == "" {
			return "can't be a " + t.Value
		}
		return "has a member that can't be a " + t.Value + ": " + t.Field
	}
	return "isn't valid JSON"
}

// join returns the path of a member.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// refuse is the error of what can't be said in the other dialect.
func refuse(path, hint string) error {
	if hint == "" {
		hint = "leave " + path + " out, or ask for a model whose provider speaks the dialect of the request"
	}
	p := Problem{Code: "unsupported_parameter", Param: path, Message: path + " can't be said in the dialect of this model's provider"}
	return core.E(core.Unsupported, opTranslate, "").WithHint(hint).Because(p)
}

// wrong is the error of what can't be right in any dialect.
func wrong(path, why string) error {
	if path == "" {
		path = "the request"
	}
	p := Problem{Code: "invalid_value", Param: path, Message: path + " " + why}
	return core.E(core.Invalid, opTranslate, "").WithHint("correct " + path).Because(p)
}

// nonsense is the error of an answer that isn't what the provider's dialect has.
func nonsense(what string) error {
	return core.E(core.Unavailable, opTranslate, "the provider's answer "+what)
}

// value0 returns what p points to, or the zero value.
func value0[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// or returns s, or t if it is empty.
func or(s, t string) string {
	if s == "" {
		return t
	}
	return s
}
