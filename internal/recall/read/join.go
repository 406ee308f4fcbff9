package read

import (
	"strings"
	"unicode/utf8"
)

// The lengths of parts, in bytes. A model of embeddings reads some 500 tokens, which are 1,500
// to 2,000 bytes; a part that is shown has to say what it is about.
const (
	target   = 1100 // a part that has so much takes no other block
	longest  = 1600
	MaxParts = 5000
)

// join makes parts of blocks: those that follow one another under one heading share parts,
// and those that are too long are split.
func (d *Document) join(blocks []block) {
	j := joiner{d: d}
	for _, b := range blocks {
		b.text = strings.TrimRight(b.text, " \t\n")
		if strings.TrimSpace(b.text) == "" {
			continue
		}
		j.add(b)
	}
	j.flush()
}

type joiner struct {
	d    *Document
	part Part
}

func (j *joiner) add(b block) {
	if len(j.part.Text) > 0 && (b.alone || b.Heading != j.part.Heading || b.Page != j.part.Page ||
		len(j.part.Text)+len(b.text) > longest || len(j.part.Text) >= target) {
		j.flush()
	}
	for len(b.text) > longest {
		head, rest := cut(b.text)
		lines := strings.Count(b.text[:len(b.text)-len(rest)], "\n")
		first := b
		first.text = head
		if b.Line > 0 {
			first.End = b.Line + strings.Count(head, "\n")
			b.Line += lines
		}
		j.take(first)
		j.flush()
		b.text = rest
	}
	j.take(b)
}

// take adds a block that fits to the part.
func (j *joiner) take(b block) {
	if strings.TrimSpace(b.text) == "" {
		return
	}
	if j.part.Text == "" {
		j.part = Part{Place: b.Place, Text: b.text}
		return
	}
	j.part.Text += "\n\n" + b.text
	j.part.End = b.End
}

func (j *joiner) flush() {
	switch {
	case j.part.Text == "":
	case len(j.d.Parts) >= MaxParts:
		j.d.Cut = true
	default:
		j.d.Parts = append(j.d.Parts, j.part)
	}
	j.part = Part{}
}

// cut splits a text that is too long for a part: after a line, else a sentence, else a word.
func cut(s string) (head, rest string) {
	window := s[:longest]
	at := -1
	for _, end := range []string{"\n", ". ", " "} {
		if at = strings.LastIndex(window, end); at >= longest/3 {
			at += len(end)
			return strings.TrimRight(s[:at], " \n"), s[at:]
		}
	}
	at = longest
	for !utf8.RuneStart(s[at]) {
		at--
	}
	return s[:at], s[at:]
}
