package parse

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/isekai-run/isekai/internal/core"
)

// kind is what a token is.
type kind uint8

const (
	word kind = iota
	number
	quoted
	mark // punctuation that separates
)

// token is a word, a number, a quoted string or a separating mark.
type token struct {
	kind kind
	text string  // as written, without quotes
	low  string  // lower-case, "e-mail" as "email"
	lem  string  // low, in the singular
	num  float64 // of a number
	glue string  // what joins it to the token before: " ", "-" or ""
	used bool    // a rule made something of it
}

// joined are the hyphenated words that are one word.
var joined = map[string]string{
	"e-mail": "email", "e-mails": "emails", "to-do": "todo", "to-dos": "todos", "check-in": "checkin", "log-in": "login",
	"sign-in": "login", "sign-up": "signup", "drop-down": "dropdown", "check-box": "checkbox", "web-site": "website",
}

// symbols are the marks that stand for words.
var symbols = map[rune]string{'€': "euro", '$': "dollar", '£': "pound", '¥': "yen", '%': "percent", '+': "and", '&': "and"}

// lex splits text into tokens. What isn't UTF-8 is white space. It reads at most core.MaxPrompt characters; cut
// tells whether there were more.
func lex(text string) (toks []*token, cut bool) {
	l := lexer{rest: strings.ToValidUTF8(text, " ")}
	for n := 0; l.rest != ""; n = l.read {
		if n >= core.MaxPrompt {
			return l.toks, true
		}
		l.next()
	}
	return l.toks, false
}

type lexer struct {
	rest string
	read int // characters
	toks []*token
	glue string
}

func (l *lexer) next() {
	r, size := utf8.DecodeRuneInString(l.rest)
	switch {
	case r == '\n':
		l.mark("\n", size)
	case unicode.IsSpace(r):
		l.skip(size)
		l.glue = " "
	case unicode.IsDigit(r):
		l.number()
	case unicode.IsLetter(r) || unicode.IsMark(r):
		l.word()
	case r == '"' || r == '“' || r == '„' || r == '”':
		l.quoted(size)
	case symbols[r] != "":
		l.add(&token{kind: word, text: l.rest[:size], low: symbols[r], lem: symbols[r]}, size)
		l.glue = " "
	case strings.ContainsRune(",;:.!?()[]/•*|", r):
		l.mark(string(r), size)
	case r == '-' || r == '–' || r == '—':
		l.dash(r, size)
	default:
		l.skip(size)
		l.glue = " "
	}
}

func (l *lexer) skip(size int) {
	l.read += utf8.RuneCountInString(l.rest[:size])
	l.rest = l.rest[size:]
}

func (l *lexer) add(t *token, size int) {
	t.glue, l.glue = l.glue, ""
	l.toks = append(l.toks, t)
	l.skip(size)
}

func (l *lexer) mark(s string, size int) {
	l.add(&token{kind: mark, text: s, low: s, lem: s}, size)
	l.glue = " "
}

// dash is a hyphen within a word, a range between numbers, or a bullet or a
// pause, which separate.
func (l *lexer) dash(r rune, size int) {
	after, _ := utf8.DecodeRuneInString(l.rest[size:])
	tight := l.glue == "" && len(l.toks) > 0 && l.toks[len(l.toks)-1].kind != mark && (unicode.IsLetter(after) || unicode.IsDigit(after))
	if tight && r != '—' {
		l.skip(size)
		l.glue = "-"
		return
	}
	l.mark("-", size)
}

func (l *lexer) number() {
	end, dots := 0, 0
	for end < len(l.rest) {
		c := l.rest[end]
		digitAfter := end+1 < len(l.rest) && l.rest[end+1] >= '0' && l.rest[end+1] <= '9'
		thousands := c == ',' && end+3 < len(l.rest) && digits(l.rest[end+1:end+4]) && (end+4 == len(l.rest) || !digits(l.rest[end+4:end+5]))
		if !(c >= '0' && c <= '9') && !(c == '.' && digitAfter && dots == 0) && !thousands {
			break
		}
		if c == '.' {
			dots++
		}
		end++
	}
	if end == 0 { // a digit of another script
		l.word()
		return
	}
	text := l.rest[:end]
	n, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
	if err != nil || n > 1e15 {
		n = 0
	}
	l.add(&token{kind: number, text: text, low: text, lem: text, num: n}, end)
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// word reads letters and digits with the apostrophes and dots inside them.
func (l *lexer) word() {
	end := wordEnd(l.rest)
	if strings.HasPrefix(l.rest[end:], "-") {
		long := end + 1 + wordEnd(l.rest[end+1:])
		if low, ok := joined[strings.ToLower(l.rest[:long])]; ok {
			l.add(&token{kind: word, text: l.rest[:long], low: low, lem: singular(low)}, long)
			return
		}
	}
	text := l.rest[:end]
	low := strings.ToLower(strings.ReplaceAll(text, "’", "'"))
	low = strings.TrimSuffix(strings.TrimSuffix(low, "'"), "'s")
	low = strings.ReplaceAll(low, "'", "")
	lem := singular(low)
	if n, ok := numberWords[low]; ok {
		l.add(&token{kind: number, text: text, low: low, lem: low, num: n}, end)
		return
	}
	l.add(&token{kind: word, text: text, low: low, lem: lem}, end)
}

func wordEnd(s string) int {
	end := 0
	for end < len(s) {
		r, size := utf8.DecodeRuneInString(s[end:])
		inner := (r == '\'' || r == '’' || r == '.') && end > 0
		if inner {
			after, _ := utf8.DecodeRuneInString(s[end+size:])
			inner = unicode.IsLetter(after)
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '_' && !inner {
			break
		}
		end += size
	}
	return end
}

// quoted reads up to the closing quote, on the same line and at most 80 bytes
// away; without one the quote is dropped.
func (l *lexer) quoted(size int) {
	body := l.rest[size:]
	end := strings.IndexAny(body, "\"“”\n")
	if end <= 0 || end > 80 || body[end] == '\n' || strings.TrimSpace(body[:end]) == "" {
		l.skip(size)
		return
	}
	_, closing := utf8.DecodeRuneInString(body[end:])
	text := strings.Join(strings.Fields(body[:end]), " ")
	low := strings.ToLower(text)
	l.add(&token{kind: quoted, text: text, low: low, lem: low}, size+end+closing)
	l.glue = " "
}
