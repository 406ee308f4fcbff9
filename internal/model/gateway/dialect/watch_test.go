package dialect

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/sse"
)

// watched is what a Watch has seen of a stream.
type watched struct {
	Usage    core.Usage
	Told     bool
	Produced int
	Ended    bool
	Dropped  int
	Err      core.Code
}

// follow has a Watch follow a stream to its end, or to its first error.
func follow(t *testing.T, r Request, stream string) watched {
	t.Helper()
	w, s := NewWatch(r), sse.NewScanner(strings.NewReader(stream), 1<<20)
	var got watched
	for {
		e, err := s.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		drop, err := w.Event(e)
		if drop {
			got.Dropped++
		}
		if err != nil {
			got.Err = core.CodeOf(err)
			break
		}
	}
	got.Usage, got.Told = w.Usage()
	got.Produced, got.Ended = w.Produced(), w.Ended()
	return got
}

// data makes a stream of events of this data.
func data(events ...string) string {
	var b []byte
	for _, e := range events {
		b = sse.Event{Data: []byte(e)}.Append(b)
	}
	return string(b)
}

const (
	chatWord  = `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"word"},"logprobs":null,"finish_reason":null}]}`
	chatUsed  = `{"id":"c","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`
	msgUsed   = `{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":10,"cache_creation_input_tokens":5,"cache_read_input_tokens":85,"output_tokens":1}}}`
	respDelta = `{"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"word","logprobs":[],"obfuscation":"xxxxxx"}`
)

