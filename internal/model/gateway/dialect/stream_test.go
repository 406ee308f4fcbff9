package dialect_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicstream "github.com/anthropics/anthropic-sdk-go/packages/ssestream"
	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
	openaistream "github.com/openai/openai-go/v3/packages/ssestream"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/sse"
)

// transcript writes events as a server does: each line is the data of one, named by its type if
// the dialect names them.
func transcript(lines ...string) string { return "data: " + strings.Join(lines, "\n\ndata: ") + "\n\n" }

// play has a stream translated, and returns what the caller gets.
func play(t *testing.T, tr *dialect.Translation, in string) (string, error) {
	t.Helper()
	events, stream := sse.NewScanner(strings.NewReader(in), 1<<20), tr.Stream()
	var out []byte
	for {
		e, err := events.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		translated, err := stream.Event(e)
		for _, e := range translated {
			out = e.Append(out)
		}
		if err != nil {
			return string(out), err
		}
	}
	for _, e := range stream.End() {
		out = e.Append(out)
	}
	return string(out), nil
}

// golden tells how what came differs from what is wanted, with white space between events and
// around lines left aside.
func golden(t *testing.T, want, got string) {
	t.Helper()
	clean := func(s string) (lines []string) {
		for line := range strings.Lines(s) {
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
		return lines
	}
	if d := cmp.Diff(clean(want), clean(got)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func response(sse string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: io.NopCloser(strings.NewReader(sse))}
}

// asOpenAI has OpenAI's client read a stream.
func asOpenAI(sse string) (openai.ChatCompletion, error) {
	s := openaistream.NewStream[openai.ChatCompletionChunk](openaistream.NewDecoder(response(sse)), nil)
	var acc openai.ChatCompletionAccumulator
	for s.Next() {
		if !acc.AddChunk(s.Current()) {
			return acc.ChatCompletion, errors.New("the accumulator doesn't take a chunk")
		}
	}
	return acc.ChatCompletion, s.Err()
}

// asAnthropic has Anthropic's client read a stream.
func asAnthropic(sse string) (anthropic.Message, error) {
	s := anthropicstream.NewStream[anthropic.MessageStreamEventUnion](anthropicstream.NewDecoder(response(sse)), nil)
	var m anthropic.Message
	for s.Next() {
		if err := m.Accumulate(s.Current()); err != nil {
			return m, err
		}
	}
	return m, s.Err()
}

const messagesTranscript = `event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-5-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":0,"cache_read_input_tokens":20,"output_tokens":1,"service_tier":"standard"}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: ping
data: {"type":"ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"sig"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"xyz"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"Let me"}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":" look."}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: content_block_start
data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_1","name":"read","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"p\":"}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"\"a\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":3}

event: content_block_start
data: {"type":"content_block_start","index":4,"content_block":{"type":"tool_use","id":"toolu_2","name":"now","input":{}}}

event: content_block_stop
data: {"type":"content_block_stop","index":4}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":30,"output_tokens_details":{"thinking_tokens":5}}}

event: message_stop
data: {"type":"message_stop"}

`

func TestMessagesStreamToChat(t *testing.T) {
	t.Parallel()
	const head = `{"id":"msg_1","object":"chat.completion.chunk","created":1790000000,"model":"claude-opus-5-5","service_tier":"default","choices":[`
	piece := func(delta string) string {
		return head + `{"index":0,"delta":` + delta + `,"logprobs":null,"finish_reason":null}]}`
	}
	want := transcript(
		piece(`{"role":"assistant","content":""}`),
		piece(`{"reasoning_content":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm","format":"anthropic-claude-v1","index":0}]}`),
		piece(`{"reasoning_details":[{"type":"reasoning.text","signature":"sig","format":"anthropic-claude-v1","index":0}]}`),
		piece(`{"reasoning_details":[{"type":"reasoning.encrypted","data":"xyz","format":"anthropic-claude-v1","index":1}]}`),
		piece(`{"content":"Let me"}`),
		piece(`{"content":" look."}`),
		piece(`{"tool_calls":[{"index":0,"id":"toolu_1","type":"function","function":{"name":"read","arguments":""}}]}`),
		piece(`{"tool_calls":[{"index":0,"function":{"arguments":"{\"p\":"}}]}`),
		piece(`{"tool_calls":[{"index":0,"function":{"arguments":"\"a\"}"}}]}`),
		piece(`{"tool_calls":[{"index":1,"id":"toolu_2","type":"function","function":{"name":"now","arguments":""}}]}`),
		piece(`{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}`),
		head+`{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}]}`,
		head+`],"usage":{"prompt_tokens":30,"completion_tokens":30,"total_tokens":60,"prompt_tokens_details":{"cached_tokens":20},"completion_tokens_details":{"reasoning_tokens":5}}}`,
		"[DONE]",
	)
	got, err := play(t, between(t, dialect.OpChat, `{"stream":true,"stream_options":{"include_usage":true}}`), messagesTranscript)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, want, got)

	c, err := asOpenAI(got)
	if err != nil {
		t.Fatal(err)
	}
	calls := c.Choices[0].Message.ToolCalls
	if c.Choices[0].Message.Content != "Let me look." || len(calls) != 2 || calls[0].Function.Arguments != `{"p":"a"}` || calls[1].Function.Arguments != `{}` ||
		c.Choices[0].FinishReason != "tool_calls" || c.Usage.PromptTokens != 30 || c.Usage.CompletionTokensDetails.ReasoningTokens != 5 {
		t.Errorf("OpenAI's client reads %+v", c)
	}

	silent, err := play(t, between(t, dialect.OpChat, `{"stream":true}`), messagesTranscript)
	if err != nil || strings.Contains(silent, `"usage"`) || !strings.HasSuffix(silent, "data: [DONE]\n\n") {
		t.Errorf("without include_usage: %v\n%s", err, silent)
	}
}

func TestChatStreamToMessages(t *testing.T) {
	t.Parallel()
	const head = `{"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-5.5","choices":[`
	piece := func(delta string) string {
		return head + `{"index":0,"delta":` + delta + `,"finish_reason":null}],"usage":null}`
	}
	in := transcript(
		piece(`{"role":"assistant","content":"","refusal":null}`),
		piece(`{"reasoning_content":"h"}`),
		piece(`{"reasoning_content":"m"}`),
		piece(`{"content":"Let me"}`),
		piece(`{"content":" look."}`),
		piece(`{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"read","arguments":""}}]}`),
		piece(`{"tool_calls":[{"index":0,"function":{"arguments":"{\"p\":"}}]}`),
		piece(`{"tool_calls":[{"index":1,"id":"call_2","type":"function","function":{"name":"now","arguments":"{"}}]}`),
		piece(`{"tool_calls":[{"index":0,"function":{"arguments":"\"a\"}"}},{"index":1,"function":{"arguments":"}"}}]}`),
		head+`{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`,
		head+`],"usage":{"prompt_tokens":30,"completion_tokens":9,"total_tokens":39,"prompt_tokens_details":{"cached_tokens":20}}}`,
		"[DONE]",
	)
	want := `
		event: message_start
		data: {"type":"message_start","message":{"id":"c1","type":"message","role":"assistant","model":"gpt-5.5","content":[],"stop_reason":null,"stop_sequence":null,"stop_details":null,"container":null,"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0,"output_tokens_details":null,"service_tier":null,"cache_creation":null,"inference_geo":null,"server_tool_use":null}}}
		event: content_block_start
		data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}
		event: content_block_delta
		data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"h"}}
		event: content_block_delta
		data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"m"}}
		event: content_block_stop
		data: {"type":"content_block_stop","index":0}
		event: content_block_start
		data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":"","citations":null}}
		event: content_block_delta
		data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Let me"}}
		event: content_block_delta
		data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":" look."}}
		event: content_block_stop
		data: {"type":"content_block_stop","index":1}
		event: content_block_start
		data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"call_1","name":"read","input":{},"caller":{"type":"direct"}}}
		event: content_block_delta
		data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"p\":"}}
		event: content_block_delta
		data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"\"a\"}"}}
		event: content_block_stop
		data: {"type":"content_block_stop","index":2}
		event: content_block_start
		data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"call_2","name":"now","input":{},"caller":{"type":"direct"}}}
		event: content_block_delta
		data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{"}}
		event: content_block_delta
		data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"}"}}
		event: content_block_stop
		data: {"type":"content_block_stop","index":3}
		event: message_delta
		data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":10,"cache_creation_input_tokens":0,"cache_read_input_tokens":20,"output_tokens":9,"output_tokens_details":null,"service_tier":null,"cache_creation":null,"inference_geo":null,"server_tool_use":null}}
		event: message_stop
		data: {"type":"message_stop"}`
	got, err := play(t, between(t, dialect.OpMessages, `{"stream":true}`), in)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, want, got)

	m, err := asAnthropic(got)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Content) != 4 || m.Content[0].Thinking != "hm" || m.Content[1].Text != "Let me look." || string(m.Content[2].Input) != `{"p":"a"}` ||
		string(m.Content[3].Input) != `{}` || m.StopReason != "tool_use" || m.Usage.InputTokens != 10 || m.Usage.CacheReadInputTokens != 20 {
		t.Errorf("Anthropic's client reads %+v", m)
	}

	noDone, err := play(t, between(t, dialect.OpMessages, `{"stream":true}`), strings.TrimSuffix(in, "data: [DONE]\n\n"))
	if err != nil || noDone != got {
		t.Errorf("a server that says why it ended and no [DONE]: %v\n%s", err, noDone)
	}
}

