package dialect

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3/responses"
	"github.com/tidwall/gjson"
	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/sse"
)

// followed reads the events of a stream with the vendor's types, holds them against what its client
// makes sure of, and returns the response that the stream ends with.
func followed(t *testing.T, events []sse.Event) responses.Response {
	t.Helper()
	var acc responses.ResponseAccumulator
	var last responses.ResponseStreamEventUnion
	for i, e := range events {
		var u responses.ResponsesServerEventUnion
		if err := json.Unmarshal(e.Data, &u); err != nil {
			t.Fatalf("%s: %v", e.Data, err)
		}
		if err := json.Unmarshal(e.Data, &last); err != nil {
			t.Fatalf("%s: %v", e.Data, err)
		}
		if last.Type != e.Name || int(last.SequenceNumber) != i {
			t.Fatalf("event %d is %q with %s", i, e.Name, e.Data)
		}
		if err := acc.AddEvent(u); err != nil {
			t.Fatalf("event %d, %s: %v", i, e.Data, err)
		}
	}
	if len(events) < 3 || !slices.Contains([]string{"response.completed", "response.incomplete", "response.failed"}, last.Type) {
		t.Fatalf("%d events, and the last is %q", len(events), last.Type)
	}
	if last.Type == "response.failed" {
		return last.Response
	}
	rebuilt, err := acc.ReconstructedResponse()
	if err != nil {
		t.Fatalf("the client can't put it together: %v", err)
	}
	if rebuilt.OutputText() != last.Response.OutputText() || len(rebuilt.Output) != len(last.Response.Output) {
		t.Fatalf("the client puts %s together, but it ends with %s", rebuilt.RawJSON(), last.Response.RawJSON())
	}
	return last.Response
}

// everyAnswer has everything that is translated.
const everyAnswer = `{"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"m-2","service_tier":"default","choices":[{"index":0,"message":{"role":"assistant","content":"word","refusal":null,"reasoning_content":"hm",
	"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},{"type":"function","function":{"name":"g","arguments":{}}}]},"finish_reason":"tool_calls"}],
	"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":60},"completion_tokens_details":{"reasoning_tokens":5}}}`

func TestChatAnswerToResponses(t *testing.T) {
	t.Parallel()
	tr, _, err := fromResponses(t, `{"model":"x","input":"hi","instructions":"be kind","max_output_tokens":50,"temperature":0.5,"top_p":0.25,"parallel_tool_calls":false,"store":true,"metadata":{"a":"b"},"user":"u","safety_identifier":"s","prompt_cache_key":"k",
		"tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":true}],"tool_choice":"auto","text":{"format":{"type":"json_object"}},"reasoning":{"effort":"low"}}`, "m")
	if err != nil {
		t.Fatal(err)
	}
	got, err := tr.Answer([]byte(everyAnswer))
	if err != nil {
		t.Fatal(err)
	}
	sameDocument(t, `{"id":"resp_1","object":"response","created_at":7,"completed_at":null,"status":"completed","background":false,"error":null,"incomplete_details":null,"instructions":"be kind","max_output_tokens":50,"max_tool_calls":null,"model":"m-2",
		"output":[{"id":"rs_1_0","type":"reasoning","status":"completed","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},
			{"id":"msg_1_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"word","annotations":[],"logprobs":[]}]},
			{"id":"fc_1_2","type":"function_call","status":"completed","call_id":"c1","name":"f","arguments":"{\"a\":1}"},
			{"id":"fc_1_3","type":"function_call","status":"completed","call_id":"call_1_3","name":"g","arguments":"{}"}],
		"parallel_tool_calls":false,"previous_response_id":null,"prompt_cache_key":"k","reasoning":{"effort":"low"},"safety_identifier":"s","service_tier":"default","store":true,"temperature":0.5,"text":{"format":{"type":"json_object"}},
		"tool_choice":"auto","tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":true,"description":null}],"top_logprobs":0,"top_p":0.25,"presence_penalty":0,"frequency_penalty":0,"truncation":"disabled","user":"u","metadata":{"a":"b"},
		"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":60,"cache_write_tokens":0},"output_tokens":20,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":120}}`, got)
	var r responses.Response
	if err := json.Unmarshal(got, &r); err != nil {
		t.Fatal(err)
	}
	if r.ID != "resp_1" || r.OutputText() != "word" || r.Output[2].AsFunctionCall().Arguments != `{"a":1}` || r.Output[0].AsReasoning().Content[0].Text != "hm" || r.Usage.InputTokensDetails.CachedTokens != 60 || r.Usage.OutputTokensDetails.ReasoningTokens != 5 || r.Tools[0].Name != "f" {
		t.Errorf("the vendor's types read %+v", r)
	}
}

