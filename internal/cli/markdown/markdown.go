// Package markdown shows Markdown on a terminal while it is being written.
//
// The chat command writes to it what a model says, in pieces of any size. A block is shown
// when its end has come, a line of code when the line has, and nothing that was shown is
// written again: what scrolled away stays as it was. It never lets a control character of
// the text through; the only escapes are its own.
package markdown

import (
	"io"
	"strings"
)

// Config says how text is shown.
type Config struct {
	Width int                 // columns; 80 if less than 20
	Style bool                // bold, dim and so on; else layout alone
	Clean func(string) string // takes out of a line what may not reach the terminal
}

// Writer is an io.Writer of Markdown. It isn't safe for concurrent use.
type Writer struct {
	out   io.Writer
	cfg   Config
	rest  []byte   // of a line whose end hasn't come
	words []string // the lines of the paragraph at hand
	first string   // what its first line begins with, and
	other string   // what its others do
	table []string // the lines of the table at hand
	fence string   // that ends the code at hand; "" outside of code
	gap   bool     // an empty line is due before the next block
	began bool     // something was shown
	err   error
}

// maxLine bounds what is kept of a line whose end doesn't come, in bytes.
const maxLine = 64 << 10

// New returns a Writer that shows on out.
func New(out io.Writer, cfg Config) *Writer {
	if cfg.Width < 20 {
		cfg.Width = 80
	}
	return &Writer{out: out, cfg: cfg}
}

// Write implements io.Writer. Its error is that of the writer below.
func (w *Writer) Write(b []byte) (int, error) {
	for _, c := range b {
		if c != '\n' && len(w.rest) < maxLine {
			w.rest = append(w.rest, c)
			continue
		}
		w.take()
		if c != '\n' {
			w.rest = append(w.rest, c)
		}
	}
	return len(b), w.err
}

// Close shows what is left. The Writer can be written to again: another text begins.
func (w *Writer) Close() error {
	if len(w.rest) > 0 {
		w.take()
	}
	w.flush()
	w.fence, w.gap, w.began = "", false, false
	return w.err
}

// take has the line at hand read.
func (w *Writer) take() {
	l := strings.ReplaceAll(strings.TrimSuffix(string(w.rest), "\r"), "\t", "    ")
	w.rest = w.rest[:0]
	w.line(w.cfg.Clean(l))
}

// line reads a line.
func (w *Writer) line(l string) {
	text := strings.TrimSpace(l)
	if w.fence != "" {
		if strings.HasPrefix(text, w.fence) && strings.Trim(text, w.fence[:1]) == "" {
			w.fence, w.gap = "", true
			return
		}
		w.print(w.style(dim, "│ ") + l)
		return
	}
	if strings.HasPrefix(text, "|") {
		if w.table == nil {
			w.flush()
		}
		w.table = append(w.table, text)
		return
	}
	if w.table != nil {
		w.flush()
	}
	switch {
	case text == "":
		w.flush()
		w.gap = w.began
	case fenceOf(text) != "":
		w.flush()
		w.fence = fenceOf(text)
		w.space()
	case heading(text):
		w.flush()
		w.gap = w.began
		w.space()
		w.wrap(w.style(bold, ""), strings.TrimSpace(strings.TrimLeft(text, "#")), "", "")
		w.gap = true
	case rule(text) && len(w.words) == 0:
		w.space()
		w.print(w.style(dim, strings.Repeat("─", min(w.cfg.Width, 40))))
		w.gap = true
	default:
		w.prose(l, text)
	}
}

// prose reads a line of a paragraph, a quote or a list.
func (w *Writer) prose(l, text string) {
	if body, ok := strings.CutPrefix(text, ">"); ok {
		if w.other != "> " {
			w.flush()
		}
		w.words, w.first, w.other = append(w.words, strings.TrimSpace(body)), "> ", "> "
		return
	}
	if mark, body := item(text); mark != "" {
		w.flush()
		in := strings.Repeat(" ", min(len(l)-len(strings.TrimLeft(l, " ")), w.cfg.Width/4))
		w.words, w.first, w.other = []string{body}, in+mark, in+strings.Repeat(" ", columns(mark))
		return
	}
	w.words = append(w.words, text)
}

// flush shows the block at hand.
func (w *Writer) flush() {
	if w.table != nil {
		w.space()
		w.showTable(w.table)
		w.table, w.gap = nil, true
	}
	if len(w.words) == 0 {
		return
	}
	w.space()
	w.wrap("", strings.Join(w.words, " "), w.first, w.other)
	w.words, w.first, w.other = nil, "", ""
}

// space shows the empty line that is due.
func (w *Writer) space() {
	if w.gap {
		w.print("")
	}
	w.gap = false
}

func (w *Writer) print(l string) {
	if w.err == nil {
		_, w.err = io.WriteString(w.out, l+"\n")
	}
	w.began = true
}

// fenceOf returns what ends the code that a line begins; "" if it begins none.
func fenceOf(l string) string {
	for _, c := range []string{"`", "~"} {
		if n := len(l) - len(strings.TrimLeft(l, c)); n >= 3 && !strings.Contains(l[n:], "`") {
			return l[:n]
		}
	}
	return ""
}

func heading(l string) bool {
	n := len(l) - len(strings.TrimLeft(l, "#"))
	return n > 0 && n <= 6 && strings.HasPrefix(l[n:], " ")
}

func rule(l string) bool {
	bare := strings.ReplaceAll(l, " ", "")
	return len(bare) >= 3 && (strings.Trim(bare, "-") == "" || strings.Trim(bare, "*") == "" || strings.Trim(bare, "_") == "")
}

// item splits a list's item into its mark and the rest; the mark is "" if it is none.
func item(l string) (mark, body string) {
	head, body, ok := strings.Cut(l, " ")
	switch {
	case !ok:
		return "", ""
	case head == "-" || head == "*" || head == "+":
		return "• ", strings.TrimSpace(body)
	}
	n := strings.TrimRight(head, ".)")
	if len(head) != len(n)+1 || len(n) == 0 || len(n) > 9 || strings.Trim(n, "0123456789") != "" {
		return "", ""
	}
	return head + " ", strings.TrimSpace(body)
}
