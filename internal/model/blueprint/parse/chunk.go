package parse

import "strings"

// chunk is a run of words between separators.
type chunk struct {
	sep string // what stands before it: "", ",", "and", "or", "with", "has", ":", "(", "belongs",
	// "where" (people can do it) or ";"
	comma bool // a comma stands before it too: ", and"
	p     phrase
	depth int // 1 within parentheses
}

// sentence is the chunks up to a full stop or the end of a line.
type sentence []chunk

// introduces reports whether what follows the separator is a list of fields.
func introduces(sep string) bool { return sep == "with" || sep == "has" || sep == ":" || sep == "(" }

// separators are the words between chunks, by their first word.
var separators = []struct {
	words []string
	sep   string
}{
	{[]string{"as", "well", "as"}, "and"}, {[]string{"and", "also"}, "and"}, {[]string{"and"}, "and"}, {[]string{"plus"}, "and"}, {[]string{"or"}, "or"},
	{[]string{"belongs", "to"}, "belongs"}, {[]string{"belong", "to"}, "belongs"}, {[]string{"belonging", "to"}, "belongs"}, {[]string{"linked", "to"}, "belongs"}, {[]string{"related", "to"}, "belongs"},
	{[]string{"consisting", "of"}, "with"}, {[]string{"consists", "of"}, "with"}, {[]string{"made", "up", "of"}, "with"}, {[]string{"such", "as"}, "with"}, {[]string{"with"}, "with"}, {[]string{"including"}, "with"}, {[]string{"containing"}, "with"}, {[]string{"contains"}, "with"}, {[]string{"contain"}, "with"}, {[]string{"featuring"}, "with"},
	{[]string{"having"}, "has"}, {[]string{"has"}, "has"}, {[]string{"have"}, "has"},
	{[]string{"of", "which"}, ","}, {[]string{"but"}, "and"}, {[]string{"then"}, "and"},
	{[]string{"that", "lets", "me"}, "where"}, {[]string{"that", "lets", "you"}, "where"}, {[]string{"that", "lets", "us"}, "where"}, {[]string{"which", "lets", "me"}, "where"}, {[]string{"that", "allows", "me", "to"}, "where"}, {[]string{"that", "allows", "us", "to"}, "where"}, {[]string{"that", "can"}, "where"},
	{[]string{"where", "i", "can"}, "where"}, {[]string{"where", "we", "can"}, "where"}, {[]string{"where", "you", "can"}, "where"}, {[]string{"where", "people", "can"}, "where"}, {[]string{"where", "users", "can"}, "where"}, {[]string{"so", "that", "i", "can"}, "where"}, {[]string{"so", "i", "can"}, "where"}, {[]string{"so", "we", "can"}, "where"},
}

// sentences splits tokens into sentences of chunks.
func sentences(toks []*token) []sentence {
	c := chunker{toks: toks}
	for c.i < len(c.toks) {
		c.step()
	}
	c.endSentence()
	return c.out
}

type chunker struct {
	toks  []*token
	i     int
	out   []sentence
	cur   sentence
	chunk chunk
	depth int
}

func (c *chunker) step() {
	t := c.toks[c.i]
	if t.kind == mark {
		c.mark(t)
		return
	}
	if sep, n := c.separator(); n > 0 {
		phrase(c.toks[c.i : c.i+n]).use()
		c.i += n
		c.split(sep)
		return
	}
	if next := c.peek(1); t.low == "no" && next != nil && next.low == "of" { // "no of guests"
		t.low, t.lem = "number", "number"
	}
	if n := c.weekday(); n > 0 {
		phrase(c.toks[c.i : c.i+n]).use()
		day := *t
		day.text, day.low, day.lem = phrase(c.toks[c.i:c.i+n]).String(), "weekday", "weekday"
		c.chunk.p = append(c.chunk.p, &day)
		c.i += n
		return
	}
	c.chunk.p = append(c.chunk.p, t)
	c.i++
}