func TestChatAnswersToResponses(t *testing.T) {
	t.Parallel()
	answer := func(message, finish string) string {
		return `{"id":"1","created":7,"model":"m","choices":[{"index":0,"message":` + message + `,"finish_reason":"` + finish + `"}]}`
	}
	for name, c := range map[string]struct {
		request, answer        string
		status, reason, output string // JSON
	}{
		"words":            {``, answer(`{"content":"a"}`, "stop"), "completed", "", `[{"id":"msg_1_0","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[]}]}]`},
		"cut":              {``, answer(`{"content":"a"}`, "length"), "incomplete", "max_output_tokens", `[{"id":"msg_1_0","type":"message","status":"incomplete","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[]}]}]`},
		"filtered":         {``, answer(`{"content":""}`, "content_filter"), "incomplete", "content_filter", `[{"id":"msg_1_0","type":"message","status":"incomplete","role":"assistant","content":[]}]`},
		"refused":          {``, answer(`{"content":null,"refusal":"no"}`, "stop"), "completed", "", `[{"id":"msg_1_0","type":"message","status":"completed","role":"assistant","content":[{"type":"refusal","refusal":"no"}]}]`},
		"content in parts": {``, answer(`{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}`, "stop"), "completed", "", `[{"id":"msg_1_0","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"ab","annotations":[],"logprobs":[]}]}]`},
		"a summary":        {`,"reasoning":{"summary":"auto"}`, answer(`{"content":"a","reasoning":"hm"}`, "stop"), "completed", "", `[{"id":"rs_1_0","type":"reasoning","status":"completed","summary":[{"type":"summary_text","text":"hm"}]},{"id":"msg_1_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[]}]}]`},
		"signed":           {``, answer(`{"content":"a","reasoning_details":[{"type":"reasoning.encrypted","data":"x","index":0}]}`, "stop"), "completed", "", `[{"id":"rs_1_0","type":"reasoning","status":"completed","summary":[],"content":[],"encrypted_content":"[{\"type\":\"reasoning.encrypted\",\"data\":\"x\",\"index\":0}]"},{"id":"msg_1_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[]}]}]`},
	} {
		t.Run(name, func(t *testing.T) {
			tr, _, err := fromResponses(t, `{"model":"x","input":"hi"`+c.request+`}`, "m")
			if err != nil {
				t.Fatal(err)
			}
			got, err := tr.Answer([]byte(c.answer))
			if err != nil {
				t.Fatal(err)
			}
			var a struct {
				Status  string                   `json:"status"`
				Details *struct{ Reason string } `json:"incomplete_details"`
				Output  json.RawMessage          `json:"output"`
				Usage   json.RawMessage          `json:"usage"`
			}
			if err := json.Unmarshal(got, &a); err != nil || a.Status != c.status || value0(a.Details).Reason != c.reason || string(a.Usage) != "null" {
				t.Errorf("%v\n%s", err, got)
			}
			sameDocument(t, c.output, a.Output)
		})
	}
	tr, _, err := fromResponses(t, `{"model":"x","input":"hi"}`, "m")
	if err != nil {
		t.Fatal(err)
	}
	for _, none := range []string{``, `[]`, `{}`, `{"choices":[]}`, `{"choices":[{}]}`, `<html>`} {
		if got, err := tr.Answer([]byte(none)); core.CodeOf(err) != core.Unavailable {
			t.Errorf("%q became %q, %v", none, got, err)
		}
	}
}

