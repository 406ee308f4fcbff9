package dialect

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/isekai-run/isekai/internal/core"
)

// respForm is what an answer to a request of responses is made of besides what the model says.
type respForm struct {
	answer  respAnswer // what it says of the request
	summary bool       // reasoning is told as its summary
}

// echo returns an answer with what it says of the request. Numbers that the request leaves to the
// model, but every answer has, are what OpenAI has them be.
func (in respRequest) echo(model string) respAnswer {
	a := respAnswer{
		Object: "response", Model: model, Output: []respItem{}, Truncation: "disabled", ParallelToolCalls: true, Temperature: 1, TopP: 1,
		Instructions: in.Instructions, MaxOutputTokens: in.MaxOutputTokens, PromptCacheKey: orNull(in.PromptCacheKey), Reasoning: in.Reasoning,
		SafetyIdentifier: orNull(in.SafetyIdentifier), ServiceTier: or(in.ServiceTier, "default"), Store: in.Store, Text: in.Text,
		ToolChoice: in.ToolChoice, Tools: wholeTools(in.Tools), User: in.User, Metadata: in.Metadata,
	}
	if in.ParallelToolCalls != nil {
		a.ParallelToolCalls = *in.ParallelToolCalls
	}
	if in.Temperature != nil {
		a.Temperature = *in.Temperature
	}
	if in.TopP != nil {
		a.TopP = *in.TopP
	}
	for v, otherwise := range map[*json.RawMessage]string{&a.Reasoning: `{"effort":null,"summary":null}`, &a.Text: `{"format":{"type":"text"}}`, &a.ToolChoice: `"auto"`} {
		if absent(*v) {
			*v = json.RawMessage(otherwise)
		}
	}
	if a.Metadata == nil {
		a.Metadata = map[string]string{}
	}
	return a
}

// wholeTools returns tools as an answer has them: with every member that its tools have.
func wholeTools(tools []json.RawMessage) []json.RawMessage {
	all := make([]json.RawMessage, len(tools))
	for i, t := range tools {
		for _, name := range []string{"description", "parameters", "strict"} {
			if !gjson.GetBytes(t, name).Exists() {
				t = append(slices.Clone(bytes.TrimSuffix(bytes.TrimSpace(t), []byte("}"))), `,"`+name+`":null}`...)
			}
		}
		all[i] = t
	}
	return all
}

// begin returns the answer that a chat's answer, or its first chunk, becomes.
func (f respForm) begin(in chatAnswer, created int64) respAnswer {
	a := f.answer
	a.ID, a.CreatedAt, a.Status = "resp_"+answerID(in.ID), int64(in.Created), "in_progress"
	if a.CreatedAt == 0 {
		a.CreatedAt = created
	}
	a.Model, a.ServiceTier = or(in.Model, a.Model), or(in.ServiceTier, a.ServiceTier)
	return a
}

// whole translates a whole answer of chat completions for a caller that speaks responses.
//
// Reasoning is an item of its own before the message, as text or as its summary; what a provider
// wants back as it was is its encrypted_content. Of an answer that was cut short, the last item is
// incomplete. Choices after the first, which can't be asked
// for, annotations and log-probabilities are left out.
func (f respForm) whole(body []byte, created int64) ([]byte, error) {
	var in chatAnswer
	if json.Unmarshal(body, &in) != nil || len(in.Choices) == 0 || in.Choices[0].Message == nil {
		return nil, nonsense("isn't a chat completion")
	}
	a, m := f.begin(in, created), in.Choices[0].Message
	if text := m.reasoning(); text != "" || len(m.ReasoningDetails) > 0 {
		a.Output = append(a.Output, thought(a.itemID("rs", len(a.Output)), text, f.summary, m.ReasoningDetails))
	}
	message := respItem{ID: a.itemID("msg", len(a.Output)), Type: "message", Role: "assistant", Content: &[]respPart{}}
	if text := plainText(m.Content); text != "" {
		*message.Content = append(*message.Content, outputText(text))
	}
	if refusal := plainText(m.Refusal); refusal != "" {
		*message.Content = append(*message.Content, respPart{Type: "refusal", Refusal: &refusal})
	}
	if len(*message.Content) > 0 || len(a.Output)+len(m.ToolCalls) == 0 {
		a.Output = append(a.Output, message)
	}
	for _, c := range m.ToolCalls {
		arguments := string(c.Function.Arguments)
		a.Output = append(a.Output, respItem{
			ID: a.itemID("fc", len(a.Output)), Type: "function_call", CallID: respCallID(c.ID, in.ID, len(a.Output)), Name: c.Function.Name, Arguments: &arguments,
		})
	}
	for i := range a.Output {
		a.Output[i].Status = "completed"
	}
	a.finish(value0(in.Choices[0].FinishReason))
	if n := len(a.Output); a.Status == "incomplete" {
		a.Output[n-1].Status = "incomplete"
	}
	a.Usage = respUsageOf(gjson.GetBytes(body, "usage"))
	return encode(a), nil
}

