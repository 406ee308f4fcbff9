package openai

import (
	"encoding/json"
	"regexp"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/shared"

	"github.com/isekai-run/isekai/internal/model"
)

// params is the request on the wire.
func (m *Model) params(r model.Request) sdk.ChatCompletionNewParams {
	p := sdk.ChatCompletionNewParams{
		Model:         r.Model,
		StreamOptions: sdk.ChatCompletionStreamOptionsParam{IncludeUsage: param.NewOpt(true)},
	}
	if r.System != "" {
		p.Messages = append(p.Messages, sdk.SystemMessage(r.System))
	}
	for _, msg := range r.Messages {
		p.Messages = append(p.Messages, message(msg))
	}
	for _, t := range r.Tools {
		p.Tools = append(p.Tools, sdk.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
			Name: t.Name, Description: param.NewOpt(t.Description), Parameters: parameters(t.Schema),
		}))
	}
	if s := r.Schema; s != nil {
		p.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{
			JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{
				Name: safeName(s.Name), Schema: s.JSON, Strict: param.NewOpt(strict(s.JSON)),
			},
		}
	}
	if r.MaxTokens > 0 && m.base.Host == "api.openai.com" {
		p.MaxCompletionTokens = param.NewOpt(int64(r.MaxTokens))
	} else if r.MaxTokens > 0 { // the name that every compatible server knows
		p.MaxTokens = param.NewOpt(int64(r.MaxTokens))
	}
	return p
}

func message(msg model.Message) sdk.ChatCompletionMessageParamUnion {
	switch msg.Role {
	case model.Assistant:
		a := &sdk.ChatCompletionAssistantMessageParam{}
		if msg.Text != "" || len(msg.Calls) == 0 {
			a.Content.OfString = param.NewOpt(msg.Text)
		}
		for _, c := range msg.Calls {
			a.ToolCalls = append(a.ToolCalls, sdk.ChatCompletionMessageToolCallUnionParam{
				OfFunction: &sdk.ChatCompletionMessageFunctionToolCallParam{
					ID: string(c.ID),
					Function: sdk.ChatCompletionMessageFunctionToolCallFunctionParam{
						Name: safeName(c.Tool), Arguments: string(c.Arguments),
					},
				},
			})
		}
		return sdk.ChatCompletionMessageParamUnion{OfAssistant: a}
	case model.Tool:
		text := msg.Text
		if msg.Failed {
			text = "The call failed: " + text
		}
		return sdk.ToolMessage(text, string(msg.CallID))
	default:
		return sdk.UserMessage(msg.Text)
	}
}

func parameters(schema json.RawMessage) shared.FunctionParameters {
	var p shared.FunctionParameters
	_ = json.Unmarshal(schema, &p) // NewCanonical has compiled it
	return p
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
