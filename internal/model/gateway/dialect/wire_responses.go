package dialect

import "encoding/json"

// respRequest is a request of OpenAI's responses, as far as a chat can say it.
type respRequest struct {
	Model             string            `json:"model"`
	Input             json.RawMessage   `json:"input"` // a string or a list of items
	Instructions      *string           `json:"instructions,omitempty"`
	MaxOutputTokens   *int              `json:"max_output_tokens,omitempty"`
	Temperature       *float64          `json:"temperature,omitempty"`
	TopP              *float64          `json:"top_p,omitempty"`
	Stream            bool              `json:"stream,omitempty"`
	Store             bool              `json:"store"`
	Tools             []json.RawMessage `json:"tools,omitempty"`
	ToolChoice        json.RawMessage   `json:"tool_choice,omitempty"` // a word or a respChoiceOfTool
	ParallelToolCalls *bool             `json:"parallel_tool_calls,omitempty"`
	Text              json.RawMessage   `json:"text,omitempty"`      // respText
	Reasoning         json.RawMessage   `json:"reasoning,omitempty"` // respReasoning
	Include           []string          `json:"include,omitempty"`
	ServiceTier       string            `json:"service_tier,omitempty"`
	User              string            `json:"user,omitempty"`
	SafetyIdentifier  string            `json:"safety_identifier,omitempty"`
	PromptCacheKey    string            `json:"prompt_cache_key,omitempty"`
	Metadata          map[string]string `json:"metadata,omitempty"`
}

type respText struct {
	Format    json.RawMessage `json:"format,omitempty"` // respFormat
	Verbosity string          `json:"verbosity,omitempty"`
}

type respFormat struct {
	Type        string          `json:"type"` // text, json_object, json_schema
	Name        string          `json:"name,omitempty"`
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"schema,omitempty"`
	Strict      *bool           `json:"strict,omitempty"`
}

type respReasoning struct {
	Effort          string `json:"effort,omitempty"`
	Summary         string `json:"summary,omitempty"`
	GenerateSummary string `json:"generate_summary,omitempty"` // its name before
}

type respTool struct {
	Type        string          `json:"type"`
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
	Strict      *bool           `json:"strict,omitempty"`
}

// respChoiceOfTool is a tool_choice that names a function.
type respChoiceOfTool struct {
	Type string `json:"type"`
	Name string `json:"name"`
}

// The items of a conversation, by their types. Those that an answer has, too, are respItem.
type (
	respMessage struct {
		Type    string          `json:"type,omitempty"`
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"` // a string or a list of respInputPart
	}
	respCall struct {
		Type      string `json:"type,omitempty"`
		CallID    string `json:"call_id"`
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	}
	respResult struct {
		Type   string          `json:"type,omitempty"`
		CallID string          `json:"call_id"`
		Output json.RawMessage `json:"output"` // a string or a list of respInputPart
	}
	respThought struct {
		Type             string     `json:"type"`
		Summary          []respPart `json:"summary"`
		Content          []respPart `json:"content"`
		EncryptedContent string     `json:"encrypted_content"`
	}
)

// respInputPart is a piece of a message's content.
type respInputPart struct {
	Type     string `json:"type"`
	Text     string `json:"text,omitempty"`      // input_text, output_text
	Refusal  string `json:"refusal,omitempty"`   // refusal
	ImageURL string `json:"image_url,omitempty"` // input_image
	Detail   string `json:"detail,omitempty"`    // input_image, input_file
	FileID   string `json:"file_id,omitempty"`   // input_image, input_file
	FileData string `json:"file_data,omitempty"` // input_file
	Filename string `json:"filename,omitempty"`  // input_file
}

