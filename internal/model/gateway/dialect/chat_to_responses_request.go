package dialect

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tidwall/gjson"
)

// chatToResponses translates a request of OpenAI's chat completions for a provider that speaks
// responses alone.
//
// Left out, because it changes nothing that a caller could rely on: seed (best effort by its own
// document), prediction, stream_options.include_obfuscation, what is about caching but
// prompt_cache_key, the name of a message's author, and reasoning that was told before, which
// responses take in their own form alone. Members that have the value which is their default say
// nothing, and neither do those that are null.
//
// Said otherwise: what a chat doesn't say of store and of a function's strictness is said to be
// false, as responses have it be true.
func chatToResponses(r Request, model string) (leg, error) {
	u := chatUnsaid()
	u.drop = append(u.drop, "verbosity")
	in, err := take[chatRequest](r.Body, "", u)
	if err != nil {
		return leg{}, err
	}
	if !absent(in.Stop) {
		return leg{}, refuse("stop", "end the answer yourself where it is to stop: responses have no word for it")
	}
	out := respRequest{
		Model: model, MaxOutputTokens: in.MaxCompletionTokens, Temperature: in.Temperature, TopP: in.TopP, Stream: in.Stream, Store: r.Store,
		ServiceTier: in.ServiceTier, User: in.User, SafetyIdentifier: in.SafetyIdentifier,
	}
	if out.MaxOutputTokens == nil {
		out.MaxOutputTokens = in.MaxTokens
	}
	rest := gjson.GetManyBytes(r.Body, "prompt_cache_key", "metadata", "verbosity")
	out.PromptCacheKey = rest[0].String()
	if rest[1].IsObject() {
		if err := json.Unmarshal([]byte(rest[1].Raw), &out.Metadata); err != nil {
			return leg{}, wrong("metadata", "has a value that isn't a string")
		}
	}
	switch thinks, err := in.thinks(); {
	case err != nil:
		return leg{}, err
	case thinks != respReasoning{}:
		out.Reasoning = encode(thinks)
	}
	if err := out.takeForm(in.ResponseFormat, rest[2].String()); err != nil {
		return leg{}, err
	}
	if err := out.takeTools(in); err != nil {
		return leg{}, err
	}
	var items []json.RawMessage
	for i, raw := range in.Messages {
		more, err := itemsOf(raw, fmt.Sprintf("messages[%d]", i))
		if err != nil {
			return leg{}, err
		}
		items = append(items, more...)
	}
	if len(items) == 0 {
		return leg{}, wrong("messages", "says nothing")
	}
	out.Input = encode(items)
	return leg{
		body:   encode(out),
		answer: responsesAnswerToChat,
		stream: func(created int64) machine { return &responsesStreamToChat{created: created, usage: r.Usage} },
	}, nil
}

// takeForm says what form the answer is to have.
func (out *respRequest) takeForm(f *chatFormat, verbosity string) error {
	text := respText{Verbosity: verbosity}
	switch {
	case f == nil || f.Type == "text":
	case f.Type == "json_object":
		text.Format = encode(respFormat{Type: f.Type})
	case f.Type != "json_schema":
		return refuse("response_format.type", "the forms are text, json_schema and json_object")
	case f.JSONSchema == nil || absent(f.JSONSchema.Schema):
		return wrong("response_format.json_schema", "has no schema")
	default:
		s := f.JSONSchema
		text.Format = encode(respFormat{Type: f.Type, Name: s.Name, Description: s.Description, Schema: s.Schema, Strict: s.Strict})
	}
	if text.Format != nil || text.Verbosity != "" {
		out.Text = encode(text)
	}
	return nil
}

// takeTools says the tools, and which of them the model is to use.
func (out *respRequest) takeTools(in chatRequest) error {
	for i, raw := range in.Tools {
		path := fmt.Sprintf("tools[%d]", i)
		if kind := kindIn(raw); kind != "function" {
			return refuseKind(path, kind, "only functions can be offered to this model")
		}
		t, err := take[chatTool](raw, path, unsaid{})
		if err != nil {
			return err
		}
		if absent(t.Function.Parameters) {
			t.Function.Parameters = json.RawMessage(`{"type":"object","properties":{}}`)
		}
		strict := value0(t.Function.Strict)
		out.Tools = append(out.Tools, encode(respTool{Type: "function", Name: t.Function.Name, Description: t.Function.Description, Parameters: t.Function.Parameters, Strict: &strict}))
	}
	out.ParallelToolCalls = in.ParallelToolCalls
	var word string
	switch {
	case absent(in.ToolChoice):
	case json.Unmarshal(in.ToolChoice, &word) == nil:
		out.ToolChoice = in.ToolChoice
	case kindIn(in.ToolChoice) == "function":
		c, err := take[chatChoiceOfTool](in.ToolChoice, "tool_choice", unsaid{})
		if err != nil {
			return err
		}
		out.ToolChoice = encode(respChoiceOfTool{Type: "function", Name: c.Function.Name})
	default:
		return refuseKind("tool_choice", kindIn(in.ToolChoice), "say auto, none, required or the name of a function")
	}
	return nil
}

