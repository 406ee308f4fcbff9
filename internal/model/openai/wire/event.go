// Package wire is what the driver openai asks for on the wire, and what servers of OpenAI's
// chat completions send in a stream, as tolerant as they are different. It does no I/O and
// decides nothing.
package wire

import (
	"encoding/json"
	"errors"
	"fmt"
)

// ErrNonsense is the error for bytes that are no event.
var ErrNonsense = errors.New("the answer isn't a stream of chat completions")

// Event is one event of the stream, as tolerant as the servers are different.
type Event struct {
	Error   json.RawMessage `json:"error"`
	Choices []Choice        `json:"choices"`
	Usage   *Usage          `json:"usage"`
}

// Usage is the tokens so far.
type Usage struct {
	Input   int             `json:"prompt_tokens"`
	Output  int             `json:"completion_tokens"`
	Details json.RawMessage `json:"prompt_tokens_details"` // what Input is made of: an object, null, or what a server likes
}

// Cache returns how many tokens of Input the server had from a request before, and how many
// it put into its cache; 0 if it doesn't say.
func (u Usage) Cache() (read, written int) {
	var of struct {
		Cached  int `json:"cached_tokens"`
		Written int `json:"cache_write_tokens"`
	}
	_ = json.Unmarshal(u.Details, &of) // what can't be read is no discount
	read = min(max(of.Cached, 0), max(u.Input, 0))
	return read, min(max(of.Written, 0), max(u.Input, 0)-read)
}

// Choice is a piece of an answer; one is asked for.
type Choice struct {
	Delta        Part   `json:"delta"`
	Message      Part   `json:"message"` // instead of Delta, where nothing is streamed
	FinishReason string `json:"finish_reason"`
}

// Part is what is new in a Choice.
type Part struct {
	Content      json.RawMessage `json:"content"` // a string, null, or a list of text parts
	Refusal      string          `json:"refusal"`
	ToolCalls    []ToolCall      `json:"tool_calls"`
	FunctionCall *Function       `json:"function_call"` // the form before tool_calls
}

// ToolCall is a piece of a native call.
type ToolCall struct {
	Index    *int     `json:"index"`
	ID       string   `json:"id"`
	Function Function `json:"function"`
}

// Function is what a call calls.
type Function struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"` // a string or a piece of it, or an object
}

// Decode reads an event. Its second result is an error that the server reports
// in it, or nil. Bytes that are no event are ErrNonsense.
func Decode(data []byte) (Event, *Detail, error) {
	var e Event
	if err := json.Unmarshal(data, &e); err != nil {
		return e, nil, ErrNonsense
	}
	if len(e.Error) > 0 && string(e.Error) != "null" {
		d := NewDetail(e.Error)
		return e, &d, nil
	}
	return e, nil, nil
}

// String returns the piece of text in a part.
func (p Part) String() string {
	var s string
	if json.Unmarshal(p.Content, &s) == nil {
		return s + p.Refusal
	}
	var list []struct {
		Text string `json:"text"`
	}
	_ = json.Unmarshal(p.Content, &list) // what is neither has no text
	for _, e := range list {
		s += e.Text
	}
	return s + p.Refusal
}

// Detail is what OpenAI's error object holds.
type Detail struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Code    string `json:"code"`
}

// NewDetail reads an error object, a string, or any text.
func NewDetail(raw []byte) Detail {
	var loose struct {
		Message string `json:"message"`
		Type    string `json:"type"`
		Code    any    `json:"code"` // some servers send a number
	}
	var s string
	switch {
	case json.Unmarshal(raw, &loose) == nil:
		d := Detail{Message: loose.Message, Type: loose.Type}
		if loose.Code != nil {
			d.Code = fmt.Sprint(loose.Code)
		}
		return d
	case json.Unmarshal(raw, &s) == nil:
		return Detail{Message: s}
	}
	return Detail{Message: string(raw)}
}
