// Package robots reads robots.txt as RFC 9309 says.
//
// tool/web asks it before it gets a page. It fetches nothing. Whatever the file holds, reading
// it takes time and memory in proportion to MaxBytes, and asking about an address to the number
// of rules.
package robots

import (
	"bufio"
	"bytes"
	"strings"
)

// MaxBytes is how much of a file is read: what RFC 9309, section 2.5, has every crawler read.
const MaxBytes = 500 << 10

const (
	maxLine  = 4 << 10 // a longer one is passed over
	maxStars = 16      // in a pattern; see compile
)

// Rules are what a file says to one crawler. They are immutable. The zero Rules allow all.
type Rules struct {
	rules  []rule
	closed bool
	size   int
}

// Closed are the rules of a site whose file can't be had for now: nothing is allowed
// (section 2.3.1.4).
func Closed() Rules { return Rules{closed: true} }

// Unread reports whether they are Closed.
func (r Rules) Unread() bool { return r.closed }

// rule is one allow or disallow line.
type rule struct {
	parts  []string // of the pattern, between its stars
	end    bool     // the last part is to be the end
	length int      // octets of the pattern: the longest that matches decides
	allow  bool
}

// Parse returns what a file says to a crawler, by its product token, as in "isekai". A group of
// its own counts alone, else that of "*"; several groups of a name are one.
func Parse(file []byte, token string) Rules {
	file = bytes.TrimPrefix(file[:min(len(file), MaxBytes)], []byte("\ufeff"))
	var own, others Rules
	found := false
	toOwn, toOthers, inRules := false, false, false // whom the rules that follow are for
	lines := bufio.NewScanner(bytes.NewReader(bytes.ReplaceAll(file, []byte("\r"), []byte("\n"))))
	lines.Buffer(make([]byte, 0, maxLine), MaxBytes+1)
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		key, value, ok := strings.Cut(line, ":")
		if !ok || len(line) > maxLine {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "user-agent":
			if inRules {
				toOwn, toOthers, inRules = false, false, false
			}
			switch {
			case strings.EqualFold(product(value), token):
				found, toOwn = true, true
			case value == "*" || strings.HasPrefix(value, "* "):
				toOthers = true
			}
		case "allow", "disallow":
			inRules = true
			allow := strings.EqualFold(strings.TrimSpace(key), "allow")
			if toOwn {
				own.add(value, allow)
			}
			if toOthers {
				others.add(value, allow)
			}
		}
	}
	if found {
		return own
	}
	return others
}

// product returns the product token that a value begins with (section 2.2.1).
func product(value string) string {
	end := strings.IndexFunc(value, func(r rune) bool {
		return r != '-' && r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if end < 0 {
		return value
	}
	return value[:end]
}

// add compiles a pattern. One with more stars than anybody needs ends at the last that counts,
// so that it forbids more, and allows nothing.
func (r *Rules) add(pattern string, allow bool) {
	if pattern == "" {
		return // of no effect
	}
	one := rule{length: len(pattern), allow: allow}
	if p, ok := strings.CutSuffix(pattern, "$"); ok {
		pattern, one.end = p, true
	}
	parts := strings.Split(normal(pattern), "*")
	if len(parts) > maxStars+1 {
		if allow {
			return
		}
		parts, one.end = append(parts[:maxStars:maxStars], ""), false
	}
	one.parts = parts
	r.rules = append(r.rules, one)
	r.size += len(pattern) + 100
}

// Size returns about how many bytes the rules take.
func (r Rules) Size() int { return r.size + 100 }

// Allowed reports whether the crawler may get a path, with its query, as a URL has it. The
// longest rule that matches decides, and of two the one that allows.
func (r Rules) Allowed(path string) bool {
	if path == "/robots.txt" {
		return true
	}
	if r.closed {
		return false
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	path = normal(path)
	best, allowed := -1, true
	for _, one := range r.rules {
		if one.length < best || one.length == best && !one.allow || !one.matches(path) {
			continue
		}
		best, allowed = one.length, one.allow
	}
	return allowed
}

// matches looks for the parts in their order, each as early as it is there: no other place
// would leave more for those that follow.
func (r rule) matches(path string) bool {
	rest, ok := strings.CutPrefix(path, r.parts[0])
	if !ok {
		return false
	}
	last := len(r.parts) - 1
	if last == 0 {
		return !r.end || rest == ""
	}
	for _, part := range r.parts[1:last] {
		if _, rest, ok = strings.Cut(rest, part); !ok {
			return false
		}
	}
	if r.end {
		return strings.HasSuffix(rest, r.parts[last])
	}
	return strings.Contains(rest, r.parts[last])
}

// normal returns a path as it is compared (section 2.2.2): octets outside of ASCII are encoded,
// and what is encoded without need isn't.
func normal(path string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		encoded := c >= 0x80
		if c == '%' && i+2 < len(path) {
			high, low := digit(path[i+1]), digit(path[i+2])
			if high >= 0 && low >= 0 {
				c, encoded = byte(high<<4|low), true
				i += 2
				if unreserved(c) {
					encoded = false
				}
			}
		}
		if encoded {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			c = hex[c&15]
		}
		b.WriteByte(c)
	}
	return b.String()
}

func digit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// unreserved are the characters that mean the same encoded or not (RFC 3986, section 2.3).
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}