// itemsOf says a message as items.
func itemsOf(raw json.RawMessage, path string) (items []json.RawMessage, err error) {
	m, err := take[chatMessage](raw, path, unsaid{
		drop:  []string{"annotations", "cache_control", "reasoning", "provider_specific_fields"},
		hints: map[string]string{"function_call": "use tool_calls, which have taken its place"},
	})
	if err != nil {
		return nil, err
	}
	word := "input_text"
	if m.Role == "assistant" {
		word = "output_text"
	}
	content, err := respParts(m.Content, word, join(path, "content"))
	if err != nil {
		return nil, err
	}
	switch m.Role {
	case "system", "developer", "user":
		return []json.RawMessage{encode(respMessage{Role: m.Role, Content: respContent(content)})}, nil
	case "tool":
		if m.ToolCallID == "" {
			return nil, wrong(join(path, "tool_call_id"), "is missing")
		}
		return []json.RawMessage{encode(respResult{Type: "function_call_output", CallID: m.ToolCallID, Output: respContent(content)})}, nil
	case "assistant":
	default:
		return nil, refuse(join(path, "role"), "the roles are system, developer, user, assistant and tool")
	}
	if m.Refusal != "" {
		content = append(content, respInputPart{Type: "refusal", Refusal: m.Refusal})
	}
	if len(content) > 0 {
		items = append(items, encode(respMessage{Type: "message", Role: m.Role, Content: respContent(content)}))
	}
	for i, c := range m.ToolCalls {
		at := fmt.Sprintf("%s.tool_calls[%d]", path, i)
		switch {
		case c.Type != "" && c.Type != "function":
			return nil, refuse(at+".type", "only calls of the type function can be said")
		case c.ID == "":
			return nil, wrong(at+".id", "is missing")
		}
		items = append(items, encode(respCall{Type: "function_call", CallID: c.ID, Name: c.Function.Name, Arguments: string(c.Function.Arguments)}))
	}
	return items, nil
}

// respContent writes parts as a string, if they are nothing but one text.
func respContent(parts []respInputPart) json.RawMessage {
	switch {
	case len(parts) == 0:
		return json.RawMessage(`""`)
	case len(parts) == 1 && (parts[0].Type == "input_text" || parts[0].Type == "output_text"):
		return encode(parts[0].Text)
	}
	return encode(parts)
}

// respParts says content that is a string, null or a list of parts; text is called by that word.
// Empty text is left out.
func respParts(raw json.RawMessage, word, path string) ([]respInputPart, error) {
	text := func(s string) respInputPart { return respInputPart{Type: word, Text: s} }
	parts, err := contentOf(raw, path, text, func(raw json.RawMessage, at string) (respInputPart, error) {
		p, err := take[chatPart](raw, at, unsaid{drop: []string{"cache_control"}})
		switch {
		case err != nil:
			return respInputPart{}, err
		case p.Type == "text":
			return text(p.Text), nil
		case p.Type == "refusal":
			return respInputPart{Type: p.Type, Refusal: p.Refusal}, nil
		case p.Type == "image_url" && p.ImageURL != nil && word == "input_text":
			return respInputPart{Type: "input_image", ImageURL: p.ImageURL.URL, Detail: p.ImageURL.Detail}, nil
		case p.Type == "file" && p.File != nil && word == "input_text":
			return respInputPart{Type: "input_file", FileID: p.File.FileID, FileData: p.File.FileData, Filename: p.File.Filename}, nil
		}
		return respInputPart{}, refuseKind(at, p.Type, "the parts are text, images and files")
	})
	return slices.DeleteFunc(parts, func(p respInputPart) bool { return p.Type == word && p.Text == "" }), err
}
