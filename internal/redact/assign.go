package redact

import (
	"math"
	"regexp"
	"strings"
)

var (
	connectionPassword = regexp.MustCompile(`^://[^\x00-\x20\x7f/?#@:"'<>\x60]{0,128}:([^\x00-\x20\x7f@"'<>/\x60]{1,256})@[^\x00-\x20\x7f"'<>\x60]`)
	headerValue        = regexp.MustCompile(`(?i)^authorization(?:["'\\]{1,3}\]?)?[ \t]{0,4}[:=,][ \t\["'\\]{0,6}(?:(?:basic|bearer|token|apikey|negotiate|digest)[ +]+)?([A-Za-z0-9._~+/=:-]{12,600})`)
	bearerValue        = regexp.MustCompile(`(?i)^bearer(?:[ \t:=+]|%20){1,4}["'\\]{0,2}([A-Za-z0-9._~+/=-]{16,})`)
	inLine             = newSet(printable() + "\t")
)

// printable returns the bytes of a line: ASCII's, and those above it.
func printable() string {
	var b strings.Builder
	for c := 0x20; c < 256; c++ {
		if c != 0x7f {
			b.WriteByte(byte(c))
		}
	}
	return b.String()
}

// inside returns where an expression's only group matches, if its text is no placeholder.
func inside(re *regexp.Regexp, reach int, accept func(string) bool, text string, at int) span {
	window := text[at:min(len(text), at+reach)]
	m := re.FindStringSubmatchIndex(window)
	if m == nil || !accept(window[m[2]:m[3]]) {
		return span{}
	}
	return span{at + m[2], at + m[3]}
}

// connection takes the password of a URL: scheme://user:password@host.
func connection(text string, at int) span {
	return inside(connectionPassword, reachLine, func(v string) bool { return !placeholder(v) }, text, at)
}

// header takes the credential of an authorization header, with or without its scheme.
func header(text string, at int) span {
	return inside(headerValue, reachLine, func(v string) bool { return !placeholder(v) && mixed(v) && entropy(v) > 2.5 }, text, at)
}

// bearer takes what follows the word, if it doesn't look like more words.
func bearer(text string, at int) span {
	if within(text, at) {
		return span{}
	}
	return inside(bearerValue, reachToken, func(v string) bool { return !placeholder(v) && mixed(v) && entropy(v) > 3 }, text, at)
}

// telling are the names of what is secret.
var telling = []string{
	"password", "passwd", "passphrase", "pwd", "secret", "token", "api_key", "apikey", "api-key", "access_key", "accesskey", "access-key",
	"private_key", "privatekey", "credential", "auth_key", "authkey", "signing_key", "encryption_key", "master_key",
}

// about ends names of what is only about a secret.
var about = regexp.MustCompile(`(?i)(?:ids?|ur[li]|file|path|name|type|count|size|length|limit|ttl|expiry|expires|expires_(?:in|at)|policy|field|hint|label|prefix|version|endpoint|algorithm)$`)

// assigned is a name's end, a sign and what stands before a value; the groups are the name's
// end, the sign and the quote.
var assigned = regexp.MustCompile(`^((?:[sS]?[_.0-9A-Z-][A-Za-z0-9_.-]{0,40})?|s)(?:["'\\]{1,3}\]?)?[ \t]{0,8}(:=|=>|={1,3}|:|>)[ \t]{0,8}(?:[bBrRfF]?(\\{0,2}["'\x60]))?`)

// option is what follows a name on a command line.
var option = regexp.MustCompile(`^([A-Za-z0-9_-]{0,20})([ \t])(["'])?`)

// assignment takes a value that is assigned to a telling name, where it has the entropy of a
// secret and isn't a piece of a program.
func assignment(text string, at int) span {
	name := nameEnd(text[at:min(len(text), at+reachLine)])
	if counts(text[at+name : min(len(text), at+reachLine)]) {
		return span{}
	}
	return assignedTo(text, at, name)
}

// assignedTo is assignment to a name of so many bytes.
func assignedTo(text string, at, name int) span {
	window := text[at:min(len(text), at+reachLine)]
	m := assigned.FindStringSubmatchIndex(window[name:])
	if m == nil && at > 0 && text[at-1] == '-' {
		m = option.FindStringSubmatchIndex(window[name:])
	}
	if m == nil || about.MatchString(window[name+m[2]:name+m[3]]) {
		return span{}
	}
	from := name + m[1]
	quote := byte(0)
	if m[6] >= 0 {
		quote = window[from-1]
	}
	value := valueOf(window[from:], quote)
	if !secretive(value, quote != 0) {
		return span{}
	}
	return span{at + from, at + from + len(value)}
}

