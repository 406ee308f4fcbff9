package dialect

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/model/sse"
)

// drawn draws what requests and answers are made of.
type drawn struct{ *rapid.T }

func (d drawn) word(label string) string {
	return rapid.StringMatching(`[A-Za-z<&"é\\ ]{1,8}`).Draw(d.T, label)
}
func (d drawn) id(label string) string {
	return rapid.StringMatching(`[a-zA-Z0-9_-]{1,12}`).Draw(d.T, label)
}
func (d drawn) coin(label string) bool   { return rapid.Bool().Draw(d.T, label) }
func (d drawn) upTo(n int, l string) int { return rapid.IntRange(0, n).Draw(d.T, l) }

func (d drawn) object(label string) json.RawMessage {
	return encode(rapid.MapOfN(rapid.StringMatching(`[a-z]{1,4}`), rapid.Int(), 0, 3).Draw(d.T, label))
}

// parts draws what a user says: text that isn't empty, images, PDF files.
func (d drawn) parts() []chatPart {
	var parts []chatPart
	for range 1 + d.upTo(2, "parts") {
		switch d.upTo(3, "part") {
		case 0:
			parts = append(parts, chatPart{Type: "image_url", ImageURL: &chatImage{URL: "https://a.example/" + d.id("url")}})
		case 1:
			parts = append(parts, chatPart{Type: "image_url", ImageURL: &chatImage{URL: "data:image/png;base64," + d.id("image")}})
		case 2:
			parts = append(parts, chatPart{Type: "file", File: &chatFile{Filename: d.word("file"), FileData: "data:application/pdf;base64," + d.id("pdf")}})
		default:
			parts = append(parts, chatPart{Type: "text", Text: d.word("text")})
		}
	}
	return parts
}

// conversation draws messages that both dialects can say: the user and the model in turns, and
// the results of the model's calls after them.
func (d drawn) conversation() []json.RawMessage {
	var list []json.RawMessage
	add := func(m chatMessage) { list = append(list, encode(m)) }
	if d.coin("system") {
		add(chatMessage{Role: "system", Content: encode(d.word("system"))})
	}
	for range 1 + d.upTo(3, "turns") {
		add(chatMessage{Role: "user", Content: partsOrText(d.parts())})
		m := chatMessage{Role: "assistant"}
		calls := d.upTo(2, "calls")
		if calls == 0 || d.coin("words with calls") {
			m.Content = encode(d.word("said"))
		}
		for i := range calls {
			f := chatCallFunction{Name: d.id("name"), Arguments: loose(d.object("arguments"))}
			m.ToolCalls = append(m.ToolCalls, chatCall{ID: fmt.Sprintf("%s%d", d.id("call"), i), Type: "function", Function: f})
		}
		add(m)
		for _, c := range m.ToolCalls {
			add(chatMessage{Role: "tool", ToolCallID: c.ID, Content: encode(d.word("result"))})
		}
	}
	return list
}

// request draws a chat request that uses only what both dialects can say.
func (d drawn) request(model string) chatRequest {
	limit := 1 + d.upTo(100_000, "limit")
	r := chatRequest{Model: model, MaxTokens: &limit, Messages: d.conversation()}
	r.ReasoningEffort = rapid.SampledFrom([]string{"", "low", "medium", "high", "xhigh", "max"}).Draw(d.T, "effort")
	least := leastTopP
	if r.ReasoningEffort == "" {
		least = 0
	}
	if r.ReasoningEffort == "" && d.coin("temperature") {
		v := rapid.Float64Range(0, 1).Draw(d.T, "t")
		r.Temperature = &v
	}
	if d.coin("top_p") {
		v := rapid.Float64Range(least, 1).Draw(d.T, "p")
		r.TopP = &v
	}
	if d.coin("stop") {
		r.Stop = encode([]string{d.word("a"), d.word("b")})
	}
	if r.Stream = d.coin("stream"); r.Stream {
		r.StreamOptions = &chatStreamOptions{IncludeUsage: true}
	}
	for i := range d.upTo(2, "tools") {
		f := chatFunction{Name: fmt.Sprintf("%s%d", d.id("tool"), i), Description: d.word("description"), Parameters: json.RawMessage(`{"type":"object"}`)}
		if d.coin("strict") {
			strict := d.coin("strictly")
			f.Strict = &strict
		}
		r.Tools = append(r.Tools, encode(chatTool{Type: "function", Function: f}))
	}
	if len(r.Tools) > 0 && d.coin("choice") {
		r.ToolChoice = json.RawMessage(rapid.SampledFrom([]string{`"auto"`, `"required"`, `{"type":"function","function":{"name":"x"}}`}).Draw(d.T, "chosen"))
		if d.coin("parallel") {
			parallel := d.coin("in parallel")
			r.ParallelToolCalls = &parallel
		}
	}
	if d.coin("format") {
		strict := true
		r.ResponseFormat = &chatFormat{Type: "json_schema", JSONSchema: &chatJSONSchema{Name: "answer", Schema: json.RawMessage(`{"type":"object"}`), Strict: &strict}}
	}
	r.ServiceTier = rapid.SampledFrom([]string{"", "auto", "default"}).Draw(d.T, "tier")
	if d.coin("user") {
		r.User = d.id("user")
	}
	return r
}

