package redact

import (
	"cmp"
	"slices"
	"strings"
)

// Config says what a Scanner looks for besides what has a known shape.
type Config struct {
	Canaries []Value
	Secrets  []Value
}

// Value is a text that must not get out.
type Value struct {
	Name string // what it is called where that is said; not secret
	Text string // at least MinValue bytes
}

// MinValue is the length that a known value has at least, in bytes: shorter ones would be
// found everywhere.
const MinValue = 8

// rule finds one sort of secret where one of its keywords stands.
type rule struct {
	kind     Kind
	name     string
	keywords []string
	match    func(text string, at int) span // looks at the text from the keyword, which begins at at, and at up to lookBehind before
	open     func(text string, at int) bool // that match may say something else when more text follows
}

// span is a part of a text; the zero span is none.
type span struct{ start, end int }

// Scanner finds secrets. Safe for concurrent use.
type Scanner struct {
	words *automaton
	of    []keyword // by number
}

type keyword struct {
	rule *rule
	size int
}

// New returns a Scanner. invalid: a value that is too short to be told from other text.
func New(cfg Config) (*Scanner, error) {
	values, err := cfg.rules()
	if err != nil {
		return nil, err
	}
	return newScanner(append(shapes(), values...)), nil
}

// rules are those that find the values.
func (c Config) rules() (rules []*rule, err error) {
	add := func(kind Kind, values []Value) {
		for _, v := range values {
			more, bad := v.rules(kind)
			err = cmp.Or(err, bad)
			rules = append(rules, more...)
		}
	}
	add(Canary, c.Canaries)
	add(Known, c.Secrets)
	return rules, err
}

func newScanner(rules []*rule) *Scanner {
	s := &Scanner{}
	var words []string
	for _, r := range rules {
		for _, w := range r.keywords {
			words = append(words, w)
			s.of = append(s.of, keyword{r, len(w)})
		}
	}
	s.words = newAutomaton(words)
	return s
}

// Find returns the secrets in a text, in order. Those that overlap are one, of the kind of
// the first.
func (s *Scanner) Find(text string) []Finding {
	return merge(s.find(text))
}

// Redact returns the text with a marker in the place of each secret.
func (s *Scanner) Redact(text string) string {
	found := s.Find(text)
	if len(found) == 0 {
		return text
	}
	return replace(text, found)
}

// replace puts markers in the places of findings.
func replace(text string, found []Finding) string {
	var b strings.Builder
	b.Grow(len(text))
	at := 0
	for _, f := range found {
		b.WriteString(text[at:f.Start])
		b.WriteString(f.Kind.Marker())
		at = f.End
	}
	b.WriteString(text[at:])
	return b.String()
}

// find returns the secrets in a text, in no order; some may overlap.
func (s *Scanner) find(text string) (found []Finding) {
	s.words.scan(text, func(end int, keywords []int32) {
		for _, k := range keywords {
			r := s.of[k].rule
			if m := r.match(text, end-s.of[k].size); m.end > m.start {
				found = append(found, Finding{Kind: r.kind, Name: r.name, Start: m.start, End: m.end})
			}
		}
	})
	return found
}

// merge sorts findings and makes one of those that overlap.
func merge(found []Finding) []Finding {
	if len(found) < 2 {
		return found
	}
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End), strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Name, b.Name))
	})
	out := found[:1]
	for _, f := range found[1:] {
		if last := &out[len(out)-1]; f.Start < last.End {
			last.End = max(last.End, f.End)
		} else {
			out = append(out, f)
		}
	}
	return out
}