// run translates a stream of chunks.
func run(t *testing.T, request string, chunks ...string) (out []sse.Event, err error) {
	t.Helper()
	tr, _, err := fromResponses(t, `{"model":"x","input":"hi","stream":true`+request+`}`, "m")
	if err != nil {
		t.Fatal(err)
	}
	s := tr.Stream()
	for _, c := range chunks {
		more, err := s.Event(sse.Event{Data: []byte(c)})
		if out = append(out, more...); err != nil {
			return out, err
		}
	}
	return append(out, s.End()...), nil
}

// chunk is a chunk with that delta.
func chunk(delta string) string {
	return `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m-2","choices":[{"index":0,"delta":` + delta + `,"finish_reason":null}]}`
}

func finish(reason string) string {
	return `{"id":"chatcmpl-1","created":7,"model":"m-2","choices":[{"index":0,"delta":{},"finish_reason":"` + reason + `"}]}`
}

const usedChunk = `{"id":"chatcmpl-1","created":7,"model":"m-2","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`

func TestChatStreamToResponses(t *testing.T) {
	t.Parallel()
	out, err := run(t, ``, chunk(`{"role":"assistant","content":""}`), chunk(`{"reasoning_content":"h"}`), chunk(`{"reasoning_content":"m"}`), chunk(`{"content":"wo"}`), chunk(`{"content":"rd"}`),
		chunk(`{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]}`), chunk(`{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}`), finish("tool_calls"), usedChunk, "[DONE]")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range out {
		var v map[string]any
		if err := json.Unmarshal(e.Data, &v); err != nil {
			t.Fatal(err)
		}
		delete(v, "sequence_number")
		delete(v, "response")
		delete(v, "type")
		got = append(got, e.Name+" "+string(encode(v)))
	}
	want := []string{
		`response.created {}`,
		`response.in_progress {}`,
		`response.output_item.added {"item":{"content":[],"id":"rs_1_0","status":"in_progress","summary":[],"type":"reasoning"},"output_index":0}`,
		`response.content_part.added {"content_index":0,"item_id":"rs_1_0","output_index":0,"part":{"text":"","type":"reasoning_text"}}`,
		`response.reasoning_text.delta {"content_index":0,"delta":"h","item_id":"rs_1_0","output_index":0}`,
		`response.reasoning_text.delta {"content_index":0,"delta":"m","item_id":"rs_1_0","output_index":0}`,
		`response.reasoning_text.done {"content_index":0,"item_id":"rs_1_0","output_index":0,"text":"hm"}`,
		`response.content_part.done {"content_index":0,"item_id":"rs_1_0","output_index":0,"part":{"text":"hm","type":"reasoning_text"}}`,
		`response.output_item.done {"item":{"content":[{"text":"hm","type":"reasoning_text"}],"id":"rs_1_0","status":"completed","summary":[],"type":"reasoning"},"output_index":0}`,
		`response.output_item.added {"item":{"content":[],"id":"msg_1_1","role":"assistant","status":"in_progress","type":"message"},"output_index":1}`,
		`response.content_part.added {"content_index":0,"item_id":"msg_1_1","output_index":1,"part":{"annotations":[],"logprobs":[],"text":"","type":"output_text"}}`,
		`response.output_text.delta {"content_index":0,"delta":"wo","item_id":"msg_1_1","logprobs":[],"output_index":1}`,
		`response.output_text.delta {"content_index":0,"delta":"rd","item_id":"msg_1_1","logprobs":[],"output_index":1}`,
		`response.output_text.done {"content_index":0,"item_id":"msg_1_1","logprobs":[],"output_index":1,"text":"word"}`,
		`response.content_part.done {"content_index":0,"item_id":"msg_1_1","output_index":1,"part":{"annotations":[],"logprobs":[],"text":"word","type":"output_text"}}`,
		`response.output_item.done {"item":{"content":[{"annotations":[],"logprobs":[],"text":"word","type":"output_text"}],"id":"msg_1_1","role":"assistant","status":"completed","type":"message"},"output_index":1}`,
		`response.output_item.added {"item":{"arguments":"","call_id":"c1","id":"fc_1_2","name":"f","status":"in_progress","type":"function_call"},"output_index":2}`,
		`response.function_call_arguments.delta {"delta":"{}","item_id":"fc_1_2","output_index":2}`,
		`response.function_call_arguments.done {"arguments":"{}","item_id":"fc_1_2","name":"f","output_index":2}`,
		`response.output_item.done {"item":{"arguments":"{}","call_id":"c1","id":"fc_1_2","name":"f","status":"completed","type":"function_call"},"output_index":2}`,
		`response.completed {}`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	final := followed(t, out)
	if final.ID != "resp_1" || final.CreatedAt != 7 || final.Model != "m-2" || final.Usage.InputTokens != 10 || final.Usage.OutputTokens != 2 || len(final.Output) != 3 {
		t.Errorf("it ends with %s", final.RawJSON())
	}
}

func TestChatStreamsToResponses(t *testing.T) {
	t.Parallel()
	word := chunk(`{"content":"word"}`)
	for name, c := range map[string]struct {
		request string
		chunks  []string
		status  responses.ResponseStatus
		output  []string // types, with what is in them
	}{
		"a summary":            {`,"reasoning":{"summary":"auto"}`, []string{chunk(`{"reasoning":"hm"}`), word, finish("stop"), "[DONE]"}, "completed", []string{"reasoning hm", "message word"}},
		"without [DONE]":       {``, []string{word, finish("stop")}, "completed", []string{"message word"}},
		"[DONE] alone":         {``, []string{word, "[DONE]"}, "completed", []string{"message word"}},
		"cut":                  {``, []string{word, finish("length"), "[DONE]"}, "incomplete", []string{"message word"}},
		"nothing":              {``, []string{finish("stop"), "[DONE]"}, "completed", []string{"message "}},
		"refused":              {``, []string{chunk(`{"refusal":"n"}`), chunk(`{"refusal":"o"}`), finish("stop")}, "completed", []string{"message no"}},
		"a word, then refused": {``, []string{word, chunk(`{"refusal":"no"}`), finish("stop")}, "completed", []string{"message wordno"}},
		"calls in turns":       {``, []string{chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"1"}},{"index":1,"id":"b","function":{"name":"g","arguments":"3"}}]}`), chunk(`{"tool_calls":[{"index":0,"function":{"arguments":"2"}},{"index":1,"function":{"arguments":"4"}}]}`), finish("tool_calls")}, "completed", []string{"function_call a f 12", "function_call b g 34"}},
		"calls all numbered 0": {``, []string{chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"1"}}]}`), chunk(`{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"2"}}]}`), finish("tool_calls")}, "completed", []string{"function_call a f 1", "function_call b g 2"}},
		"calls not numbered":   {``, []string{chunk(`{"tool_calls":[{"function":{"name":"f","arguments":{"x":1}}},{"function":{"name":"g","arguments":"2"}}]}`), finish("stop")}, "completed", []string{`function_call call_1_0 f {"x":1}`, "function_call call_1_1 g 2"}},
		"words after a call":   {``, []string{chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"1"}}]}`), word, chunk(`{"tool_calls":[{"index":0,"function":{"arguments":"2"}}]}`), finish("tool_calls")}, "completed", []string{"function_call a f 12", "message word"}},
		"thinking in between":  {``, []string{word, chunk(`{"reasoning_content":"hm"}`), word, finish("stop")}, "completed", []string{"message word", "reasoning hm", "message word"}},
		"a choice too many":    {``, []string{strings.ReplaceAll(word, `"index":0`, `"index":1`), word, finish("stop")}, "completed", []string{"message word"}},
		"words after the end":  {``, []string{word, finish("stop"), word, "[DONE]"}, "completed", []string{"message word"}},
		"ended early":          {``, []string{word}, "failed", []string{"message word"}},
		"an error":             {``, []string{word, `{"error":{"message":"slow down","type":"rate_limit_error"}}`, word, "[DONE]"}, "failed", []string{"message word"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := run(t, c.request, c.chunks...)
			if err != nil {
				t.Fatal(err)
			}
			final := followed(t, out)
			if final.Status != c.status {
				t.Errorf("it is %s, want %s", final.Status, c.status)
			}
			if d := cmp.Diff(c.output, said(final)); d != "" {
				t.Errorf("%s\n%s", d, final.RawJSON())
			}
		})
	}
}

// said is what a response's items are and say.
func said(r responses.Response) (all []string) {
	for _, item := range r.Output {
		s := item.Type + " "
		switch item.Type {
		case "message":
			for _, p := range item.AsMessage().Content {
				s += p.Text + p.Refusal
			}
		case "reasoning":
			for _, p := range item.AsReasoning().Content {
				s += p.Text
			}
			for _, p := range item.AsReasoning().Summary {
				s += p.Text
			}
		case "function_call":
			c := item.AsFunctionCall()
			s += c.CallID + " " + c.Name + " " + c.Arguments
		}
		all = append(all, s)
	}
	return all
}

func TestBrokenChatStreamsToResponses(t *testing.T) {
	t.Parallel()
	out, err := run(t, ``, `{"error":{"message":"slow down","type":"rate_limit_error"}}`)
	if err != nil || len(out) != 1 || out[0].Name != "error" || !strings.Contains(string(out[0].Data), "slow down") {
		t.Errorf("an error at once: %v, %v", out, err)
	}
	if out, err = run(t, ``); err != nil || len(out) != 1 || out[0].Name != "error" {
		t.Errorf("nothing at all: %v, %v", out, err)
	}
	out, err = run(t, ``, chunk(`{"content":"word"}`), `{"error":{"message":"slow down","type":"rate_limit_error"}}`)
	if err != nil {
		t.Fatal(err)
	}
	if final := followed(t, out); final.Error.Code != "rate_limit_exceeded" || final.Error.Message != "slow down" || final.Output[0].Status != "incomplete" {
		t.Errorf("an error later: %s", final.RawJSON())
	}
	for _, garbage := range []string{`{"choices":[{"delta":`, `7`, chunk(`{"tool_calls":[{"index":0,"function":{"arguments":"1"}}]}`)} {
		if _, err := run(t, ``, chunk(`{"content":"word"}`), garbage); core.CodeOf(err) != core.Unavailable {
			t.Errorf("%s: %v", garbage, err)
		}
	}
	// A bound of what is kept.
	tr, _, err := fromResponses(t, `{"model":"x","input":"hi","stream":true}`, "m")
	if err != nil {
		t.Fatal(err)
	}
	s := tr.Stream()
	s.machines[0].(*chatStreamToResponses).kept = maxKeptText - 1
	if _, err = s.Event(sse.Event{Data: []byte(chunk(`{"content":"x"}`))}); err == nil {
		_, err = s.Event(sse.Event{Data: []byte(chunk(`{"content":"x"}`))})
	} else {
		t.Errorf("as long as may be: %v", err)
	}
	if core.CodeOf(err) != core.Unavailable || s.End() != nil {
		t.Errorf("too long: %v", err)
	}
}

// TestAStreamedResponseIsTheWholeOne is the law of the two ways of an answer: however a chat's
// answer is cut into chunks, the response that its stream ends with is that of the whole answer.
func TestAStreamedResponseIsTheWholeOne(t *testing.T) {
	t.Parallel()
	text := rapid.StringMatching(`[a-z "\\é😀]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		summary := rapid.SampledFrom([]string{``, `,"reasoning":{"summary":"auto","effort":"low"}`}).Draw(t, "summary")
		reasoning, content, refusal := text.Draw(t, "reasoning"), text.Draw(t, "content"), text.Draw(t, "refusal")
		calls := rapid.SliceOfN(text, 0, 3).Draw(t, "calls")
		reason := rapid.SampledFrom([]string{"stop", "length", "content_filter", "tool_calls"}).Draw(t, "reason")
		var deltas, whole []string
		cut := func(name, s string, delta func(piece string) string) {
			for len(s) > 0 {
				n := rapid.IntRange(1, len([]rune(s))).Draw(t, name)
				piece := string([]rune(s)[:n])
				s = s[len(piece):]
				deltas = append(deltas, delta(string(encode(piece))))
			}
		}
		for _, m := range []struct{ name, s string }{{"reasoning_content", reasoning}, {"content", content}, {"refusal", refusal}} {
			whole = append(whole, `"`+m.name+`":`+string(encode(m.s)))
			cut(m.name, m.s, func(piece string) string { return `{"` + m.name + `":` + piece + `}` })
		}
		var list []string
		for i, arguments := range calls {
			n := string(encode(i))
			list = append(list, `{"id":"c`+n+`","type":"function","function":{"name":"f`+n+`","arguments":`+string(encode(arguments))+`}}`)
			deltas = append(deltas, `{"tool_calls":[{"index":`+n+`,"id":"c`+n+`","type":"function","function":{"name":"f`+n+`","arguments":""}}]}`)
			cut("arguments", arguments, func(piece string) string {
				return `{"tool_calls":[{"index":` + n + `,"function":{"arguments":` + piece + `}}]}`
			})
		}
		whole = append(whole, `"tool_calls":[`+strings.Join(list, ",")+`]`)
		const used = `"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}`

		r, err := Read(OpResponses, []byte(`{"model":"x","input":"hi","stream":true`+summary+`}`))
		if err != nil {
			t.Fatal(err)
		}
		tr, _, err := Translate(r, Chat, "m")
		if err != nil {
			t.Fatal(err)
		}
		want, err := tr.Answer([]byte(`{"id":"chatcmpl-1","created":7,"model":"m-2","choices":[{"index":0,"message":{` + strings.Join(whole, ",") + `},"finish_reason":"` + reason + `"}],` + used + `}`))
		if err != nil {
			t.Fatal(err)
		}
		s := tr.Stream()
		var out []sse.Event
		var chunks []string
		for _, d := range deltas {
			chunks = append(chunks, chunk(d))
		}
		for _, c := range append(chunks, finish(reason), usedChunk, "[DONE]") {
			more, err := s.Event(sse.Event{Data: []byte(c)})
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, more...)
		}
		if d := cmp.Diff(string(want), gjson.GetBytes(out[len(out)-1].Data, "response").Raw); d != "" {
			t.Fatal(d)
		}
	})
}

