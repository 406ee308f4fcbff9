package dialect

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		op   Operation
		body string
		want core.Usage
		none bool
	}{
		"chat":                         {op: OpChat, body: `{"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":60},"completion_tokens_details":{"reasoning_tokens":5}}}`, want: core.Usage{Input: 100, Output: 20, Cached: 60, Reasoning: 5}},
		"chat, bare":                   {op: OpChat, body: `{"usage":{"prompt_tokens":100,"completion_tokens":20}}`, want: core.Usage{Input: 100, Output: 20}},
		"thoughts beside the output":   {op: OpChat, body: `{"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":150}}`, want: core.Usage{Input: 100, Output: 50, Reasoning: 30}},
		"thoughts told and beside it":  {op: OpChat, body: `{"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":150,"completion_tokens_details":{"reasoning_tokens":30}}}`, want: core.Usage{Input: 100, Output: 50, Reasoning: 30}},
		"embeddings":                   {op: OpEmbeddings, body: `{"usage":{"prompt_tokens":7,"total_tokens":7}}`, want: core.Usage{Input: 7}},
		"responses":                    {op: OpResponses, body: `{"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":60},"output_tokens":20,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":120}}`, want: core.Usage{Input: 100, Output: 20, Cached: 60, Reasoning: 5}},
		"messages":                     {op: OpMessages, body: `{"usage":{"input_tokens":10,"cache_creation_input_tokens":30,"cache_read_input_tokens":60,"output_tokens":20}}`, want: core.Usage{Input: 100, Output: 20, Cached: 60, CacheWrite: 30}},
		"messages for an hour":         {op: OpMessages, body: `{"usage":{"input_tokens":10,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"cache_read_input_tokens":60,"output_tokens":20}}`, want: core.Usage{Input: 100, Output: 20, Cached: 60, CacheWrite: 30, CacheWrite1h: 20}},
		"chat with writes":             {op: OpChat, body: `{"usage":{"prompt_tokens":100,"completion_tokens":20,"prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":30}}}`, want: core.Usage{Input: 100, Output: 20, Cached: 60, CacheWrite: 30}},
		"responses with writes":        {op: OpResponses, body: `{"usage":{"input_tokens":100,"output_tokens":20,"input_tokens_details":{"cached_tokens":60,"cache_write_tokens":30}}}`, want: core.Usage{Input: 100, Output: 20, Cached: 60, CacheWrite: 30}},
		"more written than there were": {op: OpMessages, body: `{"usage":{"input_tokens":5,"cache_creation_input_tokens":3,"cache_creation":{"ephemeral_1h_input_tokens":9},"output_tokens":1}}`, want: core.Usage{Input: 8, Output: 1, CacheWrite: 3, CacheWrite1h: 3}},
		"counting uses nothing":        {op: OpCountTokens, body: `{"input_tokens":10}`},
		"nothing told":                 {op: OpChat, body: `{"choices":[]}`, none: true},
		"null":                         {op: OpChat, body: `{"usage":null}`, none: true},
		"zeros":                        {op: OpChat, body: `{"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}`, none: true},
		"nonsense":                     {op: OpChat, body: `{"usage":{"prompt_tokens":-5,"completion_tokens":"20","total_tokens":1e300}}`, none: true},
		"more cached than there were":  {op: OpChat, body: `{"usage":{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":9},"completion_tokens_details":{"reasoning_tokens":9}}}`, want: core.Usage{Input: 5, Output: 2, Cached: 5, Reasoning: 2}},
		"not JSON":                     {op: OpChat, body: `<html>`, none: true},
		"nothing":                      {op: OpMessages, body: ``, none: true},
		"a usage deeper isn't the one": {op: OpChat, body: `{"x":{"usage":{"prompt_tokens":5}}}`, none: true},
	} {
		t.Run(name, func(t *testing.T) {
			if w, _ := ReadWhole(c.op, []byte(c.body)); w.Usage != c.want || w.Told == c.none {
				t.Errorf("got %+v; want %+v, %v", w, c.want, !c.none)
			}
		})
	}
}

func TestTextOfAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		op   Operation
		body string
		want int
	}{
		"chat":      {OpChat, `{"id":"no","choices":[{"index":0,"message":{"role":"assistant","content":"12\n4","refusal":null,"reasoning_content":"67","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},"logprobs":{"content":[{"token":"no","bytes":[1],"top_logprobs":[{"token":"no"}]}]},"finish_reason":"stop"},{"message":{"content":"x"}}]}`, 4 + 2 + 1 + 2 + 1},
		"responses": {OpResponses, `{"id":"no","instructions":"no","output":[{"id":"rs","type":"reasoning","summary":[{"type":"summary_text","text":"ab"}],"encrypted_content":"no"},{"type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"cde","annotations":[]}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}]}`, 2 + 3 + 1 + 2},
		"messages":  {OpMessages, `{"id":"no","content":[{"type":"thinking","thinking":"ab","signature":"no"},{"type":"text","text":"cde"},{"type":"tool_use","id":"t","name":"f","input":{"q":"xyz"}}]}`, 2 + 3 + 1 + 3},
		"garbage":   {OpChat, `<html>`, 0},
		"embedding": {OpEmbeddings, `{"data":[{"embedding":[1,2]}]}`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Text(c.op, []byte(c.body)); got != c.want {
				t.Errorf("%d bytes, want %d", got, c.want)
			}
		})
	}
}

func BenchmarkReadWhole(b *testing.B) {
	for name, size := range map[string]int{"1KiB": 1 << 10, "64KiB": 64 << 10} {
		body := []byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"` +
			strings.Repeat(`The quick brown fox said: \"hello\"\n`, size/36) + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":60},"completion_tokens_details":{"reasoning_tokens":5}}}`)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if w, _ := ReadWhole(OpChat, body); !w.Told {
					b.Fatal("no usage")
				}
			}
		})
	}
}