// respAnswer is a response: a whole answer, and what the events that begin and end a stream have.
// Members that may be null are always there, as its clients expect.
type respAnswer struct {
	ID                 string            `json:"id"`
	Object             string            `json:"object"`
	CreatedAt          int64             `json:"created_at"`
	CompletedAt        *int64            `json:"completed_at"` // null: nobody says
	Status             string            `json:"status"`       // in_progress, completed, incomplete, failed
	Background         bool              `json:"background"`
	Error              *respFailure      `json:"error"`
	IncompleteDetails  *respIncomplete   `json:"incomplete_details"`
	Instructions       *string           `json:"instructions"`
	MaxOutputTokens    *int              `json:"max_output_tokens"`
	MaxToolCalls       *int              `json:"max_tool_calls"`
	Model              string            `json:"model"`
	Output             []respItem        `json:"output"`
	ParallelToolCalls  bool              `json:"parallel_tool_calls"`
	PreviousResponseID *string           `json:"previous_response_id"`
	PromptCacheKey     orNull            `json:"prompt_cache_key"`
	Reasoning          json.RawMessage   `json:"reasoning"`
	SafetyIdentifier   orNull            `json:"safety_identifier"`
	ServiceTier        string            `json:"service_tier"`
	Store              bool              `json:"store"`
	Temperature        float64           `json:"temperature"`
	Text               json.RawMessage   `json:"text"`
	ToolChoice         json.RawMessage   `json:"tool_choice"`
	Tools              []json.RawMessage `json:"tools"`
	TopLogprobs        int               `json:"top_logprobs"`
	TopP               float64           `json:"top_p"`
	PresencePenalty    float64           `json:"presence_penalty"`
	FrequencyPenalty   float64           `json:"frequency_penalty"`
	Truncation         string            `json:"truncation"`
	Usage              *respUsage        `json:"usage"`
	User               string            `json:"user,omitempty"`
	Metadata           map[string]string `json:"metadata"`
}

type respFailure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type respIncomplete struct {
	Reason string `json:"reason"` // max_output_tokens, content_filter
}

// respItem is an item of an answer; Type says which members it has.
type respItem struct {
	ID               string      `json:"id"`
	Type             string      `json:"type"`   // message, reasoning, function_call
	Status           string      `json:"status"` // in_progress, completed, incomplete
	Role             string      `json:"role,omitempty"`
	Content          *[]respPart `json:"content,omitempty"` // message, reasoning
	Summary          *[]respPart `json:"summary,omitempty"` // reasoning
	EncryptedContent string      `json:"encrypted_content,omitempty"`
	CallID           string      `json:"call_id,omitempty"` // function_call
	Name             string      `json:"name,omitempty"`    // function_call
	Arguments        *string     `json:"arguments,omitempty"`
}

// respPart is a piece of an item's content; Type says which members it has.
type respPart struct {
	Type        string      `json:"type"` // output_text, refusal, reasoning_text, summary_text
	Text        *string     `json:"text,omitempty"`
	Refusal     *string     `json:"refusal,omitempty"`
	Annotations *[]struct{} `json:"annotations,omitempty"` // output_text: always empty
	Logprobs    *[]struct{} `json:"logprobs,omitempty"`    // output_text: always empty, they can't be asked for
}

type respUsage struct {
	InputTokens   int               `json:"input_tokens"`
	InputDetails  respInputDetails  `json:"input_tokens_details"`
	OutputTokens  int               `json:"output_tokens"`
	OutputDetails respOutputDetails `json:"output_tokens_details"`
	TotalTokens   int               `json:"total_tokens"`
}

type respInputDetails struct {
	CachedTokens     int `json:"cached_tokens"`
	CacheWriteTokens int `json:"cache_write_tokens"`
}

type respOutputDetails struct {
	ReasoningTokens int `json:"reasoning_tokens"`
}

// respHeard is a response of a provider, as far as a chat can say it.
type respHeard struct {
	ID                string          `json:"id"`
	Object            string          `json:"object"`
	CreatedAt         seconds         `json:"created_at"`
	Status            string          `json:"status"`
	Error             json.RawMessage `json:"error"`
	IncompleteDetails *respIncomplete `json:"incomplete_details"`
	Model             string          `json:"model"`
	Output            []respItem      `json:"output"`
	ServiceTier       string          `json:"service_tier"`
	Usage             *respUsage      `json:"usage"`
}

// respEvent is an event of a stream; Type says which members it has.
type respEvent struct {
	Type         string      `json:"type"`
	Sequence     int         `json:"sequence_number"`
	Response     *respAnswer `json:"response,omitempty"`
	ItemID       string      `json:"item_id,omitempty"`
	OutputIndex  *int        `json:"output_index,omitempty"`
	ContentIndex *int        `json:"content_index,omitempty"`
	SummaryIndex *int        `json:"summary_index,omitempty"`
	Item         *respItem   `json:"item,omitempty"`
	Part         *respPart   `json:"part,omitempty"`
	Delta        *string     `json:"delta,omitempty"`
	Text         *string     `json:"text,omitempty"`
	Refusal      *string     `json:"refusal,omitempty"`
	Name         string      `json:"name,omitempty"`
	Arguments    *string     `json:"arguments,omitempty"`
	Logprobs     *[]struct{} `json:"logprobs,omitempty"`
}
