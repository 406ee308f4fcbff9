package dialect

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/isekai-run/isekai/internal/core"
)

// Dialect is the wire format of a model API.
type Dialect string

// The dialects.
const (
	Chat      Dialect = "chat"      // OpenAI's chat completions
	Responses Dialect = "responses" // OpenAI's responses
	Messages  Dialect = "messages"  // Anthropic's messages
)

// Operation is what a request asks an API for.
type Operation string

// The operations.
const (
	OpChat        Operation = "chat"
	OpResponses   Operation = "responses"
	OpCompact     Operation = "compact" // of a conversation in responses
	OpMessages    Operation = "messages"
	OpEmbeddings  Operation = "embeddings"
	OpCountTokens Operation = "count_tokens"
	OpModels      Operation = "models"
)

// Dialect returns the dialect that the operation belongs to. Models are listed alike in both
// of OpenAI's.
func (op Operation) Dialect() Dialect {
	switch op {
	case OpResponses, OpCompact:
		return Responses
	case OpMessages, OpCountTokens:
		return Messages
	}
	return Chat
}

// generates reports whether the operation makes a model produce text, which may be streamed.
func (op Operation) generates() bool {
	return op == OpChat || op == OpResponses || op == OpMessages
}

// Request is what the gateway reads of a request; everything else passes untouched. It is made
// by Read and is a value: copies may be used by several goroutines, nobody changes Body.
type Request struct {
	Op        Operation
	Model     string
	Stream    bool
	Store     bool // "store": true was said
	Usage     bool // chat streams: the caller asked for stream_options.include_usage
	MaxOutput int  // tokens of one choice, at most, 1 also where none are asked for; 0: not said
	Choices   int  // n; 1 if not said
	Tools     bool // the request has any
	Images    bool // the request has any
	// Background has a response be made while nobody waits, to be fetched from its provider.
	Background bool
	Body       []byte // the request: valid JSON, an object

	model edit // where the model's name is
	usage edit // what makes a chat stream tell its usage; empty if it does
	nulls []null
	newer edit // where max_completion_tokens is, of a chat that has it and no max_tokens

	extras []extra // what may be more than tokens
}

// null is a limit of what may be produced that is there and says nothing: its name, and where
// its value is.
type null struct {
	name     string
	from, to int
}

// edit is a piece of a body and what it is replaced with.
type edit struct {
	from, to int
	text     string
}

// With returns the body with the model's name replaced, byte for byte the same otherwise, but
// that a chat stream is made to tell its usage (stream_options.include_usage). The result may
// be Body itself: it isn't to be changed.
func (r Request) With(model string) []byte {
	first, second := r.usage, r.model
	if model == r.Model {
		second.from, second.to = 0, 0 // stays as it was written
	} else {
		second.text = quote(model)
	}
	if first.from > second.from {
		first, second = second, first
	}
	if len(first.text) == 0 && len(second.text) == 0 {
		return r.Body
	}
	out := make([]byte, 0, len(r.Body)+len(first.text)+len(second.text))
	out = append(out, r.Body[:first.from]...)
	out = append(out, first.text...)
	out = append(out, r.Body[first.to:second.from]...)
	out = append(out, second.text...)
	return append(out, r.Body[second.to:]...)
}

// Limited returns the request with a limit to what it may produce, in the member of that name:
// "max_tokens", or how the provider calls it. It has to be one without (MaxOutput is 0). One
// that is there as null gets the limit: of two, decoders take the last.
func (r Request) Limited(name string, limit int) Request {
	at := bytes.IndexByte(r.Body, '{') + 1
	e := edit{at, at, quote(name) + ":" + strconv.Itoa(limit) + ","}
	for _, n := range r.nulls {
		if n.name == name {
			e = edit{n.from, n.to, strconv.Itoa(limit)}
		}
	}
	r = r.edited(e)
	r.MaxOutput, r.nulls, r.newer = limit, nil, edit{}
	return r
}

// LimitedBy returns the request with its limit in the member of that name, if that is max_tokens and
// the request says max_completion_tokens alone, which older servers don't know and read over. That
// one is null then: some refuse both.
func (r Request) LimitedBy(name string) Request {
	if name != "max_tokens" || r.newer == (edit{}) {
		return r
	}
	limit := r.MaxOutput
	return r.edited(edit{r.newer.from, r.newer.to, "null"}).Limited(name, limit)
}

// edited is the request with a piece of its body replaced.
func (r Request) edited(e edit) Request {
	r.Body = slices.Concat(r.Body[:e.from], []byte(e.text), r.Body[e.to:])
	by := len(e.text) - (e.to - e.from)
	for _, other := range []*edit{&r.model, &r.usage} {
		if *other != (edit{}) && other.from >= e.from {
			other.from, other.to = other.from+by, other.to+by
		}
	}
	r.nulls = slices.Clone(r.nulls)
	for i := range r.nulls {
		if n := &r.nulls[i]; n.from >= e.from {
			n.from, n.to = n.from+by, n.to+by
		}
	}
	return r
}

// quote returns s as a JSON string.
func quote(s string) string {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			_ = e.Encode(s) // a string can always be encoded
			return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
		}
	}
	return `"` + s + `"`
}

// invalid is the error of a request that can't be read.
func invalid(msg, hint string) error {
	return core.E(core.Invalid, "dialect.read", msg).WithHint(hint)
}
