package dialect

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/sse"
)

// Watch follows a stream in its own dialect. It is for one stream and one goroutine.
type Watch struct {
	dialect  Dialect
	hide     bool // the caller of a chat didn't ask for usage
	usage    core.Usage
	told     bool
	produced int
	ended    bool
	begun    uint64 // choices of a chat, by their index
	finished uint64 // likewise, with a finish_reason
	parts    anthropic
}

// anthropic is the usage that events of messages tell in pieces, each the latest.
type anthropic struct{ input, created, hour, read, output, thought int }

// NewWatch returns a watch of the stream that answers the request, in the request's dialect.
func NewWatch(r Request) *Watch {
	return &Watch{dialect: r.Op.Dialect(), hide: !r.Usage}
}

// Usage returns what the stream used so far, and whether the provider told it.
func (w *Watch) Usage() (core.Usage, bool) { return w.usage, w.told }

// Produced returns how many bytes of text, arguments and reasoning have come.
func (w *Watch) Produced() int { return w.produced }

// Ended reports whether the stream has come to its proper end: [DONE], message_stop,
// response.completed or response.incomplete.
func (w *Watch) Ended() bool { return w.ended }

// Whole reports whether nothing is missing if the stream ends here without a word: it has
// Ended, or is a chat whose every choice has its finish_reason. Some servers send no [DONE].
func (w *Watch) Whole() bool { return w.ended || w.begun != 0 && w.begun == w.finished }

// Event takes the next event. drop says that it is one that the caller didn't ask for: the
// last of a chat, with its usage alone. An event that tells of an error is one: core.Error with
// the provider's Problem in it. So is an event that isn't JSON: unavailable.
func (w *Watch) Event(e sse.Event) (drop bool, err error) {
	switch {
	case len(e.Data) == 0:
		return false, nil
	case w.dialect == Chat:
		return w.chat(e.Data)
	case w.dialect == Messages:
		return false, w.messages(e.Data)
	}
	return false, w.responses(e.Data)
}

// chat takes a chunk of chat completions.
func (w *Watch) chat(data []byte) (drop bool, err error) {
	if string(bytes.TrimSpace(data)) == "[DONE]" {
		w.ended = true
		return false, nil
	}
	var usage, failure []byte
	choices := false
	end := object(data, space(data, 0), 0, func(name []byte, from, to int) {
		switch string(name) {
		case "choices":
			if data[from] == '[' {
				array(data[from:to], 0, 1, func(f, t int) {
					choices = true
					w.choice(data[from+f : from+t])
				})
			}
		case "usage":
			usage = data[from:to]
		case "error":
			failure = data[from:to]
		}
	})
	switch {
	case end < 0:
		return false, garbled()
	case len(failure) > 0 && failure[0] != 'n':
		return false, told(data)
	case len(usage) > 0 && usage[0] == '{':
		if u, ok := usageOf(Chat, usage); ok {
			w.usage, w.told = u, true
		}
		return !choices && w.hide, nil
	}
	return false, nil
}

// choice takes a choice of a chunk.
func (w *Watch) choice(v []byte) {
	index, finished := 0, false
	object(v, 0, 2, func(name []byte, from, to int) {
		switch string(name) {
		case "delta", "text":
			w.produced += textIn(v[from:to])
		case "index":
			index, _ = strconv.Atoi(string(v[from:to]))
		case "finish_reason":
			finished = v[from] == '"'
		}
	})
	const most = 64 // of choices that are told apart
	bit := uint64(1) << (uint(index) % most)
	if w.begun |= bit; finished {
		w.finished |= bit
	}
}

// messages takes an event of messages.
func (w *Watch) messages(data []byte) error {
	var kind string
	end := object(data, space(data, 0), 0, func(name []byte, from, to int) {
		switch v := data[from:to]; string(name) {
		case "type":
			kind = kindOf(v)
		case "delta", "content_block":
			if v[0] == '{' {
				w.produced += textIn(v)
			}
		case "message":
			w.cumulative(gjson.GetBytes(v, "usage"))
		case "usage":
			w.cumulative(gjson.ParseBytes(v))
		}
	})
	switch {
	case end < 0:
		return garbled()
	case kind == "error":
		return told(data)
	case kind == "message_stop":
		w.ended = true
	}
	return nil
}

// cumulative takes a usage of messages: what it tells replaces what was told before.
func (w *Watch) cumulative(r gjson.Result) {
	if !r.IsObject() {
		return
	}
	p := &w.parts
	for path, n := range map[string]*int{
		"input_tokens": &p.input, "cache_creation_input_tokens": &p.created, "cache_read_input_tokens": &p.read,
		"cache_creation.ephemeral_1h_input_tokens": &p.hour,
		"output_tokens": &p.output, "output_tokens_details.thinking_tokens": &p.thought,
	} {
		if r.Get(path).Type == gjson.Number {
			*n = tokens(r, path)
		}
	}
	w.usage = bounded(core.Usage{Input: p.input + p.created + p.read, Cached: p.read, CacheWrite: p.created, CacheWrite1h: p.hour, Output: p.output, Reasoning: p.thought})
	w.told = w.usage.Input+w.usage.Output > 0
}

// responses takes an event of responses.
func (w *Watch) responses(data []byte) error {
	var kind string
	var delta, response []byte
	end := object(data, space(data, 0), 0, func(name []byte, from, to int) {
		switch v := data[from:to]; string(name) {
		case "type":
			kind = kindOf(v)
		case "delta":
			delta = v
		case "response":
			response = v
		}
	})
	if end < 0 {
		return garbled()
	}
	switch kind {
	case "response.completed", "response.incomplete", "response.failed":
		if u, ok := usageOf(Responses, []byte(gjson.GetBytes(response, "usage").Raw)); ok {
			w.usage, w.told = u, true
		}
		if kind == "response.failed" {
			return told(response)
		}
		w.ended = true
	case "error":
		return told(data)
	case "response.audio.delta":
	default:
		if len(delta) > 0 && strings.HasSuffix(kind, ".delta") {
			w.produced += textIn(delta)
		}
	}
	return nil
}

// kindOf returns an event's type without allocating those that come often.
func kindOf(v []byte) string {
	if len(v) < 2 || v[0] != '"' {
		return ""
	}
	switch v = v[1 : len(v)-1]; string(v) {
	case "content_block_delta":
		return "content_block_delta"
	case "response.output_text.delta":
		return "response.output_text.delta"
	case "response.function_call_arguments.delta":
		return "response.function_call_arguments.delta"
	}
	return string(v)
}

func garbled() error {
	return core.E(core.Unavailable, "dialect.stream", "the provider sent an event that isn't JSON")
}

// told is the error that an event of a stream tells of. Its code is what the problem says, or
// unavailable.
func told(data []byte) error {
	p := ReadProblem(data)
	code := p.Kind()
	if code == core.Internal {
		code = core.Unavailable
	}
	return core.E(code, "dialect.stream", "the provider ended the stream with an error").Because(p)
}
