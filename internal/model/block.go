package model

import "bytes"

// scanner finds the end of a block that comes in pieces, looking at each byte
// once.
type scanner struct {
	pos      int
	depth    int
	inString bool
	escaped  bool
}

// find returns the block's content and its size with its delimiters, or a size
// of 0 if its end hasn't come yet.
func (s *scanner) find(kind blockKind, b []byte) (body []byte, size int) {
	switch kind {
	case valueBlock:
		if !s.value(b) {
			return nil, 0
		}
		return b[:s.pos], s.pos
	case markBlock: // to the end of the answer
		return nil, 0
	case tagBlock:
		start := max(s.pos, len(openTag))
		i := bytes.Index(b[start:], []byte(closeTag))
		if i < 0 {
			s.pos = max(len(openTag), len(b)-len(closeTag))
			return nil, 0
		}
		return b[len(openTag) : start+i], start + i + len(closeTag)
	default: // a fence: it ends with the line that begins with one
		start := max(s.pos, len(fence))
		i := bytes.Index(b[start:], []byte("\n"+fence))
		if i < 0 {
			s.pos = max(len(fence), len(b)-len(fence)-1)
			return nil, 0
		}
		return s.rest(kind, b[:start+i]), start + i + 1 + len(fence)
	}
}

// rest returns the content of a block that nothing closed.
func (s *scanner) rest(kind blockKind, b []byte) []byte {
	switch kind {
	case tagBlock:
		return b[len(openTag):]
	case fenceBlock:
		_, body, _ := bytes.Cut(b, []byte("\n"))
		return body
	}
	return b
}

// value reports whether a JSON value has ended, and where, in pos.
func (s *scanner) value(b []byte) bool {
	for ; s.pos < len(b); s.pos++ {
		ch := b[s.pos]
		switch {
		case s.escaped:
			s.escaped = false
		case s.inString:
			s.escaped = ch == '\\'
			s.inString = ch != '"'
		case ch == '"':
			s.inString = true
		case ch == '{' || ch == '[':
			s.depth++
		case ch == '}' || ch == ']':
			if s.depth--; s.depth <= 0 {
				s.pos++
				return true
			}
		}
	}
	return false
}

// unfence drops a fence around an answer that is to be JSON.
func (c *Canonical) unfence(end bool) {
	b := bytes.TrimLeft(c.held, " \t\r\n")
	fenced := bytes.HasPrefix(b, []byte(fence))
	switch {
	case c.spoken:
	case fenced && !end, !end && bytes.HasPrefix([]byte(fence), b):
		return
	case fenced:
		_, b, _ = bytes.Cut(b, []byte("\n"))
		b = bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(b), []byte(fence)))
		c.held = b
	}
	c.out.Write(c.held)
	c.spoken = c.spoken || len(c.held) > 0
	c.held = nil
}
