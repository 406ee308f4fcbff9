package read_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/recall/read"
	"github.com/isekai-run/isekai/internal/recall/read/readtest"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind            read.Kind
		in, title, want string
	}{
		"paragraphs": {read.Text, "one\ntwo\n\n\nthree\r\nfour", "", "[0:1-6 ]\none\ntwo\n\nthree\nfour\n"},
		"headings": {read.Markdown, "intro\n\n# A #\ntext\n## B\nmore\n\n# C\n\nlast\n", "A",
			"[0:1-1 ]\nintro\n[0:4-4 A]\ntext\n[0:6-6 A > B]\nmore\n[0:10-10 C]\nlast\n"},
		"underlined headings": {read.Markdown, "A\n===\ntext\n\nB\n---\nmore\n\n---\n", "A", "[0:3-3 A]\ntext\n[0:7-9 A > B]\nmore\n\n---\n"},
		"front matter":        {read.Markdown, "---\ntitle: \"The guide\"\nx: y\n---\n# A\ntext", "The guide", "[0:6-6 A]\ntext\n"},
		"code is no heading":  {read.Markdown, "# A\n```sh\n# not B\n\nls\n```\nafter", "A", "[0:2-7 A]\n```sh\n# not B\n \nls\n```\nafter\n"},
		"#hash is no heading": {read.Markdown, "#hash\n####### seven", "", "[0:1-2 ]\n#hash\n####### seven\n"},
		"a page": {read.HTML, `<!doctype html><title> The
			page </title><style>p{}</style><body><script>alert("x")</script><h1>A <i>b</i></h1><p>one <b>two</b>&amp;three<p>four<h2>C</h2><ul><li>x<li>y</ul><table><tr><th>k<th>v<tr><td>1<td>2</table><pre>a
  b</pre>`, "The page", "[0:0-0 A b]\none two&three\n\nfour\n[0:0-0 A b > C]\nx\ny\n\nk | v\n1 | 2\n\na\n  b\n"},
		"a page without an end":  {read.HTML, "<h1>A</h1><p>one<script>x", "A", "[0:0-0 A]\none\n"},
		"rows":                   {read.CSV, "name,age\nAnn,7\n\"Bob, jr\",\n", "", "[0:1-3 ]\nColumns: name, age\n\nname: Ann; age: 7\n\nname: Bob, jr\n"},
		"semicolons":             {read.CSV, "a;b\n1;2\n", "", "[0:1-2 ]\nColumns: a, b\n\na: 1; b: 2\n"},
		"a quote without an end": {read.CSV, "a,b\n1,2\n\"x", "", "[0:1-3 ]\nColumns: a, b\n\na: 1; b: 2\n\na: x\n"},
		"functions": {read.Code, "package x\n\n// A does.\nfunc A() {\n\treturn\n}\n\n// B is.\n// Really.\ntype B struct{}\n\nfunc (b B) C() {}\n", "",
			"[0:1-2 ]\npackage x\n[0:3-7 func A()]\n// A does.\nfunc A() {\n\treturn\n}\n[0:8-11 type B struct{}]\n// B is.\n// Really.\ntype B struct{}\n[0:12-12 func (b B) C() {}]\nfunc (b B) C() {}\n"},
		"python": {read.Code, "import os\n\nclass A(B):\n    def f(self):\n        pass\n\n@x\ndef g():\n    pass\n", "",
			"[0:1-2 ]\nimport os\n[0:3-3 class A(B)]\nclass A(B):\n[0:4-6 def f(self)]\n    def f(self):\n        pass\n[0:7-9 def g()]\n@x\ndef g():\n    pass\n"},
		"code of no functions": {read.Code, "a: 1\n\nb: 2\n", "", "[0:1-3 ]\na: 1\n\nb: 2\n"},
		"UTF-16":               {read.Text, "\xff\xfeh\x00i\x00", "", "[0:1-1 ]\nhi\n"},
		"a byte order mark":    {read.Markdown, "\ufeff# A\nx", "A", "[0:2-2 A]\nx\n"},
		"bytes that are none":  {read.Text, "a\xffb", "", "[0:1-1 ]\na\ufffdb\n"},
	} {
		d := decode(t, c.kind, c.in)
		if got := shown(d); got != c.want || d.Title != c.title {
			t.Errorf("%s: title %q, want %q; got\n%s\nwant\n%s", name, d.Title, c.title, got, c.want)
		}
	}
}

