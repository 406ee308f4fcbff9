package dialect

import (
	"encoding/json"
	"slices"
	"strings"
)

// chatStreamToMessages translates a stream of OpenAI's chat completions to one of Anthropic's
// messages. Text and thinking are one block until something else comes. The blocks of calls are
// open until the end, as their pieces may come in turns.
type chatStreamToMessages struct {
	id      string
	begun   bool
	over    bool               // ended, well or with an error
	blocks  int                // begun so far
	open    int                // the block of text or thinking that is open; -1: none
	kind    string             // its type
	signed  bool               // it is thinking that has its signature: it gets nothing more
	calls   map[int]*begunCall // by the server's index; a later one with an index takes its place
	called  []int              // the blocks of all of them
	last    *begunCall         // the latest
	refused string             // what the model said when it refused
	finish  *string            // why it ended
	usage   *chatUsage
}

// begunCall is a call that is being streamed.
type begunCall struct {
	block int
	id    string // as the server says it
}

// maxStreamedCalls bounds the calls of one streamed answer.
const maxStreamedCalls = 1024

// maxRefusal bounds what is kept of a refusal, to be told again at the end, in bytes.
const maxRefusal = 4096

func (s *chatStreamToMessages) event(e Event) ([]Event, error) {
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
		return []Event{ProblemEvent(OpMessages, "", ReadProblem(e.Data))}, nil
	}
	var out []Event
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
func (s *chatStreamToMessages) end() []Event {
	switch {
	case s.over:
		return nil
	case s.finish == nil:
		s.over = true
		return []Event{ProblemEvent(OpMessages, "", endedEarly())}
	}
	return s.done()
}

func (s *chatStreamToMessages) start(in chatAnswer) []Event {
	s.begun, s.id, s.open, s.calls = true, in.ID, -1, map[int]*begunCall{}
	return []Event{streamEvent(msgEvent{Type: "message_start", Message: &msgAnswer{
		ID: in.ID, Type: "message", Role: "assistant", Model: in.Model, Content: []msgBlock{}, Usage: in.Usage.messages(),
	}})}
}

// piece takes what is new.
func (s *chatStreamToMessages) piece(r chatReply) ([]Event, error) {
	var out []Event
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
func (s *chatStreamToMessages) detail(d reasoningDetail) []Event {
	if d.Type == "reasoning.encrypted" {
		out := s.close()
		out = append(out, s.begin(msgBlock{Type: "redacted_thinking", Data: d.Data}))
		return append(out, s.stop(s.blocks-1))
	}
	var out []Event
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
func (s *chatStreamToMessages) write(kind, text string) []Event {
	var out []Event
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

// call takes a piece of a call. It belongs to the one with its index, unless it has an id of its
// own: some servers number every call 0, and some don't number them.
func (s *chatStreamToMessages) call(c chatCall) ([]Event, error) {
	current := s.last
	if c.Index != nil {
		current = s.calls[*c.Index]
	}
	var out []Event
	if current == nil || c.ID != "" && current.id != "" && c.ID != current.id || c.Index == nil && c.ID == "" && c.Function.Name != "" {
		if c.Function.Name == "" || len(s.called) == maxStreamedCalls {
			return nil, nonsense("calls a tool without a name, or too many")
		}
		out = s.close()
		out = append(out, s.begin(msgBlock{Type: "tool_use", ID: callID(c.ID, s.id, len(s.called)), Name: c.Function.Name, Input: json.RawMessage("{}")}))
		current = &begunCall{block: s.blocks - 1, id: c.ID}
		if c.Index != nil {
			s.calls[*c.Index] = current
		}
		s.called, s.last = append(s.called, current.block), current
	}
	if c.Function.Arguments != "" {
		piece := string(c.Function.Arguments)
		out = append(out, s.delta(current.block, msgDelta{Type: "input_json_delta", PartialJSON: &piece}))
	}
	return out, nil
}

func (s *chatStreamToMessages) begin(b msgBlock) Event {
	i := s.blocks
	s.blocks++
	b.Said = true
	return streamEvent(msgEvent{Type: "content_block_start", Index: &i, ContentBlock: &b})
}

func (s *chatStreamToMessages) delta(block int, d msgDelta) Event {
	return streamEvent(msgEvent{Type: "content_block_delta", Index: &block, Delta: &d})
}

func (s *chatStreamToMessages) stop(block int) Event {
	return streamEvent(msgEvent{Type: "content_block_stop", Index: &block})
}

// close ends the open block of text or thinking.
func (s *chatStreamToMessages) close() []Event {
	if s.open < 0 {
		return nil
	}
	out := []Event{s.stop(s.open)}
	s.open, s.signed = -1, false
	return out
}

// done ends the stream as it should.
func (s *chatStreamToMessages) done() []Event {
	s.over = true
	if !s.begun {
		return []Event{ProblemEvent(OpMessages, "", endedEarly())}
	}
	out := s.close()
	for _, block := range s.called {
		out = append(out, s.stop(block))
	}
	reason, details := stopReason(value0(s.finish), s.refused, len(s.called) > 0)
	out = append(out, Event{Name: "message_delta", Data: encode(msgFinal{
		Type: "message_delta", Delta: msgFinalDelta{StopReason: reason, StopDetails: details}, Usage: s.usage.messages(),
	})})
	return append(out, streamEvent(msgEvent{Type: "message_stop"}))
}

// streamEvent returns an event as Anthropic names it: by its type.
func streamEvent(e msgEvent) Event { return Event{Name: e.Type, Data: encode(e)} }

// clip returns at most n bytes of s.
func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
