package model

import (
	"bytes"
	"slices"
	"strings"
)

// blockKind is what a held block of text may turn out to be.
type blockKind int

const (
	noBlock    blockKind = iota
	valueBlock           // a JSON object or array
	fenceBlock           // ``` ... ```
	tagBlock             // <tool_call> ... </tool_call>
	markBlock            // <|python_tag|> ..., to the end
	otherFence           // a fenced block that is text
	ordinary             // text
	undecided            // more must come
)

const (
	fence       = "```"
	openTag     = "<tool_call>"
	closeTag    = "</tool_call>"
	maxDecision = 256 // bytes after which a beginning that is still undecided is text
)

// flush decides as much of the held text as can be, all of it at the end, and
// returns what is text.
func (c *Canonical) flush(end bool) string {
	if c.schema {
		c.unfence(end)
	} else {
		for len(c.held) > 0 && c.step(end) {
		}
	}
	if end && len(c.foreign) == 0 || len(c.space) > maxSpace {
		c.out.Write(c.space)
		c.space = nil
	}
	s := c.out.String()
	c.out.Reset()
	return s
}

// step decides the next part of the held text and reports whether it could.
func (c *Canonical) step(end bool) bool {
	if c.block != noBlock {
		return c.closeBlock(end)
	}
	if !c.lineStart {
		n := bytes.IndexByte(c.held, '\n') + 1
		c.lineStart = n > 0
		if n == 0 {
			n = len(c.held)
		}
		c.emit(n)
		return true
	}
	if n := len(c.held) - len(bytes.TrimLeft(c.held, " \t\r\n")); n > 0 {
		c.emit(n)
		return true
	}
	if c.fenced { // nothing but its end counts
		if !end && len(c.held) < len(fence) && strings.HasPrefix(fence, string(c.held)) {
			return false
		}
		c.fenced, c.lineStart = !bytes.HasPrefix(c.held, []byte(fence)), false
		return true
	}
	switch kind := opening(c.held, end); kind {
	case undecided:
		return false
	case valueBlock, fenceBlock, tagBlock, markBlock:
		c.block, c.scan = kind, scanner{}
	case otherFence:
		c.fenced = true
		c.emit(len(fence))
		c.lineStart = false
	default:
		c.lineStart = false
	}
	return true
}

// closeBlock looks for the end of the block at the head of the held text. At
// the end of the answer, the rest is the block.
func (c *Canonical) closeBlock(end bool) bool {
	body, size := c.scan.find(c.block, c.held)
	switch {
	case size > 0:
	case end:
		body, size = c.scan.rest(c.block, c.held), len(c.held)
	case len(c.held) > maxHeld:
		size = len(c.held)
	default:
		return false
	}
	var calls []foreignCall
	if body != nil {
		if c.block != markBlock {
			calls = c.offer.foreignCalls(body, c.spoken)
		}
		if calls == nil && (c.block == tagBlock || c.block == markBlock) {
			calls = c.offer.tagged(body)
		}
	}
	c.block = noBlock
	if calls == nil {
		c.emit(size)
		c.lineStart = false
		return true
	}
	if len(c.foreign) <= MaxCalls {
		c.foreign = append(c.foreign, calls...)
	}
	c.held = c.held[size:]
	return true
}

// emit makes the first n held bytes text.
func (c *Canonical) emit(n int) {
	b := c.held[:n]
	c.held = c.held[n:]
	words := bytes.TrimRight(b, " \t\r\n")
	if len(words) > 0 {
		c.out.Write(c.space)
		c.out.Write(words)
		c.space, c.spoken = nil, true
	}
	c.space = append(c.space, b[len(words):]...)
}

// opening says what begins at the start of a line; end: nothing comes after b.
func opening(b []byte, end bool) blockKind {
	kind := openingMark(b)
	if kind == markBlock {
		return kind
	}
	switch b[0] {
	case '{', '[':
		if kind == ordinary {
			kind = openingValue(b)
		}
	case '`':
		kind = openingFence(b)
	case '<':
		if bytes.HasPrefix(b, []byte(openTag)) {
			kind = tagBlock
		} else if strings.HasPrefix(openTag, string(b)) {
			kind = undecided
		}
	}
	if kind == undecided && (end || len(b) > maxDecision) {
		kind = ordinary
	}
	return kind
}

// openingValue decides by the first key whether a JSON value may be a call.
func openingValue(b []byte) blockKind {
	b = bytes.TrimLeft(b, "[{ \t\r\n")
	if len(b) == 0 {
		return undecided
	}
	if b[0] != '"' {
		return ordinary
	}
	key, _, whole := strings.Cut(string(b[1:min(len(b), maxDecision)]), `"`)
	for _, k := range firstKeys {
		switch {
		case whole && k == key:
			return valueBlock
		case !whole && strings.HasPrefix(k, key):
			return undecided
		}
	}
	return ordinary
}

var callFences = []string{"", "json", "tool_call", "tool_calls", "function_call", "tool"}

// openingFence decides by the language and the first key of a fenced block.
func openingFence(b []byte) blockKind {
	if !bytes.HasPrefix(b, []byte(fence)) {
		if strings.HasPrefix(fence, string(b)) {
			return undecided
		}
		return ordinary
	}
	info, body, whole := bytes.Cut(b[len(fence):], []byte("\n"))
	language := strings.ToLower(strings.TrimSpace(string(info[:min(len(info), 32)])))
	if !whole {
		if slices.ContainsFunc(callFences, func(f string) bool { return strings.HasPrefix(f, language) }) {
			return undecided
		}
		return otherFence
	}
	if !slices.Contains(callFences, language) {
		return otherFence
	}
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) == 0 {
		return undecided
	}
	if body[0] == '{' || body[0] == '[' {
		switch openingValue(body) {
		case valueBlock:
			return fenceBlock
		case undecided:
			return undecided
		}
	}
	return otherFence
}
