package cli

import (
	"io"
	"strings"
)

// plain writes text for a person. It drops control characters except the ends
// of lines and tabs, so that what a model or an app says can't drive the
// terminal.
type plain struct{ w io.Writer }

// Write implements io.Writer.
func (p plain) Write(b []byte) (int, error) {
	_, err := io.WriteString(p.w, strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return visible(r)
	}, string(b)))
	return len(b), err
}

// printable drops control characters, the ends of lines included.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		return visible(r)
	}, s)
}

// visible returns r, or -1 if it is a control character: C0, C1, or one that
// turns the direction of the text around it.
func visible(r rune) rune {
	if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || r == 0x200e || r == 0x200f || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
		return -1
	}
	return r
}

// quoted makes s one word of a command that a person may copy into a shell.
func quoted(s string) string {
	s = oneLine(s)
	if !strings.ContainsAny(s, "\"$`\\!") {
		return `"` + s + `"`
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
