package dialect

import (
	"encoding/json"
	"strconv"
)

// chatAnswerToMessages translates a whole answer of OpenAI's chat completions for a caller that
// speaks Anthropic's messages.
//
// Reasoning becomes a thinking block without a signature, or with the one that its details bear.
// Annotations are left out. A call whose arguments were cut off by the limit has none, as
// Anthropic's clients have it for such a call.
func chatAnswerToMessages(body []byte) ([]byte, error) {
	var in chatAnswer
	if json.Unmarshal(body, &in) != nil || len(in.Choices) == 0 || in.Choices[0].Message == nil {
		return nil, nonsense("isn't a chat completion")
	}
	reply, finish := *in.Choices[0].Message, value0(in.Choices[0].FinishReason)
	out := msgAnswer{ID: in.ID, Type: "message", Role: "assistant", Model: in.Model, Content: []msgBlock{}, Usage: in.Usage.messages()}
	out.Content = append(out.Content, reply.thought()...)
	if text := plainText(reply.Content); text != "" {
		out.Content = append(out.Content, textBlock(text))
	}
	refusal := plainText(reply.Refusal)
	if refusal != "" {
		out.Content = append(out.Content, textBlock(refusal))
	}
	for i, c := range reply.ToolCalls {
		input, ok := objectOf(string(c.Function.Arguments))
		if !ok && finish != "length" {
			return nil, nonsense("calls " + c.Function.Name + " with what isn't a JSON object")
		}
		if !ok {
			input = json.RawMessage("{}")
		}
		out.Content = append(out.Content, msgBlock{Type: "tool_use", ID: callID(c.ID, in.ID, i), Name: c.Function.Name, Input: input})
	}
	stop, details := stopReason(finish, refusal, len(reply.ToolCalls) > 0)
	out.StopReason, out.StopDetails = &stop, details
	for i := range out.Content {
		out.Content[i].Said = true
	}
	return encode(out), nil
}

// thought returns a reply's reasoning as blocks: by its details, if these are Anthropic's, else
// as plain thinking.
func (r chatReply) thought() []msgBlock {
	var blocks []msgBlock
	for _, d := range mergeReasoning(r.ReasoningDetails) {
		switch {
		case d.Format != anthropicFormat:
		case d.Type == "reasoning.text":
			blocks = append(blocks, msgBlock{Type: "thinking", Thinking: &d.Text, Signature: &d.Signature})
		case d.Type == "reasoning.encrypted":
			blocks = append(blocks, msgBlock{Type: "redacted_thinking", Data: d.Data})
		}
	}
	if text := r.reasoning(); text != "" && len(blocks) == 0 {
		none := ""
		blocks = append(blocks, msgBlock{Type: "thinking", Thinking: &text, Signature: &none})
	}
	return blocks
}

// reasoning returns a reply's reasoning as text, by either name.
func (r chatReply) reasoning() string {
	if r.ReasoningContent != "" {
		return r.ReasoningContent
	}
	return plainText(r.Reasoning)
}

// plainText returns the text of content that is a string, null or a list of parts.
func plainText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var parts []struct {
		Text string `json:"text"`
	}
	_ = json.Unmarshal(raw, &parts) // what is neither says nothing
	for _, p := range parts {
		s += p.Text
	}
	return s
}

// callID returns the id of an answer's i-th call. Servers that give none get one that is the same
// when the answer is read again.
func callID(id, answer string, i int) string {
	if id == "" {
		id = "call_" + answer + "_" + strconv.Itoa(i)
	}
	return anthropicID(id)
}

// stopReason returns Anthropic's word for why an answer ended. Servers that say stop after calls
// mean the calls.
func stopReason(finish, refusal string, calls bool) (string, *msgStopDetails) {
	switch {
	case refusal != "":
		return "refusal", &msgStopDetails{Type: "refusal", Explanation: refusal}
	case finish == "content_filter":
		return "refusal", nil
	case finish == "length":
		return "max_tokens", nil
	case calls:
		return "tool_use", nil
	}
	return "end_turn", nil
}

// messages returns the usage as Anthropic counts it, by which it is charged, too (usageOf); zeros
// if the server didn't say.
func (u *chatUsage) messages() msgUsage {
	if u == nil {
		return msgUsage{}
	}
	out := msgUsage{
		CacheReadInputTokens: u.Prompt.CachedTokens, CacheCreationInputTokens: u.Prompt.CacheWriteTokens,
		InputTokens:  max(0, u.PromptTokens-u.Prompt.CachedTokens-u.Prompt.CacheWriteTokens),
		OutputTokens: u.CompletionTokens,
	}
	unsaid := max(0, u.TotalTokens-u.PromptTokens-u.CompletionTokens)
	out.OutputTokens += unsaid
	if n := max(u.Completion.ReasoningTokens, unsaid); n > 0 {
		out.OutputTokensDetails = &msgOutputDetails{ThinkingTokens: n}
	}
	return out
}
