package gateway

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/gateway/tokens"
	"github.com/isekai-run/isekai/internal/model/sse"
)

// What a call is taken to cost at most that doesn't say how much it wants.
const (
	usualOutput = 4096 // tokens of each choice
	imageTokens = 2000 // of each picture, about
	fileTokens  = 2000 // of a document that isn't in the request, about: a page
	fileBytes   = 20   // of a document for a token, about: its pages are shown, too
	soundBytes  = 500  // of sound for a token, about
)

// A request is counted token by token for its first maxExact bytes, which takes about 0.1 s; the
// rest is taken to be like most texts. A text counts as perText bytes more than it has.
const (
	maxExact = 512 << 10
	perText  = 64
)

// maxSample is how many bytes of a stream tell how long its tokens are.
const maxSample = 4 << 10

// most is what a call may use at most, reckoned without looking at its words: a token has
// seldom less than three bytes, and pictures cost by the piece.
func most(r dialect.Request) core.Usage {
	out := r.MaxOutput
	if out <= 0 {
		out = usualOutput
	}
	in := tokens.AtMost(len(r.Body))
	if r.Images {
		in = mostShown(r)
	}
	if r.Op == dialect.OpCompact { // which takes no limit, and makes less of what it is given
		out = max(usualOutput, in)
	}
	return core.Usage{Input: in, Output: out * max(r.Choices, 1)}
}

// mostShown is what a request with pictures may use at most of input.
func mostShown(r dialect.Request) int {
	size := 0
	for text := range r.Text() {
		size += len(text)
	}
	return tokens.AtMost(size) + bytes.Count(r.Body, []byte("image"))*imageTokens + 2*beside(r)
}

// beside is about how many tokens a request has in what it shows besides words and pictures.
func beside(r dialect.Request) int {
	p := r.Parts()
	return p.Documents/fileBytes + p.Sound/soundBytes + p.Elsewhere*fileTokens
}

// counted is how many tokens a request has that asks for that, if nobody who might answer
// counts them; nil: somebody does.
func counted(j *job) *Answer {
	if j.Op != dialect.OpCountTokens {
		return nil
	}
	for _, tier := range j.to.Tiers {
		for _, t := range tier {
			if _, ok := t.Provider.Via(j.Op); ok {
				return nil
			}
		}
	}
	return &Answer{Body: []byte(`{"input_tokens":` + strconv.Itoa(read(j.req)) + `}`)}
}

// read is about how many tokens a model would read in a request.
func read(r dialect.Request) int {
	n, exact := r.Tokens()+r.Parts().Pictures*imageTokens+beside(r), 0
	for text := range r.Text() {
		if exact >= maxExact {
			n += max(tokens.About(len(text)), 1)
			continue
		}
		exact += len(text) + perText
		n += tokens.Count(r.Model, text)
	}
	return n
}

// estimate is about what a call used whose provider doesn't say so: sample is some of the
// text that it produced, of so many bytes.
func estimate(r dialect.Request, sample string, produced int) core.Usage {
	u := core.Usage{Estimated: true, Input: read(r)}
	if n := len(sample); n > 0 {
		u.Output = (tokens.Count(r.Model, sample)*produced + n - 1) / n
	} else {
		u.Output = tokens.AtMost(produced) - 1
	}
	return u
}

// produced is where the texts of an answer, or of an event of a stream, are.
var produced = map[dialect.Dialect][]string{
	dialect.Chat: {
		"choices.#.delta.content", "choices.#.delta.reasoning_content", "choices.#.delta.tool_calls.#.function.arguments",
		"choices.#.message.content", "choices.#.message.reasoning_content", "choices.#.message.tool_calls.#.function.arguments",
	},
	dialect.Messages:  {"delta.text", "delta.thinking", "delta.partial_json", "content.#.text", "content.#.thinking"},
	dialect.Responses: {"delta", "output.#.content.#.text", "output.#.arguments"},
}

// written is the text in an answer, or in an event.
func written(op dialect.Operation, body []byte) string {
	var b strings.Builder
	var take func(r gjson.Result)
	take = func(r gjson.Result) {
		if r.IsArray() {
			for _, e := range r.Array() {
				take(e)
			}
		} else if r.Type == gjson.String && b.Len() < maxNote {
			b.WriteString(r.Str)
		}
	}
	for _, path := range produced[op.Dialect()] {
		take(gjson.GetBytes(body, path))
	}
	return b.String()
}

// streamed is the text in the events with which a stream begins.
func streamed(op dialect.Operation, events []byte) string {
	var b strings.Builder
	in := sse.NewScanner(bytes.NewReader(events), len(events)+1)
	for {
		e, err := in.Next()
		if err != nil {
			return b.String()
		}
		if gjson.ValidBytes(e.Data) {
			b.WriteString(written(op, e.Data))
		}
	}
}
