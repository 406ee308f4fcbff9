package dialect

import "encoding/json"

// chatRequest is a request of OpenAI's chat completions, as far as another dialect can say it.
type chatRequest struct {
	Model               string             `json:"model"`
	Messages            []json.RawMessage  `json:"messages"`
	MaxTokens           *int               `json:"max_tokens,omitempty"`
	MaxCompletionTokens *int               `json:"max_completion_tokens,omitempty"`
	Temperature         *float64           `json:"temperature,omitempty"`
	TopP                *float64           `json:"top_p,omitempty"`
	Stop                json.RawMessage    `json:"stop,omitempty"` // a string or a list of them
	Stream              bool               `json:"stream,omitempty"`
	StreamOptions       *chatStreamOptions `json:"stream_options,omitempty"`
	Tools               []json.RawMessage  `json:"tools,omitempty"`
	ToolChoice          json.RawMessage    `json:"tool_choice,omitempty"` // a word or a chatChoiceOfTool
	ParallelToolCalls   *bool              `json:"parallel_tool_calls,omitempty"`
	ResponseFormat      *chatFormat        `json:"response_format,omitempty"`
	ReasoningEffort     string             `json:"reasoning_effort,omitempty"`
	Reasoning           json.RawMessage    `json:"reasoning,omitempty"` // OpenRouter's word, as responses have it
	ServiceTier         string             `json:"service_tier,omitempty"`
	User                string             `json:"user,omitempty"`
	SafetyIdentifier    string             `json:"safety_identifier,omitempty"`
}

// thinks returns how hard the model is to think, and whether it is to tell: by OpenAI's word, or
// by OpenRouter's.
func (c chatRequest) thinks() (r respReasoning, err error) {
	if !absent(c.Reasoning) {
		r, err = take[respReasoning](c.Reasoning, "reasoning", unsaid{})
	}
	r.Effort = or(c.ReasoningEffort, r.Effort)
	return r, err
}

type chatStreamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// chatMessage is a message of a request, and that of an answer.
type chatMessage struct {
	Role             string            `json:"role"`
	Content          json.RawMessage   `json:"content,omitempty"` // a string, null, or a list of chatPart
	Name             string            `json:"name,omitempty"`
	ReasoningContent string            `json:"reasoning_content,omitempty"`
	ReasoningDetails []reasoningDetail `json:"reasoning_details,omitempty"`
	Refusal          string            `json:"refusal,omitempty"`
	ToolCalls        []chatCall        `json:"tool_calls,omitempty"`
	ToolCallID       string            `json:"tool_call_id,omitempty"`
}

// reasoningDetail is a piece of reasoning that its provider wants back as it was, in the form
// that OpenRouter has made known: reasoning.text with its signature, or reasoning.encrypted.
type reasoningDetail struct {
	Type      string `json:"type"`
	Text      string `json:"text,omitempty"`
	Signature string `json:"signature,omitempty"`
	Data      string `json:"data,omitempty"`
	Format    string `json:"format,omitempty"`
	Index     int    `json:"index"`
}

// anthropicFormat marks the reasoning details that are Anthropic's.
const anthropicFormat = "anthropic-claude-v1"

// chatPart is a piece of a message's content.
type chatPart struct {
	Type     string     `json:"type"`
	Text     string     `json:"text,omitempty"`
	Refusal  string     `json:"refusal,omitempty"`
	ImageURL *chatImage `json:"image_url,omitempty"`
	File     *chatFile  `json:"file,omitempty"`
}

type chatImage struct {
	URL    string `json:"url"`
	Detail string `json:"detail,omitempty"`
}

type chatFile struct {
	Filename string `json:"filename,omitempty"`
	FileData string `json:"file_data,omitempty"` // a data: URL
	FileID   string `json:"file_id,omitempty"`
}

