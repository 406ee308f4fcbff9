package read

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode"

	"github.com/ledongthuc/pdf"

	"github.com/isekai-run/isekai/internal/core"
)

// MaxPages bounds the pages of a PDF.
const MaxPages = 5000

// DecodePDF reads the text of a PDF, page by page. The library that it stands on makes no promises: a
// panic of its is an error here, but for its time and memory the caller's process answers, which
// should be one that does nothing else. invalid: it is damaged, encrypted, or has no text.
func DecodePDF(r io.ReaderAt, size int64) (d Document, err error) {
	defer func() {
		if p := recover(); p != nil {
			d, err = Document{}, damaged(fmt.Errorf("%v", p))
		}
	}()
	f, err := pdf.NewReader(r, size)
	if err != nil {
		return Document{}, damaged(err)
	}
	pages := f.NumPage()
	d.Title, d.Cut = title(f), pages > MaxPages
	var blocks []block
	length := 0
	for n := 1; n <= min(pages, MaxPages) && length < MaxText; n++ {
		for _, b := range onPage(f, n) {
			length += len(b.text)
			blocks = append(blocks, b)
		}
	}
	d.Cut = d.Cut || length >= MaxText
	d.join(blocks)
	if len(d.Parts) == 0 {
		return Document{}, core.E(core.Invalid, op, "there is no text in the PDF").WithHint("scanned pages have to be made text first")
	}
	return d, nil
}

func damaged(err error) error {
	return core.E(core.Invalid, op, "the PDF can't be read: it is damaged, encrypted, or of a kind that isn't known").WithHint("save it anew, without a password").Because(err)
}

// title is what the PDF says of itself, if that can be read.
func title(f *pdf.Reader) (s string) {
	defer func() { _ = recover() }()
	return tidy(strings.ToValidUTF8(f.Trailer().Key("Info").Key("Title").Text(), ""))
}

// onPage reads a page. One that can't be read has no text: the others may be fine.
func onPage(f *pdf.Reader, n int) (blocks []block) {
	defer func() { _ = recover() }()
	p := f.Page(n)
	if p.V.IsNull() {
		return nil
	}
	var s strings.Builder
	gap := 0.0 // the usual one between lines
	var last pdf.Text
	flush := func() {
		if t := strings.TrimSpace(s.String()); t != "" {
			blocks = append(blocks, block{Place: Place{Page: n}, text: t})
		}
		s.Reset()
	}
	for i, t := range p.Content().Text {
		down, right := math.Abs(last.Y-t.Y), t.X-(last.X+last.W)
		size := max(t.FontSize, last.FontSize, 1)
		switch {
		case i == 0:
		case down > size/2:
			if gap > 0 && down > gap*1.5 && last.Y > t.Y || last.Y < t.Y-size/2 { // a wide gap, or another column
				flush()
			} else {
				s.WriteByte('\n')
			}
			if gap == 0 || down < gap {
				gap = down
			}
		case right > size*0.15 && !strings.HasSuffix(s.String()[max(0, s.Len()-1):], " "):
			s.WriteByte(' ')
		}
		s.WriteString(shownText(t.S))
		last = t
		if s.Len() > MaxText {
			break
		}
	}
	flush()
	return blocks
}

// shownText is a text of a PDF without what isn't shown.
func shownText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
