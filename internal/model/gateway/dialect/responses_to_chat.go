package dialect

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/isekai-run/isekai/internal/core"
)

// responsesToChat translates a request of OpenAI's responses for a provider that speaks chat
// completions.
//
// Left out, because it changes nothing that a caller could rely on: store (the gateway keeps what
// is to be kept), metadata and prompt_cache_key (both are in the answer again), what else is about
// caching (prompt_cache_retention, prompt_cache_options), stream_options.include_obfuscation,
// max_tool_calls and what include adds to the tools that run at OpenAI (there are none here);
// annotations of what the model said before, and the ids and statuses of items; reasoning that
// another provider encrypted. Members that have the value which is their default say nothing, and
// neither do those that are null.
//
// Said otherwise: instructions become the first message, of a developer where the model is one of
// OpenAI's and of the system elsewhere; what follows each other of the model (reasoning, messages
// and calls) becomes one message of it; what isn't text in a function's output follows in a
// message of the user, as a chat's tool message is text; a safety_identifier becomes the user
// where the model isn't one of OpenAI's; a function's strictness that isn't said is left to the
// provider. A summary of the reasoning that is asked for is all of the reasoning that the provider
// tells.
func responsesToChat(r Request, model string) (leg, error) {
	in, err := take[respRequest](r.Body, "", responsesUnsaid())
	if err != nil {
		return leg{}, err
	}
	out := respChat{chatRequest: chatRequest{
		Model: model, Temperature: in.Temperature, TopP: in.TopP, Stream: in.Stream,
		ServiceTier: in.ServiceTier, User: in.User,
	}}
	if in.Stream {
		out.StreamOptions = &chatStreamOptions{IncludeUsage: true}
	}
	if openAIs(model) {
		out.MaxCompletionTokens, out.SafetyIdentifier = in.MaxOutputTokens, in.SafetyIdentifier
	} else {
		out.MaxTokens, out.User = in.MaxOutputTokens, or(out.User, in.SafetyIdentifier)
	}
	if slices.Contains(in.Include, "message.output_text.logprobs") {
		return leg{}, refuse("include", "leave message.output_text.logprobs out of it")
	}
	if err := out.takeForm(in.Text); err != nil {
		return leg{}, err
	}
	summary, err := out.takeReasoning(in.Reasoning)
	if err != nil {
		return leg{}, err
	}
	if err := out.takeFunctions(in); err != nil {
		return leg{}, err
	}
	if in.Instructions != nil {
		out.say(chatMessage{Role: instructor(model), Content: encode(*in.Instructions)})
	}
	if err := out.takeInput(in.Input); err != nil {
		return leg{}, err
	}
	as := respForm{answer: in.echo(model), summary: summary}
	return leg{
		body:   encode(out),
		answer: as.whole,
		stream: func(created int64) machine { return &chatStreamToResponses{form: as, created: created} },
	}, nil
}

// respChat is a chat request with what the dialects of others than OpenAI have no word for.
type respChat struct {
	chatRequest
	Verbosity string `json:"verbosity,omitempty"`
}

// responsesUnsaid lists the members of a request of responses that a chat has no word for.
func responsesUnsaid() unsaid {
	return unsaid{
		drop: []string{"prompt_cache_retention", "prompt_cache_options", "stream_options", "max_tool_calls"},
		defaults: map[string]string{
			"background": "false", "truncation": `"disabled"`, "top_logprobs": "0", "context_management": "[]",
		},
		hints: map[string]string{
			"previous_response_id": "send the whole conversation as input: this model's provider keeps none",
			"conversation":         "send the whole conversation as input: this model's provider keeps none",
			"prompt":               "send the prompt's text: this model's provider keeps none",
			"truncation":           "shorten the input: this model's provider doesn't",
			"background":           "wait for the answer, or have it streamed",
		},
	}
}

// instructor returns the role of who instructs a model.
func instructor(model string) string {
	if openAIs(model) {
		return "developer"
	}
	return "system"
}

