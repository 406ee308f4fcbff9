package dialect

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"
	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/sse"
)

// toResponses translates a chat request for a provider of responses.
func toResponses(t *testing.T, body, model string) (*Translation, []byte, error) {
	t.Helper()
	r, err := Read(OpChat, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return Translate(r, Responses, model)
}

func TestChatRequestToResponses(t *testing.T) {
	t.Parallel()
	const hi, said = `"messages":[{"role":"user","content":"hi"}]`, `"store":false,"input":[{"role":"user","content":"hi"}]`
	for name, c := range map[string]struct {
		in, out string // members besides the model
	}{
		"a word":                  {hi, said},
		"a stream":                {hi + `,"stream":true,"stream_options":{"include_usage":true}`, said + `,"stream":true`},
		"numbers":                 {hi + `,"temperature":0,"top_p":0.5,"max_tokens":9`, said + `,"temperature":0,"top_p":0.5,"max_output_tokens":9`},
		"the newer limit":         {hi + `,"max_tokens":7,"max_completion_tokens":9`, said + `,"max_output_tokens":9`},
		"to be kept":              {hi + `,"store":true,"metadata":{"a":"b"},"prompt_cache_key":"k"`, `"store":true,"input":[{"role":"user","content":"hi"}],"metadata":{"a":"b"},"prompt_cache_key":"k"`},
		"who asks":                {hi + `,"user":"u","safety_identifier":"s","service_tier":"flex"`, said + `,"user":"u","safety_identifier":"s","service_tier":"flex"`},
		"defaults":                {hi + `,"n":1,"logprobs":false,"frequency_penalty":0,"response_format":{"type":"text"},"seed":1,"stop":null,"tools":null`, said},
		"effort and verbosity":    {hi + `,"reasoning_effort":"low","verbosity":"high"`, said + `,"reasoning":{"effort":"low"},"text":{"verbosity":"high"}`},
		"effort twice":            {hi + `,"reasoning_effort":"low","reasoning":{"effort":"high","summary":"auto"}`, said + `,"reasoning":{"effort":"low","summary":"auto"}`},
		"JSON":                    {hi + `,"response_format":{"type":"json_object"}`, said + `,"text":{"format":{"type":"json_object"}}`},
		"a schema":                {hi + `,"response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","schema":{"type":"object"},"strict":true}}`, said + `,"text":{"format":{"type":"json_schema","name":"n","description":"d","schema":{"type":"object"},"strict":true}}`},
		"functions":               {hi + `,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":true}},{"type":"function","function":{"name":"g"}}],"tool_choice":"required","parallel_tool_calls":false`, said + `,"tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":true},{"type":"function","name":"g","parameters":{"type":"object","properties":{}},"strict":false}],"tool_choice":"required","parallel_tool_calls":false`},
		"a function to be called": {hi + `,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"f"}}`, said + `,"tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{}},"strict":false}],"tool_choice":{"type":"function","name":"f"}`},
		"messages":                {`"messages":[{"role":"system","content":"s"},{"role":"developer","content":[{"type":"text","text":"d"}]},{"role":"user","name":"bob","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:1","detail":"low"}},{"type":"file","file":{"filename":"f","file_data":"data:2"}}]},{"role":"assistant","content":"b","refusal":"no","reasoning_content":"hm"}]`, `"store":false,"input":[{"role":"system","content":"s"},{"role":"developer","content":"d"},{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"data:1","detail":"low"},{"type":"input_file","filename":"f","file_data":"data:2"}]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"b"},{"type":"refusal","refusal":"no"}]}]`},
		"calls and their results": {`"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"c2","type":"function","function":{"name":"g","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"c1","content":"1"},{"role":"tool","tool_call_id":"c2","content":[{"type":"text","text":"2"},{"type":"text","text":""}]}]`, `"store":false,"input":[{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"type":"function_call","call_id":"c2","name":"g","arguments":"{\"a\":1}"},{"type":"function_call_output","call_id":"c1","output":"1"},{"type":"function_call_output","call_id":"c2","output":"2"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			_, got, err := toResponses(t, `{"model":"asked-for",`+c.in+`}`, "gpt-5-pro")
			if err != nil {
				t.Fatalf("%v (%s)", err, core.HintOf(err))
			}
			sameDocument(t, `{"model":"gpt-5-pro",`+c.out+`}`, got)
			var params responses.ResponseNewParams
			if err := json.Unmarshal(got, &params); err != nil || params.Model != "gpt-5-pro" {
				t.Errorf("the vendor's types read %+v, %v", params, err)
			}
			if _, err := Read(OpResponses, got); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestChatRequestThatResponsesCantSay(t *testing.T) {
	t.Parallel()
	const hi = `"messages":[{"role":"user","content":"hi"}]`
	for name, c := range map[string]struct {
		in   string // members besides the model
		code core.Code
		at   string // the Problem's Param
	}{
		"a stop":                 {hi + `,"stop":["x"]`, core.Unsupported, "stop"},
		"choices":                {hi + `,"n":2`, core.Unsupported, "n"},
		"log-probabilities":      {hi + `,"logprobs":true`, core.Unsupported, "logprobs"},
		"penalties":              {hi + `,"presence_penalty":1`, core.Unsupported, "presence_penalty"},
		"sound":                  {hi + `,"modalities":["text","audio"]`, core.Unsupported, "modalities"},
		"a search":               {hi + `,"web_search_options":{}`, core.Unsupported, "web_search_options"},
		"old functions":          {hi + `,"functions":[{"name":"f"}]`, core.Unsupported, "functions"},
		"a custom tool":          {hi + `,"tools":[{"type":"custom","custom":{"name":"f"}}]`, core.Unsupported, "tools[0].type"},
		"a choice among tools":   {hi + `,"tool_choice":{"type":"allowed_tools"}`, core.Unsupported, "tool_choice.type"},
		"another form":           {hi + `,"response_format":{"type":"grammar"}`, core.Unsupported, "response_format.type"},
		"no schema":              {hi + `,"response_format":{"type":"json_schema"}`, core.Invalid, "response_format.json_schema"},
		"a result of no call":    {`"messages":[{"role":"tool","content":"1"}]`, core.Invalid, "messages[0].tool_call_id"},
		"a call without its id":  {`"messages":[{"role":"assistant","tool_calls":[{"type":"function","function":{"name":"f","arguments":""}}]}]`, core.Invalid, "messages[0].tool_calls[0].id"},
		"a part that is heard":   {`"messages":[{"role":"user","content":[{"type":"input_audio"}]}]`, core.Unsupported, "messages[0].content[0].type"},
		"another role":           {`"messages":[{"role":"function","content":"x"}]`, core.Unsupported, "messages[0].role"},
		"nothing":                {`"messages":[]`, core.Invalid, "messages"},
		"metadata of other kind": {hi + `,"metadata":{"a":1}`, core.Invalid, "metadata"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := toResponses(t, `{"model":"m",`+c.in+`}`, "m")
			var p Problem
			if core.CodeOf(err) != c.code || !errors.As(err, &p) || p.Param != c.at || core.HintOf(err) == "" {
				t.Errorf("error is %v (%s, %+v, hint %q), want %s of %s", err, core.CodeOf(err), p, core.HintOf(err), c.code, c.at)
			}
		})
	}
}

func TestResponsesAnswerToChat(t *testing.T) {
	t.Parallel()
	tr, _, err := toResponses(t, `{"model":"x","messages":[{"role":"user","content":"hi"}]}`, "m")
	if err != nil {
		t.Fatal(err)
	}
	got, err := tr.Answer([]byte(`{"id":"resp_1","object":"response","created_at":7.0,"status":"completed","error":null,"incomplete_details":null,"model":"m-2","service_tier":"default","output":[
		{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"a"},{"type":"summary_text","text":"b"}],"encrypted_content":null},{"id":"ws","type":"web_search_call","status":"completed"},
		{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"wo","annotations":[]},{"type":"output_text","text":"rd","annotations":[],"logprobs":[]},{"type":"refusal","refusal":"no"}]},
		{"id":"fc_1","type":"function_call","status":"completed","call_id":"c1","name":"f","arguments":"{}"}],
		"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":60},"output_tokens":20,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":120}}`))
	if err != nil {
		t.Fatal(err)
	}
	sameDocument(t, `{"id":"resp_1","object":"chat.completion","created":7,"model":"m-2","service_tier":"default","choices":[{"index":0,"logprobs":null,"finish_reason":"tool_calls","message":{"role":"assistant","content":"word","refusal":"no","reasoning_content":"a\n\nb",
		"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}}],
		"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":60},"completion_tokens_details":{"reasoning_tokens":5}}}`, got)
	var c openai.ChatCompletion
	if err := json.Unmarshal(got, &c); err != nil || c.Choices[0].Message.Content != "word" || c.Choices[0].Message.ToolCalls[0].Function.Name != "f" || c.Usage.PromptTokensDetails.CachedTokens != 60 {
		t.Errorf("the vendor's types read %+v, %v", c, err)
	}
	for answer, want := range map[string]string{
		`"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}`: "length",
		`"status":"incomplete","incomplete_details":{"reason":"content_filter"}`:    "content_filter",
		`"status":"completed","incomplete_details":null`:                            "stop",
	} {
		got, err := tr.Answer([]byte(`{"object":"response","output":[],` + answer + `}`))
		if err != nil || !strings.Contains(string(got), `"finish_reason":"`+want+`"`) {
			t.Errorf("%s: %s, %v", answer, got, err)
		}
	}
	var p Problem
	if _, err := tr.Answer([]byte(`{"object":"response","status":"failed","error":{"code":"server_error","message":"oops"}}`)); core.CodeOf(err) != core.Unavailable || !errors.As(err, &p) || p.Message != "oops" {
		t.Errorf("a failed one: %v", err)
	}
	for _, none := range []string{``, `{}`, `[]`, `<html>`} {
		if _, err := tr.Answer([]byte(none)); core.CodeOf(err) != core.Unavailable {
			t.Errorf("%q: %v", none, err)
		}
	}
}

