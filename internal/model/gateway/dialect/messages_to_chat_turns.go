package dialect

import (
	"encoding/json"
	"fmt"
)

// takeBlocks reads content that is a string or a list of blocks.
func takeBlocks(raw json.RawMessage, path string) ([]msgBlock, error) {
	return contentOf(raw, path, textBlock, takeBlock)
}

func takeBlock(raw json.RawMessage, path string) (msgBlock, error) {
	u := unsaid{drop: []string{"cache_control"}, defaults: map[string]string{"caller": `{"type":"direct"}`}}
	switch kindIn(raw) {
	case "text":
		u.drop = append(u.drop, "citations")
	case "document":
		u.defaults["citations"] = `{"enabled":false}`
	case "image", "tool_use", "tool_result", "thinking", "redacted_thinking":
	case "":
		return msgBlock{}, wrong(path, "isn't a block")
	default:
		return msgBlock{}, refuse(path+".type", "the blocks are text, image, document, tool_use, tool_result and thinking")
	}
	return take[msgBlock](raw, path, u)
}

// takeTurn says a turn. One of the user is first the results that it has, each a message, and
// then what the user says.
func (c *chatRequest) takeTurn(raw json.RawMessage, path string) error {
	t, err := take[msgTurn](raw, path, unsaid{})
	if err != nil {
		return err
	}
	at := join(path, "content")
	blocks, err := takeBlocks(t.Content, at)
	if err != nil {
		return err
	}
	switch t.Role {
	case "user":
		return c.takeUser(blocks, at)
	case "assistant":
		return c.takeAssistant(blocks, at)
	case "system":
		return c.instruct(blocks, at)
	}
	return wrong(join(path, "role"), "isn't one of user, assistant and system")
}

func (c *chatRequest) takeUser(blocks []msgBlock, path string) error {
	var more, parts []chatPart // more is what results have that isn't text
	for i, b := range blocks {
		at := fmt.Sprintf("%s[%d]", path, i)
		if b.Type == "tool_result" {
			rest, err := c.takeResult(b, at)
			if err != nil {
				return err
			}
			more = append(more, rest...)
			continue
		}
		p, err := b.parts(at)
		if err != nil {
			return err
		}
		parts = append(parts, p...)
	}
	if parts = append(more, parts...); len(parts) > 0 {
		c.say(chatMessage{Role: "user", Content: partsOrText(parts)})
	}
	return nil
}

// takeResult says a tool's result and returns what of it a tool's message can't say.
func (c *chatRequest) takeResult(b msgBlock, path string) (rest []chatPart, err error) {
	if b.ToolUseID == "" {
		return nil, wrong(join(path, "tool_use_id"), "is missing")
	}
	blocks, err := takeBlocks(b.Content, join(path, "content"))
	if err != nil {
		return nil, err
	}
	var texts []chatPart
	for i, inner := range blocks {
		parts, err := inner.parts(fmt.Sprintf("%s.content[%d]", path, i))
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			if p.Type == "text" {
				texts = append(texts, p)
			} else {
				rest = append(rest, p)
			}
		}
	}
	if len(rest) > 0 {
		rest = append([]chatPart{{Type: "text", Text: "From the result of call " + b.ToolUseID + ":"}}, rest...)
		if len(texts) == 0 {
			texts = []chatPart{{Type: "text", Text: "The result is in the next message of the user."}}
		}
	}
	if b.IsError {
		if len(texts) == 0 {
			texts = []chatPart{{Type: "text"}}
		}
		texts[0].Text = "Error: " + texts[0].Text
	}
	c.say(chatMessage{Role: "tool", ToolCallID: b.ToolUseID, Content: partsOrText(texts)})
	return rest, nil
}

func (c *chatRequest) takeAssistant(blocks []msgBlock, path string) error {
	m := chatMessage{Role: "assistant"}
	var texts []chatPart
	for i, b := range blocks {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch b.Type {
		case "text":
			texts = append(texts, chatPart{Type: "text", Text: value0(b.Text)})
		case "thinking":
			if value0(b.Signature) == "" { // from a chat's reasoning_content: some models need it back
				m.ReasoningContent += value0(b.Thinking)
			}
		case "redacted_thinking":
		case "tool_use":
			arguments, ok := objectOf(string(b.Input))
			if b.ID == "" || !ok {
				return wrong(at, "has no id, or an input that isn't an object")
			}
			m.ToolCalls = append(m.ToolCalls, chatCall{ID: b.ID, Type: "function", Function: chatCallFunction{Name: b.Name, Arguments: loose(arguments)}})
		default:
			return refuse(at+".type", "an assistant's blocks are text, thinking and tool_use")
		}
	}
	if len(texts) > 0 {
		m.Content = partsOrText(texts)
	}
	if m.Content != nil || m.ToolCalls != nil { // what was only thought says nothing here
		c.say(m)
	}
	return nil
}

// partsOrText writes parts as a string, if they are nothing but one text: every server takes
// that. No part is an empty string.
func partsOrText(parts []chatPart) json.RawMessage {
	if len(parts) == 0 {
		return json.RawMessage(`""`)
	}
	if len(parts) == 1 && parts[0].Type == "text" {
		return encode(parts[0].Text)
	}
	return encode(parts)
}

// parts translates what a user or a tool says.
func (b msgBlock) parts(path string) ([]chatPart, error) {
	switch b.Type {
	case "text":
		return []chatPart{{Type: "text", Text: value0(b.Text)}}, nil
	case "image":
		url, err := b.imageURL(path)
		return []chatPart{{Type: "image_url", ImageURL: &chatImage{URL: url}}}, err
	case "document":
		return b.document(path)
	}
	return nil, refuse(join(path, "type"), "what a user says is text, images and documents")
}

func (b msgBlock) imageURL(path string) (string, error) {
	switch s := value0(b.Source); s.Type {
	case "base64":
		return "data:" + s.MediaType + ";base64," + s.Data, nil
	case "url":
		return s.URL, nil
	}
	return "", refuse(join(path, "source.type"), "send the image as base64 or url: the provider doesn't have Anthropic's files")
}

// document translates a document: a PDF is a file, and text is text. Its title and what is said
// about it come before it, as far as a file's name doesn't say it.
func (b msgBlock) document(path string) ([]chatPart, error) {
	var parts []chatPart
	text := func(s string) {
		if s != "" {
			parts = append(parts, chatPart{Type: "text", Text: s})
		}
	}
	switch s := value0(b.Source); s.Type {
	case "base64":
		text(b.Context)
		name := b.Title
		if name == "" {
			name = "document.pdf" // OpenAI wants a name
		}
		file := &chatFile{Filename: name, FileData: "data:" + s.MediaType + ";base64," + s.Data}
		return append(parts, chatPart{Type: "file", File: file}), nil
	case "text":
		text(b.Title)
		text(b.Context)
		text(s.Data)
		return parts, nil
	case "content":
		text(b.Title)
		text(b.Context)
		at := join(path, "source.content")
		blocks, err := takeBlocks(s.Content, at)
		if err != nil {
			return nil, err
		}
		for i, inner := range blocks {
			if inner.Type == "document" {
				return nil, refuse(fmt.Sprintf("%s[%d].type", at, i), "a document's content is text and images")
			}
			p, err := inner.parts(fmt.Sprintf("%s[%d]", at, i))
			if err != nil {
				return nil, err
			}
			parts = append(parts, p...)
		}
		return parts, nil
	}
	return nil, refuse(join(path, "source.type"), "send the document as base64 or text: chat completions take no address of one")
}
