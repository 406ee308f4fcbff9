package dialect

import (
	"cmp"
	"fmt"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/sse"
)

// Translation carries one request from the caller's dialect to the provider's, and the answer
// back. It may be used for several answers to the request, one after the other (a request may be
// tried again); it isn't safe for concurrent use.
type Translation struct {
	// Created is the time in seconds since 1970 that answers bear whose own dialect says none:
	// Anthropic's don't, and OpenAI's must.
	Created int64

	legs []leg // the first is the caller's, the last the provider's
}

// leg is the way between two dialects: there with a request, back with what answers it.
type leg struct {
	body   []byte                                           // the request in the other dialect
	answer func(body []byte, created int64) ([]byte, error) // a whole answer, back
	stream func(created int64) machine                      // a streamed one, back
}

// machine translates one stream, event by event. After an error, an error event of the provider
// or the stream's proper end, it says nothing more.
type machine interface {
	// event takes the next event. The bytes of e are the caller's again when it returns.
	event(e sse.Event) ([]sse.Event, error)
	// end is told that no event comes any more. A stream that hasn't ended as it should becomes
	// one that the caller's client takes for an error.
	end() []sse.Event
}

// Translate says a request in another dialect, for a provider that calls the model by that name.
// The bytes are the provider's request. unsupported: it can't be said there, with a Problem that
// names the member; invalid: it can't be right in its own dialect. What is left out without an
// error, because it changes nothing that the caller could rely on, is listed where each direction
// begins (chatToMessages, messagesToChat and so on).
//
// Responses and Messages know each other only through Chat.
func Translate(r Request, to Dialect, model string) (*Translation, []byte, error) {
	from := r.Op.Dialect()
	if !r.Op.generates() || from == to {
		return nil, nil, core.E(core.Unsupported, "dialect.translate", fmt.Sprintf("%s isn't translated to %s", r.Op, to))
	}
	if from != Chat && to != Chat {
		t, body, err := Translate(r, Chat, model)
		if err != nil {
			return nil, nil, err
		}
		between, err := Read(OpChat, body)
		if err != nil {
			return nil, nil, err
		}
		rest, body, err := Translate(between, to, model)
		if err != nil {
			return nil, nil, err
		}
		t.legs = append(t.legs, rest.legs...)
		return t, body, nil
	}
	way, err := legOf(r, to, model)
	if err != nil {
		return nil, nil, err
	}
	return &Translation{legs: []leg{way}}, way.body, nil
}

// legOf translates between Chat and another dialect.
func legOf(r Request, to Dialect, model string) (leg, error) {
	switch {
	case r.Op == OpChat && to == Messages:
		return chatToMessages(r, model)
	case r.Op == OpMessages && to == Chat:
		return messagesToChat(r, model)
	case r.Op == OpResponses && to == Chat:
		return responsesToChat(r, model)
	case r.Op == OpChat && to == Responses:
		return chatToResponses(r, model)
	}
	return leg{}, core.E(core.Unsupported, "dialect.translate", fmt.Sprintf("%s isn't translated to %s", r.Op, to))
}

// Answer translates a whole answer to the request. unavailable: it isn't an answer as the
// provider's dialect has it.
func (t *Translation) Answer(body []byte) ([]byte, error) {
	for i := len(t.legs) - 1; i >= 0; i-- {
		var err error
		if body, err = t.legs[i].answer(body, t.Created); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// Stream begins the translation of a streamed answer to the request.
func (t *Translation) Stream() *Stream {
	s := &Stream{}
	for i := len(t.legs) - 1; i >= 0; i-- {
		s.machines = append(s.machines, t.legs[i].stream(t.Created))
	}
	return s
}

// Stream translates one streamed answer, event by event. What it keeps is bounded by what a
// caller's client needs told again at the end: names and counts, and of responses, whose last
// event repeats the answer, at most 32 MiB of text. It isn't safe for concurrent use.
type Stream struct {
	machines []machine // the first is the provider's
}

// Kept returns how many bytes of the answer are kept.
func (s *Stream) Kept() (n int) {
	for _, m := range s.machines {
		if r, ok := m.(*chatStreamToResponses); ok {
			n += r.kept
		}
	}
	return n
}

// Event takes the provider's next event and returns what the caller gets, which may be nothing.
// It keeps nothing of e. unavailable: the event is nonsense; there is nothing more to be had of
// this stream.
func (s *Stream) Event(e sse.Event) ([]sse.Event, error) { return s.feed(0, []sse.Event{e}) }

// End is told that the provider's stream is over and returns what the caller still gets: what
// its client takes as an error, if the stream ended early, else mostly nothing.
func (s *Stream) End() []sse.Event {
	var out []sse.Event
	for i, m := range s.machines {
		last, _ := s.feed(i+1, m.end()) // what a machine writes, the next one takes
		out = append(out, last...)
	}
	return out
}

// feed takes events through the machines from the i-th on. What came before an error goes all the
// way, too.
func (s *Stream) feed(i int, events []sse.Event) ([]sse.Event, error) {
	if i == len(s.machines) {
		return events, nil
	}
	var out []sse.Event
	for _, e := range events {
		next, err := s.machines[i].event(e)
		said, other := s.feed(i+1, next)
		out = append(out, said...)
		if err = cmp.Or(err, other); err != nil {
			return out, err
		}
	}
	return out, nil
}
