package dialect

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/model/sse"
)

// chatStreamToMessages translates a stream of OpenAI's chat completions to one of Anthropic's
// messages. Text and thinking are one block until something else comes. Blocks follow each other,
// as Anthropic's do: clients count on that (callsToMessages).
type chatStreamToMessages struct {
	id      string
	begun   bool
	over    bool   // ended, well or with an error
	blocks  int    // begun so far
	open    int    // the block of text or thinking that is open; -1: none
	kind    string // its type
	signed  bool   // it is thinking that has its signature: it gets nothing more
	calls   callsToMessages
	refused string  // what the model said when it refused
	finish  *string // why it ended
	usage   *chatUsage
}

// maxRefusal bounds what is kept of a refusal, to be told again at the end, in bytes.
const maxRefusal = 4096

func (s *chatStreamToMessages) event(e sse.Event) ([]sse.Event, error) {
	if s.over || len(e.Data) == 0 {
		return nil, nil
	}
	if string(e.Data) == "[DONE]" {
		return s.done(), nil
	}
	var in struct {
		chatAnswer
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(e.Data, &in) != nil {
		s.over = true
		return nil, nonsense("has an event that isn't a chunk of a chat completion")
	}
	if !absent(in.Error) {
		s.over = true
		return []sse.Event{ProblemEvent(OpMessages, "", ReadProblem(e.Data))}, nil
	}
	var out []sse.Event
	if !s.begun {
		out = s.start(in.chatAnswer)
	}
	if in.Usage != nil {
		s.usage = in.Usage
	}
	for _, c := range in.Choices {
		if c.Index != 0 {
			continue // one was asked for
		}
		if c.Delta != nil {
			more, err := s.piece(*c.Delta)
			if out = append(out, more...); err != nil {
				s.over = true
				return out, err
			}
		}
		if value0(c.FinishReason) != "" {
			s.finish = c.FinishReason
		}
	}
	return out, nil
}

// end is told that no event comes any more. An answer that said why it ended is whole: some
// servers leave it at that.
func (s *chatStreamToMessages) end() []sse.Event {
	switch {
	case s.over:
		return nil
	case s.finish == nil:
		s.over = true
		return []sse.Event{ProblemEvent(OpMessages, "", endedEarly())}
	}
	return s.done()
}

func (s *chatStreamToMessages) start(in chatAnswer) []sse.Event {
	s.begun, s.id, s.open = true, in.ID, -1
	return []sse.Event{streamEvent(msgEvent{Type: "message_start", Message: &msgAnswer{
		ID: in.ID, Type: "message", Role: "assistant", Model: in.Model, Content: []msgBlock{}, Usage: in.Usage.messages(),
	}})}
}

// piece takes what is new.
func (s *chatStreamToMessages) piece(r chatReply) ([]sse.Event, error) {
	var out []sse.Event
	if signed := anthropics(r.ReasoningDetails); len(signed) > 0 {
		for _, d := range signed {
			out = append(out, s.detail(d)...)
		}
	} else if text := r.reasoning(); text != "" {
		out = append(out, s.write("thinking", text)...)
	}
	if text := plainText(r.Content); text != "" {
		out = append(out, s.write("text", text)...)
	}
	if text := plainText(r.Refusal); text != "" {
		if s.refused == "" { // a block of its own
			out = append(out, s.close()...)
		}
		s.refused = strings.ToValidUTF8(clip(s.refused+text, maxRefusal), "")
		out = append(out, s.write("text", text)...)
	}
	for _, c := range r.ToolCalls {
		more, err := s.call(c)
		if out = append(out, more...); err != nil {
			return out, err
		}
	}
	return out, nil
}

// anthropics returns the details that Anthropic's own reasoning has.
func anthropics(list []reasoningDetail) []reasoningDetail {
	return slices.DeleteFunc(slices.Clone(list), func(d reasoningDetail) bool { return d.Format != anthropicFormat })
}

// detail takes a piece of Anthropic's own reasoning.
func (s *chatStreamToMessages) detail(d reasoningDetail) []sse.Event {
	if d.Type == "reasoning.encrypted" {
		out := s.close()
		out = append(out, s.begin(msgBlock{Type: "redacted_thinking", Data: d.Data}))
		return append(out, s.stop(s.blocks-1))
	}
	var out []sse.Event
	if d.Text != "" || s.open < 0 || s.kind != "thinking" || s.signed {
		out = s.write("thinking", d.Text)
	}
	if d.Signature != "" {
		s.signed = true
		out = append(out, s.delta(s.open, msgDelta{Type: "signature_delta", Signature: &d.Signature}))
	}
	return out
}

// write adds text to the open block of that kind, or to a new one.
func (s *chatStreamToMessages) write(kind, text string) []sse.Event {
	var out []sse.Event
	if s.open < 0 || s.kind != kind || s.signed {
		out = s.close()
		empty := ""
		b := msgBlock{Type: kind, Text: &empty}
		if kind == "thinking" {
			b = msgBlock{Type: kind, Thinking: &empty, Signature: &empty}
		}
		out = append(out, s.begin(b))
		s.open, s.kind = s.blocks-1, kind
	}
	switch {
	case text == "":
		return out
	case kind == "thinking":
		return append(out, s.delta(s.open, msgDelta{Type: "thinking_delta", Thinking: &text}))
	}
	return append(out, s.delta(s.open, msgDelta{Type: "text_delta", Text: &text}))
}

func (s *chatStreamToMessages) begin(b msgBlock) sse.Event {
	i := s.blocks
	s.blocks++
	b.Said = true
	return streamEvent(msgEvent{Type: "content_block_start", Index: &i, ContentBlock: &b})
}

func (s *chatStreamToMessages) delta(block int, d msgDelta) sse.Event {
	return streamEvent(msgEvent{Type: "content_block_delta", Index: &block, Delta: &d})
}

func (s *chatStreamToMessages) stop(block int) sse.Event {
	return streamEvent(msgEvent{Type: "content_block_stop", Index: &block})
}

// close ends the open block, and says the calls that wait.
func (s *chatStreamToMessages) close() []sse.Event {
	out := s.sayCalls(true)
	if s.open >= 0 {
		out = append(out, s.stop(s.open))
	}
	s.open, s.signed = -1, false
	return out
}

// done ends the stream as it should.
func (s *chatStreamToMessages) done() []sse.Event {
	s.over = true
	if !s.begun {
		return []sse.Event{ProblemEvent(OpMessages, "", endedEarly())}
	}
	out := s.close()
	reason, details := stopReason(value0(s.finish), s.refused, s.calls.count > 0)
	out = append(out, sse.Event{Name: "message_delta", Data: encode(msgFinal{
		Type: "message_delta", Delta: msgFinalDelta{StopReason: reason, StopDetails: details}, Usage: s.usage.messages(),
	})})
	return append(out, streamEvent(msgEvent{Type: "message_stop"}))
}

// streamEvent returns an event as Anthropic names it: by its type.
func streamEvent(e msgEvent) sse.Event { return sse.Event{Name: e.Type, Data: encode(e)} }

// clip returns at most n bytes of s.
func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
