package parse

import (
	"strings"
	"sync"
)

// thing is a common kind of thing that people keep lists of.
type thing struct {
	name     string // singular, its first name in the lexicon
	fields   string // what it has when nobody says, as a person would write it
	features string // what its app offers when nobody names fields, likewise
}

// alias is a name of a thing. A list's name ("reading list") is not what its
// entries are called by.
type alias struct {
	*thing
	list bool
}

// things returns the lexicon by every name, in lemmas. In the lexicon's text, "~"
// marks the names of lists, and "!" what an entry is called if that isn't a name
// by which the thing is found.
var things = sync.OnceValue(func() map[string]alias {
	m := map[string]alias{}
	for _, line := range strings.Split(homeThings+workThings, "\n") {
		names, rest, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		fields, features, _ := strings.Cut(rest, "=")
		t := &thing{fields: strings.TrimSpace(fields), features: strings.TrimSpace(features)}
		for i, n := range strings.Split(names, "|") {
			n, list := strings.CutPrefix(strings.TrimSpace(n), "~")
			n, only := strings.CutPrefix(n, "!")
			if i == 0 {
				t.name = n
			}
			if _, there := m[n]; !there && !only {
				m[n] = alias{t, list}
			}
		}
	}
	return m
})

// maxThing is the most words in a thing's name.
const maxThing = 3

// thingAt returns the thing whose name begins at p[i], and its length in words.
func thingAt(p phrase, i int) (*thing, int) {
	for n := min(maxThing, len(p)-i); n > 0; n-- {
		if p[i+n-1].kind != word {
			continue
		}
		if a, ok := lookup(p[i : i+n]); ok {
			return a.thing, n
		}
	}
	return nil, 0
}

// lookup returns what the whole of p names.
func lookup(p phrase) (alias, bool) {
	a, ok := things()[p.lemma()]
	if !ok {
		a, ok = things()[p.lower()]
	}
	return a, ok
}

// verbs are the words that are things as nouns and wishes as verbs.
var verbs = set("track,order,book,record,note,show,plan,watch,log,list,store,sample,review,rate,bookmark,budget,schedule,contact,drink,workout,run,visit,purchase,ride,walk,stock,bill,sleep,cook,guest,meet,sale,ticket,rent,water")

// verbAt reports whether p[i] is a wish and not a thing: "track invoices", but
// not "order tracker" or "orders".
func verbAt(p phrase, i int) bool {
	t := p[i]
	if !verbs[t.low] || isPlural(t) {
		return false
	}
	if i+1 == len(p) || kindNouns[p[i+1].low] || p[i+1].low == "by" || p[i+1].low == "per" { // "a budget by category"
		return false
	}
	if i == 0 {
		return true
	}
	prev := p[i-1].low
	return pronouns[prev] || prev == "to" || prev == "can" || prev == "please" || prev == "let" || prev == "me"
}