// A request that uses only what both dialects can say comes back as it was.
func TestRequestsComeBack(t *testing.T) {
	t.Parallel()
	const model = "claude-opus-5-5"
	say := func(t *rapid.T, op Operation, body []byte, to Dialect) []byte {
		r, err := Read(op, body)
		if err != nil {
			t.Fatal(err)
		}
		_, out, err := Translate(r, to, model)
		if err != nil {
			t.Fatalf("%v of %s", err, body)
		}
		return out
	}
	rapid.Check(t, func(t *rapid.T) {
		first := encode(drawn{t}.request(model))
		there := say(t, OpChat, first, Messages)
		back := say(t, OpMessages, there, Chat)
		if d := cmp.Diff(string(first), string(back)); d != "" {
			t.Fatalf("(-first +back):\n%s\nby %s", d, there)
		}
		if again := say(t, OpChat, back, Messages); string(again) != string(there) {
			t.Fatalf("%s\nand then\n%s", there, again)
		}
	})
}

// message draws a whole answer of Anthropic's.
func (d drawn) message() msgAnswer {
	m := msgAnswer{ID: "msg_" + d.id("id"), Type: "message", Role: "assistant", Model: "claude-opus-5-5", Content: []msgBlock{}}
	for i := range d.upTo(4, "blocks") {
		switch text, sig := d.word("text"), d.id("signature"); d.upTo(3, "block") {
		case 0:
			m.Content = append(m.Content, msgBlock{Type: "thinking", Thinking: &text, Signature: &sig})
		case 1:
			m.Content = append(m.Content, msgBlock{Type: "redacted_thinking", Data: sig})
		case 2:
			m.Content = append(m.Content, msgBlock{Type: "tool_use", ID: fmt.Sprintf("%s%d", sig, i), Name: d.id("name"), Input: d.object("input")})
		default:
			m.Content = append(m.Content, textBlock(text))
		}
	}
	stop := rapid.SampledFrom([]string{"end_turn", "max_tokens", "tool_use", "refusal", "pause_turn", "stop_sequence"}).Draw(d.T, "stop")
	if m.StopReason = &stop; stop == "refusal" && d.coin("why") {
		m.StopDetails = &msgStopDetails{Type: "refusal", Explanation: d.word("why")}
	}
	m.Usage = msgUsage{InputTokens: d.upTo(9, "in"), CacheReadInputTokens: d.upTo(9, "read"), CacheCreationInputTokens: d.upTo(9, "write"), OutputTokens: d.upTo(9, "out"), ServiceTier: "standard"}
	if d.coin("thought") {
		m.Usage.OutputTokensDetails = &msgOutputDetails{ThinkingTokens: d.upTo(9, "thinking")}
	}
	return m
}

// cut draws a text in pieces.
func (d drawn) cut(s string) []string {
	var pieces []string
	for s != "" {
		n := 1 + d.upTo(len(s)-1, "cut")
		for n < len(s) && s[n]&0xC0 == 0x80 { // not within a character
			n++
		}
		pieces, s = append(pieces, s[:n]), s[n:]
	}
	return pieces
}

