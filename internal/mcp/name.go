package mcp

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxName     = 128 // bytes of a tool's name, as a server gives it
	maxToolName = 63  // of the name it gets here: see tool.Checked
)

// names returns what a server's tools are called here, by the server's names: SERVER_tool, with
// what no name can have made "_". It depends on the set of names alone, not on their order.
// Where two would be the same, where one is too long, or where taken says that there is such a
// tool already, the name ends with a digest of the server's.
func names(server string, tools []string, taken func(string) bool) map[string]string {
	plain := make(map[string]string, len(tools))
	used := make(map[string]int, len(tools))
	for _, t := range tools {
		plain[t] = server + "_" + lower(t)
		used[plain[t]]++
	}
	named := make(map[string]string, len(tools))
	for _, t := range tools {
		name := plain[t]
		exact := name == server+"_"+t
		if used[name] > 1 && !exact || len(name) > maxToolName || taken(name) {
			name = digested(name, t)
		}
		named[t] = name
	}
	return named
}

// digested ends a name with a digest of what it stands for.
func digested(name, of string) string {
	sum := sha256.Sum256([]byte(of))
	end := "_" + hex.EncodeToString(sum[:4])
	return strings.TrimRight(name[:min(len(name), maxToolName-len(end))], "_") + end
}

// lower returns a tool's name in lower case, of letters, digits and "_" alone.
func lower(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, name)
}

// cleaned returns text of a server's as data for a model and for terminals: valid UTF-8 without
// characters that aren't seen or that reorder others, cut to n bytes.
func cleaned(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == utf8.RuneError, r >= 0xE0000 && r <= 0xE0FFF, r >= 0xFE00 && r <= 0xFE0F:
			return -1
		}
		return r
	}, s)
	if len(s) <= n {
		return strings.TrimSpace(s)
	}
	const cut = " […]"
	end := n - len(cut)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.TrimSpace(s[:end]) + cut
}