func (c *chunker) mark(t *token) {
	c.i++
	switch t.low {
	case ".", "!", "?":
		c.endSentence()
	case ";":
		c.depth = 0
		c.split(";")
	case "\n":
		c.newline()
	case ",":
		c.split(",")
	case "|":
		c.split(",")
	case ":":
		c.split(":")
	case "(", "[":
		c.split("(")
		c.depth, c.chunk.depth = 1, 1
	case ")", "]":
		c.depth = 0
		c.split(",")
	case "/":
		c.split("or")
	case "-", "•", "*":
		if len(c.cur) == 0 && len(c.chunk.p) > 0 { // "my records - artist, album, year"
			c.split(":")
			return
		}
		c.split(",")
	}
}

// newline ends a sentence unless a list goes on in the next line.
func (c *chunker) newline() {
	next := c.peek(0)
	bullet := next != nil && next.kind == mark && strings.Contains("-•*", next.low)
	open := len(c.chunk.p) == 0 && (c.chunk.sep == ":" || c.chunk.sep == ",") && len(c.cur) > 0
	if bullet && (open || len(c.cur) > 0) || open {
		if !open {
			c.split(",")
		}
		if bullet {
			c.i++
		}
		return
	}
	c.endSentence()
}

func (c *chunker) peek(n int) *token {
	if c.i+n < len(c.toks) && c.i+n >= 0 {
		return c.toks[c.i+n]
	}
	return nil
}

// separator returns the separator that begins here and its length in words, or
// 0 when the words here belong to a chunk.
func (c *chunker) separator() (sep string, n int) {
	for _, s := range separators {
		want := s.words
		if c.i+len(want) > len(c.toks) {
			continue
		}
		match := true
		for j, w := range want {
			t := c.toks[c.i+j]
			match = match && t.kind == word && t.low == w
		}
		if match && !c.exception(want[0]) {
			return s.sep, len(want)
		}
	}
	return "", 0
}

// exception reports whether a separating word isn't one here: "between 1 and
// 5", "I have", "noughts and crosses", "drag and drop", "with or without", "plus ones".
func (c *chunker) exception(w string) bool {
	prev, next := c.peek(-1), c.peek(1)
	switch w {
	case "and", "or":
		between := prev != nil && next != nil && prev.kind == number && next.kind == number && c.chunk.p.has("between", "from")
		pair := prev != nil && next != nil && (next.low == "crosses" || prev.low == "drag" && next.low == "drop")
		return between || pair
	case "plus":
		return next != nil && (next.low == "ones" || next.low == "one" && c.ends(2))
	case "have", "has", "contain", "contains":
		return prev != nil && (pronouns[prev.low] && prev.low != "it" && prev.low != "they" && prev.low != "one" && prev.low != "which" || prev.low == "to")
	}
	return false
}

// weekday returns the length of "day of the week" if it begins here, else 0: it
// is one word, and no number of weeks.
func (c *chunker) weekday() int {
	rest := phrase(c.toks[c.i:])
	for _, words := range []string{"day of the week", "day of week"} {
		if want := strings.Fields(words); len(rest) >= len(want) && rest.at(0, want) {
			return len(want)
		}
	}
	return 0
}

// ends reports whether the chunk ends before the token n places on.
func (c *chunker) ends(n int) bool {
	t := c.peek(n)
	return t == nil || t.kind == mark || t.low == "and" || t.low == "or"
}

// split ends the chunk and begins one after sep.
func (c *chunker) split(sep string) {
	if len(c.chunk.p) == 0 && (len(c.cur) > 0 || c.chunk.sep != "") { // two separators in a row: the stronger counts
		comma := c.chunk.comma || c.chunk.sep == ","
		if (c.chunk.sep == "" || c.chunk.sep == "," || c.chunk.sep == "and" || sep != "," && sep != "and") && (c.chunk.sep != ";" || sep != "and") {
			c.chunk.sep = sep
		}
		c.chunk.comma, c.chunk.depth = comma, c.depth
		return
	}
	if len(c.chunk.p) > 0 {
		c.cur = append(c.cur, c.chunk)
	}
	c.chunk = chunk{sep: sep, comma: sep == ",", depth: c.depth}
}

func (c *chunker) endSentence() {
	if len(c.chunk.p) > 0 {
		c.cur = append(c.cur, c.chunk)
	}
	if len(c.cur) > 0 {
		c.out = append(c.out, c.cur)
	}
	c.cur, c.chunk, c.depth = nil, chunk{}, 0
}
