package dialect

import (
	"encoding/json"

	"github.com/isekai-run/isekai/internal/model/sse"
)

// responsesStreamToChat translates a stream of OpenAI's responses to one of its chat completions.
// It keeps the answer's name and the number of each call.
type responsesStreamToChat struct {
	created int64
	usage   bool // the caller asked for the usage

	heard respHeard // without its output
	begun bool
	over  bool                // ended, well or with an error
	calls map[int]*calledItem // by their place in the output
	parts int                 // of reasoning that were begun
}

// calledItem is a call that is being streamed.
type calledItem struct {
	number int
	pieces bool // of its arguments have come
}

func (s *responsesStreamToChat) event(e sse.Event) ([]sse.Event, error) {
	if s.over || len(e.Data) == 0 || string(e.Data) == "[DONE]" {
		return nil, nil
	}
	var in struct {
		respEvent
		Response *respHeard `json:"response"`
	}
	if json.Unmarshal(e.Data, &in) != nil {
		s.over = true
		return nil, nonsense("has an event that isn't one of responses")
	}
	var out []sse.Event
	if in.Response != nil {
		s.heard = *in.Response
		s.heard.Output = nil
		if !s.begun {
			s.begun, s.calls = true, map[int]*calledItem{}
			out = s.say(chatReply{Role: "assistant", Content: json.RawMessage(`""`)})
		}
	}
	switch in.Type {
	case "response.completed", "response.incomplete":
		return append(out, s.done()...), nil
	case "response.failed", "response.cancelled", "error":
		s.over = true
		return append(out, ProblemEvent(OpChat, "", ReadProblem(e.Data))), nil
	}
	more, err := s.piece(in.respEvent)
	s.over = s.over || err != nil
	return append(out, more...), err
}

// end is told that no event comes any more.
func (s *responsesStreamToChat) end() []sse.Event {
	if s.over {
		return nil
	}
	s.over = true
	return []sse.Event{ProblemEvent(OpChat, "", endedEarly())}
}

// piece takes what is new of the answer.
func (s *responsesStreamToChat) piece(in respEvent) ([]sse.Event, error) {
	delta := value0(in.Delta)
	switch in.Type {
	case "response.output_text.delta":
		return s.say(chatReply{Content: encode(delta)}), nil
	case "response.refusal.delta":
		return s.say(chatReply{Refusal: encode(delta)}), nil
	case "response.reasoning_text.delta", "response.reasoning_summary_text.delta":
		return s.say(chatReply{ReasoningContent: delta}), nil
	case "response.reasoning_summary_part.added":
		if s.parts++; s.parts > 1 {
			return s.say(chatReply{ReasoningContent: "\n\n"}), nil
		}
	case "response.output_item.added":
		if it := in.Item; it != nil && it.Type == "function_call" {
			if len(s.calls) == maxStreamedCalls || !s.begun {
				return nil, nonsense("calls too many tools, or too early")
			}
			c := &calledItem{number: len(s.calls)}
			s.calls[value0(in.OutputIndex)] = c
			return s.say(chatReply{ToolCalls: []chatCall{{Index: &c.number, ID: it.CallID, Type: "function", Function: chatCallFunction{Name: it.Name}}}}), nil
		}
	case "response.function_call_arguments.delta":
		return s.arguments(value0(in.OutputIndex), delta), nil
	case "response.function_call_arguments.done": // some servers say it all at once
		if c := s.calls[value0(in.OutputIndex)]; c != nil && !c.pieces {
			return s.arguments(value0(in.OutputIndex), value0(in.Arguments)), nil
		}
	}
	return nil, nil // what a chat doesn't tell, or tells otherwise
}

func (s *responsesStreamToChat) arguments(place int, piece string) []sse.Event {
	c := s.calls[place]
	if c == nil || piece == "" {
		return nil
	}
	c.pieces = true
	return s.say(chatReply{ToolCalls: []chatCall{{Index: &c.number, Function: chatCallFunction{Arguments: loose(piece)}}}})
}

// done ends the stream as it should.
func (s *responsesStreamToChat) done() []sse.Event {
	s.over = true
	reason := s.heard.finishReason(len(s.calls) > 0)
	out := []sse.Event{s.chunk([]chatChoice{{Delta: &chatReply{}, FinishReason: &reason}}, nil)}
	if s.usage {
		out = append(out, s.chunk([]chatChoice{}, s.heard.Usage.chat()))
	}
	return append(out, sse.Event{Data: []byte("[DONE]")})
}

func (s *responsesStreamToChat) say(r chatReply) []sse.Event {
	return []sse.Event{s.chunk([]chatChoice{{Delta: &r}}, nil)}
}

func (s *responsesStreamToChat) chunk(choices []chatChoice, usage *chatUsage) sse.Event {
	a := s.heard.chat("chat.completion.chunk", s.created)
	a.Choices, a.Usage = choices, usage
	return sse.Event{Data: encode(a)}
}
