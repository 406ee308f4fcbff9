package parse

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// phrase is a run of tokens, not always adjacent in the text.
type phrase []*token

// String returns the phrase as it was written, without line breaks.
func (p phrase) String() string {
	var b strings.Builder
	for i, t := range p {
		if i > 0 {
			if t.glue == "" {
				b.WriteByte(' ')
			} else {
				b.WriteString(t.glue)
			}
		}
		b.WriteString(t.text)
	}
	return b.String()
}

// lemma returns the phrase's lemmas, joined by spaces: its form in the lexicon.
func (p phrase) lemma() string { return p.join(func(t *token) string { return t.lem }) }

// lower returns the phrase's words in lower case, joined by spaces.
func (p phrase) lower() string { return p.join(func(t *token) string { return t.low }) }

func (p phrase) join(f func(*token) string) string {
	parts := make([]string, len(p))
	for i, t := range p {
		parts[i] = f(t)
	}
	return strings.Join(parts, " ")
}

// use marks every token as understood.
func (p phrase) use() {
	for _, t := range p {
		t.used = true
	}
}

// last returns the last token, or an empty word.
func (p phrase) last() *token {
	if len(p) == 0 {
		return &token{}
	}
	return p[len(p)-1]
}

// has reports whether a token's lemma is one of the words.
func (p phrase) has(lemmas ...string) bool { return p.index(lemmas...) >= 0 }

// index returns the place of the first token whose lemma is one of the words,
// or -1.
func (p phrase) index(lemmas ...string) int {
	for i, t := range p {
		for _, l := range lemmas {
			if t.lem == l || t.low == l {
				return i
			}
		}
	}
	return -1
}

// find returns where the words (of lemmas or of words as written) stand next to
// each other, and how many they are; -1 if nowhere.
func (p phrase) find(words string) (at, n int) { return p.seek(strings.Fields(words)) }

// seek is find for words that are split already.
func (p phrase) seek(want []string) (at, n int) {
	for i := 0; i+len(want) <= len(p); i++ {
		if p.at(i, want) {
			return i, len(want)
		}
	}
	return -1, 0
}

// patterns are phrases of the lexicon, each split into words.
type patterns [][]string

// split reads comma-separated phrases.
func split(list string) patterns {
	var out patterns
	for _, words := range strings.Split(list, ",") {
		out = append(out, strings.Fields(words))
	}
	return out
}

// first returns where the first of the phrases that p holds stands; -1 if none.
func (ps patterns) first(p phrase) (at, n int) {
	for _, want := range ps {
		if at, n := p.seek(want); at >= 0 {
			return at, n
		}
	}
	return -1, 0
}

func (p phrase) at(i int, want []string) bool {
	for j, w := range want {
		if t := p[i+j]; t.lem != w && t.low != w {
			return false
		}
	}
	return true
}

// content returns the tokens that aren't function words.
func (p phrase) content() phrase {
	var out phrase
	for _, t := range p {
		if t.kind != word || !function[t.low] {
			out = append(out, t)
		}
	}
	return out
}

// trim drops function words from both ends, but none that is part of a name that
// the lexicon knows: "dietary needs".
func (p phrase) trim() phrase {
	for len(p) > 0 && p[0].kind == word && function[p[0].low] && !namesField(p) {
		p = p[1:]
	}
	for len(p) > 0 && p.last().kind == word && function[p.last().low] && (len(p) == 1 || !valueWords[p.last().low]) && !namesField(p) {
		p = p[:len(p)-1]
	}
	return p
}

// undetermined drops the words that point at a noun from the front: "a site".
func (p phrase) undetermined() phrase {
	for len(p) > 0 && determiners[p[0].low] {
		p = p[1:]
	}
	return p
}

// without returns the phrase without its tokens from i, n of them.
func (p phrase) without(i, n int) phrase {
	out := append(phrase(nil), p[:i]...)
	return append(out, p[i+n:]...)
}

// ident returns the phrase as a lower_snake_case name of at most 40 letters,
// or "" if nothing of it can be written so.
func ident(s string) string {
	var b strings.Builder
	for _, r := range strings.ReplaceAll(strings.ToLower(s), "e-mail", "email") {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case plainLetters[r] != "":
			b.WriteString(plainLetters[r])
		case b.Len() > 0 && b.String()[b.Len()-1] != '_':
			b.WriteByte('_')
		}
	}
	out := strings.Trim(strings.TrimLeft(b.String(), "0123456789_"), "_")
	if len(out) > 40 {
		out = strings.Trim(out[:40], "_")
	}
	return out
}

var plainLetters = map[rune]string{
	'ä': "a", 'å': "a", 'à': "a", 'á': "a", 'â': "a", 'ã': "a", 'æ': "ae", 'ç': "c", 'č': "c", 'é': "e", 'è': "e", 'ê': "e", 'ë': "e", 'ě': "e", 'í': "i", 'ï': "i", 'ì': "i", 'î': "i",
	'ñ': "n", 'ň': "n", 'ö': "o", 'ø': "o", 'ó': "o", 'ò': "o", 'ô': "o", 'õ': "o", 'œ': "oe", 'ř': "r", 'š': "s", 'ß': "ss", 'ü': "u", 'ú': "u", 'ù': "u", 'û': "u", 'ů': "u", 'ý': "y", 'ž': "z", 'ł': "l",
}

// sentenceCase returns s with its first letter upper-case.
func sentenceCase(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(r)) + s[size:]
}

// label returns what a field of this name is labelled.
func label(s string) string {
	words := strings.Fields(clip(s, 40))
	for i, w := range words {
		if abbreviations[strings.ToLower(w)] {
			words[i] = strings.ToUpper(w)
		}
	}
	return sentenceCase(strings.Join(words, " "))
}

// small returns a label as it stands within a sentence.
func small(label string) string {
	if len(label) > 1 && label[1] >= 'A' && label[1] <= 'Z' {
		return label
	}
	r, size := utf8.DecodeRuneInString(label)
	if size == 0 {
		return ""
	}
	return string(unicode.ToLower(r)) + label[size:]
}

// article returns the word with "a" or "an" before it.
func article(w string) string {
	if w != "" && strings.ContainsRune("aeioAEIO", rune(w[0])) {
		return "an " + w
	}
	return "a " + w
}

var abbreviations = set("sku,isbn,url,vat,id,gpa,bmi,iban,rsvp,api,os,cd,dvd,ean,upc,crm,vin,dob,gps,ip,pin,nfc,iq")

// clip returns s as one line of at most n characters.
func clip(s string, n int) string {
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if r := []rune(s); len(r) > n {
		return strings.TrimSpace(string(r[:n]))
	}
	return s
}