// Servers number calls as they like.
func TestChatStreamsOfOtherServers(t *testing.T) {
	t.Parallel()
	piece := func(delta string) string { return `{"id":"c1","choices":[{"delta":` + delta + `}]}` }
	call := func(s string) string { return piece(`{"tool_calls":[` + s + `]}`) }
	const end = `{"id":"c1","choices":[{"delta":{},"finish_reason":"stop"}]}`
	for _, tt := range []struct {
		name, in string
		want     []string // id, name, input of each call
	}{
		{"every call is 0", transcript(call(`{"index":0,"id":"a","function":{"name":"x","arguments":"{\"n\":1}"}}`), call(`{"index":0,"id":"b","function":{"name":"y","arguments":{"n":2}}}`), end),
			[]string{"a x {\"n\":1}", "b y {\"n\":2}"}},
		{"no numbers", transcript(call(`{"id":"a","function":{"name":"x","arguments":"{"}}`), call(`{"function":{"arguments":"}"}}`), call(`{"id":"b","function":{"name":"y"}}`), end),
			[]string{"a x {}", "b y {}"}},
		{"no ids", transcript(call(`{"index":0,"function":{"name":"x","arguments":"{}"}}`), call(`{"index":1,"function":{"name":"y","arguments":"{}"}}`), end),
			[]string{"call_c1_0 x {}", "call_c1_1 y {}"}},
		{"words between calls", transcript(call(`{"index":0,"id":"a","function":{"name":"x","arguments":"{\"s\":\"}\"}"}}`), piece(`{"content":"and"}`), call(`{"index":1,"id":"b","function":{"name":"y","arguments":"{}"}}`), end),
			[]string{"a x {\"s\":\"}\"}", "  ", "b y {}"}},
		{"the name again", transcript(call(`{"index":0,"id":"a","function":{"name":"x","arguments":"{"}}`), call(`{"index":0,"id":"a","function":{"name":"x","arguments":"}"}}`), end),
			[]string{"a x {}"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sse, err := play(t, between(t, dialect.OpMessages, `{"stream":true}`), tt.in)
			if err != nil {
				t.Fatal(err)
			}
			m, err := asAnthropic(sse)
			var got []string
			for _, b := range m.Content {
				got = append(got, b.ID+" "+b.Name+" "+string(b.Input))
			}
			if d := cmp.Diff(tt.want, got); d != "" || err != nil || m.StopReason != "tool_use" {
				t.Errorf("%v, stopped by %q (-want +got):\n%s", err, m.StopReason, d)
			}
		})
	}
}

