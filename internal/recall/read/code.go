package read

import (
	"regexp"
	"strings"
)

// declares finds lines by which functions, types and the like begin in most languages: without
// indentation, or of a method within one level of it.
var declares = regexp.MustCompile(`^(?:[ \t]{0,4})(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|pub(?:\([a-z]+\))?|unsafe|override|virtual|inline|extern|open|data|sealed)\s+)*` +
	`(?:func|function|def|class|interface|struct|enum|trait|impl|type|module|namespace|fn|message|service|record|object|mod|macro_rules!|defmodule|defp?|sub|CREATE\s+\w+|create\s+\w+)\b[^;]*`)

// code reads what is declared, each with the comment above it. A file of no such lines is read as
// text is.
func code(s string) (title string, _ []block) {
	var p paragraphs
	var blocks []block
	heading := ""
	var now, above []string // lines, and comments that may belong to what follows
	start, n := 1, 0
	flush := func() {
		for len(now) > 0 && strings.TrimSpace(now[0]) == "" {
			now, start = now[1:], start+1
		}
		if len(now) > 0 {
			blocks = append(blocks, block{Place: Place{Line: start, End: start + len(now) - 1, Heading: heading}, text: strings.Join(now, "\n"), alone: heading != ""})
		}
		now = nil
	}
	for line := range strings.Lines(s) {
		line = strings.TrimRight(line, "\n")
		p.line(line)
		n++
		if len(line) < 500 && declares.MatchString(line) {
			flush()
			heading, start, now = tidy(strings.TrimRight(line, " {:")), n-len(above), append(above, line)
			above = nil
			continue
		}
		if comment(line) && line != "" && line[0] != ' ' && line[0] != '\t' {
			above = append(above, line)
			continue
		}
		now, above = append(append(now, above...), line), nil
	}
	now = append(now, above...)
	flush()
	if heading == "" {
		return "", p.end()
	}
	return "", blocks
}

// comment reports whether a line is, in most languages, a comment or an annotation.
func comment(line string) bool {
	for _, mark := range []string{"//", "#", "--", "/*", "*", "@", `"""`} {
		if strings.HasPrefix(line, mark) {
			return true
		}
	}
	return false
}
