package parse

import (
	"strings"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

// choiceName reports whether p begins with a noun that has a few fixed values
// ("severity low", "stages new"), and how many words the noun takes.
func choiceName(p phrase) (n int, ok bool) {
	for n := min(3, len(p)); n > 0; n-- {
		if _, ok := choiceWords[p[:n].lemma()]; ok {
			return n, true
		}
	}
	return 0, false
}

// value returns what p says as a choice's value, or "".
func value(p phrase) string {
	for len(p) > 0 && (p[0].low == "a" || p[0].low == "an" || p[0].low == "the" || p[0].low == "either" || p[0].low == "of" || p[0].low == "be" || p[0].low == "is" || p[0].low == "are") {
		p = p[1:]
	}
	return strings.TrimSpace(clip(p.String(), 40))
}

// isValue reports whether p is a word that is known as a choice's value.
func isValue(p phrase) bool { return valueWords[strings.ToLower(value(p))] }

// values reads a choice's values from cs[i], which belongs to the list for sure,
// and on for as long as what follows is one more value. It returns them, the
// words that say them, and the index after the last.
func (r *reader) values(cs sentence, i int) (vals []string, words phrase, next int) {
	add := func(p phrase) {
		words = append(words, p...)
		vals = withValue(vals, value(p))
	}
	add(cs[i].p)
	depth := cs[i].depth
	for i++; i < len(cs) && cs[i].depth == depth; i++ {
		c := cs[i]
		if introduces(c.sep) || c.sep == "belongs" || c.sep == "where" || c.sep == ";" || !r.continues(c) {
			break
		}
		add(c.p)
		if last := c.sep != "," && depth == 0; last && (i+1 == len(cs) || cs[i+1].sep != "or") {
			return vals, words, i + 1
		}
	}
	return vals, words, i
}

// withValue returns vals with v, unless it is empty, there already or too many.
func withValue(vals []string, v string) []string {
	lower := strings.ToLower(v) // as spec compares: it isn't the same as EqualFold for every letter
	for _, have := range vals {
		if strings.EqualFold(have, v) || strings.ToLower(have) == lower {
			return vals
		}
	}
	if v == "" || len(vals) >= spec.MaxChoices {
		return vals
	}
	return append(vals, v)
}

// continues reports whether a chunk is one more value of the choice before it.
func (r *reader) continues(c chunk) bool {
	if len(c.p) == 0 || len(c.p) > 4 {
		return false
	}
	if c.depth > 0 || c.sep == "or" || isValue(c.p) {
		return true
	}
	if determiners[c.p[0].low] || len(c.p.content()) == 0 || len(c.p.content()) > 2 {
		return false
	}
	if _, n := fieldType(c.p); n > 0 {
		return false
	}
	if _, choice := choiceName(c.p); choice {
		return false
	}
	_, feature := featureOf(c.p)
	return !feature && cannotOf(c.p) == nil && !c.p.has("as", "in", "from", "optional", "required") && r.entityOf(c.p) == nil
}

// setChoices makes f a choice of vals, or a boolean when they are yes and no.
func setChoices(f *spec.Field, vals []string) {
	if len(vals) == 2 && (pair(vals, "yes", "no") || pair(vals, "true", "false")) {
		f.Type, f.Choices = spec.Boolean, nil
		return
	}
	if len(vals) >= 2 {
		f.Type, f.Choices = spec.Choice, vals
	}
}

func pair(vals []string, a, b string) bool {
	return strings.EqualFold(vals[0], a) && strings.EqualFold(vals[1], b)
}

// usualChoices returns the values that a field of this name has when nobody
// names any; nil if there are no usual ones.
func usualChoices(lemma string) []string {
	words := strings.Fields(lemma)
	for i := range words {
		if list := choiceWords[strings.Join(words[i:], " ")]; list != "" {
			return strings.Split(list, ",")
		}
	}
	return nil
}
