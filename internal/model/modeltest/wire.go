package modeltest

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

type object map[string]any

// parseRequest reads a chat completions request, strictly: what OpenAI refuses
// is refused here.
func parseRequest(body []byte) (q Request, stream bool, err error) {
	var w struct {
		Model    string
		Stream   bool
		Messages []struct {
			Role      string
			Content   *content
			ToolCalls []struct {
				ID, Type string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
			ToolCallID string `json:"tool_call_id"`
		}
		Tools []struct {
			Type     string
			Function struct{ Name string }
		}
		ResponseFormat *struct {
			Type       string
			JSONSchema struct {
				Name   string
				Schema json.RawMessage
			} `json:"json_schema"`
		} `json:"response_format"`
		MaxTokens int `json:"max_tokens"`
	}
	if err := json.Unmarshal(body, &w); err != nil {
		return q, false, err
	}
	q = Request{Model: w.Model, MaxTokens: w.MaxTokens, Body: body}
	for _, m := range w.Messages {
		msg := model.Message{Role: model.Role(m.Role), CallID: core.CallID(m.ToolCallID)}
		if m.Content != nil {
			msg.Text = string(*m.Content)
		} else if len(m.ToolCalls) == 0 {
			return q, false, fmt.Errorf("a message without content")
		}
		for _, c := range m.ToolCalls {
			if c.Type != "function" || c.ID == "" || !json.Valid([]byte(c.Function.Arguments)) {
				return q, false, fmt.Errorf("a broken tool call")
			}
			msg.Calls = append(msg.Calls, core.Call{ID: core.CallID(c.ID), Tool: c.Function.Name, Arguments: json.RawMessage(c.Function.Arguments)})
		}
		if m.Role == "system" {
			q.System = msg.Text
			continue
		}
		q.Messages = append(q.Messages, msg)
	}
	for _, t := range w.Tools {
		q.Tools = append(q.Tools, t.Function.Name)
	}
	if f := w.ResponseFormat; f != nil {
		q.Schema = f.JSONSchema.Schema
	}
	return q, w.Stream, nil
}

// content is a message's text, or several.
type content string

// UnmarshalJSON implements json.Unmarshaler.
func (c *content) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '[' {
		return json.Unmarshal(b, (*string)(c))
	}
	var parts []struct{ Type, Text string }
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	for _, p := range parts {
		if p.Type != "text" {
			return fmt.Errorf("a part that isn't text")
		}
		*c += content(p.Text)
	}
	return nil
}

// sender writes an answer as server-sent events.
type sender struct {
	w     http.ResponseWriter
	flush *http.ResponseController
	model string
	err   error
}

func (s *sender) data(d string) {
	if s.err != nil {
		return
	}
	s.w.Header().Set("Content-Type", "text/event-stream")
	if _, s.err = fmt.Fprintf(s.w, "data: %s\n\n", d); s.err == nil {
		s.err = s.flush.Flush()
	}
}

func (s *sender) raw(events []string) {
	for _, e := range events {
		s.data(e)
	}
}

func (s *sender) event(choices []object, usage *core.Usage) {
	e := object{"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": s.model, "choices": choices}
	if usage != nil {
		e["usage"] = object{"prompt_tokens": usage.Input, "completion_tokens": usage.Output, "total_tokens": usage.Input + usage.Output,
			"prompt_tokens_details": object{"cached_tokens": usage.Cached}}
	}
	b, err := json.Marshal(e)
	if err != nil {
		panic(err) // plain data
	}
	s.data(string(b))
}

func (s *sender) delta(d object, finish any) {
	s.event([]object{{"index": 0, "delta": d, "finish_reason": finish}}, nil)
}

func (s *sender) text(text string) {
	s.delta(object{"role": "assistant", "content": ""}, nil)
	for _, p := range pieces(text) {
		s.delta(object{"content": p}, nil)
	}
}

// calls sends calls as OpenAI does: a head with id and name, then pieces of the
// arguments; the calls' pieces take turns.
func (s *sender) calls(list []Call) {
	rest := make([][]string, len(list))
	for i, c := range list {
		rest[i] = pieces(c.Arguments)
		head := object{"index": i, "type": "function", "function": object{"name": c.Name, "arguments": ""}}
		if c.ID != "" {
			head["id"] = c.ID
		}
		s.delta(object{"tool_calls": []object{head}}, nil)
	}
	for more := true; more; {
		more = false
		for i := range rest {
			if len(rest[i]) > 0 {
				s.delta(object{"tool_calls": []object{{"index": i, "function": object{"arguments": rest[i][0]}}}}, nil)
				rest[i], more = rest[i][1:], true
			}
		}
	}
}

func (s *sender) end(a Answer) {
	finish := a.Finish
	switch {
	case finish != "":
	case len(a.Calls) > 0:
		finish = "tool_calls"
	default:
		finish = "stop"
	}
	s.delta(object{}, finish)
	if u := a.usage(); u != nil {
		s.event([]object{}, u)
	}
	s.data("[DONE]")
}
