package openai

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

// event is one event of the stream, as tolerant as the servers are different.
type event struct {
	Error   json.RawMessage `json:"error"`
	Choices []choice        `json:"choices"`
	Usage   *usage          `json:"usage"`
}

type usage struct {
	Input  int `json:"prompt_tokens"`
	Output int `json:"completion_tokens"`
}

type choice struct {
	Delta        part   `json:"delta"`
	Message      part   `json:"message"` // instead of Delta, where nothing is streamed
	FinishReason string `json:"finish_reason"`
}

type part struct {
	Content      json.RawMessage `json:"content"` // a string, null, or a list of text parts
	Refusal      string          `json:"refusal"`
	ToolCalls    []toolCall      `json:"tool_calls"`
	FunctionCall *function       `json:"function_call"` // the form before tool_calls
}

type toolCall struct {
	Index    *int     `json:"index"`
	ID       string   `json:"id"`
	Function function `json:"function"`
}

type function struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"` // a string or a piece of it, or an object
}

// decode reads an event. An error that the server reports in it is a
// statusError.
func decode(data []byte) (event, error) {
	var e event
	if err := json.Unmarshal(data, &e); err != nil {
		return e, errNonsense
	}
	if len(e.Error) > 0 && string(e.Error) != "null" {
		return e, &statusError{detail: newDetail(e.Error)}
	}
	return e, nil
}

// text returns the piece of text in a part.
func (p part) text() string {
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

// pending is a native call whose pieces are still coming.
type pending struct {
	index    int
	id, name string
	args     strings.Builder
}

// calls puts the pieces of native calls together.
type calls []*pending

// add takes a piece. It belongs to the call with its index, unless it has an id
// of its own: some servers number every call 0, some don't number them.
func (cs *calls) add(t toolCall) {
	index := -1
	if t.Index != nil {
		index = *t.Index
	}
	var p *pending
	for _, c := range *cs {
		if c.index == index && (t.ID == "" || c.id == "" || c.id == t.ID) {
			p = c
		}
	}
	if index < 0 && t.ID == "" && t.Function.Name != "" {
		p = nil
	}
	if p == nil {
		if len(*cs) > model.MaxCalls {
			return
		}
		p = &pending{index: index}
		*cs = append(*cs, p)
	}
	if t.ID != "" {
		p.id = t.ID
	}
	if p.name != t.Function.Name { // the same name again is a repetition, not a piece
		p.name += t.Function.Name
	}
	var s string
	if json.Unmarshal(t.Function.Arguments, &s) == nil {
		p.args.WriteString(s)
	} else {
		p.args.Write(t.Function.Arguments)
	}
}

// read hands the answer on from the first event to the end, or until yield
// returns false.
func (x *exchange) read(canonical *model.Canonical, yield func(model.Chunk) bool) error {
	var native calls
	var last *core.Usage
	spoken, reason := false, ""
	e, err := x.first, error(nil)
	for ; err == nil; e, err = x.again() {
		if e.Usage != nil {
			last = &core.Usage{Input: e.Usage.Input, Output: e.Usage.Output}
		}
		for _, c := range e.Choices {
			if c.FinishReason != "" {
				reason = c.FinishReason
			}
			for _, p := range []part{c.Delta, c.Message} {
				for _, t := range p.ToolCalls {
					native.add(t)
				}
				if f := p.FunctionCall; f != nil {
					native.add(toolCall{Index: new(int), Function: *f})
				}
				text := p.text()
				spoken = spoken || text != ""
				if text = canonical.Text(text); text != "" && !yield(model.Chunk{Text: text}) {
					return nil
				}
			}
		}
	}
	if !errors.Is(err, io.EOF) && reason == "" {
		return cause(x.ctx, err)
	}
	if reason == "content_filter" && !spoken && len(native) == 0 {
		return errFiltered
	}
	for _, c := range native {
		canonical.Native(c.id, c.name, []byte(c.args.String()))
	}
	return finish(canonical, last, yield)
}

// again waits for the next event.
func (x *exchange) again() (event, error) {
	x.timer.Stop()
	x.timer = time.AfterFunc(x.idle, func() { x.cancel(errIdle) })
	return x.next()
}

// finish hands on what comes at the end: held text, calls, usage, Done.
func finish(canonical *model.Canonical, u *core.Usage, yield func(model.Chunk) bool) error {
	text, found := canonical.End()
	if text != "" && !yield(model.Chunk{Text: text}) {
		return nil
	}
	for i := range found {
		if !yield(model.Chunk{Call: &found[i]}) {
			return nil
		}
	}
	yield(model.Chunk{Usage: u, Done: true})
	return nil
}