// streamed draws a stream that says a message.
func (d drawn) streamed(m msgAnswer) []sse.Event {
	var out []sse.Event
	say := func(e msgEvent) { out = append(out, streamEvent(e)) }
	first := m
	first.Content, first.StopReason, first.StopDetails, first.Usage.OutputTokens, first.Usage.OutputTokensDetails = []msgBlock{}, nil, nil, 0, nil
	say(msgEvent{Type: "message_start", Message: &first})
	for i, b := range m.Content {
		empty := ""
		delta := func(d msgDelta) { say(msgEvent{Type: "content_block_delta", Index: &i, Delta: &d}) }
		begin := func(b msgBlock) { say(msgEvent{Type: "content_block_start", Index: &i, ContentBlock: &b}) }
		switch b.Type {
		case "text":
			begin(textBlock(""))
			for _, piece := range d.cut(*b.Text) {
				delta(msgDelta{Type: "text_delta", Text: &piece})
			}
		case "thinking":
			begin(msgBlock{Type: "thinking", Thinking: &empty, Signature: &empty})
			for _, piece := range d.cut(*b.Thinking) {
				delta(msgDelta{Type: "thinking_delta", Thinking: &piece})
			}
			delta(msgDelta{Type: "signature_delta", Signature: b.Signature})
		case "tool_use":
			begin(msgBlock{Type: "tool_use", ID: b.ID, Name: b.Name, Input: json.RawMessage("{}")})
			for _, piece := range d.cut(string(b.Input)) {
				delta(msgDelta{Type: "input_json_delta", PartialJSON: &piece})
			}
		default:
			begin(b)
		}
		say(msgEvent{Type: "content_block_stop", Index: &i})
		if d.coin("ping") {
			say(msgEvent{Type: "ping"})
		}
	}
	say(msgEvent{Type: "message_delta", Delta: &msgDelta{StopReason: m.StopReason, StopDetails: m.StopDetails}, Usage: &m.Usage})
	say(msgEvent{Type: "message_stop"})
	return out
}

// through has a stream translated.
func through(t *rapid.T, m machine, in []sse.Event) []sse.Event {
	var out []sse.Event
	for _, e := range in {
		events, err := m.event(e)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, events...)
	}
	return append(out, m.end()...)
}

// collectChat puts the chunks of a streamed chat completion together, as a client does.
func collectChat(t *rapid.T, events []sse.Event) chatAnswer {
	var all chatAnswer
	var content, refusal strings.Builder
	reply := chatReply{Content: json.RawMessage("null"), Refusal: json.RawMessage("null")}
	choice := chatChoice{Message: &reply}
	if n := len(events); string(events[n-1].Data) != "[DONE]" {
		t.Fatalf("the last event is %s", events[n-1].Data)
	}
	for _, e := range events[:len(events)-1] {
		var c chatAnswer
		if err := json.Unmarshal(e.Data, &c); err != nil {
			t.Fatal(err)
		}
		all.ID, all.Model, all.Created, all.ServiceTier, all.Object = c.ID, c.Model, c.Created, c.ServiceTier, "chat.completion"
		if c.Usage != nil {
			all.Usage = c.Usage
		}
		for _, c := range c.Choices {
			d := c.Delta
			reply.Role = or(d.Role, reply.Role)
			content.WriteString(plainText(d.Content))
			refusal.WriteString(plainText(d.Refusal))
			reply.ReasoningContent += d.ReasoningContent
			reply.ReasoningDetails = append(reply.ReasoningDetails, d.ReasoningDetails...)
			for _, call := range d.ToolCalls {
				if *call.Index == len(reply.ToolCalls) {
					reply.ToolCalls = append(reply.ToolCalls, chatCall{ID: call.ID, Type: call.Type, Function: chatCallFunction{Name: call.Function.Name}})
				}
				reply.ToolCalls[*call.Index].Function.Arguments += call.Function.Arguments
			}
			if c.FinishReason != nil {
				choice.FinishReason = c.FinishReason
			}
		}
	}
	reply.ReasoningDetails = mergeReasoning(reply.ReasoningDetails)
	if content.Len() > 0 {
		reply.Content = encode(content.String())
	}
	if refusal.Len() > 0 {
		reply.Refusal = encode(refusal.String())
	}
	all.Choices = []chatChoice{choice}
	return all
}

