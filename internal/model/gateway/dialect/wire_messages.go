package dialect

import "encoding/json"

// msgRequest is a request of Anthropic's messages, as far as another dialect can say it.
type msgRequest struct {
	Model         string            `json:"model"`
	MaxTokens     *int              `json:"max_tokens"`
	System        json.RawMessage   `json:"system,omitempty"` // a string or a list of msgBlock
	Messages      []json.RawMessage `json:"messages"`
	Temperature   *float64          `json:"temperature,omitempty"`
	TopP          *float64          `json:"top_p,omitempty"`
	StopSequences []string          `json:"stop_sequences,omitempty"`
	Stream        bool              `json:"stream,omitempty"`
	Tools         []json.RawMessage `json:"tools,omitempty"`
	ToolChoice    *msgToolChoice    `json:"tool_choice,omitempty"`
	Thinking      *msgThinking      `json:"thinking,omitempty"`
	OutputConfig  *msgOutputConfig  `json:"output_config,omitempty"`
	Metadata      *msgMetadata      `json:"metadata,omitempty"`
	ServiceTier   string            `json:"service_tier,omitempty"`
}

type msgTurn struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"` // a string or a list of msgBlock
}

// msgBlock is a piece of a turn, of a system prompt, of a tool's result or of an answer; Type
// says which members it has.
type msgBlock struct {
	Type      string          `json:"type"`
	Text      *string         `json:"text,omitempty"`
	Source    *msgSource      `json:"source,omitempty"`      // image, document
	Title     string          `json:"title,omitempty"`       // document
	Context   string          `json:"context,omitempty"`     // document
	ID        string          `json:"id,omitempty"`          // tool_use
	Name      string          `json:"name,omitempty"`        // tool_use
	Input     json.RawMessage `json:"input,omitempty"`       // tool_use
	ToolUseID string          `json:"tool_use_id,omitempty"` // tool_result
	Content   json.RawMessage `json:"content,omitempty"`     // tool_result: a string or a list of msgBlock
	IsError   bool            `json:"is_error,omitempty"`    // tool_result
	Thinking  *string         `json:"thinking,omitempty"`    // thinking
	Signature *string         `json:"signature,omitempty"`   // thinking; empty: it isn't Anthropic's
	Data      string          `json:"data,omitempty"`        // redacted_thinking
	Said      bool            `json:"-"`                     // by an answer, where blocks have members besides
}

// MarshalJSON implements json.Marshaler.
func (b msgBlock) MarshalJSON() ([]byte, error) {
	type plain msgBlock
	out := struct {
		plain
		Citations json.RawMessage `json:"citations,omitempty"`
		Caller    json.RawMessage `json:"caller,omitempty"`
	}{plain: plain(b)}
	switch {
	case b.Said && b.Type == "text":
		out.Citations = json.RawMessage("null")
	case b.Said && b.Type == "tool_use":
		out.Caller = json.RawMessage(`{"type":"direct"}`)
	}
	return encode(out), nil
}

type msgSource struct {
	Type      string          `json:"type"` // base64, url, text, content
	MediaType string          `json:"media_type,omitempty"`
	Data      string          `json:"data,omitempty"`
	URL       string          `json:"url,omitempty"`
	Content   json.RawMessage `json:"content,omitempty"` // a string or a list of msgBlock
}

type msgTool struct {
	Type        string          `json:"type,omitempty"` // "custom", or not said
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	InputSchema json.RawMessage `json:"input_schema,omitempty"`
	Strict      *bool           `json:"strict,omitempty"`
}

type msgToolChoice struct {
	Type                   string `json:"type"` // auto, any, tool, none
	Name                   string `json:"name,omitempty"`
	DisableParallelToolUse *bool  `json:"disable_parallel_tool_use,omitempty"`
}

type msgThinking struct {
	Type         string `json:"type"` // enabled, adaptive, disabled
	BudgetTokens int    `json:"budget_tokens,omitempty"`
	Display      string `json:"display,omitempty"`
}

type msgOutputConfig struct {
	Effort string     `json:"effort,omitempty"`
	Format *msgFormat `json:"format,omitempty"`
}

type msgFormat struct {
	Type   string          `json:"type"` // json_schema
	Schema json.RawMessage `json:"schema"`
}

type msgMetadata struct {
	UserID string `json:"user_id,omitempty"`
}

// msgAnswer is a whole answer, and what a stream begins with.
type msgAnswer struct {
	ID           string          `json:"id"`
	Type         string          `json:"type"`
	Role         string          `json:"role"`
	Model        string          `json:"model"`
	Content      []msgBlock      `json:"content"`
	StopReason   *string         `json:"stop_reason"`
	StopSequence *string         `json:"stop_sequence"`
	StopDetails  *msgStopDetails `json:"stop_details"`
	Container    *struct{}       `json:"container"` // null: there is none here, as with others that are
	Usage        msgUsage        `json:"usage"`
}

type msgStopDetails struct {
	Type        string  `json:"type"` // refusal
	Category    *string `json:"category"`
	Explanation string  `json:"explanation"`
}

// msgUsage says what an answer took. Unlike OpenAI's, InputTokens are without those that were
// read from a cache or written to one.
type msgUsage struct {
	InputTokens              int               `json:"input_tokens"`
	CacheCreationInputTokens int               `json:"cache_creation_input_tokens"`
	CacheReadInputTokens     int               `json:"cache_read_input_tokens"`
	OutputTokens             int               `json:"output_tokens"`
	OutputTokensDetails      *msgOutputDetails `json:"output_tokens_details"`
	ServiceTier              orNull            `json:"service_tier"`
	CacheCreation            *struct{}         `json:"cache_creation"`
	InferenceGeo             orNull            `json:"inference_geo"`
	ServerToolUse            *struct{}         `json:"server_tool_use"`
}

type msgOutputDetails struct {
	ThinkingTokens int `json:"thinking_tokens"`
}

// msgEvent is an event of a stream; Type says which members it has.
type msgEvent struct {
	Type         string          `json:"type"`
	Message      *msgAnswer      `json:"message,omitempty"`       // message_start
	Index        *int            `json:"index,omitempty"`         // content_block_*
	ContentBlock *msgBlock       `json:"content_block,omitempty"` // content_block_start
	Delta        *msgDelta       `json:"delta,omitempty"`         // content_block_delta, message_delta
	Usage        *msgUsage       `json:"usage,omitempty"`         // message_delta
	Error        json.RawMessage `json:"error,omitempty"`         // error
}

// msgDelta is what is new: of a block (Type says what), or of the message.
type msgDelta struct {
	Type         string          `json:"type,omitempty"`
	Text         *string         `json:"text,omitempty"`
	PartialJSON  *string         `json:"partial_json,omitempty"`
	Thinking     *string         `json:"thinking,omitempty"`
	Signature    *string         `json:"signature,omitempty"`
	StopReason   *string         `json:"stop_reason,omitempty"`
	StopSequence *string         `json:"stop_sequence,omitempty"`
	StopDetails  *msgStopDetails `json:"stop_details,omitempty"`
}

// msgFinal is the event message_delta as it is written: with a stop_sequence that is null.
type msgFinal struct {
	Type  string        `json:"type"`
	Delta msgFinalDelta `json:"delta"`
	Usage msgUsage      `json:"usage"`
}

type msgFinalDelta struct {
	StopReason   string          `json:"stop_reason"`
	StopSequence *string         `json:"stop_sequence"`
	StopDetails  *msgStopDetails `json:"stop_details,omitempty"`
}
