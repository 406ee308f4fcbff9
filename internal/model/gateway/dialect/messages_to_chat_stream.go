package dialect

import (
	"encoding/json"

	"github.com/isekai-run/isekai/internal/model/sse"
)

// messagesStreamToChat translates a stream of Anthropic's messages to one of OpenAI's chat
// completions. It keeps the answer's name, its counts and the kind of the block that each index
// stands for.
type messagesStreamToChat struct {
	created int64
	usage   bool // the caller asked for the usage

	id, model string
	begun     bool
	over      bool // ended, well or with an error
	total     msgUsage
	calls     int                // tools' calls so far
	details   int                // reasoning details so far
	blocks    map[int]*openBlock // those that are open, by Anthropic's index
}

// openBlock is a block that is being streamed.
type openBlock struct {
	kind   string
	number int             // among the calls, or the reasoning details
	input  json.RawMessage // of a call, as it was begun; said at the end if no piece comes
	pieces bool            // of its input have come
}

// maxOpenBlocks bounds the blocks that are open at a time. Anthropic has one.
const maxOpenBlocks = 256

func (s *messagesStreamToChat) event(e sse.Event) ([]sse.Event, error) {
	if s.over || len(e.Data) == 0 {
		return nil, nil
	}
	var in msgEvent
	if json.Unmarshal(e.Data, &in) != nil {
		s.over = true
		return nil, nonsense("has an event that isn't one of messages")
	}
	switch in.Type {
	case "message_start":
		return s.start(in), nil
	case "content_block_start":
		return s.open(in)
	case "content_block_delta":
		return s.piece(in), nil
	case "content_block_stop":
		return s.close(value0(in.Index)), nil
	case "message_delta":
		return s.finish(in), nil
	case "message_stop":
		return s.stop(), nil
	case "error":
		s.over = true
		return []sse.Event{ProblemEvent(OpChat, "", ReadProblem(e.Data))}, nil
	}
	return nil, nil // ping, and what comes to be
}

// end is told that no event comes any more.
func (s *messagesStreamToChat) end() []sse.Event {
	if s.over {
		return nil
	}
	s.over = true
	return []sse.Event{ProblemEvent(OpChat, "", endedEarly())}
}

func (s *messagesStreamToChat) start(in msgEvent) []sse.Event {
	m := value0(in.Message)
	s.begun, s.id, s.model, s.total = true, m.ID, m.Model, m.Usage
	s.blocks = map[int]*openBlock{}
	return s.say(chatReply{Role: "assistant", Content: json.RawMessage(`""`)})
}

func (s *messagesStreamToChat) open(in msgEvent) ([]sse.Event, error) {
	if !s.begun || in.ContentBlock == nil || len(s.blocks) >= maxOpenBlocks {
		s.over = true
		return nil, nonsense("has a block out of order")
	}
	b := in.ContentBlock
	o := &openBlock{kind: b.Type}
	s.blocks[value0(in.Index)] = o
	switch b.Type {
	case "text":
		return s.text(value0(b.Text)), nil
	case "thinking":
		o.number = s.details
		s.details++
		return s.thinking(o, value0(b.Thinking), value0(b.Signature)), nil
	case "redacted_thinking":
		s.details++
		return s.say(chatReply{ReasoningDetails: []reasoningDetail{redactedDetail(s.details-1, b.Data)}}), nil
	case "tool_use":
		o.number, o.input = s.calls, b.Input
		s.calls++
		return s.say(chatReply{ToolCalls: []chatCall{{Index: &o.number, ID: b.ID, Type: "function", Function: chatCallFunction{Name: b.Name}}}}), nil
	}
	return nil, nil
}

func (s *messagesStreamToChat) piece(in msgEvent) []sse.Event {
	o, d := s.blocks[value0(in.Index)], value0(in.Delta)
	if o == nil {
		return nil
	}
	switch d.Type {
	case "text_delta":
		return s.text(value0(d.Text))
	case "thinking_delta":
		return s.thinking(o, value0(d.Thinking), "")
	case "signature_delta":
		return s.thinking(o, "", value0(d.Signature))
	case "input_json_delta":
		if o.kind == "tool_use" && value0(d.PartialJSON) != "" {
			o.pieces = true
			return s.arguments(o, *d.PartialJSON)
		}
	}
	return nil
}

// close ends a block. A call whose input came with its beginning, or that has none, says it now.
func (s *messagesStreamToChat) close(index int) []sse.Event {
	o := s.blocks[index]
	delete(s.blocks, index)
	if o == nil || o.kind != "tool_use" || o.pieces {
		return nil
	}
	input, ok := objectOf(string(o.input))
	if !ok {
		input = json.RawMessage("{}")
	}
	return s.arguments(o, string(input))
}

func (s *messagesStreamToChat) finish(in msgEvent) []sse.Event {
	if in.Usage != nil {
		s.total.merge(*in.Usage)
	}
	d := value0(in.Delta)
	if d.StopReason == nil {
		return nil
	}
	var out []sse.Event
	if d.StopDetails != nil && d.StopDetails.Explanation != "" {
		out = s.say(chatReply{Refusal: encode(d.StopDetails.Explanation)})
	}
	reason := finishReason(*d.StopReason)
	return append(out, s.chunk([]chatChoice{{Delta: &chatReply{}, FinishReason: &reason}}, nil))
}

func (s *messagesStreamToChat) stop() []sse.Event {
	s.over = true
	if !s.begun {
		return []sse.Event{ProblemEvent(OpChat, "", endedEarly())}
	}
	var out []sse.Event
	if s.usage {
		out = append(out, s.chunk([]chatChoice{}, s.total.chat()))
	}
	return append(out, sse.Event{Data: []byte("[DONE]")})
}

func (s *messagesStreamToChat) text(text string) []sse.Event {
	if text == "" {
		return nil
	}
	return s.say(chatReply{Content: encode(text)})
}

func (s *messagesStreamToChat) thinking(o *openBlock, text, signature string) []sse.Event {
	if o.kind != "thinking" || text == "" && signature == "" {
		return nil
	}
	return s.say(chatReply{ReasoningContent: text, ReasoningDetails: []reasoningDetail{thinkingDetail(o.number, text, signature)}})
}

func (s *messagesStreamToChat) arguments(o *openBlock, piece string) []sse.Event {
	return s.say(chatReply{ToolCalls: []chatCall{{Index: &o.number, Function: chatCallFunction{Arguments: loose(piece)}}}})
}

func (s *messagesStreamToChat) say(r chatReply) []sse.Event {
	return []sse.Event{s.chunk([]chatChoice{{Delta: &r}}, nil)}
}

func (s *messagesStreamToChat) chunk(choices []chatChoice, usage *chatUsage) sse.Event {
	return sse.Event{Data: encode(chatAnswer{
		ID: s.id, Object: "chat.completion.chunk", Created: seconds(s.created), Model: s.model, ServiceTier: openAITier(string(s.total.ServiceTier)),
		Choices: choices, Usage: usage,
	})}
}
