package dialect

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// messagesToChat translates a request of Anthropic's messages for a provider that speaks OpenAI's
// chat completions.
//
// Left out, because it changes nothing that a caller could rely on: cache_control, wherever it
// is, eager_input_streaming, input_examples and defer_loading of tools (hints, and there is no
// search for tools), context_management (it lets Anthropic forget what is old) and diagnostics;
// thinking that has a signature, which only Anthropic's models can read; citations of what the
// model said before; a user_id over 64 characters, more than OpenAI takes; thinking that is
// disabled, for which there is no word that every model knows, and a thinking's display.
//
// Said otherwise: a result that is an error begins with "Error: ", as a chat's tool message has no
// mark for it; what isn't text in a tool's result follows in a message of the user, as a chat's
// tool message is text; a document of plain text becomes text.
func messagesToChat(r Request, model string) (leg, error) {
	in, err := take[msgRequest](r.Body, "", messagesUnsaid())
	if err != nil {
		return leg{}, err
	}
	out := chatRequest{
		Model: model, Temperature: in.Temperature, TopP: in.TopP, Stream: in.Stream,
		ReasoningEffort: in.effortOf(),
	}
	if in.Stream {
		out.StreamOptions = &chatStreamOptions{IncludeUsage: true}
	}
	if err := out.limit(in.MaxTokens); err != nil {
		return leg{}, err
	}
	if len(in.StopSequences) > 0 {
		out.Stop = encode(in.StopSequences)
	}
	if out.ServiceTier, err = openAIServiceTier(in.ServiceTier); err != nil {
		return leg{}, err
	}
	if m := in.Metadata; m != nil && utf8.RuneCountInString(m.UserID) <= maxUser {
		out.User = m.UserID
	}
	if c := in.OutputConfig; c != nil && c.Format != nil {
		if c.Format.Type != "json_schema" {
			return leg{}, refuse("output_config.format.type", "")
		}
		strict := true
		out.ResponseFormat = &chatFormat{Type: "json_schema", JSONSchema: &chatJSONSchema{Name: "answer", Schema: c.Format.Schema, Strict: &strict}}
	}
	if err := out.takeTools(in); err != nil {
		return leg{}, err
	}
	if err := out.takeSystem(in.System); err != nil {
		return leg{}, err
	}
	for i, raw := range in.Messages {
		if err := out.takeTurn(raw, fmt.Sprintf("messages[%d]", i)); err != nil {
			return leg{}, err
		}
	}
	return leg{
		body:   encode(out),
		answer: func(body []byte, _ int64) ([]byte, error) { return chatAnswerToMessages(body) },
		stream: func(int64) machine { return &chatStreamToMessages{} },
	}, nil
}

// maxUser is how many characters of a user's name OpenAI takes.
const maxUser = 64

// messagesUnsaid lists the members of a request of messages that a chat has no word for.
func messagesUnsaid() unsaid {
	return unsaid{
		drop:     []string{"cache_control", "context_management", "diagnostics"},
		defaults: map[string]string{"mcp_servers": "[]", "speed": `"standard"`},
		hints:    map[string]string{"top_k": "use top_p: OpenAI has no top_k"},
	}
}

// limit says how many tokens may be written, by the name that the model's server knows: OpenAI's
// own models take max_completion_tokens, and the newer ones nothing else; servers of other models
// know max_tokens, and some nothing else.
func (c *chatRequest) limit(n *int) error {
	switch {
	case n == nil:
		return wrong("max_tokens", "is missing")
	case *n == 0:
		return refuse("max_tokens", "ask for at least one token: only Anthropic fills a cache without an answer")
	case *n < 0:
		return wrong("max_tokens", "is below zero")
	case openAIs(c.Model):
		c.MaxCompletionTokens = n
	default:
		c.MaxTokens = n
	}
	return nil
}

// openAIs reports whether a model is one of OpenAI's own, by its name: gpt-5, o3-mini,
// openai/chatgpt-4o-latest, but not gpt-oss, which others serve.
func openAIs(model string) bool {
	name := model[strings.LastIndexByte(model, '/')+1:]
	if strings.Contains(name, "gpt-") {
		return !strings.Contains(name, "gpt-oss")
	}
	return len(name) >= 2 && name[0] == 'o' && name[1] >= '0' && name[1] <= '9'
}

// openAIServiceTier returns the service tier that means the same.
func openAIServiceTier(tier string) (string, error) {
	switch tier {
	case "", "auto":
		return tier, nil
	case "standard_only":
		return "default", nil
	}
	return "", wrong("service_tier", "is neither auto nor standard_only")
}

// takeSystem says the system prompt.
func (c *chatRequest) takeSystem(raw json.RawMessage) error {
	blocks, err := takeBlocks(raw, "system")
	if err != nil {
		return err
	}
	return c.instruct(blocks, "system")
}

// instruct says instructions, where they are: at the beginning or in between.
func (c *chatRequest) instruct(blocks []msgBlock, path string) error {
	var parts []chatPart
	for i, b := range blocks {
		if b.Type != "text" {
			return refuse(fmt.Sprintf("%s[%d].type", path, i), "instructions are text")
		}
		parts = append(parts, chatPart{Type: "text", Text: value0(b.Text)})
	}
	if len(parts) > 0 {
		c.say(chatMessage{Role: "system", Content: partsOrText(parts)})
	}
	return nil
}

func (c *chatRequest) say(m chatMessage) { c.Messages = append(c.Messages, encode(m)) }

// takeTools says the tools, and which of them the model is to use.
func (c *chatRequest) takeTools(in msgRequest) error {
	for i, raw := range in.Tools {
		path := fmt.Sprintf("tools[%d]", i)
		var kind struct {
			Type string `json:"type"`
		}
		if json.Unmarshal(raw, &kind) != nil {
			return wrong(path, "isn't a tool")
		}
		if kind.Type != "" && kind.Type != "custom" {
			return refuse(path+".type", "tools that run at Anthropic can't be used with another provider's model")
		}
		t, err := take[msgTool](raw, path, unsaid{
			drop:     []string{"cache_control", "eager_input_streaming", "input_examples", "defer_loading"},
			defaults: map[string]string{"allowed_callers": `["direct"]`},
		})
		if err != nil {
			return err
		}
		c.Tools = append(c.Tools, encode(chatTool{Type: "function", Function: chatFunction{Name: t.Name, Description: t.Description, Parameters: t.InputSchema, Strict: t.Strict}}))
	}
	choice := in.ToolChoice
	if choice == nil {
		return nil
	}
	if p := choice.DisableParallelToolUse; p != nil && len(c.Tools) > 0 {
		parallel := !*p
		c.ParallelToolCalls = &parallel
	}
	switch choice.Type {
	case "auto", "none":
		c.ToolChoice = encode(choice.Type)
	case "any":
		c.ToolChoice = encode("required")
	case "tool":
		named := chatChoiceOfTool{Type: "function"}
		named.Function.Name = choice.Name
		c.ToolChoice = encode(named)
	default:
		return wrong("tool_choice.type", "isn't one of auto, any, tool and none")
	}
	return nil
}
