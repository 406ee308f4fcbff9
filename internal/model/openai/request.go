package openai

import (
	"encoding/json"
	"regexp"

	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/openai/wire"
)

// request is r on the wire.
func (m *Model) request(r model.Request) wire.Request {
	w := wire.Request{Model: r.Model, Stream: true, StreamOptions: wire.StreamOptions{IncludeUsage: true}}
	if r.System != "" {
		w.Messages = append(w.Messages, wire.Message{Role: "system", Content: &r.System})
	}
	for _, msg := range r.Messages {
		w.Messages = append(w.Messages, message(msg))
	}
	for _, t := range r.Tools {
		w.Tools = append(w.Tools, wire.Tool{
			Type: "function", Function: wire.Definition{Name: t.Name, Description: t.Description, Parameters: t.Schema},
		})
	}
	if s := r.Schema; s != nil {
		w.ResponseFormat = &wire.ResponseFormat{
			Type: "json_schema", JSONSchema: wire.JSONSchema{Name: safeName(s.Name), Schema: s.JSON, Strict: strict(s.JSON)},
		}
	}
	if m.base.Host == "api.openai.com" {
		w.MaxCompletionTokens = r.MaxTokens
	} else {
		w.MaxTokens = r.MaxTokens
	}
	return w
}

func message(msg model.Message) wire.Message {
	switch msg.Role {
	case model.Assistant:
		w := wire.Message{Role: "assistant"}
		if msg.Text != "" || len(msg.Calls) == 0 {
			w.Content = &msg.Text
		}
		for _, c := range msg.Calls {
			w.ToolCalls = append(w.ToolCalls, wire.AskedCall{
				ID: string(c.ID), Type: "function",
				Function: wire.AskedFunction{Name: safeName(c.Tool), Arguments: string(c.Arguments)},
			})
		}
		return w
	case model.Tool:
		text := msg.Text
		if msg.Failed {
			text = "The call failed: " + text
		}
		return wire.Message{Role: "tool", Content: &text, ToolCallID: string(msg.CallID)}
	default:
		return wire.Message{Role: "user", Content: &msg.Text}
	}
}

var unsafe = regexp.MustCompile(`[^a-zA-Z0-9_-]`)

// safeName makes a name that a model invented one that the API takes back.
func safeName(s string) string {
	s = unsafe.ReplaceAllString(s, "_")
	if s == "" {
		s = "unknown"
	}
	return s[:min(len(s), 64)]
}

// strict reports whether a schema is one that OpenAI can enforce exactly: each
// object is closed and requires all of its properties. Enforcing any other is
// an error there.
func strict(schema json.RawMessage) bool {
	var v any
	return json.Unmarshal(schema, &v) == nil && closed(v)
}

func closed(v any) bool {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if !closed(e) {
				return false
			}
		}
	case map[string]any:
		if properties, ok := v["properties"].(map[string]any); ok || v["type"] == "object" {
			required, _ := v["required"].([]any)
			if v["additionalProperties"] != false || len(required) != len(properties) {
				return false
			}
		}
		for _, e := range v {
			if !closed(e) {
				return false
			}
		}
	}
	return true
}
