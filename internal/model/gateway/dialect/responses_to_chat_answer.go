package dialect

import (
	"encoding/json"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// responsesAnswerToChat translates a whole response for a caller that speaks chat completions.
//
// Reasoning, or the summary of it, becomes reasoning_content, as most servers of open models have
// it. Annotations, and items of tools that run at the provider (which no chat request asks for),
// are left out. A response that failed is unavailable, with its Problem.
func responsesAnswerToChat(body []byte, created int64) ([]byte, error) {
	var in respHeard
	if json.Unmarshal(body, &in) != nil || in.Object != "response" {
		return nil, nonsense("isn't a response")
	}
	if in.Status == "failed" || in.Status == "cancelled" {
		return nil, core.E(core.Unavailable, opTranslate, "the response has "+in.Status).Because(ReadProblem(in.Error))
	}
	reply := chatReply{Role: "assistant", Content: json.RawMessage("null"), Refusal: json.RawMessage("null")}
	var content, refusal, reasoning strings.Builder
	said := false
	for _, item := range in.Output {
		switch item.Type {
		case "message":
			for _, p := range value0(item.Content) {
				said = said || p.Type == "output_text"
				content.WriteString(value0(p.Text))
				refusal.WriteString(value0(p.Refusal))
			}
		case "reasoning":
			for _, p := range append(value0(item.Content), value0(item.Summary)...) {
				if reasoning.Len() > 0 {
					reasoning.WriteString("\n\n")
				}
				reasoning.WriteString(value0(p.Text))
			}
		case "function_call":
			reply.ToolCalls = append(reply.ToolCalls, chatCall{ID: item.CallID, Type: "function", Function: chatCallFunction{Name: item.Name, Arguments: loose(value0(item.Arguments))}})
		}
	}
	if said {
		reply.Content = encode(content.String())
	}
	if refusal.Len() > 0 {
		reply.Refusal = encode(refusal.String())
	}
	reply.ReasoningContent = reasoning.String()
	out := in.chat("chat.completion", created)
	finish := in.finishReason(len(reply.ToolCalls) > 0)
	out.Choices = []chatChoice{{Message: &reply, FinishReason: &finish}}
	out.Usage = in.Usage.chat()
	return encode(out), nil
}

// chat returns what a chat's answer, or a chunk of it, has besides its choices.
func (in respHeard) chat(object string, created int64) chatAnswer {
	at := in.CreatedAt
	if at <= 0 {
		at = seconds(created)
	}
	return chatAnswer{ID: in.ID, Object: object, Created: at, Model: in.Model, ServiceTier: in.ServiceTier}
}

// finishReason returns a chat's word for why the answer ended.
func (in respHeard) finishReason(calls bool) string {
	switch {
	case in.IncompleteDetails != nil && in.IncompleteDetails.Reason == "content_filter":
		return "content_filter"
	case in.Status == "incomplete":
		return "length"
	case calls:
		return "tool_calls"
	}
	return "stop"
}

// chat returns the usage as chats tell it, or nil.
func (u *respUsage) chat() *chatUsage {
	if u == nil {
		return nil
	}
	return &chatUsage{
		PromptTokens: u.InputTokens, CompletionTokens: u.OutputTokens, TotalTokens: u.InputTokens + u.OutputTokens,
		Prompt:     chatPromptDetails{CachedTokens: u.InputDetails.CachedTokens, CacheWriteTokens: u.InputDetails.CacheWriteTokens},
		Completion: chatCompletionDetails{ReasoningTokens: u.OutputDetails.ReasoningTokens},
	}
}
