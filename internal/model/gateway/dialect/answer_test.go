package dialect_test

import (
	"encoding/json"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/openai/openai-go/v3"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// between returns the translation of a least request, for its answers.
func between(t *testing.T, from dialect.Operation, more string) *dialect.Translation {
	t.Helper()
	base, to := chatBase, dialect.Messages
	if from == dialect.OpMessages {
		base, to = msgBase, dialect.Chat
	}
	tr, _, err := translated(from, with(t, base, more), to, "provider-model")
	if err != nil {
		t.Fatal(err)
	}
	tr.Created = 1_790_000_000
	return tr
}

const wholeMessage = `{"id":"msg_1","type":"message","role":"assistant","model":"claude-opus-5-5","content":[],"stop_reason":"end_turn","stop_sequence":null,
	"usage":{"input_tokens":10,"cache_creation_input_tokens":3,"cache_read_input_tokens":20,"output_tokens":7,"output_tokens_details":{"thinking_tokens":4},"service_tier":"standard"}}`

const wholeCompletion = `{"id":"msg_1","object":"chat.completion","created":1790000000,"model":"claude-opus-5-5","service_tier":"default",
	"choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null},"logprobs":null,"finish_reason":"stop"}],
	"usage":{"prompt_tokens":33,"completion_tokens":7,"total_tokens":40,"prompt_tokens_details":{"cached_tokens":20,"cache_write_tokens":3},"completion_tokens_details":{"reasoning_tokens":4}}}`

func TestMessagesAnswerToChat(t *testing.T) {
	t.Parallel()
	reply := func(message, finish string) string {
		return `{"choices":[{"index":0,"message":` + message + `,"logprobs":null,"finish_reason":"` + finish + `"}]}`
	}
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", `{}`, `{}`},
		{"text", `{"content":[{"type":"text","text":"A","citations":[]},{"type":"text","text":"B"}]}`, reply(`{"role":"assistant","content":"AB","refusal":null}`, "stop")},
		{"empty text", `{"content":[{"type":"text","text":""}]}`, reply(`{"role":"assistant","content":"","refusal":null}`, "stop")},
		{"calls", `{"stop_reason":"tool_use","content":[{"type":"text","text":"A"},{"type":"tool_use","id":"t1","name":"read","input":{"p": "<a>"}},{"type":"tool_use","id":"t2","name":"now","input":{}}]}`,
			reply(`{"role":"assistant","content":"A","refusal":null,"tool_calls":[{"id":"t1","type":"function","function":{"name":"read","arguments":"{\"p\":\"<a>\"}"}},{"id":"t2","type":"function","function":{"name":"now","arguments":"{}"}}]}`, "tool_calls")},
		{"thinking", `{"content":[{"type":"thinking","thinking":"hm","signature":"s1"},{"type":"redacted_thinking","data":"d"},{"type":"text","text":"A"}]}`,
			reply(`{"role":"assistant","content":"A","refusal":null,"reasoning_content":"hm","reasoning_details":[
				{"type":"reasoning.text","text":"hm","signature":"s1","format":"anthropic-claude-v1","index":0},{"type":"reasoning.encrypted","data":"d","format":"anthropic-claude-v1","index":1}]}`, "stop")},
		{"stop_sequence", `{"stop_reason":"stop_sequence","stop_sequence":"END"}`, reply(`{"role":"assistant","content":null,"refusal":null}`, "stop")},
		{"max_tokens", `{"stop_reason":"max_tokens"}`, reply(`{"role":"assistant","content":null,"refusal":null}`, "length")},
		{"the window", `{"stop_reason":"model_context_window_exceeded"}`, reply(`{"role":"assistant","content":null,"refusal":null}`, "length")},
		{"pause_turn", `{"stop_reason":"pause_turn"}`, reply(`{"role":"assistant","content":null,"refusal":null}`, "stop")},
		{"refusal", `{"stop_reason":"refusal"}`, reply(`{"role":"assistant","content":null,"refusal":null}`, "content_filter")},
		{"refusal that says why", `{"stop_reason":"refusal","stop_details":{"type":"refusal","category":"cyber","explanation":"No."}}`, reply(`{"role":"assistant","content":null,"refusal":"No."}`, "content_filter")},
		{"a block that isn't known", `{"content":[{"type":"new_block","x":1},{"type":"text","text":"A"}]}`, reply(`{"role":"assistant","content":"A","refusal":null}`, "stop")},
		{"priority", `{"usage":{"input_tokens":1,"output_tokens":2,"cache_read_input_tokens":null,"service_tier":"priority"}}`,
			`{"service_tier":"priority","usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := between(t, dialect.OpChat, `{}`).Answer([]byte(with(t, wholeMessage, tt.in)))
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, with(t, wholeCompletion, tt.want), string(got))
			var c openai.ChatCompletion
			if err := json.Unmarshal(got, &c); err != nil || c.ID != "msg_1" || len(c.Choices) != 1 || c.Created != 1_790_000_000 {
				t.Errorf("OpenAI's client reads %+v, %v", c, err)
			}
		})
	}
}

const openAICompletion = `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-5.5","system_fingerprint":"fp",
	"choices":[{"index":0,"message":{"role":"assistant","content":"A","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],
	"usage":{"prompt_tokens":33,"completion_tokens":7,"total_tokens":40,"prompt_tokens_details":{"cached_tokens":20,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":4}}}`

const anthropicMessage = `{"id":"chatcmpl-1","type":"message","role":"assistant","model":"gpt-5.5","content":[{"type":"text","text":"A"}],"stop_reason":"end_turn","stop_sequence":null,
	"usage":{"input_tokens":13,"cache_creation_input_tokens":0,"cache_read_input_tokens":20,"output_tokens":7,"output_tokens_details":{"thinking_tokens":4}}}`

// answered is a message with what every answer of Anthropic's has, if it is null or says nothing.
func answered(t *testing.T, message string) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(message), &m); err != nil {
		t.Fatal(err)
	}
	lacking := func(o map[string]any, names ...string) {
		for _, n := range names {
			if _, there := o[n]; !there {
				o[n] = nil
			}
		}
	}
	lacking(m, "stop_details", "container")
	lacking(m["usage"].(map[string]any), "output_tokens_details", "service_tier", "cache_creation", "inference_geo", "server_tool_use")
	for _, b := range m["content"].([]any) {
		switch b := b.(map[string]any); b["type"] {
		case "text":
			b["citations"] = nil
		case "tool_use":
			b["caller"] = map[string]any{"type": "direct"}
		}
	}
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestChatAnswerToMessages(t *testing.T) {
	t.Parallel()
	choice := func(message, finish string) string {
		return `{"choices":[{"index":0,"message":` + message + `,"finish_reason":` + finish + `}]}`
	}
	for _, tt := range []struct{ name, in, want string }{
		{"text", `{}`, `{}`},
		{"nothing", choice(`{"role":"assistant","content":null}`, `"stop"`), `{"content":[]}`},
		{"no reason", choice(`{"content":"A"}`, `null`), `{}`},
		{"a time with a fraction", `{"created":1790000000.25}`, `{}`},
		{"parts", choice(`{"content":[{"type":"text","text":"A"},{"type":"text","text":"B"}]}`, `"stop"`), `{"content":[{"type":"text","text":"AB"}]}`},
		{"length", choice(`{"content":"A"}`, `"length"`), `{"stop_reason":"max_tokens"}`},
		{"content_filter", choice(`{"content":"A"}`, `"content_filter"`), `{"stop_reason":"refusal"}`},
		{"refusal", choice(`{"content":null,"refusal":"No."}`, `"stop"`), `{"content":[{"type":"text","text":"No."}],"stop_reason":"refusal","stop_details":{"type":"refusal","category":null,"explanation":"No."}}`},
		{"calls", choice(`{"content":"A","tool_calls":[{"id":"call_1","type":"function","function":{"name":"read","arguments":"{\"p\": \"a\"}"}},{"id":"f.now:1","function":{"name":"now","arguments":""}}]}`, `"tool_calls"`),
			`{"content":[{"type":"text","text":"A"},{"type":"tool_use","id":"call_1","name":"read","input":{"p":"a"}},{"type":"tool_use","id":"f_now_1","name":"now","input":{}}],"stop_reason":"tool_use"}`},
		{"calls of a server that says stop, gives no id and writes objects", choice(`{"content":null,"tool_calls":[{"function":{"name":"read","arguments":{"p":"a"}}}]}`, `"stop"`),
			`{"content":[{"type":"tool_use","id":"call_chatcmpl-1_0","name":"read","input":{"p":"a"}}],"stop_reason":"tool_use"}`},
		{"a call that was cut off", choice(`{"content":null,"tool_calls":[{"id":"c","function":{"name":"read","arguments":"{\"p\":"}}]}`, `"length"`),
			`{"content":[{"type":"tool_use","id":"c","name":"read","input":{}}],"stop_reason":"max_tokens"}`},
		{"reasoning_content", choice(`{"content":"A","reasoning_content":"hm"}`, `"stop"`), `{"content":[{"type":"thinking","thinking":"hm","signature":""},{"type":"text","text":"A"}]}`},
		{"reasoning", choice(`{"content":"A","reasoning":"hm"}`, `"stop"`), `{"content":[{"type":"thinking","thinking":"hm","signature":""},{"type":"text","text":"A"}]}`},
		{"reasoning that Anthropic signed", choice(`{"content":"A","reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm","signature":"s","format":"anthropic-claude-v1","index":0},{"type":"reasoning.encrypted","data":"d","format":"anthropic-claude-v1","index":1}]}`, `"stop"`),
			`{"content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"redacted_thinking","data":"d"},{"type":"text","text":"A"}]}`},
		{"no usage", `{"usage":null}`, `{"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}`},
		{"usage without details", `{"usage":{"prompt_tokens":3,"completion_tokens":2,"prompt_tokens_details":null}}`, `{"usage":{"input_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":2}}`},
		{"usage of a server that counts thinking in the total alone", `{"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":10}}`,
			`{"usage":{"input_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":7,"output_tokens_details":{"thinking_tokens":5}}}`},
		{"usage that doesn't add up", `{"usage":{"prompt_tokens":3,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":5}}}`, `{"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":5,"output_tokens":2}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := between(t, dialect.OpMessages, `{}`).Answer([]byte(with(t, openAICompletion, tt.in)))
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, answered(t, with(t, anthropicMessage, tt.want)), string(got))
			var m anthropic.Message
			if err := json.Unmarshal(got, &m); err != nil || m.ID != "chatcmpl-1" || m.StopReason == "" {
				t.Errorf("Anthropic's client reads %+v, %v", m, err)
			}
		})
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for from, bodies := range map[dialect.Operation][]string{
		dialect.OpChat:     {``, `<html>`, `null`, `7`, `{}`, `{"type":"error","error":{}}`, `{"type":"message","content":7}`, `{"type":"message","content":[{"type":"tool_use","name":"x","input":[1]}]}`},
		dialect.OpMessages: {``, `<html>`, `null`, `7`, `{}`, `{"choices":[]}`, `{"choices":[{}]}`, `{"choices":[{"message":{"tool_calls":[{"function":{"name":"x","arguments":"{"}}]},"finish_reason":"tool_calls"}]}`},
	} {
		for _, body := range bodies {
			if got, err := between(t, from, `{}`).Answer([]byte(body)); core.CodeOf(err) != core.Unavailable {
				t.Errorf("%s of %s became %s, %v", body, from, got, err)
			}
		}
	}
}