type chatCall struct {
	Index    *int             `json:"index,omitempty"` // in a stream
	ID       string           `json:"id,omitempty"`
	Type     string           `json:"type,omitempty"`
	Function chatCallFunction `json:"function"`
}

// another reports whether a piece of a streamed call is of another than the one with its index
// (the latest, if it has none), whose id is known if it has one: some servers number every call
// 0, and some don't number them.
func (c chatCall) another(id string) bool {
	return c.ID != "" && id != "" && c.ID != id || c.Index == nil && c.ID == "" && c.Function.Name != ""
}

type chatCallFunction struct {
	Name      string `json:"name,omitempty"`
	Arguments loose  `json:"arguments"`
}

// loose is a string that some servers write as the JSON value that it holds.
type loose string

// UnmarshalJSON implements json.Unmarshaler.
func (l *loose) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	if len(b) == 0 || b[0] != '"' {
		*l = loose(b)
		return nil
	}
	var s string
	err := json.Unmarshal(b, &s)
	*l = loose(s)
	return err
}

type chatTool struct {
	Type     string       `json:"type"`
	Function chatFunction `json:"function"`
}

type chatFunction struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
	Strict      *bool           `json:"strict,omitempty"`
}

// chatChoiceOfTool is a tool_choice that names a tool.
type chatChoiceOfTool struct {
	Type     string `json:"type"`
	Function struct {
		Name string `json:"name"`
	} `json:"function"`
}

type chatFormat struct {
	Type       string          `json:"type"`
	JSONSchema *chatJSONSchema `json:"json_schema,omitempty"`
}

type chatJSONSchema struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"schema,omitempty"`
	Strict      *bool           `json:"strict,omitempty"`
}

// seconds since 1970, of which some servers write a fraction, too.
type seconds int64

// UnmarshalJSON implements json.Unmarshaler.
func (s *seconds) UnmarshalJSON(b []byte) error {
	var f float64
	err := json.Unmarshal(b, &f)
	*s = seconds(f)
	return err
}

// chatAnswer is a whole answer, or one chunk of a streamed one.
type chatAnswer struct {
	ID          string       `json:"id"`
	Object      string       `json:"object"`
	Created     seconds      `json:"created"`
	Model       string       `json:"model"`
	ServiceTier string       `json:"service_tier,omitempty"`
	Choices     []chatChoice `json:"choices"`
	Usage       *chatUsage   `json:"usage,omitempty"`
}

type chatChoice struct {
	Index        int        `json:"index"`
	Message      *chatReply `json:"message,omitempty"`
	Delta        *chatReply `json:"delta,omitempty"`
	Logprobs     *struct{}  `json:"logprobs"` // always null: they can't be asked for
	FinishReason *string    `json:"finish_reason"`
}

// chatReply is what a model said: a message, or what is new of it.
type chatReply struct {
	Role             string            `json:"role,omitempty"`
	Content          json.RawMessage   `json:"content,omitempty"`
	Refusal          json.RawMessage   `json:"refusal,omitempty"` // a string or null
	ReasoningContent string            `json:"reasoning_content,omitempty"`
	Reasoning        json.RawMessage   `json:"reasoning,omitempty"` // the name that some servers have for it
	ReasoningDetails []reasoningDetail `json:"reasoning_details,omitempty"`
	ToolCalls        []chatCall        `json:"tool_calls,omitempty"`
}

type chatUsage struct {
	PromptTokens     int                   `json:"prompt_tokens"`
	CompletionTokens int                   `json:"completion_tokens"`
	TotalTokens      int                   `json:"total_tokens"`
	Prompt           chatPromptDetails     `json:"prompt_tokens_details"`
	Completion       chatCompletionDetails `json:"completion_tokens_details"`
}

type chatPromptDetails struct {
	CachedTokens     int `json:"cached_tokens"`
	CacheWriteTokens int `json:"cache_write_tokens,omitempty"`
}

type chatCompletionDetails struct {
	ReasoningTokens int `json:"reasoning_tokens"`
}
