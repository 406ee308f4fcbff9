// Package dialect reads and writes the wire formats of model APIs: OpenAI's chat
// completions and responses, and Anthropic's messages.
//
// The gateway calls it. It is pure: no I/O, no clocks, no identifiers of its own.
package dialect

// Dialect is the wire format of a model API.
type Dialect string

// The dialects.
const (
	Chat      Dialect = "chat"      // OpenAI's chat completions
	Responses Dialect = "responses" // OpenAI's responses
	Messages  Dialect = "messages"  // Anthropic's messages
)

// Operation is what a request asks an API for.
type Operation string

// The operations.
const (
	OpChat        Operation = "chat"
	OpResponses   Operation = "responses"
	OpMessages    Operation = "messages"
	OpEmbeddings  Operation = "embeddings"
	OpCountTokens Operation = "count_tokens"
	OpModels      Operation = "models"
)

// Request is what the gateway reads of a request; everything else passes untouched.
type Request struct {
	Op        Operation
	Model     string
	Stream    bool
	Store     bool   // "store": true
	Usage     bool   // chat streams: the caller asked for stream_options.include_usage
	MaxOutput int    // tokens; 0: not said
	Choices   int    // n; 1 if not said
	Tools     bool   // the request has any
	Images    bool   // the request has any
	Body      []byte // the request: valid JSON, an object
}