// collectMessage puts the events of a streamed message together, as a client does.
func collectMessage(t *rapid.T, events []sse.Event) msgAnswer {
	var m msgAnswer
	inputs := map[int]string{}
	open := -1 // one at a time: clients take the last that began for the one that ends
	for i, e := range events {
		var in msgEvent
		if err := json.Unmarshal(e.Data, &in); err != nil || in.Type != e.Name {
			t.Fatalf("event %d, %s, is %s: %v", i, e.Name, e.Data, err)
		}
		switch in.Type {
		case "message_start":
			m = *in.Message
		case "content_block_start":
			if *in.Index != len(m.Content) || open >= 0 {
				t.Fatalf("block %d comes as number %d, while %d is open", *in.Index, len(m.Content), open)
			}
			open = *in.Index
			in.ContentBlock.Said = true
			m.Content = append(m.Content, *in.ContentBlock)
		case "content_block_delta":
			if *in.Index != open {
				t.Fatalf("a piece of block %d comes while %d is open", *in.Index, open)
			}
			b, d := &m.Content[*in.Index], in.Delta
			switch d.Type {
			case "text_delta":
				*b.Text += *d.Text
			case "thinking_delta":
				*b.Thinking += *d.Thinking
			case "signature_delta":
				*b.Signature += *d.Signature
			case "input_json_delta":
				inputs[*in.Index] += *d.PartialJSON
			}
		case "content_block_stop":
			if s := inputs[*in.Index]; s != "" {
				m.Content[*in.Index].Input = json.RawMessage(s)
			}
			if *in.Index != open {
				t.Fatalf("block %d ends while %d is open", *in.Index, open)
			}
			open = -1
		case "message_delta":
			m.StopReason, m.StopDetails, m.Usage = in.Delta.StopReason, in.Delta.StopDetails, *in.Usage
		}
	}
	if n := len(events); events[n-1].Name != "message_stop" {
		t.Fatalf("the last event is %s", events[n-1].Data)
	}
	return m
}

// Translating a stream gives the same as translating the whole answer.
func TestMessagesStreamsAreTheirAnswers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawn{t}
		m := d.message()
		whole, err := messagesAnswerToChat(encode(m), 7)
		if err != nil {
			t.Fatal(err)
		}
		events := through(t, &messagesStreamToChat{created: 7, usage: true}, d.streamed(m))
		if d := cmp.Diff(string(whole), string(encode(collectChat(t, events)))); d != "" {
			t.Fatalf("(-whole +stream):\n%s", d)
		}
	})
}

// completion draws a whole answer of OpenAI's, or of a server like it.
func (d drawn) completion() chatAnswer {
	reply := &chatReply{Role: "assistant"}
	if d.coin("reasoning") {
		reply.ReasoningContent = d.word("reasoning")
	}
	if d.coin("text") {
		reply.Content = encode(d.word("text"))
	}
	if d.coin("refusal") {
		reply.Refusal = encode(d.word("refusal"))
	}
	for i := range d.upTo(3, "calls") {
		reply.ToolCalls = append(reply.ToolCalls, chatCall{ID: fmt.Sprintf("%s%d", d.id("call"), i), Type: "function", Function: chatCallFunction{Name: d.id("name"), Arguments: loose(d.object("arguments"))}})
	}
	finish := rapid.SampledFrom([]string{"stop", "length", "tool_calls", "content_filter"}).Draw(d.T, "finish")
	cached := d.upTo(9, "cached")
	return chatAnswer{ID: "chatcmpl-" + d.id("id"), Object: "chat.completion", Model: "gpt-5.5", Choices: []chatChoice{{Message: reply, FinishReason: &finish}},
		Usage: &chatUsage{PromptTokens: cached + d.upTo(9, "in"), CompletionTokens: d.upTo(9, "out"), Prompt: chatPromptDetails{CachedTokens: cached}, Completion: chatCompletionDetails{ReasoningTokens: d.upTo(9, "r")}}}
}

