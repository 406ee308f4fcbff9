package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// maxKnown is how much of a known value is a keyword: so much that it is rare, and so little
// that an automaton of hundreds of values is small.
const maxKnown = 6

// Valid returns an invalid error for a value that is too short to be told from other text.
func (v Value) Valid() error {
	if text := outside(v.Text); len(text) < MinValue || inMarker(text) {
		return core.E(core.Invalid, "redact", "the value of "+v.Name+" is too short to be told from other text").
			WithHint("give it at least 8 characters")
	}
	return nil
}

// rules returns those that find the value: as it is, and as it is encoded. They share no
// case folding: a value is found exactly. Of one that is a file, like a kubeconfig, they
// also find the words that look like secrets: tools read files in parts.
func (v Value) rules(kind Kind) ([]*rule, error) {
	if err := v.Valid(); err != nil {
		return nil, err
	}
	var rules []*rule
	seen := map[string]bool{}
	add := func(text string) {
		for _, form := range forms(text) {
			if form = outside(form); len(form) < MinValue || seen[form] {
				continue
			}
			seen[form] = true
			word := form[:min(len(form), maxKnown)]
			rules = append(rules, &rule{kind: kind, name: v.Name, keywords: []string{word}, match: exactly(form), open: exactlyOpen(form)})
		}
	}
	add(outside(v.Text))
	for n, word := range strings.Fields(v.Text) {
		word = outside(strings.Trim(word, "\"',;{}[]()"))
		if n < maxWords && len(word) >= minWord && mixed(word) && entropy(word) > 3.5 {
			add(word)
		}
	}
	return rules, nil
}

// The words of a value that are looked for themselves.
const (
	minWord  = 20  // bytes
	maxWords = 500 // of one value
)

// exactly matches one text.
func exactly(form string) func(string, int) span {
	return func(text string, at int) span {
		if strings.HasPrefix(text[at:], form) {
			return span{at, at + len(form)}
		}
		return span{}
	}
}

var escapes = regexp.MustCompile(`%[0-9A-F]{2}`)

// forms returns a text and what becomes of it in JSON, HTML, URLs, hexadecimal and base64.
func forms(text string) []string {
	query, path := url.QueryEscape(text), url.PathEscape(text)
	all := []string{text, query, path, escapes.ReplaceAllStringFunc(query, strings.ToLower), escapes.ReplaceAllStringFunc(path, strings.ToLower)}
	var plain strings.Builder
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	if quoted, err := json.Marshal(text); err == nil && e.Encode(text) == nil {
		all = append(all, string(quoted[1:len(quoted)-1]), strings.TrimSuffix(plain.String(), "\"\n")[1:])
	}
	x := hex.EncodeToString([]byte(text))
	return append(append(all, html.EscapeString(text), x, strings.ToUpper(x)), base64Forms(text)...)
}

// base64Forms returns what a text becomes within base64, for each of the three ways in which
// it can stand to groups of three bytes, without the characters that depend on its
// neighbours.
func base64Forms(text string) (all []string) {
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			s := e.EncodeToString([]byte(strings.Repeat("\x00", before) + text))
			from := (before*8 + 5) / 6
			to := (before + len(text)) * 8 / 6
			all = append(all, s[from:to])
		}
	}
	return all
}
