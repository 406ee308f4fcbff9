package dialect_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/sse"
)

// fuzzRequests fuzzes requests of one dialect: what comes out is a request that the other
// dialect's reader takes, no larger than what went in gives reason for.
func fuzzRequests(f *testing.F, from, op dialect.Operation, to dialect.Dialect, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := dialect.Read(from, body)
		if err != nil {
			return
		}
		_, out, err := dialect.Translate(r, to, "claude-opus-5-5")
		if err != nil {
			if c := core.CodeOf(err); c != core.Unsupported && c != core.Invalid || core.HintOf(err) == "" {
				t.Fatalf("%v of code %s, hint %q", err, c, core.HintOf(err))
			}
			return
		}
		if !json.Valid(out) || len(out) > 64*len(body)+4096 {
			t.Fatalf("%d bytes of %d: %s", len(out), len(body), out)
		}
		read, err := dialect.Read(op, out)
		if err != nil || read.Model != "claude-opus-5-5" || read.Stream != r.Stream {
			t.Fatalf("%v, %+v of %s", err, read, out)
		}
	})
}

func FuzzChatRequestToMessages(f *testing.F) {
	fuzzRequests(f, dialect.OpChat, dialect.OpMessages, dialect.Messages,
		chatBase,
		`{"model":"m","stream":true,"messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}},{"type":"file","file":{"filename":"f","file_data":"data:text/plain;base64,aGk="}}]},{"role":"assistant","tool_calls":[{"id":"a:b","function":{"name":"x","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a:b","content":"r"}]}`,
		`{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"x"}}],"tool_choice":"required","parallel_tool_calls":false,"reasoning_effort":"low","response_format":{"type":"json_schema","json_schema":{"schema":{}}},"stop":"x","user":"u","service_tier":"priority"}`)
}

func FuzzMessagesRequestToChat(f *testing.F) {
	fuzzRequests(f, dialect.OpMessages, dialect.OpChat, dialect.Chat,
		msgBase,
		`{"model":"m","max_tokens":5,"system":[{"type":"text","text":"s"}],"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":""},{"type":"tool_use","id":"a","name":"x","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","is_error":true,"content":[{"type":"image","source":{"type":"url","url":"u"}}]},{"type":"document","source":{"type":"content","content":"c"}}]}]}`,
		`{"model":"m","max_tokens":5,"stream":true,"messages":[{"role":"user","content":"x"}],"tools":[{"name":"x","input_schema":{}}],"tool_choice":{"type":"tool","name":"x","disable_parallel_tool_use":true},"thinking":{"type":"enabled","budget_tokens":2000},"output_config":{"format":{"type":"json_schema","schema":{}}},"metadata":{"user_id":"u"}}`)
}

// fuzzAnswers fuzzes whole answers and streams of a provider: nothing makes a translator panic,
// and what it writes is JSON.
func fuzzAnswers(f *testing.F, from dialect.Operation, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, n uint8) {
		tr := between(t, from, `{"stream":true}`)
		if out, err := tr.Answer(in); err == nil && !json.Valid(out) || err != nil && core.CodeOf(err) != core.Unavailable {
			t.Fatalf("%s, %v", out, err)
		}
		stream := tr.Stream()
		lines := strings.Split(string(in), "\n")
		total := 0
		check := func(events []sse.Event) {
			for _, e := range events {
				if total += len(e.Data); string(e.Data) != "[DONE]" && !json.Valid(e.Data) {
					t.Fatalf("%s", e.Data)
				}
			}
		}
		for range n%4 + 1 {
			for _, line := range lines {
				events, err := stream.Event(sse.Event{Data: []byte(line)})
				check(events)
				if err != nil && core.CodeOf(err) != core.Unavailable {
					t.Fatal(err)
				}
			}
		}
		check(stream.End())
		if again := stream.End(); len(again) > 0 {
			t.Fatalf("after its end comes %q", again)
		}
		if most := 4 * (64*len(in) + 4096*(len(lines)+1)); total > most {
			t.Fatalf("%d bytes came of %d", total, len(in))
		}
	})
}

func FuzzMessagesAnswerToChat(f *testing.F) {
	var lines []string
	for line := range strings.Lines(messagesTranscript) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			lines = append(lines, strings.TrimSpace(data))
		}
	}
	fuzzAnswers(f, dialect.OpChat, wholeMessage, strings.Join(lines, "\n"), `{"type":"error","error":{"type":"x"}}`,
		`{"type":"message","content":[{"type":"tool_use","id":"a","name":"b","input":{}},{"type":"thinking","thinking":"t"}],"stop_reason":"refusal","stop_details":{"explanation":"x"}}`)
}

func FuzzChatAnswerToMessages(f *testing.F) {
	fuzzAnswers(f, dialect.OpMessages, openAICompletion,
		`{"id":"c","choices":[{"delta":{"content":"a","reasoning":"b","refusal":"c","tool_calls":[{"index":0,"id":"a","function":{"name":"x","arguments":{}}}],"reasoning_details":[{"type":"reasoning.text","text":"t","signature":"s","format":"anthropic-claude-v1"}]},"finish_reason":"stop"}]}`+"\n[DONE]",
		`{"choices":[{"message":{"content":[{"text":"x"}],"tool_calls":[{"function":{"name":"x","arguments":"{"}}]},"finish_reason":"length"}],"usage":{"prompt_tokens":1}}`,
		`{"error":{"message":"x"}}`)
}
