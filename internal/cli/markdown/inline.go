package markdown

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// The styles (ECMA-48, SGR).
const (
	bold  = "\x1b[1m"
	dim   = "\x1b[2m"
	under = "\x1b[4m"
	cyan  = "\x1b[36m"
	reset = "\x1b[0m"
)

// style puts s into a style, if there are any; of "" it is the style's beginning alone.
func (w *Writer) style(code, s string) string {
	switch {
	case !w.cfg.Style:
		return s
	case s == "":
		return code
	}
	return code + s + reset
}

// span is text of one style.
type span struct{ style, text string }

// inline is what has a style within a block: code, bold, links, emphasis, in this order.
var inline = regexp.MustCompile("`([^`]+)`" + `|\*\*([^*]+)\*\*|\[([^\]\[]+)\]\(([^()\s]+)\)|\*([^*\s](?:[^*]*[^*\s])?)\*`)

// spans splits a block's text by its styles. A link shows where it leads, always: what it is
// called is the model's word.
func spans(base, s string) []span {
	var all []span
	for {
		m := inline.FindStringSubmatchIndex(s)
		if m == nil {
			return append(all, span{base, s})
		}
		part := func(i int) string { return s[m[2*i]:m[2*i+1]] }
		all = append(all, span{base, s[:m[0]]})
		switch {
		case m[2] >= 0:
			all = append(all, span{base + cyan, part(1)})
		case m[4] >= 0:
			all = append(all, span{base + bold, part(2)})
		case m[6] >= 0 && part(3) == part(4):
			all = append(all, span{base + under, part(4)})
		case m[6] >= 0:
			all = append(all, span{base + under, part(3)}, span{base + dim, " (" + part(4) + ")"})
		default:
			all = append(all, span{base + under, part(5)})
		}
		s = s[m[1]:]
	}
}

// wrap shows a block's text in lines of the width, which begin with first and other.
func (w *Writer) wrap(base, text, first, other string) {
	if !w.cfg.Style {
		base = ""
	}
	line, at := first, columns(first)
	empty := true
	space := false
	next := func() {
		w.print(strings.TrimRight(line, " "))
		line, at, empty, space = other, columns(other), true, false
	}
	for _, s := range spans(base, text) {
		for _, word := range pieces(s.text) {
			if word == " " {
				space = !empty
				continue
			}
			n := columns(word)
			if space && at+1+n > w.cfg.Width {
				next()
			}
			for !space && !empty && at+n > w.cfg.Width || empty && at+n > w.cfg.Width && n > 1 {
				head, tail := split(word, w.cfg.Width-at)
				if head == "" {
					break
				}
				line += w.word(s.style, head)
				word, n = tail, columns(tail)
				next()
			}
			if space {
				line, at = line+" ", at+1
			}
			line, at, empty, space = line+w.word(s.style, word), at+n, false, false
		}
	}
	next()
}

// word shows a word in its style.
func (w *Writer) word(style, s string) string {
	if style == "" || !w.cfg.Style || s == "" {
		return s
	}
	return style + s + reset
}

// pieces splits text into words and single spaces.
func pieces(s string) []string {
	var all []string
	for s != "" {
		n := strings.IndexByte(s, ' ')
		switch {
		case n < 0:
			return append(all, s)
		case n > 0:
			all = append(all, s[:n])
		}
		all, s = append(all, " "), strings.TrimLeft(s[n:], " ")
	}
	return all
}

// split cuts a word that is wider than a line after n columns.
func split(s string, n int) (head, tail string) {
	at := 0
	for i, r := range s {
		if at += columnsOf(r); at > n {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

// columns is how wide a text is on a terminal.
func columns(s string) (n int) {
	for _, r := range s {
		n += columnsOf(r)
	}
	return n
}

func columnsOf(r rune) int {
	switch k := width.LookupRune(r).Kind(); {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case k == width.EastAsianWide || k == width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// showTable shows a table's lines, its columns side by side where they fit.
func (w *Writer) showTable(lines []string) {
	var rows [][]string
	var wide []int
	for _, l := range lines {
		if strings.Trim(l, "|-: ") == "" {
			continue
		}
		var row []string
		for i, c := range strings.Split(strings.Trim(l, "|"), "|") {
			row = append(row, strings.TrimSpace(c))
			if i == len(wide) {
				wide = append(wide, 0)
			}
			wide[i] = max(wide[i], columns(row[i]))
		}
		rows = append(rows, row)
	}
	total := 0
	for _, n := range wide {
		total += n + 2
	}
	for n, row := range rows {
		if total > w.cfg.Width {
			w.wrap("", strings.Join(row, " · "), "", "  ")
			continue
		}
		var b strings.Builder
		for i, c := range row {
			b.WriteString(c + strings.Repeat(" ", wide[i]-columns(c)+2))
		}
		l := strings.TrimRight(b.String(), " ")
		if n == 0 && len(rows) > 1 {
			l = w.style(bold, l)
		}
		w.print(l)
	}
}
