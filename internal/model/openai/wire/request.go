package wire

import "encoding/json"

// Request asks for an answer, in a stream.
type Request struct {
	Model               string          `json:"model"`
	Messages            []Message       `json:"messages"`
	Tools               []Tool          `json:"tools,omitempty"`
	ResponseFormat      *ResponseFormat `json:"response_format,omitempty"`
	MaxTokens           int             `json:"max_tokens,omitempty"`            // the name that every compatible server knows
	MaxCompletionTokens int             `json:"max_completion_tokens,omitempty"` // OpenAI's own
	Stream              bool            `json:"stream"`
	StreamOptions       StreamOptions   `json:"stream_options"`
}

// StreamOptions are of a stream.
type StreamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// Message is a turn of the dialogue.
type Message struct {
	Role       string      `json:"role"`              // system, user, assistant, tool
	Content    *string     `json:"content,omitempty"` // nil: the turn is calls alone
	ToolCalls  []AskedCall `json:"tool_calls,omitempty"`
	ToolCallID string      `json:"tool_call_id,omitempty"` // of a tool's result
}

// AskedCall is a call that the model made in an earlier answer.
type AskedCall struct {
	ID       string        `json:"id"`
	Type     string        `json:"type"` // function
	Function AskedFunction `json:"function"`
}

// AskedFunction is what was called.
type AskedFunction struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"` // JSON
}

// Tool is one that the model may call.
type Tool struct {
	Type     string     `json:"type"` // function
	Function Definition `json:"function"`
}

// Definition says how a function is called.
type Definition struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"` // a JSON Schema
}

// ResponseFormat is the form of the answer's text.
type ResponseFormat struct {
	Type       string     `json:"type"` // json_schema
	JSONSchema JSONSchema `json:"json_schema"`
}

// JSONSchema is what the text has to fit.
type JSONSchema struct {
	Name   string          `json:"name"`
	Schema json.RawMessage `json:"schema"`
	Strict bool            `json:"strict"` // the server sees to it
}
