package dialect

import (
	"encoding/json"
	"fmt"
)

// inputReader says the items of a response's input as the messages of a chat.
type inputReader struct {
	chat  *respChat
	reply chatMessage // what the model said, as far as it is gathered
	parts []chatPart  // its content
	files []chatPart  // what results have that a tool's message can't say
}

// takeInput says the conversation.
func (c *respChat) takeInput(raw json.RawMessage) error {
	var text string
	switch {
	case absent(raw):
		return wrong("input", "is missing")
	case json.Unmarshal(raw, &text) == nil:
		c.say(chatMessage{Role: "user", Content: encode(text)})
		return nil
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return wrong("input", "is neither a string nor a list of items")
	}
	r := inputReader{chat: c}
	for i, item := range items {
		if err := r.item(item, fmt.Sprintf("input[%d]", i)); err != nil {
			return err
		}
	}
	r.flush()
	if len(c.Messages) == 0 {
		return wrong("input", "has no items")
	}
	return nil
}

// item takes an item.
func (r *inputReader) item(raw json.RawMessage, path string) error {
	drop := unsaid{drop: []string{"id", "status"}, defaults: map[string]string{"async": "false", "caller": `{"type":"direct"}`}}
	switch kind := kindIn(raw); kind {
	case "", "message":
		drop.drop = append(drop.drop, "phase")
		m, err := take[respMessage](raw, path, drop)
		if err != nil {
			return err
		}
		return r.message(m, path)
	case "function_call":
		c, err := take[respCall](raw, path, drop)
		if err != nil {
			return err
		}
		if c.CallID == "" {
			return wrong(join(path, "call_id"), "is missing")
		}
		r.results()
		r.reply.ToolCalls = append(r.reply.ToolCalls, chatCall{ID: c.CallID, Type: "function", Function: chatCallFunction{Name: c.Name, Arguments: loose(c.Arguments)}})
	case "function_call_output":
		drop.drop = append(drop.drop, "name")
		o, err := take[respResult](raw, path, drop)
		if err != nil {
			return err
		}
		return r.result(o, path)
	case "reasoning":
		t, err := take[respThought](raw, path, drop)
		if err != nil {
			return err
		}
		r.results()
		r.thought(t)
	default:
		return refuseKind(path, kind, "the items are messages, reasoning, function calls and their outputs")
	}
	return nil
}

// message takes a message.
func (r *inputReader) message(m respMessage, path string) error {
	parts, err := inputParts(m.Content, join(path, "content"))
	if err != nil {
		return err
	}
	switch m.Role {
	case "assistant":
		r.results()
		for _, p := range parts {
			switch p.Type {
			case "refusal":
				r.reply.Refusal += p.Refusal
			case "text":
				r.parts = append(r.parts, p)
			default:
				return refuse(join(path, "content"), "a model says text alone")
			}
		}
	case "user":
		r.said()
		parts, r.files = append(r.files, parts...), nil // what the results have besides comes first
		r.chat.say(chatMessage{Role: "user", Content: partsOrText(parts)})
	case "system", "developer":
		r.flush()
		r.chat.say(chatMessage{Role: instructor(r.chat.Model), Content: partsOrText(parts)})
	default:
		return wrong(join(path, "role"), "isn't one of user, assistant, system and developer")
	}
	return nil
}

// result takes a function's output.
func (r *inputReader) result(o respResult, path string) error {
	if o.CallID == "" {
		return wrong(join(path, "call_id"), "is missing")
	}
	parts, err := inputParts(o.Output, join(path, "output"))
	if err != nil {
		return err
	}
	r.said()
	var texts, files []chatPart
	for _, p := range parts {
		if p.Type == "text" {
			texts = append(texts, p)
		} else {
			files = append(files, p)
		}
	}
	if len(files) > 0 {
		r.files = append(append(r.files, chatPart{Type: "text", Text: "From the result of call " + o.CallID + ":"}), files...)
		if len(texts) == 0 {
			texts = []chatPart{{Type: "text", Text: "The result is in the next message of the user."}}
		}
	}
	r.chat.say(chatMessage{Role: "tool", ToolCallID: o.CallID, Content: partsOrText(texts)})
	return nil
}

// thought takes reasoning: the pieces that a provider wants back as they were, and the text for
// the servers that read it. OpenAI's own read none of it in a chat.
func (r *inputReader) thought(t respThought) {
	if openAIs(r.chat.Model) {
		return
	}
	for _, p := range append(t.Content, t.Summary...) {
		r.reply.ReasoningContent += value0(p.Text)
	}
	if details, ok := openSealed(t.EncryptedContent); ok {
		for _, d := range details {
			d.Index = len(r.reply.ReasoningDetails)
			r.reply.ReasoningDetails = append(r.reply.ReasoningDetails, d)
		}
	}
}

// said ends the model's message.
func (r *inputReader) said() {
	m := r.reply
	if len(r.parts) > 0 {
		m.Content = partsOrText(r.parts)
	}
	r.reply, r.parts = chatMessage{}, nil
	if m.Role = "assistant"; m.Content != nil || m.Refusal != "" || len(m.ToolCalls) > 0 { // what was only thought says nothing here
		r.chat.say(m)
	}
}

// results ends the results that the model's next message follows.
func (r *inputReader) results() {
	if len(r.files) > 0 {
		r.chat.say(chatMessage{Role: "user", Content: partsOrText(r.files)})
		r.files = nil
	}
}

// flush says what is gathered.
func (r *inputReader) flush() {
	r.said()
	r.results()
}

// inputParts reads content that is a string or a list of parts.
func inputParts(raw json.RawMessage, path string) ([]chatPart, error) {
	if absent(raw) {
		return nil, wrong(path, "is missing")
	}
	return contentOf(raw, path, func(s string) chatPart { return chatPart{Type: "text", Text: s} }, inputPart)
}

func inputPart(raw json.RawMessage, path string) (chatPart, error) {
	p, err := take[respInputPart](raw, path, unsaid{
		drop:  []string{"annotations", "logprobs", "prompt_cache_breakpoint"},
		hints: map[string]string{"file_url": "send the file itself as file_data"},
	})
	if err != nil {
		return chatPart{}, err
	}
	switch p.Type {
	case "input_text", "output_text", "text":
		return chatPart{Type: "text", Text: p.Text}, nil
	case "refusal":
		return chatPart{Type: "refusal", Refusal: p.Refusal}, nil
	case "input_image":
		if p.FileID != "" || p.ImageURL == "" {
			return chatPart{}, refuse(join(path, "file_id"), "send the picture itself, or its address, as image_url")
		}
		if p.Detail == "original" { // the word for more than high is only there
			p.Detail = "high"
		}
		return chatPart{Type: "image_url", ImageURL: &chatImage{URL: p.ImageURL, Detail: p.Detail}}, nil
	case "input_file":
		return chatPart{Type: "file", File: &chatFile{Filename: p.Filename, FileData: p.FileData, FileID: p.FileID}}, nil
	}
	return chatPart{}, refuseKind(path, p.Type, "the parts are text, images and files")
}