// chunks draws a stream that says a completion; pieces of calls come in turns.
func (d drawn) chunks(c chatAnswer) []sse.Event {
	var out []sse.Event
	chunk := func(choices []chatChoice, u *chatUsage) {
		out = append(out, sse.Event{Data: encode(chatAnswer{ID: c.ID, Object: "chat.completion.chunk", Model: c.Model, Choices: choices, Usage: u})})
	}
	say := func(r chatReply) { chunk([]chatChoice{{Delta: &r}}, nil) }
	m := c.Choices[0].Message
	say(chatReply{Role: "assistant", Content: json.RawMessage(`""`)})
	for _, p := range d.cut(m.ReasoningContent) {
		say(chatReply{ReasoningContent: p})
	}
	for _, p := range d.cut(plainText(m.Content)) {
		say(chatReply{Content: encode(p)})
	}
	for _, p := range d.cut(plainText(m.Refusal)) {
		say(chatReply{Refusal: encode(p)})
	}
	type rest struct {
		index  int
		pieces []string
	}
	var open []rest
	for i, call := range m.ToolCalls {
		say(chatReply{ToolCalls: []chatCall{{Index: &i, ID: call.ID, Type: "function", Function: chatCallFunction{Name: call.Function.Name}}}})
		open = append(open, rest{i, d.cut(string(call.Function.Arguments))})
	}
	for len(open) > 0 {
		i := d.upTo(len(open)-1, "whose turn")
		index := open[i].index
		say(chatReply{ToolCalls: []chatCall{{Index: &index, Function: chatCallFunction{Arguments: loose(open[i].pieces[0])}}}})
		if open[i].pieces = open[i].pieces[1:]; len(open[i].pieces) == 0 {
			open = slices.Delete(open, i, i+1)
		}
	}
	chunk([]chatChoice{{Delta: &chatReply{}, FinishReason: c.Choices[0].FinishReason}}, nil)
	chunk([]chatChoice{}, c.Usage)
	return append(out, sse.Event{Data: []byte("[DONE]")})
}

// Translating a stream gives the same as translating the whole answer.
func TestChatStreamsAreTheirAnswers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawn{t}
		c := d.completion()
		whole, err := chatAnswerToMessages(encode(c))
		if err != nil {
			t.Fatal(err)
		}
		events := through(t, &chatStreamToMessages{}, d.chunks(c))
		if d := cmp.Diff(string(whole), string(encode(collectMessage(t, events)))); d != "" {
			t.Fatalf("(-whole +stream):\n%s", d)
		}
	})
}

// What Anthropic's models thought and called comes back to them through a client of chats.
func TestAnswersComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := drawn{t}.message()
		chat, err := messagesAnswerToChat(encode(m), 0)
		if err != nil {
			t.Fatal(err)
		}
		back, err := chatAnswerToMessages(chat)
		if err != nil {
			t.Fatal(err)
		}
		var got msgAnswer
		if err := json.Unmarshal(back, &got); err != nil {
			t.Fatal(err)
		}
		sameBlocks(t, m, got)
		u := m.Usage
		if u.ServiceTier = ""; value0(u.OutputTokensDetails).ThinkingTokens == 0 {
			u.OutputTokensDetails = nil
		}
		if d := cmp.Diff(u, got.Usage); d != "" {
			t.Fatalf("usage (-first +back):\n%s", d)
		}
	})
}

// The same of streams.
func TestStreamsComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawn{t}
		m := d.message()
		chat := through(t, &messagesStreamToChat{usage: true}, d.streamed(m))
		sameBlocks(t, m, collectMessage(t, through(t, &chatStreamToMessages{}, chat)))
	})
}

// sameBlocks compares what models thought, and what they called, each in its order.
func sameBlocks(t *rapid.T, want, got msgAnswer) {
	kinds := func(m msgAnswer, kinds []string) (out []string) {
		for _, b := range m.Content {
			if slices.Contains(kinds, b.Type) {
				b.Said = false
				out = append(out, string(encode(b)))
			}
		}
		return out
	}
	for _, k := range [][]string{{"thinking", "redacted_thinking"}, {"tool_use"}} {
		if d := cmp.Diff(kinds(want, k), kinds(got, k)); d != "" {
			t.Fatalf("%v (-first +back):\n%s", k, d)
		}
	}
}

// What a translated stream keeps doesn't grow with what goes through it.
func TestAStreamKeepsNoText(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", 1<<16)
	chat, messages := &chatStreamToMessages{}, &messagesStreamToChat{}
	feed := func(m machine, data string) {
		if _, err := m.event(sse.Event{Data: []byte(data)}); err != nil {
			t.Fatal(err)
		}
	}
	feed(messages, `{"type":"message_start","message":{"id":"m"}}`)
	feed(messages, `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"x"}}`)
	for range 20 {
		feed(chat, `{"id":"c","choices":[{"delta":{"content":"`+text+`","reasoning_content":"`+text+`","refusal":"`+text+`"}}]}`)
	}
	for range 20 {
		feed(chat, `{"id":"c","choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"x","arguments":"`+text+`"}}]}}]}`)
		feed(messages, `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"`+text+`"}}`)
	}
	if n := len(fmt.Sprintf("%+v %+v %+v", *chat, *messages, *messages.blocks[0])); n > maxRefusal+1000 {
		t.Errorf("%d bytes are kept", n)
	}
}
