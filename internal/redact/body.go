package redact

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Body returns a JSON text as the policy of of.Scope.Org lets it go: each of its strings, and
// its names, as Model has them. It is raw itself, byte for byte, if nothing is to be changed.
// denied: the policy refuses it; invalid: it isn't JSON.
func (s *Service) Body(ctx context.Context, of Sighting, raw []byte) ([]byte, error) {
	at, err := s.of(ctx, of.Scope)
	if err != nil || at.full.clean(raw) {
		return raw, err
	}
	l := s.lookBy(at, of)
	defer l.tell(ctx)
	return l.json(raw)
}

// body is json for what is large, and mostly plain.
func (l *look) body(raw []byte) ([]byte, error) {
	if l.scanner.clean(raw) {
		return raw, nil
	}
	return l.json(raw)
}

// clean reports whether there is surely nothing in a JSON text.
func (s *Scanner) clean(raw []byte) bool { return len(s.find(plain(raw))) == 0 }

// plain is a JSON text without the escapes in its strings, so that one look at it sees what
// its strings say. Where it isn't sure it says more rather than less: who finds something in
// it looks at each string.
func plain(raw []byte) string {
	at := bytes.IndexByte(raw, '\\')
	if at < 0 {
		return string(raw)
	}
	var b strings.Builder
	b.Grow(len(raw))
	for ; at >= 0; at = bytes.IndexByte(raw, '\\') {
		b.Write(raw[:at])
		raw = unescape(&b, raw[at:])
	}
	b.Write(raw)
	return b.String()
}

// unescape writes what the escape at the beginning of b stands for, and returns what follows.
func unescape(to *strings.Builder, b []byte) []byte {
	if len(b) < 2 {
		to.Write(b)
		return nil
	}
	switch b[1] {
	case 'n':
		to.WriteByte('\n')
	case 't':
		to.WriteByte('\t')
	case 'r':
		to.WriteByte('\r')
	case 'b', 'f':
		to.WriteByte(' ')
	case 'u':
		r, size := codePoint(b)
		to.WriteRune(r)
		return b[size:]
	default:
		to.WriteByte(b[1])
	}
	return b[2:]
}

// codePoint reads \uXXXX, or two of them that are one.
func codePoint(b []byte) (r rune, size int) {
	first, ok := unit(b)
	if !ok {
		return utf8.RuneError, 2
	}
	if utf16.IsSurrogate(first) {
		if second, ok := unit(b[6:]); ok {
			if both := utf16.DecodeRune(first, second); both != utf8.RuneError {
				return both, 12
			}
		}
		return utf8.RuneError, 6
	}
	return first, 6
}

func unit(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 32)
	return rune(n), err == nil
}