func TestBrokenResponsesStreamsToChat(t *testing.T) {
	t.Parallel()
	const begun = `{"type":"response.created","response":{"id":"resp_1","object":"response","created_at":7,"status":"in_progress","model":"m","output":[]}}`
	for name, c := range map[string]struct {
		events []string
		says   string // in the last event
		code   core.Code
	}{
		"ended early":     {[]string{begun, `{"type":"response.output_text.delta","delta":"word"}`}, "ended before", ""},
		"failed":          {[]string{begun, `{"type":"response.failed","response":{"error":{"code":"server_error","message":"oops"}}}`}, "oops", ""},
		"an error":        {[]string{`{"type":"error","code":"rate_limit_exceeded","message":"slow down","param":null}`}, "slow down", ""},
		"nothing":         {nil, "ended before", ""},
		"garbage":         {[]string{begun, `{"type":`}, "", core.Unavailable},
		"a call at first": {[]string{`{"type":"response.output_item.added","output_index":0,"item":{"type":"function_call","call_id":"c","name":"f"}}`}, "", core.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			tr, _, err := toResponses(t, `{"model":"x","messages":[{"role":"user","content":"hi"}],"stream":true}`, "m")
			if err != nil {
				t.Fatal(err)
			}
			s := tr.Stream()
			var out []sse.Event
			for _, e := range c.events {
				var more []sse.Event
				if more, err = s.Event(sse.Event{Data: []byte(e)}); err != nil {
					break
				}
				out = append(out, more...)
			}
			out = append(out, s.End()...)
			if core.CodeOf(err) != c.code {
				t.Errorf("error is %v, want %s", err, c.code)
			}
			if c.code == "" {
				w := NewWatch(Request{Op: OpChat})
				last := out[len(out)-1]
				if _, err := w.Event(last); err == nil || !strings.Contains(string(last.Data), c.says) {
					t.Errorf("the last event is %s, %v", last.Data, err)
				}
			}
		})
	}
}

