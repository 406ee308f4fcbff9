package redact

import (
	"bytes"
	"encoding/json"

	"github.com/isekai-run/isekai/internal/core"
)

// walk passes every string of a JSON value through text.
type walk struct {
	text    func(string) (string, error)
	changed bool
}

func (w *walk) raw(raw json.RawMessage) (json.RawMessage, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, core.E(core.Invalid, "redact", "this isn't JSON").Because(err)
	}
	v, err := w.value("", v)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// value walks a value that has a name, which may tell that it is a secret.
func (w *walk) value(name string, v any) (_ any, err error) {
	switch v := v.(type) {
	case string:
		return w.string(name, v)
	case []any:
		for i := range v {
			if v[i], err = w.value(name, v[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			if value, err = w.value(key, value); err != nil {
				return nil, err
			}
			if key, err = w.string("", key); err != nil {
				return nil, err
			}
			out[key] = value
		}
		return out, nil
	}
	return v, nil
}

// string passes a string on alone, and as what is assigned to its name.
func (w *walk) string(name, s string) (string, error) {
	out, err := w.text(s)
	if err == nil && out == s && name != "" {
		before := name + `="`
		line, err := w.text(before + s + `"`)
		if err != nil {
			return "", err
		}
		if line != before+s+`"` {
			out = Assignment.Marker()
		}
	}
	w.changed = w.changed || out != s
	return out, err
}
