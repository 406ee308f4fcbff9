package dialect

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"
)

// valid scans a whole document.
func valid(b []byte) bool {
	end := value(b, space(b, 0), 0)
	return end >= 0 && space(b, end) == len(b)
}

// documents are valid and invalid ones, for the tests and as seeds.
func documents() []string {
	return []string{
		``, ` `, `{}`, `[]`, ` { } `, `[ ]`, `{"a":1}`, `{"a":1,}`, `{,}`, `[,]`, `[1,]`, `[1 2]`, `{"a" 1}`, `{"a":}`, `{a:1}`, `{"a":1`, `[1`, `"`, `"a`, `"\`, `"\u`, `"\u12"`,
		`"\u12G4"`, `"\uD83D\ude00"`, `"\n\r\t\b\f\/\\\""`, `"\a"`, "\"\x01\"", "\"a\nb\"", "\"1234567\x1f9\"", "\"\x7f\xff\"", `"12345678901234567890"`, `"1234567\"8"`, `"\\\\\\\\"`,
		`0`, `-0`, `01`, `-`, `1.`, `1.5`, `.5`, `1e`, `1e+`, `1E-5`, `1e5.0`, `+1`, `123456789012345678901234567890`, `true`, `tru`, `truex`, `false`, `null`, `nul`, `nulll`,
		`{"a":{"b":[1,{"c":null}]}}`, `[[[[]]]]`, `[[[[]]]`, `{}{}`, `{} x`, "{\u00a0}", "\ufeff{}", `"😀 — ü"`, strings.Repeat("[", 300) + strings.Repeat("]", 300),
	}
}

func TestScanIsValidJSON(t *testing.T) {
	t.Parallel()
	for _, d := range documents() {
		if got, want := valid([]byte(d)), json.Valid([]byte(d)); got != want {
			t.Errorf("%q: valid is %v, want %v", d, got, want)
		}
	}
}

func TestScanBoundsDepth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		open, shut string
	}{{"[", "]"}, {`{"a":`, "}"}} {
		for depth, want := range map[int]bool{maxDepth: true, maxDepth + 1: false, 5_000_000: false} {
			d := strings.Repeat(c.open, depth) + strings.Repeat(c.shut, depth)
			if c.open != "[" {
				d = strings.Repeat(c.open, depth) + "1" + strings.Repeat(c.shut, depth)
			}
			if got := valid([]byte(d)); got != want {
				t.Errorf("%d levels of %s: valid is %v, want %v", depth, c.open, got, want)
			}
		}
	}
}

// FuzzScan compares the scanner with encoding/json.
func FuzzScan(f *testing.F) {
	for _, d := range documents() {
		f.Add([]byte(d))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 400 { // not as deep as encoding/json goes
			return
		}
		got, want := valid(b), json.Valid(b)
		if got != want {
			t.Fatalf("%q: valid is %v, want %v", b, got, want)
		}
		if want {
			n := 0
			(&walk{b: b, take: func(_, raw []byte) { n += length(raw) }}).value(space(b, 0), nil)
			if n < 0 || n > len(b) {
				t.Fatalf("%q has %d bytes of text", b, n)
			}
		}
	})
}

func TestLengthIsThatOfTheDecodedString(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "text")
		quoted, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "ascii") {
			quoted = ascii(quoted)
		}
		if got := length(quoted[1 : len(quoted)-1]); got != len(want) {
			t.Fatalf("%s has %d bytes, want %d", quoted, got, len(want))
		}
		if s, ok := unquote(quoted[1 : len(quoted)-1]); !ok || s != want {
			t.Fatalf("%s is read as %q", quoted, s)
		}
		if q := quote(want); !json.Valid([]byte(q)) {
			t.Fatalf("%q is written as %s", want, q)
		} else if s, _ := unquote([]byte(q[1 : len(q)-1])); s != want {
			t.Fatalf("%q is written as %s", want, q)
		}
	})
}

// ascii writes every character above ASCII as escapes.
func ascii(quoted []byte) []byte {
	var b bytes.Buffer
	for _, c := range string(quoted) {
		if c < 0x80 {
			b.WriteRune(c)
			continue
		}
		for _, u := range utf16.Encode([]rune{c}) {
			b.WriteString(`\u` + string("0123456789abcdef"[u>>12]) + string("0123456789abcdef"[u>>8&15]) + string("0123456789ABCDEF"[u>>4&15]) + string("0123456789abcdef"[u&15]))
		}
	}
	return b.Bytes()
}