// takeForm says what form the answer is to have.
func (c *respChat) takeForm(raw json.RawMessage) error {
	if absent(raw) {
		return nil
	}
	text, err := take[respText](raw, "text", unsaid{})
	if err != nil {
		return err
	}
	if text.Verbosity != "medium" { // which is how it is anyway
		c.Verbosity = text.Verbosity
	}
	if absent(text.Format) {
		return nil
	}
	f, err := take[respFormat](text.Format, "text.format", unsaid{})
	if err != nil {
		return err
	}
	switch f.Type {
	case "text":
	case "json_object":
		c.ResponseFormat = &chatFormat{Type: f.Type}
	case "json_schema":
		c.ResponseFormat = &chatFormat{Type: f.Type, JSONSchema: &chatJSONSchema{Name: f.Name, Description: f.Description, Schema: f.Schema, Strict: f.Strict}}
	default:
		return refuse("text.format.type", "the forms are text, json_schema and json_object")
	}
	return nil
}

// takeReasoning says how hard the model is to think, and returns whether the caller wants a
// summary of it.
func (c *respChat) takeReasoning(raw json.RawMessage) (summary bool, err error) {
	if absent(raw) {
		return false, nil
	}
	r, err := take[respReasoning](raw, "reasoning", unsaid{defaults: map[string]string{"mode": `"standard"`, "context": `"auto"`}})
	c.ReasoningEffort = r.Effort
	return or(r.Summary, r.GenerateSummary) != "", err
}

// takeFunctions says the tools, and which of them the model is to use.
func (c *respChat) takeFunctions(in respRequest) error {
	for i, raw := range in.Tools {
		path := fmt.Sprintf("tools[%d]", i)
		if kind := kindIn(raw); kind != "function" {
			return refuseKind(path, kind, "only functions can be offered to this model")
		}
		t, err := take[respTool](raw, path, unsaid{
			drop:     []string{"output_schema"},
			defaults: map[string]string{"defer_loading": "false", "async": "false", "allowed_callers": `["direct"]`},
		})
		if err != nil {
			return err
		}
		if absent(t.Parameters) {
			t.Parameters = nil
		}
		c.Tools = append(c.Tools, encode(chatTool{Type: "function", Function: chatFunction{Name: t.Name, Description: t.Description, Parameters: t.Parameters, Strict: t.Strict}}))
	}
	if len(c.Tools) > 0 { // elsewhere a chat doesn't take it
		c.ParallelToolCalls = in.ParallelToolCalls
	}
	return c.takeChoice(in.ToolChoice)
}

func (c *respChat) takeChoice(raw json.RawMessage) error {
	var word string
	switch {
	case absent(raw):
	case json.Unmarshal(raw, &word) == nil:
		switch {
		case word != "auto" && word != "none" && word != "required":
			return wrong("tool_choice", "isn't one of auto, none and required")
		case len(c.Tools) > 0: // elsewhere a chat doesn't take it
			c.ToolChoice = raw
		case word == "required":
			return wrong("tool_choice", "requires a tool, and there are none")
		}
	default:
		if kind := kindIn(raw); kind != "function" {
			return refuseKind("tool_choice", kind, "say auto, none, required or the name of a function")
		}
		f, err := take[respChoiceOfTool](raw, "tool_choice", unsaid{})
		if err != nil {
			return err
		}
		named := chatChoiceOfTool{Type: "function"}
		named.Function.Name = f.Name
		c.ToolChoice = encode(named)
	}
	return nil
}

// kindIn returns the type that an object says it has.
func kindIn(raw json.RawMessage) string {
	var kind struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal(raw, &kind) // what isn't an object has none
	return kind.Type
}

// refuseKind is the error of what is of a type that can't be said in the other dialect.
func refuseKind(path, kind, hint string) error {
	if kind == "" {
		return wrong(path, "has no type")
	}
	p := Problem{
		Code: "unsupported_parameter", Param: join(path, "type"),
		Message: fmt.Sprintf("%s is of the type %q, which can't be said in the dialect of this model's provider", path, clip(kind, maxKind)),
	}
	return core.E(core.Unsupported, opTranslate, "").WithHint(hint).Because(p)
}

// maxKind is how much of a type's name an error repeats, in bytes.
const maxKind = 64