// TestLongTextIsSplit: parts are short, hold all of the text, and say where they are.
func TestLongTextIsSplit(t *testing.T) {
	t.Parallel()
	line := "The quick brown fox jumps over the lazy dog and says so. "
	for name, text := range map[string]string{
		"one line":     strings.Repeat(line, 500),
		"many lines":   strings.Repeat(line+"\n", 500),
		"paragraphs":   strings.Repeat(line+"\n\n", 500),
		"no spaces":    strings.Repeat("x", 50_000),
		"wide letters": strings.Repeat("東", 20_000),
	} {
		d := decode(t, read.Text, text)
		last, all := 0, 0
		for _, p := range d.Parts {
			if len(p.Text) > 1600 || len(p.Text) == 0 || !utf8.ValidString(p.Text) || p.Line < last || p.End < p.Line {
				t.Errorf("%s: a part of %d bytes at lines %d to %d after %d", name, len(p.Text), p.Line, p.End, last)
			}
			last = p.Line
			all += len(strings.Join(strings.Fields(p.Text), ""))
		}
		if want := len(strings.Join(strings.Fields(text), "")); all != want || len(d.Parts) < 10 {
			t.Errorf("%s: %d parts of %d bytes, want %d", name, len(d.Parts), all, want)
		}
		lines := strings.Count(strings.TrimSpace(text), "\n") + 1
		if end := d.Parts[len(d.Parts)-1].End; end != lines {
			t.Errorf("%s: the last line is %d of %d", name, end, lines)
		}
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	d := decode(t, read.Markdown, strings.Repeat("# a\nb\n# c\nd\n", 10_000))
	if len(d.Parts) != read.MaxParts || !d.Cut {
		t.Errorf("%d parts, cut %t", len(d.Parts), d.Cut)
	}
	d = decode(t, read.Text, strings.Repeat("é", read.MaxText))
	if !d.Cut || !utf8.ValidString(d.Parts[len(d.Parts)-1].Text) {
		t.Error("a text that is too long isn't cut, or in the midst of a letter")
	}
	for name, c := range map[string]struct{ kind, in string }{
		"nothing": {"text", ""}, "spaces": {"html", "<p> </p>"}, "binary": {"text", "a\x00b"}, "unknown": {"word", "x"}, "a PDF": {"pdf", "%PDF-"}, "a script alone": {"html", "<script>x</script>"},
	} {
		if _, err := read.Decode(read.Kind(c.kind), []byte(c.in)); core.CodeOf(err) != core.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		said, name, data string
		want             read.Kind
	}{
		{"", "a.md", "x", read.Markdown}, {"", "A.HTML", "x", read.HTML}, {"text/html; charset=utf-8", "x", "x", read.HTML}, {"csv", "a.txt", "x", read.CSV},
		{"", "main.go", "x", read.Code}, {"", "https://example.org/a", "<!doctype html><p>x", read.HTML}, {"", "README", "plain words", read.Text},
		{"", "a.txt", "%PDF-1.7", read.PDF}, {"application/octet-stream", "a.pdf", "%PDF-1.7", read.PDF}, {"", "a.bin", "\x00\x01\x02\x03", ""}, {"", "a.docx", "PK\x03\x04", ""},
	} {
		if got := read.KindOf(c.said, c.name, []byte(c.data)); got != c.want {
			t.Errorf("%q %q: %q, want %q", c.said, c.name, got, c.want)
		}
	}
}

func TestPDF(t *testing.T) {
	t.Parallel()
	data := readtest.PDF("The manual", []string{"Chapter one (of two)", "The pump is red."}, []string{"Chapter two", "The valve is blue and turns left."})
	d, err := read.DecodePDF(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	want := "[1:0-0 ]\nChapter one (of two)\nThe pump is red.\n[2:0-0 ]\nChapter two\nThe valve is blue and turns left.\n"
	if got := shown(d); got != want || d.Title != "The manual" {
		t.Errorf("%q: got\n%s\nwant\n%s", d.Title, got, want)
	}
	for name, data := range map[string]string{"nothing": "", "another": "hello", "cut": string(data[:len(data)/2]), "a head alone": "%PDF-1.4\n", "no pages": string(readtest.PDF("x"))} {
		if _, err := read.DecodePDF(strings.NewReader(data), int64(len(data))); core.CodeOf(err) != core.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzDecode: no reader panics, and every part is bounded text with a place that can be.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{"# A\ntext\n```\ncode\n", "<h1>A</h1><p>b<script>", "a,b\n\"1,2\n", "func A() {\n}\n", "---\ntitle: x\n---\ny", "A\n===\n- x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, kind := range []read.Kind{read.Text, read.Markdown, read.HTML, read.CSV, read.Code} {
			d, err := read.Decode(kind, []byte(s))
			if err != nil {
				if core.CodeOf(err) != core.Invalid {
					t.Errorf("%s: %v", kind, err)
				}
				continue
			}
			lines := strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s), "\n") + 1
			for _, p := range d.Parts {
				if p.Text == "" || len(p.Text) > 1600 || !utf8.ValidString(p.Text) || p.Line < 0 || p.End > lines || len(p.Heading) > 220 {
					t.Errorf("%s: %+v of %d lines", kind, p, lines)
				}
			}
		}
	})
}

// FuzzPDF: whatever the library does, an error or a document comes of it.
func FuzzPDF(f *testing.F) {
	f.Add(readtest.PDF("x", []string{"one", "two"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if d, err := read.DecodePDF(bytes.NewReader(data), int64(len(data))); err == nil && len(d.Parts) == 0 {
			t.Error("a document of nothing")
		}
	})
}