// counts reports whether what follows a name says that it is a number, as in "max_tokens": 16.
// That is no secret, stands in nearly every request to a model, and is seen without an
// expression.
func counts(rest string) bool {
	i := 0
	for i < len(rest) && inName[rest[i]] {
		i++
	}
	if i < len(rest) && (rest[i] == '"' || rest[i] == '\'') {
		i++
	}
	if i = blanks(rest, i); i == len(rest) || rest[i] != ':' {
		return false
	}
	from := blanks(rest, i+1)
	for i = from; i < len(rest) && '0' <= rest[i] && rest[i] <= '9'; {
		i++
	}
	return i > from && (i == len(rest) || !inLine[rest[i]] || strings.IndexByte(bareEnd, rest[i]) >= 0)
}

var inName = newSet(letters + digits + "_.-")

// blanks returns where those at i end.
func blanks(text string, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
		i++
	}
	return i
}

// nameEnd returns the length of the telling name that the text begins with.
func nameEnd(window string) int {
	longest := 0
	for _, w := range telling {
		if len(w) > longest && len(w) <= len(window) && strings.EqualFold(window[:len(w)], w) {
			longest = len(w)
		}
	}
	return longest
}

// valueOf returns the value that a text begins with: up to the quote, or as far as a bare
// one goes.
func valueOf(text string, quote byte) string {
	stops := bareEnd
	if quote != 0 {
		stops = string(quote) + "\\"
	}
	for i := 0; i < len(text); i++ {
		if !inLine[text[i]] || strings.IndexByte(stops, text[i]) >= 0 {
			return text[:i]
		}
	}
	return text
}

// bareEnd are the bytes that end a value without quotes.
const bareEnd = " \t,;\"'<>()[]{}&|`\\"

// secretive reports whether a value looks like a secret.
func secretive(v string, quoted bool) bool {
	if len(v) < 8 || placeholder(v) || !mixed(v) || code(v) {
		return false
	}
	if quoted {
		return entropy(v) >= 2.8 && !strings.Contains(v, " ")
	}
	return entropy(v) >= 3 && (len(v) >= 12 || kinds(v) >= 3) && !camel.MatchString(v)
}

var (
	stand = regexp.MustCompile(`(?i)\$\{|\{\{|\$\(|<[a-z]|%\(|xxxx|\*\*\*|\.\.\.|…|redacted|example|changeme|change-me|placeholder|your[-_ ]|dummy|process\.env|getenv|^env[.:\[]|^\$[A-Za-z_]|^%[A-Za-z_]+%$`)
	only  = regexp.MustCompile(`(?i)^(?:password|passwd|pass|pwd|pw|secret|token|key|user|username|null|none|nil|true|false|undefined|string|[x*.#]+)$`)
	camel = regexp.MustCompile(`^[A-Za-z][a-z]+(?:[A-Z][a-z]+)+[0-9]?$`)
	calls = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]*(?:(?:\.|::|->)[A-Za-z_$][A-Za-z0-9_$]*)+$|^[a-z]+(?:[_-][a-z]+)+[0-9]?$|^/[\w./-]+$|^[\w-]+\.[a-z]{1,4}$`)
)

// placeholder reports whether a value only stands for one.
func placeholder(v string) bool { return stand.MatchString(v) || only.MatchString(v) }

// code reports whether a value is a piece of a program, a path or a file: config.token2.
func code(v string) bool { return calls.MatchString(v) }

// mixed reports whether a value has letters and digits, as keys have and words haven't.
func mixed(v string) bool {
	return strings.ContainsAny(v, digits) && strings.ContainsAny(v, letters)
}

// kinds counts sorts of characters: lower case, upper case, digits, others.
func kinds(v string) (n int) {
	var seen [4]bool
	for _, c := range []byte(v) {
		switch {
		case 'a' <= c && c <= 'z':
			seen[0] = true
		case 'A' <= c && c <= 'Z':
			seen[1] = true
		case '0' <= c && c <= '9':
			seen[2] = true
		default:
			seen[3] = true
		}
	}
	for _, s := range seen {
		if s {
			n++
		}
	}
	return n
}

// entropy is Shannon's, in bits for each byte.
func entropy(v string) (bits float64) {
	var count [256]int
	for _, c := range []byte(v) {
		count[c]++
	}
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(v))
			bits -= p * math.Log2(p)
		}
	}
	return bits
}
