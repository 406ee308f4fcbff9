// Package read makes parts of documents: pieces of text of the length that models read well,
// split where a document is split itself (headings, functions, rows, paragraphs), each with the
// place by which somebody finds it again.
//
// Package recall calls it. What comes in is hostile: every reader takes time and memory in
// proportion to its input, of which it takes at most MaxText, and never panics. PDF, whose
// readers can't promise that, is read in a process of its own (pdf.go). It runs nothing, follows
// no link, and knows no store.
package read

import (
	"bytes"
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
)

const op = "document.read"

// Kind is how a document is read.
type Kind string

// The kinds.
const (
	Text     Kind = "text"
	Markdown Kind = "markdown"
	HTML     Kind = "html"
	CSV      Kind = "csv"
	Code     Kind = "code"
	PDF      Kind = "pdf"
)

// Kinds are all kinds.
var kinds = []Kind{Text, Markdown, HTML, CSV, Code, PDF}

// MaxText bounds the text of a document, in bytes.
const MaxText = 8 << 20

// Place is where something is in a document.
type Place struct {
	Page    int    `json:"page,omitempty"`    // from 1; 0: it has no pages
	Line    int    `json:"line,omitempty"`    // the first, from 1; 0: lines say nothing
	End     int    `json:"end,omitempty"`     // the last line
	Heading string `json:"heading,omitempty"` // "Operating > Backups", or the function's first line
}

// Part is a piece of a document.
type Part struct {
	Place
	Text string
}

// Document is what was read.
type Document struct {
	Title string // as it says itself; may be empty
	Parts []Part
	Cut   bool // there was more than MaxText or MaxParts
}

// block is what readers find: text that stays together if it isn't too long.
type block struct {
	Place
	text  string
	alone bool // a new part begins with it
}

// Decode reads a document that isn't a PDF. invalid: it isn't what kind says, or isn't text.
func Decode(kind Kind, data []byte) (Document, error) {
	read, known := map[Kind]func(string) (string, []block){Text: text, Markdown: markdown, HTML: html, CSV: csv, Code: code}[kind]
	if !known {
		return Document{}, core.E(core.Invalid, op, "a document of the kind "+string(kind)+" can't be read")
	}
	cut := len(data) > MaxText
	plain, err := decoded(data[:min(len(data), MaxText)], cut)
	if err != nil {
		return Document{}, err
	}
	title, blocks := read(plain)
	d := Document{Title: tidy(title), Cut: cut}
	d.join(blocks)
	if len(d.Parts) == 0 {
		return d, core.E(core.Invalid, op, "there is no text in the document").WithHint("a scanned page has to be made text first")
	}
	return d, nil
}

// decoded returns data as text in UTF-8: of UTF-8 as it is, with a mark or without, and of
// UTF-16 with a mark.
func decoded(data []byte, cut bool) (string, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if wide, ok := utf16Text(data); ok {
		return wide, nil
	}
	if bytes.IndexByte(data, 0) >= 0 {
		return "", core.E(core.Invalid, op, "the document isn't text").WithHint("text, Markdown, HTML, CSV, code and PDF can be read")
	}
	for n := 0; cut && n < utf8.UTFMax && !utf8.Valid(data[max(0, len(data)-8):]); n++ { // in the midst of a letter
		data = data[:len(data)-1]
	}
	s := strings.ToValidUTF8(string(data), "\ufffd")
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"), nil
}

// KindOf returns the kind of a document by what its sender says (a media type, or a Kind), its
// name, and its first bytes; "" if it can't be read.
func KindOf(said, name string, data []byte) Kind {
	if k := Kind(said); slices.Contains(kinds, k) {
		return k
	}
	if bytes.HasPrefix(bytes.TrimLeft(data[:min(len(data), 1024)], "\ufeff \t\r\n"), []byte("%PDF-")) {
		return PDF
	}
	media, _, _ := strings.Cut(said, ";")
	if k, ok := medias[strings.ToLower(strings.TrimSpace(media))]; ok {
		return k
	}
	if k, ok := endings[strings.ToLower(path.Ext(name))]; ok {
		return k
	}
	if codeEndings[strings.ToLower(path.Ext(name))] {
		return Code
	}
	switch sniffed := http.DetectContentType(data); {
	case strings.HasPrefix(sniffed, "text/html"):
		return HTML
	case strings.HasPrefix(sniffed, "text/"):
		return Text
	}
	return ""
}

var medias = map[string]Kind{
	"text/markdown": Markdown, "text/x-markdown": Markdown, "text/html": HTML, "application/xhtml+xml": HTML, "text/csv": CSV,
	"text/tab-separated-values": CSV, "application/pdf": PDF,
}

var endings = map[string]Kind{
	".md": Markdown, ".markdown": Markdown, ".mdx": Markdown, ".html": HTML, ".htm": HTML, ".xhtml": HTML, ".csv": CSV, ".tsv": CSV, ".pdf": PDF, ".txt": Text, ".rst": Text, ".log": Text,
}

var codeEndings = func() map[string]bool {
	m := map[string]bool{}
	for _, e := range strings.Fields(`.go .py .js .mjs .cjs .jsx .ts .tsx .java .kt .kts .scala .c .h .cc .cpp .cxx .hpp .cs .rs .rb .php .swift .m .lua .pl .sh .bash
		.ps1 .sql .r .jl .ex .exs .erl .hs .clj .dart .zig .proto .tf .css .scss .vue .svelte .yaml .yml .toml .json .xml .ini .gradle`) {
		m[e] = true
	}
	return m
}()

// tidy returns a line of text without breaks and double spaces, of a length that a list shows.
func tidy(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 200 {
		n := 200
		for !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n] + "…"
	}
	return s
}