// finish says why an answer ended.
func (a *respAnswer) finish(reason string) {
	a.Status = "completed"
	switch reason {
	case "length":
		a.Status, a.IncompleteDetails = "incomplete", &respIncomplete{Reason: "max_output_tokens"}
	case "content_filter":
		a.Status, a.IncompleteDetails = "incomplete", &respIncomplete{Reason: "content_filter"}
	}
}

// fail says that an answer failed.
func (a *respAnswer) fail(p Problem) {
	a.Status, a.Error = "failed", &respFailure{Code: "server_error", Message: p.Error()}
	switch p.Kind() {
	case core.Exhausted:
		a.Error.Code = "rate_limit_exceeded"
	case core.Invalid:
		a.Error.Code = "invalid_prompt"
	}
}

// itemID returns the id of the item at that place in the answer.
func (a *respAnswer) itemID(kind string, place int) string {
	return kind + "_" + strings.TrimPrefix(a.ID, "resp_") + "_" + strconv.Itoa(place)
}

// answerID returns a chat's id without what says that it is one.
func answerID(id string) string {
	for _, prefix := range []string{"chatcmpl-", "gen-", "msg_", "resp_"} {
		id = strings.TrimPrefix(id, prefix)
	}
	return id
}

// respCallID returns the id of a call that is the answer's i-th item. Servers that give none get
// one that is the same when the answer is read again.
func respCallID(id, answer string, i int) string {
	return or(id, "call_"+answerID(answer)+"_"+strconv.Itoa(i))
}

// respUsageOf says a chat's usage as responses do, or null.
func respUsageOf(r gjson.Result) *respUsage {
	u, ok := usageOf(Chat, []byte(r.Raw))
	if !ok {
		return nil
	}
	return &respUsage{
		InputTokens: u.Input, OutputTokens: u.Output, TotalTokens: u.Input + u.Output,
		InputDetails:  respInputDetails{CachedTokens: u.Cached, CacheWriteTokens: tokens(r, "prompt_tokens_details.cache_write_tokens")},
		OutputDetails: respOutputDetails{ReasoningTokens: u.Reasoning},
	}
}

// outputText is a part of a message with that text.
func outputText(text string) respPart {
	return respPart{Type: "output_text", Text: &text, Annotations: &[]struct{}{}, Logprobs: &[]struct{}{}}
}

// thought returns an item of reasoning.
func thought(id, text string, summary bool, details []reasoningDetail) respItem {
	t := respItem{ID: id, Type: "reasoning", Summary: &[]respPart{}, EncryptedContent: seal(details)}
	if !summary {
		t.Content = &[]respPart{}
	}
	switch {
	case text == "":
	case summary:
		t.Summary = &[]respPart{{Type: "summary_text", Text: &text}}
	default:
		t.Content = &[]respPart{{Type: "reasoning_text", Text: &text}}
	}
	return t
}

// seal writes the reasoning that its provider wants back as it was, for a caller to whom it is
// opaque. Reasoning without a signature needs no such thing.
func seal(details []reasoningDetail) string {
	details = mergeReasoning(details)
	for _, d := range details {
		if d.Signature != "" || d.Data != "" {
			return string(encode(details))
		}
	}
	return ""
}

// openSealed reads what seal wrote. ok is false for what another provider encrypted.
func openSealed(s string) (details []reasoningDetail, ok bool) {
	return details, strings.HasPrefix(s, "[") && json.Unmarshal([]byte(s), &details) == nil
}
