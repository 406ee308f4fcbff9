package redact

import (
	"io"
	"regexp"
	"unicode/utf8"
)

// A text that comes in parts may end within a secret. What follows tells, of a place where a
// keyword stands, whether more of the text could change what is found there: then the place
// is open.

// past reports whether an expression, on the way to what it says about a text, looks beyond
// the text's end. If it doesn't, it says the same about each text that begins like this one.
func past(re *regexp.Regexp, text string) bool {
	r := reading{text: text}
	re.FindReaderIndex(&r)
	return r.ended
}

// reading notes whether somebody read to the end.
type reading struct {
	text  string
	ended bool
}

// ReadRune implements io.RuneReader.
func (r *reading) ReadRune() (rune, int, error) {
	if !utf8.FullRuneInString(r.text) {
		r.ended = true
		return 0, 0, io.EOF
	}
	c, n := utf8.DecodeRuneInString(r.text)
	r.text = r.text[n:]
	return c, n, nil
}

// whether returns the open of a rule that is one expression, from the keyword on.
func whether(re *regexp.Regexp, word bool, reach int) func(string, int) bool {
	return func(text string, at int) bool {
		return len(text)-at < reach && !(word && within(text, at)) && past(re, text[at:])
	}
}

// exactlyOpen is the open of a rule that finds one text.
func exactlyOpen(form string) func(string, int) bool {
	return func(text string, at int) bool {
		rest := text[at:]
		return len(rest) < len(form) && rest == form[:len(rest)]
	}
}

// privateKeyOpen is privateKey's open.
func privateKeyOpen(text string, at int) bool {
	window := text[at:]
	if len(window) >= reachKey {
		return false
	}
	if past(keyHead, window) {
		return true
	}
	head := keyHead.FindStringIndex(window)
	if head == nil {
		return false
	}
	end := head[1]
	for end < len(window) && inKey[window[end]] {
		end++
	}
	return end == len(window) && keyFoot.FindStringIndex(window[head[1]:]) == nil
}

// assignmentOpen is assignment's open.
func assignmentOpen(text string, at int) bool {
	window := text[at:]
	if len(window) >= reachLine {
		return false
	}
	name := nameEnd(window)
	if past(assigned, window[name:]) {
		return true
	}
	m := assigned.FindStringSubmatchIndex(window[name:])
	if m == nil && at > 0 && text[at-1] == '-' {
		if past(option, window[name:]) {
			return true
		}
		m = option.FindStringSubmatchIndex(window[name:])
	}
	if m == nil || about.MatchString(window[name+m[2]:name+m[3]]) {
		return false
	}
	from, quote := name+m[1], byte(0)
	if m[6] >= 0 {
		quote = window[from-1]
	}
	return from+len(valueOf(window[from:], quote)) == len(window)
}
