package dialect

import (
	"encoding/json"
	"strings"
)

// messagesAnswerToChat translates a whole answer of Anthropic's messages for a caller that speaks
// OpenAI's chat completions.
//
// Thinking becomes reasoning_content, as most servers of open models have it, and
// reasoning_details, by which a client that sends an assistant's message back as it got it lets
// the model go on thinking where it was. Citations and blocks of tools that run at Anthropic
// (which no chat request asks for) are left out.
func messagesAnswerToChat(body []byte, created int64) ([]byte, error) {
	var in msgAnswer
	if json.Unmarshal(body, &in) != nil || in.Type != "message" {
		return nil, nonsense("isn't a message")
	}
	reply := chatReply{Role: "assistant", Content: json.RawMessage("null"), Refusal: json.RawMessage("null")}
	var text, reasoning strings.Builder
	said := false
	for _, b := range in.Content {
		switch b.Type {
		case "text":
			text.WriteString(value0(b.Text))
			said = true
		case "thinking":
			reasoning.WriteString(value0(b.Thinking))
			reply.ReasoningDetails = append(reply.ReasoningDetails, thinkingDetail(len(reply.ReasoningDetails), value0(b.Thinking), value0(b.Signature)))
		case "redacted_thinking":
			reply.ReasoningDetails = append(reply.ReasoningDetails, redactedDetail(len(reply.ReasoningDetails), b.Data))
		case "tool_use":
			arguments, ok := objectOf(string(b.Input))
			if !ok {
				return nil, nonsense("calls " + b.Name + " with what isn't a JSON object")
			}
			reply.ToolCalls = append(reply.ToolCalls, chatCall{ID: b.ID, Type: "function", Function: chatCallFunction{Name: b.Name, Arguments: loose(arguments)}})
		}
	}
	if said {
		reply.Content = encode(text.String())
	}
	reply.ReasoningContent = reasoning.String()
	if in.StopDetails != nil && in.StopDetails.Explanation != "" {
		reply.Refusal = encode(in.StopDetails.Explanation)
	}
	finish := finishReason(value0(in.StopReason))
	return encode(chatAnswer{
		ID: in.ID, Object: "chat.completion", Created: seconds(created), Model: in.Model, ServiceTier: openAITier(string(in.Usage.ServiceTier)),
		Choices: []chatChoice{{Message: &reply, FinishReason: &finish}},
		Usage:   in.Usage.chat(),
	}), nil
}

func thinkingDetail(index int, text, signature string) reasoningDetail {
	return reasoningDetail{Type: "reasoning.text", Text: text, Signature: signature, Format: anthropicFormat, Index: index}
}

func redactedDetail(index int, data string) reasoningDetail {
	return reasoningDetail{Type: "reasoning.encrypted", Data: data, Format: anthropicFormat, Index: index}
}

// finishReason returns OpenAI's word for why an answer ended. pause_turn (of tools that run at
// Anthropic) and what isn't known are a stop.
func finishReason(stop string) string {
	switch stop {
	case "max_tokens", "model_context_window_exceeded":
		return "length"
	case "tool_use":
		return "tool_calls"
	case "refusal":
		return "content_filter"
	}
	return "stop" // end_turn, stop_sequence, pause_turn
}

// openAITier returns the tier that an answer was served at; a batch isn't one.
func openAITier(tier string) string {
	switch tier {
	case "standard":
		return "default"
	case "priority":
		return "priority"
	}
	return ""
}

// chat returns the usage as OpenAI counts it: with what was read from a cache, or written to one,
// in the prompt's tokens.
func (u msgUsage) chat() *chatUsage {
	prompt := u.InputTokens + u.CacheCreationInputTokens + u.CacheReadInputTokens
	return &chatUsage{
		PromptTokens: prompt, CompletionTokens: u.OutputTokens, TotalTokens: prompt + u.OutputTokens,
		Prompt:     chatPromptDetails{CachedTokens: u.CacheReadInputTokens, CacheWriteTokens: u.CacheCreationInputTokens},
		Completion: chatCompletionDetails{ReasoningTokens: value0(u.OutputTokensDetails).ThinkingTokens},
	}
}

// merge takes the usage that a stream tells at its end, which has the counts that are known by
// then; those that it doesn't have are what the stream began with.
func (u *msgUsage) merge(last msgUsage) {
	u.InputTokens = max(u.InputTokens, last.InputTokens)
	u.CacheCreationInputTokens = max(u.CacheCreationInputTokens, last.CacheCreationInputTokens)
	u.CacheReadInputTokens = max(u.CacheReadInputTokens, last.CacheReadInputTokens)
	u.OutputTokens = max(u.OutputTokens, last.OutputTokens)
	if last.OutputTokensDetails != nil {
		u.OutputTokensDetails = last.OutputTokensDetails
	}
	if last.ServiceTier != "" {
		u.ServiceTier = last.ServiceTier
	}
}
