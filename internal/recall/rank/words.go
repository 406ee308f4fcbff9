// Package rank is the arithmetic of finding: what words a text is found by, which texts fit a
// question best by their words and by what they mean, and one order out of several.
//
// Package recall calls it. It reads no store, and is pure.
package rank

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The bounds of a word, in bytes. What is longer is no word of a language: it is found by its
// beginning.
const maxWord = 40

// Words calls f for each word of a text by which it is found, in order: in small letters,
// without accents, and without its English ending. What programs call something is found by
// the whole and by its parts ("readFile", "read", "file"). Of scripts that put no spaces
// between words, each two letters that follow one another are a word. Words that are in every
// English text are left out.
func Words(text string, f func(string)) {
	w := words{give: f}
	start := -1
	for i, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || r == '_' && start >= 0 {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 {
			w.add(text[start:i])
			start = -1
		}
	}
	if start >= 0 {
		w.add(text[start:])
	}
}

type words struct{ give func(string) }

// add takes a run of letters, digits and underscores.
func (w words) add(run string) {
	if isASCII(run) {
		w.latin(run)
		return
	}
	if spaceless(run) {
		w.pairs(run)
		return
	}
	w.latin(plain(run))
}

// latin takes a run of a script with spaces between words.
func (w words) latin(run string) {
	parts := split(run)
	if len(parts) > 1 {
		for _, p := range parts {
			w.one(p)
		}
		run = strings.ReplaceAll(run, "_", "")
	} else {
		run = strings.Trim(run, "_")
	}
	w.one(run)
}

func (w words) one(word string) {
	word = strings.ToLower(word)
	if word == "" || common[word] {
		return
	}
	word = stem(word)
	if len(word) > maxWord {
		cut := maxWord
		for !utf8.RuneStart(word[cut]) {
			cut--
		}
		word = word[:cut]
	}
	w.give(word)
}

// pairs takes a run of a script without spaces.
func (w words) pairs(run string) {
	letters := []rune(run)
	if len(letters) == 1 {
		w.give(run)
	}
	for i := 1; i < len(letters); i++ {
		w.give(string(letters[i-1 : i+1]))
	}
}

// split parts what programs write as one: by underscores, where a capital follows a small
// letter, and before the last of several capitals ("HTTPServer").
func split(run string) (parts []string) {
	start := 0
	end := func(i int) {
		if i > start {
			parts = append(parts, run[start:i])
		}
		start = i
	}
	for i := 0; i < len(run); i++ {
		switch {
		case run[i] == '_':
			end(i)
			start = i + 1
		case i == start:
		case upper(run[i]) && (!upper(run[i-1]) || i+1 < len(run) && lower(run[i+1])):
			end(i)
		}
	}
	end(len(run))
	return parts
}

func upper(c byte) bool { return 'A' <= c && c <= 'Z' }
func lower(c byte) bool { return 'a' <= c && c <= 'z' }

// plain returns a run without accents.
func plain(run string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(run))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// spaceless reports whether a run is of a script without spaces between words.
func spaceless(run string) bool {
	for _, r := range run {
		if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) {
			return true
		}
	}
	return false
}

// common are the words that say nothing of what a text is about.
var common = set(`a about after all also am an and any are as at be because been before being but by can could did do does doing down
	each few for from further had has have having he her here hers him his how i if in into is it its itself just me more most my
	no nor not now of off on once only or other our ours out over own same she should so some such than that the their theirs them
	then there these they this those through to too under until up very was we were what when where which while who whom why will
	with would you your yours s t`)

func set(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}