// FuzzChatStreamToResponses: whatever a server sends, events are numbered, and none follows the last.
func FuzzChatStreamToResponses(f *testing.F) {
	f.Add(chunk(`{"content":"word"}`), chunk(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"1"}}]}`), finish("stop"))
	f.Add(chunk(`{"reasoning":"word","refusal":"x"}`), `{"error":{}}`, "[DONE]")
	f.Add(`{"choices":[{"delta":{"reasoning_details":[{"type":"reasoning.text","signature":"x"}]}}]}`, `{}`, `null`)
	f.Fuzz(func(t *testing.T, a, b, c string) {
		r, err := Read(OpResponses, []byte(`{"model":"x","input":"hi","stream":true}`))
		if err != nil {
			t.Fatal(err)
		}
		tr, _, err := Translate(r, Chat, "m")
		if err != nil {
			t.Fatal(err)
		}
		s := tr.Stream()
		var out []sse.Event
		for _, data := range []string{a, b, c} {
			more, err := s.Event(sse.Event{Data: []byte(data)})
			out = append(out, more...)
			if err != nil {
				if core.CodeOf(err) != core.Unavailable {
					t.Fatal(err)
				}
				break
			}
		}
		out = append(out, s.End()...)
		for i, e := range out {
			var v responses.ResponseStreamEventUnion
			if err := json.Unmarshal(e.Data, &v); err != nil || v.Type != e.Name || e.Name != "error" && int(v.SequenceNumber) != i {
				t.Fatalf("event %d is %q with %s: %v", i, e.Name, e.Data, err)
			}
			last := v.Type == "error" || v.Type == "response.completed" || v.Type == "response.incomplete" || v.Type == "response.failed"
			if last && i != len(out)-1 {
				t.Fatalf("%d events after %s", len(out)-1-i, v.Type)
			}
		}
		if s.End() != nil {
			t.Fatal("it ends twice")
		}
	})
}
