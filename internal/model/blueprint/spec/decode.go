package spec

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/isekai-run/isekai/internal/core"
)

// MaxSize is the longest encoded App, in bytes, that Decode reads.
const MaxSize = 1 << 20

// Encode returns the App as the indented JSON that stands in Name.
func Encode(a App) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(a); err != nil {
		return nil, core.E(core.Invalid, "spec.encode", "the app's description can't be written as JSON").Because(err)
	}
	return b.Bytes(), nil
}

// Decode reads what Encode wrote and checks it with Validate. Bytes that aren't
// exactly one valid App, or hold a member that this build doesn't know, are
// Invalid; a newer format is Unsupported.
func Decode(b []byte) (App, error) {
	const op = "spec.decode"
	if len(b) > MaxSize {
		return App{}, core.E(core.Invalid, op, Name+" is longer than 1 MiB")
	}
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return App{}, core.E(core.Invalid, op, Name+" isn't JSON of an app").Because(err)
	}
	if head.Format > Format {
		return App{}, core.E(core.Unsupported, op, Name+" has a newer format").
			WithHint("the app was made by a newer isekai; upgrade")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var a App
	if err := dec.Decode(&a); err != nil {
		return App{}, core.E(core.Invalid, op, Name+" doesn't decode").Because(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return App{}, core.E(core.Invalid, op, Name+" holds more than one value")
	}
	if err := a.Validate(); err != nil {
		return App{}, err
	}
	return a, nil
}
