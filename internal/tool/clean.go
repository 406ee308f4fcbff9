package tool

import (
	"strings"
	"unicode"
)

// Clean returns a text from outside without what a person who looks at it doesn't see, and a
// model would read: control characters, zero-width and bidirectional marks, tags and fillers.
// Of characters that join or vary the one before them, which some scripts and emoji need, one
// stays. Line ends become "\n", and what isn't UTF-8 "?".
func Clean(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "\r\n", "\n")
	var last rune // the last that was kept
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
		case r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029' || r == '\v' || r == '\f':
			r = '\n'
		case joins(r):
			if last <= unicode.MaxASCII || joins(last) || !unicode.In(last, unicode.L, unicode.M, unicode.S) {
				return -1
			}
		case unseen(r):
			return -1
		}
		last = r
		return r
	}, s)
}

// joins reports whether r changes how its neighbours look: ZWNJ, ZWJ, and the selectors of
// text and emoji style.
func joins(r rune) bool { return r == '\u200c' || r == '\u200d' || r == '\ufe0e' || r == '\ufe0f' }

// unseen reports whether r leaves no mark on a screen that a space wouldn't.
func unseen(r rune) bool {
	switch r {
	case '\u034f', '\u115f', '\u1160', '\u17b4', '\u17b5', '\u3164', '\uffa0', '\u2800':
		return true // fillers that aren't of a class of their own
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Variation_Selector, unicode.Noncharacter_Code_Point, unicode.Co) || r >= 0xe0000 && r < 0xe1000
}