func TestWatch(t *testing.T) {
	t.Parallel()
	used := core.Usage{Input: 10, Output: 2}
	for name, c := range map[string]struct {
		r      Request
		stream string
		want   watched
	}{
		"chat, usage asked for": {Request{Op: OpChat, Usage: true}, data(chatWord, chatWord, chatUsed, "[DONE]"), watched{used, true, 8, true, 0, ""}},
		"chat, not asked for":   {Request{Op: OpChat}, data(chatWord, chatUsed, " [DONE] "), watched{used, true, 4, true, 1, ""}},
		"chat, cut":             {Request{Op: OpChat}, data(chatWord, chatWord), watched{core.Usage{}, false, 8, false, 0, ""}},
		"usage in every chunk": {Request{Op: OpChat}, data(
			`{"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":10,"completion_tokens":1}}`, `{"choices":[{"delta":{"content":"b"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":2}}`, "[DONE]"), watched{used, true, 2, true, 0, ""}},
		"usage null":        {Request{Op: OpChat}, data(`{"choices":[{"delta":{"content":"a"}}],"usage":null}`, `{"choices":[],"usage":null,"prompt_filter_results":[]}`), watched{core.Usage{}, false, 1, false, 0, ""}},
		"usage of zeros":    {Request{Op: OpChat}, data(`{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}`), watched{core.Usage{}, false, 0, false, 1, ""}},
		"several choices":   {Request{Op: OpChat}, data(`{"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"bc"}}]}`), watched{core.Usage{}, false, 3, false, 0, ""}},
		"tool calls":        {Request{Op: OpChat}, data(`{"choices":[{"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a"}}]}}]}`), watched{core.Usage{}, false, 1 + 3, false, 0, ""}},
		"reasoning":         {Request{Op: OpChat}, data(`{"choices":[{"delta":{"reasoning_content":"hm","content":""}}]}`, `{"choices":[{"delta":{"reasoning":"hm"}}]}`), watched{core.Usage{}, false, 4, false, 0, ""}},
		"an error":          {Request{Op: OpChat}, data(chatWord, `{"error":{"message":"overloaded","type":"server_error"}}`, "[DONE]"), watched{core.Usage{}, false, 4, false, 0, core.Unavailable}},
		"an error in words": {Request{Op: OpChat}, data(`{"error":"overloaded"}`), watched{core.Usage{}, false, 0, false, 0, core.Unavailable}},
		"error null":        {Request{Op: OpChat}, data(`{"error":null,"choices":[{"delta":{"content":"an \"error\":{} in words"}}]}`), watched{core.Usage{}, false, 22, false, 0, ""}},
		"garbage":           {Request{Op: OpChat}, data(chatWord, `{"choices":[{"delta":{"cont`), watched{core.Usage{}, false, 4, false, 0, core.Unavailable}},
		"odd types":         {Request{Op: OpChat}, data(`{"choices":7,"usage":[]}`, `{"choices":[7,{"delta":"x"}]}`), watched{core.Usage{}, false, 1, false, 0, ""}},
		"messages": {Request{Op: OpMessages}, data(msgUsed, `{"type":"ping"}`, `{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}`, `{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"xxxx"}}`, `{"type":"content_block_stop","index":0}`, `{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"word"}}`, `{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a"}}`,
			`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}}`, `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":20,"output_tokens_details":{"thinking_tokens":4}}}`, `{"type":"message_stop"}`),
			watched{core.Usage{Input: 100, Cached: 85, CacheWrite: 5, Output: 20, Reasoning: 4}, true, 2 + 4 + 3, true, 0, ""}},
		"messages, begun": {Request{Op: OpMessages}, data(msgUsed), watched{core.Usage{Input: 100, Cached: 85, CacheWrite: 5, Output: 1}, true, 0, false, 0, ""}},
		"messages, for an hour": {Request{Op: OpMessages}, data(strings.Replace(msgUsed, `"cache_read`, `"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":3},"cache_read`, 1), `{"type":"message_delta","delta":{},"usage":{"output_tokens":7}}`),
			watched{core.Usage{Input: 100, Cached: 85, CacheWrite: 5, CacheWrite1h: 3, Output: 7}, true, 0, false, 0, ""}},
		"messages, input corrected": {Request{Op: OpMessages}, data(msgUsed, `{"type":"message_delta","delta":{},"usage":{"input_tokens":20,"output_tokens":7}}`), watched{core.Usage{Input: 110, Cached: 85, CacheWrite: 5, Output: 7}, true, 0, false, 0, ""}},
		"messages, an error":        {Request{Op: OpMessages}, "event: error\n" + data(`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`), watched{core.Usage{}, false, 0, false, 0, core.Unavailable}},
		"messages, garbage":         {Request{Op: OpMessages}, data(`oops`), watched{core.Usage{}, false, 0, false, 0, core.Unavailable}},
		"responses": {Request{Op: OpResponses}, data(`{"type":"response.created","response":{"usage":null}}`, respDelta, `{"type":"response.reasoning_summary_text.delta","delta":"hm"}`, `{"type":"response.function_call_arguments.delta","delta":"{\"a"}`, `{"type":"response.audio.delta","delta":"AAAA"}`,
			`{"type":"response.output_text.done","text":"word"}`, `{"type":"response.completed","response":{"usage":{"input_tokens":10,"output_tokens":2,"total_tokens":12}}}`), watched{used, true, 4 + 2 + 3, true, 0, ""}},
		"responses, incomplete": {Request{Op: OpResponses}, data(`{"type":"response.incomplete","response":{"incomplete_details":{"reason":"max_output_tokens"},"usage":{"input_tokens":10,"output_tokens":2}}}`), watched{used, true, 0, true, 0, ""}},
		"responses, failed":     {Request{Op: OpResponses}, data(`{"type":"response.failed","response":{"error":{"code":"server_error","message":"oops"},"usage":{"input_tokens":10,"output_tokens":2}}}`), watched{used, true, 0, false, 0, core.Unavailable}},
		"responses, an error":   {Request{Op: OpResponses}, data(respDelta, `{"type":"error","code":"server_error","message":"oops","param":null,"sequence_number":5}`), watched{core.Usage{}, false, 4, false, 0, core.Unavailable}},
		"responses, garbage":    {Request{Op: OpResponses}, data(`[]`), watched{core.Usage{}, false, 0, false, 0, core.Unavailable}},
		"empty events":          {Request{Op: OpResponses}, "data:\n\n", watched{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := follow(t, c.r, c.stream); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestWatchTellsTheProblem(t *testing.T) {
	t.Parallel()
	for op, event := range map[Operation]string{
		OpChat:      `{"error":{"message":"slow down","type":"rate_limit_error","code":null}}`,
		OpMessages:  `{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}`,
		OpResponses: `{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"slow down"}}}`,
	} {
		_, err := NewWatch(Request{Op: op}).Event(sse.Event{Data: []byte(event)})
		var p Problem
		if !errors.As(err, &p) || p.Message != "slow down" || core.CodeOf(err) != core.Exhausted {
			t.Errorf("%s: %v (%s, %+v)", op, err, core.CodeOf(err), p)
		}
	}
}

// FuzzWatch: whatever comes, what was seen stays within its bounds.
func FuzzWatch(f *testing.F) {
	for _, s := range []string{chatWord, chatUsed, msgUsed, respDelta, `{"type":"error"}`, `{"error":{}}`, `{"type":"response.completed","response":{"usage":{"input_tokens":1e9}}}`, `{"choices":[{"delta":{"a":"\ud83d\u00e9"}}]}`, `[DONE]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, op := range []Operation{OpChat, OpMessages, OpResponses} {
			w := NewWatch(Request{Op: op})
			for range 2 {
				if _, err := w.Event(sse.Event{Data: b}); err != nil && core.CodeOf(err) == core.Internal {
					t.Fatalf("%q: %v", b, err)
				}
			}
			u, told := w.Usage()
			if u.Input < 0 || u.Output < 0 || u.Cached < 0 || u.Cached > u.Input || u.Reasoning < 0 || u.Reasoning > u.Output || told && u.Input+u.Output == 0 || w.Produced() < 0 || w.Produced() > 2*len(b) {
				t.Fatalf("%q: %+v, %v, %d bytes", b, u, told, w.Produced())
			}
		}
	})
}

func BenchmarkWatch(b *testing.B) {
	for name, c := range map[string]struct {
		op    Operation
		event string
	}{
		"chat":      {OpChat, chatWord},
		"messages":  {OpMessages, `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"word"}}`},
		"responses": {OpResponses, respDelta},
	} {
		b.Run(name, func(b *testing.B) {
			w, e := NewWatch(Request{Op: c.op}), sse.Event{Data: []byte(c.event)}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Event(e); err != nil {
					b.Fatal(err)
				}
			}
			if w.Produced() != 4*b.N {
				b.Fatalf("%d bytes of %d events", w.Produced(), b.N)
			}
		})
	}
}

func BenchmarkScanner(b *testing.B) {
	const events = 100
	stream := strings.Repeat(data(chatWord), events)
	b.ReportAllocs()
	b.SetBytes(int64(len(stream)))
	for b.Loop() { // a stream of 100 events
		s := sse.NewScanner(strings.NewReader(stream), 1<<20)
		n := 0
		for ; ; n++ {
			if _, err := s.Next(); err != nil {
				break
			}
		}
		if n != events {
			b.Fatalf("%d events", n)
		}
	}
}
