package dialect

import (
	"encoding/binary"
	"math/bits"
)

// maxDepth bounds how deep the arrays and objects of a document are in one another, and with
// it the stack that reading them takes.
const maxDepth = 512

// The scanners below read JSON (RFC 8259) at b[i], return the index after it, and -1 if it
// isn't valid. They take one pass, allocate nothing, and go at most maxDepth deep. Strings
// aren't checked to be UTF-8.

// object reads an object and calls visit, if there is one, for every member: its name as it
// is written, without the quotes, and its value, which is b[from:to].
func object(b []byte, i, depth int, visit func(name []byte, from, to int)) int {
	if depth >= maxDepth || i >= len(b) || b[i] != '{' {
		return -1
	}
	if i = space(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return -1
		}
		nameAt := i + 1
		if i = text(b, nameAt); i < 0 {
			return -1
		}
		name := b[nameAt : i-1]
		if i = space(b, i); i >= len(b) || b[i] != ':' {
			return -1
		}
		from := space(b, i+1)
		if i = value(b, from, depth+1); i < 0 {
			return -1
		}
		if visit != nil {
			visit(name, from, i)
		}
		if i = space(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case '}':
			return i + 1
		case ',':
			i = space(b, i+1)
		default:
			return -1
		}
	}
}

// array reads an array and calls visit, if there is one, for every element, which is b[from:to].
func array(b []byte, i, depth int, visit func(from, to int)) int {
	if depth >= maxDepth || i >= len(b) || b[i] != '[' {
		return -1
	}
	if i = space(b, i+1); i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		from := i
		if i = value(b, from, depth+1); i < 0 {
			return -1
		}
		if visit != nil {
			visit(from, i)
		}
		if i = space(b, i); i >= len(b) {
			return -1
		}
		switch b[i] {
		case ']':
			return i + 1
		case ',':
			i = space(b, i+1)
		default:
			return -1
		}
	}
}

// value reads any value.
func value(b []byte, i, depth int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '{':
		return object(b, i, depth, nil)
	case '[':
		return array(b, i, depth, nil)
	case '"':
		return text(b, i+1)
	case 't':
		return literal(b, i, "true")
	case 'f':
		return literal(b, i, "false")
	case 'n':
		return literal(b, i, "null")
	}
	return number(b, i)
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

func literal(b []byte, i int, want string) int {
	if len(b)-i < len(want) || string(b[i:i+len(want)]) != want {
		return -1
	}
	return i + len(want)
}

// text reads a string whose opening quote is at b[i-1]. It goes eight bytes at a time, as most
// of a request is in few long strings.
func text(b []byte, i int) int {
	for {
		i = plain(b, i)
		switch {
		case i >= len(b) || b[i] < ' ':
			return -1
		case b[i] == '"':
			return i + 1
		}
		if i++; i >= len(b) { // after a backslash
			return -1
		}
		switch b[i] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			i++
		case 'u':
			if len(b)-i < 5 || !hex(b[i+1]) || !hex(b[i+2]) || !hex(b[i+3]) || !hex(b[i+4]) {
				return -1
			}
			i += 5
		default:
			return -1
		}
	}
}

// plain returns the index of the first quote, backslash or control character at or after i.
func plain(b []byte, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for len(b)-i >= 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^('"'*ones), w^('\\'*ones)
		// The lowest top bit that is set tells the first such byte (a borrow may set others above it).
		if found := ((quote-ones)&^quote | (slash-ones)&^slash | (w-' '*ones)&^w) & tops; found != 0 {
			return i + bits.TrailingZeros64(found)>>3
		}
		i += 8
	}
	for i < len(b) && b[i] != '"' && b[i] != '\\' && b[i] >= ' ' {
		i++
	}
	return i
}

func hex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func number(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = digits(b, i); i < 0 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i = digits(b, i+1); i < 0 {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return digits(b, i)
	}
	return i
}

// digits reads one digit or more.
func digits(b []byte, i int) int {
	from := i
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	if i == from {
		return -1
	}
	return i
}