// TestChatThroughResponses is the law of the two directions: an answer of a chat that is said as a
// response, and that as a chat's again, is what it was, whole and as a stream.
func TestChatThroughResponses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawn{t}
		c := d.completion()
		c.Created, c.ID = 7, "resp_"+answerID(c.ID)
		c.Usage.TotalTokens = c.Usage.PromptTokens + c.Usage.CompletionTokens
		c.Usage.Completion.ReasoningTokens = min(c.Usage.Completion.ReasoningTokens, c.Usage.CompletionTokens)
		m := c.Choices[0].Message
		if f := *c.Choices[0].FinishReason; f == "stop" || f == "tool_calls" { // one word for both there
			f = map[bool]string{true: "tool_calls", false: "stop"}[len(m.ToolCalls) > 0]
			c.Choices[0].FinishReason = &f
		}
		form := respForm{answer: respRequest{}.echo("m"), summary: d.coin("summary")}
		there, err := form.whole(encode(c), 7)
		if err != nil {
			t.Fatal(err)
		}
		back, err := responsesAnswerToChat(there, 7)
		if err != nil {
			t.Fatal(err)
		}
		streamed := through(t, &responsesStreamToChat{created: 7, usage: true}, through(t, &chatStreamToResponses{form: form, created: 7}, d.chunks(c)))
		var whole chatAnswer
		if err := json.Unmarshal(back, &whole); err != nil {
			t.Fatal(err)
		}
		for how, got := range map[string]chatAnswer{"whole": whole, "streamed": collectChat(t, streamed)} {
			r := got.Choices[0].Message
			for what, pair := range map[string][2]any{
				"content":   {plainText(m.Content), plainText(r.Content)},
				"refusal":   {plainText(m.Refusal), plainText(r.Refusal)},
				"reasoning": {m.ReasoningContent, r.ReasoningContent},
				"calls":     {string(encode(m.ToolCalls)), string(encode(r.ToolCalls))},
				"finish":    {*c.Choices[0].FinishReason, *got.Choices[0].FinishReason},
				"name":      {c.ID + c.Model, got.ID + got.Model},
				"created":   {c.Created, got.Created},
			} {
				if d := cmp.Diff(pair[0], pair[1]); d != "" {
					t.Fatalf("%s, %s: %s", how, what, d)
				}
			}
			if c.Usage.TotalTokens > 0 {
				if d := cmp.Diff(c.Usage, got.Usage); d != "" {
					t.Fatalf("%s, usage: %s", how, d)
				}
			}
		}
	})
}

