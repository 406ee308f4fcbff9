package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// MaxManifest is the longest manifest, in bytes.
const MaxManifest = 64 << 10

// programs are what a manifest may start, by runtime.
var programs = map[string]string{"python": "python3", "node": "node"}

// DecodeManifest reads the bytes of a ManifestName file, strictly: a key it
// doesn't know, a runtime that there isn't, or a command that doesn't start with
// that runtime's program is Invalid, and so is what is too long or not text. The
// hint shows a manifest that is right.
func DecodeManifest(b []byte) (Manifest, error) {
	m, why := decodeManifest(b)
	if why != "" {
		return Manifest{}, E(Invalid, "manifest", ManifestName+" "+why).WithHint(
			`as in {"title":"Books","runtime":"python","start":["python3","app.py"],"test":["python3","-m","unittest"]}`)
	}
	return m, nil
}

// decodeManifest returns the manifest, or what is wrong with it.
func decodeManifest(b []byte) (m Manifest, why string) {
	if len(b) > MaxManifest {
		return m, fmt.Sprintf("is longer than %d bytes", MaxManifest)
	}
	if !utf8.Valid(b) {
		return m, "isn't text"
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, "doesn't decode: " + strings.TrimPrefix(err.Error(), "json: ")
	}
	if _, err := d.Token(); err != io.EOF { // Token's contract
		return m, "holds more than one JSON value"
	}
	program, ok := programs[m.Runtime]
	switch {
	case strings.TrimSpace(m.Title) == "":
		return m, "has no title"
	case !ok:
		return m, `needs a runtime: "python" or "node"`
	}
	for _, c := range []struct {
		name string
		argv []string
	}{{"start", m.Start}, {"test", m.Test}} {
		if len(c.argv) < 2 || c.argv[0] != program {
			return m, fmt.Sprintf("needs %s: a list that begins with %q and the file to run", c.name, program)
		}
	}
	lists := []struct {
		name         string
		values       []string
		count, bytes int
	}{
		{"title", []string{m.Title}, 1, 400}, {"description", []string{m.Description}, 1, 4000},
		{"start", m.Start, 32, 1000}, {"test", m.Test, 32, 1000},
		{"suggestions", m.Suggestions, 50, 1000}, {"notes", m.Notes, 100, 2000},
	}
	for _, l := range lists {
		if len(l.values) > l.count {
			return m, fmt.Sprintf("holds more than %d entries in %s", l.count, l.name)
		}
		for _, v := range l.values {
			if len(v) > l.bytes {
				return m, fmt.Sprintf("holds more than %d bytes in %s", l.bytes, l.name)
			}
			if strings.ContainsRune(v, 0) {
				return m, "holds a NUL in " + l.name
			}
		}
	}
	return m, ""
}
