package rank

import "strings"

// stem returns an English word without its ending, by the algorithm of M. F. Porter ("An
// algorithm for suffix stripping", Program 14(3), 1980), steps 1 to 5. Words that aren't small
// Latin letters alone, and short ones, stay.
func stem(word string) string {
	if len(word) < 3 {
		return word
	}
	for i := range len(word) {
		if !lower(word[i]) {
			return word
		}
	}
	s := stemmer(word)
	s.plural()
	s.past()
	s.step("y", "i", func(w stemmer) bool { return w.hasVowel() })
	s.first(longer, func(w stemmer) bool { return w.measure() > 0 })
	s.first(middle, func(w stemmer) bool { return w.measure() > 0 })
	s.last()
	s.tidy()
	return string(s)
}

// stemmer is a word that is being stripped.
type stemmer string

// consonant reports whether the i-th letter is one: y is one at the beginning and after a vowel.
func (w stemmer) consonant(i int) bool {
	switch w[i] {
	case 'a', 'e', 'i', 'o', 'u':
		return false
	case 'y':
		return i == 0 || !w.consonant(i-1)
	}
	return true
}

// measure counts how often consonants follow vowels.
func (w stemmer) measure() (n int) {
	vowel := false
	for i := range len(w) {
		c := w.consonant(i)
		if c && vowel {
			n++
		}
		vowel = !c
	}
	return n
}

func (w stemmer) hasVowel() bool {
	for i := range len(w) {
		if !w.consonant(i) {
			return true
		}
	}
	return false
}

func (w stemmer) double() bool {
	n := len(w)
	return n >= 2 && w[n-1] == w[n-2] && w.consonant(n-1)
}

// short reports whether it ends as in "hop": consonant, vowel, consonant that isn't w, x or y.
func (w stemmer) short() bool {
	n := len(w)
	return n >= 3 && w.consonant(n-1) && !w.consonant(n-2) && w.consonant(n-3) && !strings.ContainsRune("wxy", rune(w[n-1]))
}

// step replaces an ending, if the word has it and what is before it is as wanted; it reports
// whether the word has it.
func (w *stemmer) step(end, by string, wanted func(stemmer) bool) bool {
	root, ok := strings.CutSuffix(string(*w), end)
	if ok && wanted(stemmer(root)) {
		*w = stemmer(root + by)
	}
	return ok
}

// first is step by the first of pairs that the word ends with.
func (w *stemmer) first(pairs [][2]string, wanted func(stemmer) bool) {
	for _, p := range pairs {
		if w.step(p[0], p[1], wanted) {
			return
		}
	}
}

func always(stemmer) bool { return true }

func (w *stemmer) plural() {
	w.first([][2]string{{"sses", "ss"}, {"ies", "i"}, {"ss", "ss"}, {"s", ""}}, always)
}

func (w *stemmer) past() {
	if w.step("eed", "ee", func(w stemmer) bool { return w.measure() > 0 }) {
		return
	}
	before := *w
	if !w.step("ed", "", stemmer.hasVowel) {
		w.step("ing", "", stemmer.hasVowel)
	}
	switch {
	case *w == before:
	case strings.HasSuffix(string(*w), "at"), strings.HasSuffix(string(*w), "bl"), strings.HasSuffix(string(*w), "iz"):
		*w += "e"
	case w.double() && !strings.ContainsRune("lsz", rune((*w)[len(*w)-1])):
		*w = (*w)[:len(*w)-1]
	case w.measure() == 1 && w.short():
		*w += "e"
	}
}

var (
	longer = [][2]string{
		{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"}, {"anci", "ance"}, {"izer", "ize"}, {"abli", "able"}, {"alli", "al"},
		{"entli", "ent"}, {"eli", "e"}, {"ousli", "ous"}, {"ization", "ize"}, {"ation", "ate"}, {"ator", "ate"}, {"alism", "al"},
		{"iveness", "ive"}, {"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"}, {"iviti", "ive"}, {"biliti", "ble"},
	}
	middle  = [][2]string{{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"}, {"ical", "ic"}, {"ful", ""}, {"ness", ""}}
	endings = []string{"ement", "ment", "ent", "ance", "ence", "able", "ible", "ant", "ism", "ate", "iti", "ous", "ive", "ize", "ion", "al", "er", "ic", "ou"}
)

func (w *stemmer) last() {
	for _, end := range endings {
		ok := w.step(end, "", func(w stemmer) bool {
			return w.measure() > 1 && (end != "ion" || strings.HasSuffix(string(w), "s") || strings.HasSuffix(string(w), "t"))
		})
		if ok {
			return
		}
	}
}

func (w *stemmer) tidy() {
	w.step("e", "", func(w stemmer) bool { m := w.measure(); return m > 1 || m == 1 && !w.short() })
	if w.measure() > 1 && w.double() && (*w)[len(*w)-1] == 'l' {
		*w = (*w)[:len(*w)-1]
	}
}