// FuzzResponsesStreamToChat: whatever a server sends, nothing follows the stream's end.
func FuzzResponsesStreamToChat(f *testing.F) {
	f.Add(`{"type":"response.created","response":{"id":"r"}}`, respDelta, `{"type":"response.completed","response":{"status":"completed"}}`)
	f.Add(`{"type":"response.created","response":{"id":"r"}}`, `{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","name":"f"}}`, `{"type":"response.function_call_arguments.done","output_index":1,"arguments":"{}"}`)
	f.Add(`{"type":"response.failed","response":{}}`, `{"type":"error"}`, `null`)
	f.Fuzz(func(t *testing.T, a, b, c string) {
		s := &responsesStreamToChat{usage: true}
		var out []sse.Event
		for _, data := range []string{a, b, c} {
			more, err := s.event(sse.Event{Data: []byte(data)})
			out = append(out, more...)
			if err != nil {
				if core.CodeOf(err) != core.Unavailable {
					t.Fatal(err)
				}
				break
			}
		}
		out = append(out, s.end()...)
		w := NewWatch(Request{Op: OpChat, Usage: true})
		for i, e := range out {
			if _, err := w.Event(e); (err != nil || w.Ended()) && i != len(out)-1 {
				t.Fatalf("%d events after %s (%v)", len(out)-1-i, e.Data, err)
			}
		}
		if s.end() != nil {
			t.Fatal("it ends twice")
		}
	})
}
