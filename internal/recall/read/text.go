package read

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// utf16Text decodes UTF-16 that says so by its first bytes.
func utf16Text(data []byte) (string, bool) {
	if len(data) < 2 {
		return "", false
	}
	var order binary.ByteOrder
	switch {
	case data[0] == 0xff && data[1] == 0xfe:
		order = binary.LittleEndian
	case data[0] == 0xfe && data[1] == 0xff:
		order = binary.BigEndian
	default:
		return "", false
	}
	units := make([]uint16, 0, len(data)/2)
	for data = data[2:]; len(data) >= 2; data = data[2:] {
		units = append(units, order.Uint16(data))
	}
	s := strings.ReplaceAll(string(utf16.Decode(units)), "\x00", "")
	return strings.ReplaceAll(s, "\r\n", "\n"), true
}

// text reads paragraphs: what empty lines part.
func text(s string) (string, []block) {
	var p paragraphs
	for line := range strings.Lines(s) {
		p.line(strings.TrimSuffix(line, "\n"))
	}
	return "", p.end()
}

// paragraphs gathers lines to blocks.
type paragraphs struct {
	at     Place // its Heading is that of the next block
	n      int   // lines that were seen
	now    []string
	blocks []block
}

// line takes the next line; an empty one ends a block.
func (p *paragraphs) line(s string) {
	p.n++
	if strings.TrimSpace(s) == "" {
		p.flush()
		return
	}
	if len(p.now) == 0 {
		p.at.Line = p.n
	}
	p.now = append(p.now, s)
}

func (p *paragraphs) flush() {
	if len(p.now) > 0 {
		b := block{Place: p.at, text: strings.Join(p.now, "\n")}
		b.End = b.Line + len(p.now) - 1
		p.blocks = append(p.blocks, b)
	}
	p.now = nil
}

func (p *paragraphs) end() []block {
	p.flush()
	return p.blocks
}
