package dialect

import (
	"encoding/json"

	"github.com/tidwall/gjson"

	"github.com/isekai-run/isekai/internal/model/sse"
)

// Bounds of what a stream of responses keeps: its last event repeats the whole answer.
const (
	maxKeptText  = 32 << 20 // bytes
	maxKeptItems = 1024
	detailSize   = 128 // bytes of a detail that says nothing, about
)

// chatStreamToResponses translates a stream of OpenAI's chat completions to one of its responses.
// It keeps the answer, as the events that end an item and the answer tell it again.
type chatStreamToResponses struct {
	form    respForm
	created int64

	answer   respAnswer
	chat     string // the chat's id
	sequence int
	begun    bool
	over     bool // ended, well or with an error
	finish   string
	kept     int // bytes of text

	items []*liveItem // all, by their place in the output
	open  *liveItem   // the message or reasoning that is being said
	calls map[int]*liveItem
	last  *liveItem // the latest call
}

func (s *chatStreamToResponses) event(e sse.Event) ([]sse.Event, error) {
	if s.over || len(e.Data) == 0 {
		return nil, nil
	}
	if string(e.Data) == "[DONE]" {
		if s.begun && s.finish == "" { // some servers leave it at that
			s.finish = "stop"
			s.answer.finish(s.finish)
		}
		return s.end(), nil
	}
	var in struct {
		chatAnswer
		Usage json.RawMessage `json:"usage"`
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(e.Data, &in) != nil {
		return s.nonsense("has an event that isn't a chunk of a chat completion")
	}
	if !absent(in.Error) {
		return s.fail(ReadProblem(e.Data)), nil
	}
	var out []sse.Event
	if !s.begun {
		out = s.begin(in.chatAnswer)
	}
	if !absent(in.Usage) {
		s.answer.Usage = respUsageOf(gjson.ParseBytes(in.Usage))
	}
	for _, c := range in.Choices {
		if c.Index != 0 {
			continue // one was asked for
		}
		if c.Delta != nil && s.finish == "" {
			more, err := s.piece(*c.Delta)
			if out = append(out, more...); err != nil {
				s.over = true
				return out, err
			}
		}
		s.finish = or(value0(c.FinishReason), s.finish)
	}
	if s.kept > maxKeptText || len(s.items) > maxKeptItems {
		more, err := s.nonsense("is too long")
		return append(out, more...), err
	}
	if s.finish != "" { // its usage may follow, but no text
		s.answer.finish(s.finish)
		out = append(out, s.closeAll()...)
	}
	return out, nil
}

// end ends the stream. An answer that said why it ended is whole: some servers leave it at that.
func (s *chatStreamToResponses) end() []sse.Event {
	switch {
	case s.over:
		return nil
	case s.finish == "":
		return s.fail(endedEarly())
	}
	s.over = true
	out := s.closeAll()
	if s.answer.Output = s.output(); len(s.answer.Output) == 0 { // it said nothing
		out = append(out, s.add(respItem{Type: "message"}))
		out = append(out, s.closeAll()...)
		s.answer.Output = s.output()
	}
	return append(out, s.say(respEvent{Type: "response." + s.answer.Status, Response: &s.answer}))
}

// fail ends the stream with an error: as a failed response, if there is one, else as an error.
func (s *chatStreamToResponses) fail(p Problem) []sse.Event {
	s.over = true
	if !s.begun {
		return []sse.Event{ProblemEvent(OpResponses, "", p)}
	}
	s.answer.Output = s.output()
	s.answer.fail(p)
	return []sse.Event{s.say(respEvent{Type: "response.failed", Response: &s.answer})}
}

func (s *chatStreamToResponses) nonsense(what string) ([]sse.Event, error) {
	s.over = true
	return nil, nonsense(what)
}

func (s *chatStreamToResponses) begin(in chatAnswer) []sse.Event {
	s.begun, s.chat, s.calls = true, in.ID, map[int]*liveItem{}
	s.answer = s.form.begin(in, s.created)
	a := s.answer
	return []sse.Event{s.say(respEvent{Type: "response.created", Response: &a}), s.say(respEvent{Type: "response.in_progress", Response: &a})}
}

// piece takes what is new of the answer.
func (s *chatStreamToResponses) piece(r chatReply) ([]sse.Event, error) {
	var out []sse.Event
	if text := r.reasoning(); text != "" || len(r.ReasoningDetails) > 0 {
		kind := "reasoning_text"
		if s.form.summary {
			kind = "summary_text"
		}
		out = append(out, s.write("reasoning", kind, text)...)
		s.open.details = append(s.open.details, r.ReasoningDetails...)
		for _, d := range r.ReasoningDetails {
			s.kept += detailSize + len(d.Text) + len(d.Signature) + len(d.Data)
		}
	}
	if text := plainText(r.Content); text != "" {
		out = append(out, s.write("message", "output_text", text)...)
	}
	if text := plainText(r.Refusal); text != "" {
		out = append(out, s.write("message", "refusal", text)...)
	}
	for _, c := range r.ToolCalls {
		more, err := s.call(c)
		if out = append(out, more...); err != nil {
			return out, err
		}
	}
	return out, nil
}

// write appends text to the item of that type, in the part of that kind. Both are begun, and
// others ended, as they need to be.
func (s *chatStreamToResponses) write(item, kind, text string) []sse.Event {
	var out []sse.Event
	if s.open == nil || s.open.Type != item {
		out = s.close()
		out = append(out, s.add(respItem{Type: item}))
		s.open = s.items[len(s.items)-1]
	}
	if text == "" {
		return out
	}
	if s.open.kind != kind {
		out = append(out, s.says(s.open.endPart())...)
		out = append(out, s.say(s.open.beginPart(kind)))
	}
	s.kept += len(text)
	return append(out, s.say(s.open.write(text)))
}

// call takes a piece of a call, which belongs to the one with its index, or the latest. Calls end
// with the answer, as their pieces may take turns.
func (s *chatStreamToResponses) call(c chatCall) ([]sse.Event, error) {
	it := s.last
	if c.Index != nil {
		it = s.calls[*c.Index]
	}
	var out []sse.Event
	if it == nil || c.another(it.serverID) {
		if c.Function.Name == "" {
			return nil, nonsense("calls a tool without a name")
		}
		out = s.close()
		out = append(out, s.add(respItem{Type: "function_call", Name: c.Function.Name, CallID: respCallID(c.ID, s.chat, len(s.items))}))
		it = s.items[len(s.items)-1]
		it.serverID, s.last = c.ID, it
		if c.Index != nil {
			s.calls[*c.Index] = it
		}
	}
	if piece := string(c.Function.Arguments); piece != "" {
		s.kept += len(piece)
		out = append(out, s.say(it.write(piece)))
	}
	return out, nil
}

// add begins an item.
func (s *chatStreamToResponses) add(r respItem) sse.Event {
	prefix := map[string]string{"message": "msg", "reasoning": "rs", "function_call": "fc"}[r.Type]
	r.ID = s.answer.itemID(prefix, len(s.items))
	it := &liveItem{respItem: r, place: len(s.items), summary: s.form.summary}
	s.items = append(s.items, it)
	return s.say(respEvent{Type: "response.output_item.added", OutputIndex: &it.place, Item: it.item("in_progress")})
}

// close ends the message or reasoning that is being said.
func (s *chatStreamToResponses) close() []sse.Event {
	it := s.open
	if s.open = nil; it == nil {
		return nil
	}
	return s.says(it.end("completed"))
}

// closeAll ends every item. The last of an answer that was cut short is incomplete.
func (s *chatStreamToResponses) closeAll() []sse.Event {
	var out []sse.Event
	for i, it := range s.items {
		if it.status != "" {
			continue
		}
		status := "completed"
		if i == len(s.items)-1 {
			status = s.answer.Status
		}
		out = append(out, s.says(it.end(status))...)
	}
	s.open = nil
	return out
}

// output returns the items as they are so far.
func (s *chatStreamToResponses) output() []respItem {
	items := []respItem{}
	for _, it := range s.items {
		items = append(items, *it.item(or(it.status, "incomplete")))
	}
	return items
}

// say makes an event the stream's next.
func (s *chatStreamToResponses) say(e respEvent) sse.Event {
	e.Sequence = s.sequence
	s.sequence++
	return sse.Event{Name: e.Type, Data: encode(e)}
}

func (s *chatStreamToResponses) says(events []respEvent) (out []sse.Event) {
	for _, e := range events {
		out = append(out, s.say(e))
	}
	return out
}