// A stream that ends early is an error to the clients, wherever it is cut.
func TestAStreamThatEndsEarlyIsAnError(t *testing.T) {
	t.Parallel()
	chat := transcript(`{"id":"c1","choices":[{"delta":{"content":"A"}}]}`, `{"id":"c1","choices":[{"delta":{"content":"B"}}]}`)
	events := strings.SplitAfter(messagesTranscript, "\n\n")
	for i := range len(events) - 2 { // the last is message_stop
		sse, err := play(t, between(t, dialect.OpChat, `{"stream":true}`), strings.Join(events[:i], ""))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := asOpenAI(sse); err == nil || strings.Contains(sse, "[DONE]") {
			t.Errorf("cut after %d events, OpenAI's client sees no error in\n%s", i, sse)
		}
	}
	for _, in := range []string{"", chat, "data: [DONE]\n\n"} {
		sse, err := play(t, between(t, dialect.OpMessages, `{"stream":true}`), in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := asAnthropic(sse); err == nil || strings.Contains(sse, "message_stop") {
			t.Errorf("Anthropic's client sees no error in\n%s", sse)
		}
	}
}

// An error in a stream is one in the caller's dialect, and the last that comes.
func TestErrorsInStreams(t *testing.T) {
	t.Parallel()
	first, _, _ := strings.Cut(messagesTranscript, "event: content_block_start")
	got, err := play(t, between(t, dialect.OpChat, `{"stream":true}`), first+`event: error
data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}

`+messagesTranscript)
	if err != nil || !strings.HasSuffix(got, `data: {"error":{"message":"Overloaded","type":"server_error","param":null,"code":null}}`+"\n\n") {
		t.Errorf("%v\n%s", err, got)
	}
	if _, err := asOpenAI(got); err == nil || !strings.Contains(err.Error(), "Overloaded") {
		t.Errorf("OpenAI's client sees %v", err)
	}

	got, err = play(t, between(t, dialect.OpMessages, `{"stream":true}`), transcript(`{"id":"c1","choices":[{"delta":{"content":"A"}}]}`,
		`{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`, "[DONE]"))
	if err != nil || !strings.HasSuffix(got, "event: error\ndata: "+`{"type":"error","error":{"type":"billing_error","message":"You exceeded your current quota"}}`+"\n\n") {
		t.Errorf("%v\n%s", err, got)
	}
	if _, err := asAnthropic(got); err == nil || !strings.Contains(err.Error(), "exceeded") {
		t.Errorf("Anthropic's client sees %v", err)
	}
}

func TestNonsenseInStreams(t *testing.T) {
	t.Parallel()
	for from, lines := range map[dialect.Operation][]string{
		dialect.OpChat:     {`{`, `7`, `{"type":"content_block_start","index":0,"content_block":{"type":"text"}}`, `{"type":"message_start","message":7}`},
		dialect.OpMessages: {`{`, `7`, `{"choices":7}`, `{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"x"}}]}}]}`},
	} {
		for _, line := range lines {
			if got, err := play(t, between(t, from, `{"stream":true}`), transcript(line)); core.CodeOf(err) != core.Unavailable {
				t.Errorf("%s: %s became %s, %v", from, line, got, err)
			}
		}
	}
}

// Through two translations nothing of the dialect between them comes out, however the stream ends.
func TestMessagesStreamToResponses(t *testing.T) {
	t.Parallel()
	request := func() *dialect.Translation {
		tr, _, err := translated(dialect.OpResponses, `{"model":"m","input":"Hi","stream":true}`, dialect.Messages, "claude-opus-5-5")
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	head, _, _ := strings.Cut(messagesTranscript, "event: message_delta")
	for _, tt := range []struct {
		name, in, last string
		code           core.Code
	}{
		{"whole", messagesTranscript, "response.completed", ""},
		{"cut", head, "response.failed", ""},
		{"an error", head + transcript(`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`), "response.failed", ""},
		{"nonsense", head + transcript(`{`), "", core.Unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := play(t, request(), tt.in)
			if core.CodeOf(err) != tt.code {
				t.Fatalf("%v, want %q", err, tt.code)
			}
			lines := strings.Split(strings.TrimSpace(got), "\n\n")
			if last := lines[len(lines)-1]; !strings.Contains(last, tt.last) {
				t.Errorf("the last event is %s", last)
			}
			if strings.Contains(got, "chat.completion") || !strings.Contains(got, "Let me") {
				t.Errorf("got\n%s", got)
			}
			for _, line := range lines {
				if !strings.HasPrefix(line, "event: response.") && !strings.HasPrefix(line, "event: error") {
					t.Errorf("not an event of responses: %s", line)
				}
			}
		})
	}
}
