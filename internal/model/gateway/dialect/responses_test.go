package dialect

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/sse"
)

// fromResponses translates a request of responses for a provider of chat completions.
func fromResponses(t *testing.T, body, model string) (*Translation, []byte, error) {
	t.Helper()
	r, err := Read(OpResponses, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return Translate(r, Chat, model)
}

// sameDocument compares two JSON documents.
func sameDocument(t *testing.T, want string, got []byte) {
	t.Helper()
	var w, g any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("the expectation isn't JSON: %v\n%s", err, want)
	}
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	if d := cmp.Diff(w, g); d != "" {
		t.Errorf("%s\n%s", got, d)
	}
}

func TestResponsesRequestToChat(t *testing.T) {
	t.Parallel()
	const hi = `"messages":[{"role":"user","content":"hi"}]`
	for name, c := range map[string]struct {
		model, in, out string // members besides the model
	}{
		"a string":                  {"m", `"input":"hi"`, hi},
		"instructions":              {"m", `"instructions":"be kind","input":"hi"`, `"messages":[{"role":"system","content":"be kind"},{"role":"user","content":"hi"}]`},
		"instructions for OpenAI":   {"gpt-5", `"instructions":"be kind","input":"hi"`, `"messages":[{"role":"developer","content":"be kind"},{"role":"user","content":"hi"}]`},
		"a stream":                  {"m", `"input":"hi","stream":true,"stream_options":{"include_obfuscation":false}`, hi + `,"stream":true,"stream_options":{"include_usage":true}`},
		"numbers":                   {"m", `"input":"hi","temperature":0,"top_p":0.5,"max_output_tokens":9`, hi + `,"temperature":0,"top_p":0.5,"max_tokens":9`},
		"a limit for OpenAI":        {"o3-mini", `"input":"hi","max_output_tokens":9`, hi + `,"max_completion_tokens":9`},
		"who asks":                  {"m", `"input":"hi","safety_identifier":"s"`, hi + `,"user":"s"`},
		"who asks OpenAI":           {"gpt-5", `"input":"hi","user":"u","safety_identifier":"s"`, hi + `,"user":"u","safety_identifier":"s"`},
		"tier":                      {"m", `"input":"hi","service_tier":"flex"`, hi + `,"service_tier":"flex"`},
		"what the gateway keeps":    {"m", `"input":"hi","store":true,"metadata":{"a":"b"},"prompt_cache_key":"k","prompt_cache_retention":"24h","max_tool_calls":3,"include":["reasoning.encrypted_content"]`, hi},
		"nulls":                     {"m", `"input":"hi","instructions":null,"previous_response_id":null,"conversation":null,"tools":null,"tool_choice":null,"text":null,"reasoning":null,"temperature":null,"prompt":null,"metadata":null,"include":null,"max_output_tokens":null`, hi},
		"defaults":                  {"m", `"input":"hi","truncation":"disabled","background":false,"top_logprobs":0,"text":{"format":{"type":"text"},"verbosity":"medium"},"tools":[],"tool_choice":"auto","parallel_tool_calls":true`, hi},
		"verbosity":                 {"m", `"input":"hi","text":{"verbosity":"low"}`, hi + `,"verbosity":"low"`},
		"JSON":                      {"m", `"input":"hi","text":{"format":{"type":"json_object"}}`, hi + `,"response_format":{"type":"json_object"}`},
		"a schema":                  {"m", `"input":"hi","text":{"format":{"type":"json_schema","name":"n","description":"d","strict":true,"schema":{"type":"object","maximum":12345678901234567890}}}`, hi + `,"response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","strict":true,"schema":{"type":"object","maximum":12345678901234567890}}}`},
		"effort":                    {"m", `"input":"hi","reasoning":{"effort":"low","summary":"auto"}`, hi + `,"reasoning_effort":"low"`},
		"functions":                 {"m", `"input":"hi","tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":false},{"type":"function","name":"g","parameters":null}],"tool_choice":"required","parallel_tool_calls":false`, hi + `,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":false}},{"type":"function","function":{"name":"g"}}],"tool_choice":"required","parallel_tool_calls":false`},
		"a function to be called":   {"m", `"input":"hi","tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"function","name":"f"}`, hi + `,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"f"}}`},
		"messages":                  {"m", `"input":[{"role":"system","content":"s"},{"role":"developer","content":"d"},{"type":"message","role":"user","content":[{"type":"input_text","text":"a"}]},{"type":"message","id":"msg_1","status":"completed","phase":"final_answer","role":"assistant","content":[{"type":"output_text","text":"b","annotations":[{"type":"url_citation"}],"logprobs":[]}]},{"role":"user","content":"c"}]`, `"messages":[{"role":"system","content":"s"},{"role":"system","content":"d"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]`},
		"pictures and files":        {"m", `"input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"https://x/y.png","detail":"low"},{"type":"input_image","image_url":"data:image/png;base64,AAAA","detail":"original"},{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,AAAA"},{"type":"input_file","file_id":"file-1"}]}]`, `"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"high"}},{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,AAAA"}},{"type":"file","file":{"file_id":"file-1"}}]}]`},
		"a refusal":                 {"m", `"input":[{"role":"assistant","content":[{"type":"refusal","refusal":"no"}]},{"role":"user","content":"why"}]`, `"messages":[{"role":"assistant","refusal":"no"},{"role":"user","content":"why"}]`},
		"calls and their outputs":   {"m", `"input":[{"role":"user","content":"a"},{"type":"message","role":"assistant","content":"b"},{"type":"function_call","id":"fc_1","call_id":"c1","name":"f","arguments":"{}","status":"completed"},{"type":"function_call","call_id":"c2","name":"g","arguments":"{\"x\":1}"},{"type":"function_call_output","call_id":"c1","output":"1"},{"type":"function_call_output","id":"o","call_id":"c2","output":[{"type":"input_text","text":"2"}],"status":"completed"},{"type":"function_call","call_id":"c3","name":"f","arguments":""},{"type":"function_call_output","call_id":"c3","output":""}]`, `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"c2","type":"function","function":{"name":"g","arguments":"{\"x\":1}"}}]},{"role":"tool","tool_call_id":"c1","content":"1"},{"role":"tool","tool_call_id":"c2","content":"2"},{"role":"assistant","tool_calls":[{"id":"c3","type":"function","function":{"name":"f","arguments":""}}]},{"role":"tool","tool_call_id":"c3","content":""}]`},
		"a message after its call":  {"m", `"input":[{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"role":"assistant","content":"b"},{"type":"function_call_output","call_id":"c1","output":"1"}]`, `"messages":[{"role":"assistant","content":"b","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"1"}]`},
		"pictures as outputs":       {"m", `"input":[{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"type":"function_call","call_id":"c2","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":[{"type":"input_image","image_url":"data:1"}]},{"type":"function_call_output","call_id":"c2","output":"2"},{"role":"user","content":"and?"}]`, `"messages":[{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"c2","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"The result is in the next message of the user."},{"role":"tool","tool_call_id":"c2","content":"2"},{"role":"user","content":[{"type":"text","text":"From the result of call c1:"},{"type":"image_url","image_url":{"url":"data:1"}},{"type":"text","text":"and?"}]}]`},
		"pictures, and no user":     {"m", `"input":[{"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"see"},{"type":"input_image","image_url":"data:1"}]},{"role":"assistant","content":"nice"}]`, `"messages":[{"role":"tool","tool_call_id":"c1","content":"see"},{"role":"user","content":[{"type":"text","text":"From the result of call c1:"},{"type":"image_url","image_url":{"url":"data:1"}}]},{"role":"assistant","content":"nice"}]`},
		"reasoning":                 {"m", `"input":[{"role":"user","content":"a"},{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},{"type":"message","role":"assistant","content":"b"},{"role":"user","content":"c"}]`, `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning_content":"hm"},{"role":"user","content":"c"}]`},
		"reasoning that is signed":  {"m", `"input":[{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"[{\"type\":\"reasoning.text\",\"text\":\"hm\",\"signature\":\"s\",\"format\":\"f\",\"index\":0}]"},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"}]`, `"messages":[{"role":"assistant","reasoning_content":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm","signature":"s","format":"f","index":0}],"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}]`},
		"reasoning of another's":    {"m", `"input":[{"type":"reasoning","summary":[],"encrypted_content":"gAAAAA"},{"role":"assistant","content":"b"}]`, `"messages":[{"role":"assistant","content":"b"}]`},
		"reasoning, back to OpenAI": {"gpt-5", `"input":[{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},{"role":"assistant","content":"b"}]`, `"messages":[{"role":"assistant","content":"b"}]`},
		"nothing but reasoning":     {"m", `"input":[{"role":"user","content":"a"},{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]}]`, `"messages":[{"role":"user","content":"a"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			_, got, err := fromResponses(t, `{"model":"asked-for",`+c.in+`}`, c.model)
			if err != nil {
				t.Fatalf("%v (%s)", err, core.HintOf(err))
			}
			sameDocument(t, `{"model":"`+c.model+`",`+c.out+`}`, got)
			var params openai.ChatCompletionNewParams
			if err := json.Unmarshal(got, &params); err != nil || params.Model != c.model || len(params.Messages) == 0 {
				t.Errorf("the vendor's types read %+v, %v", params, err)
			}
		})
	}
}

func TestResponsesRequestThatAChatCantSay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string // members besides the model
		code core.Code
		at   string // the Problem's Param
		says string
	}{
		"an earlier response":      {`"input":"hi","previous_response_id":"resp_1"`, core.Unsupported, "previous_response_id", "previous_response_id"},
		"a conversation":           {`"input":"hi","conversation":"conv_1"`, core.Unsupported, "conversation", "conversation"},
		"a prompt":                 {`"prompt":{"id":"p"}`, core.Unsupported, "prompt", "prompt"},
		"truncation":               {`"input":"hi","truncation":"auto"`, core.Unsupported, "truncation", "truncation"},
		"background":               {`"input":"hi","background":true`, core.Unsupported, "background", "background"},
		"log-probabilities":        {`"input":"hi","top_logprobs":3`, core.Unsupported, "top_logprobs", "top_logprobs"},
		"included ones":            {`"input":"hi","include":["message.output_text.logprobs"]`, core.Unsupported, "include", "include"},
		"what comes to be":         {`"input":"hi","frobnicate":1`, core.Unsupported, "frobnicate", "frobnicate"},
		"moderation":               {`"input":"hi","moderation":{"model":"x"}`, core.Unsupported, "moderation", "moderation"},
		"another form":             {`"input":"hi","text":{"format":{"type":"grammar"}}`, core.Unsupported, "text.format.type", "text.format.type"},
		"a member of the text":     {`"input":"hi","text":{"x":1}`, core.Unsupported, "text.x", "text.x"},
		"a search of the web":      {`"input":"hi","tools":[{"type":"function","name":"f"},{"type":"web_search"}]`, core.Unsupported, "tools[1].type", `tools[1] is of the type "web_search"`},
		"a custom tool":            {`"input":"hi","tools":[{"type":"custom","name":"f"}]`, core.Unsupported, "tools[0].type", `"custom"`},
		"a tool of none":           {`"input":"hi","tools":[{"name":"f"}]`, core.Invalid, "tools[0]", "tools[0]"},
		"a deferred function":      {`"input":"hi","tools":[{"type":"function","name":"f","defer_loading":true}]`, core.Unsupported, "tools[0].defer_loading", "defer_loading"},
		"a choice of a tool":       {`"input":"hi","tool_choice":{"type":"file_search"}`, core.Unsupported, "tool_choice.type", "file_search"},
		"a choice in words":        {`"input":"hi","tool_choice":"maybe"`, core.Invalid, "tool_choice", "tool_choice"},
		"none to be required":      {`"input":"hi","tool_choice":"required"`, core.Invalid, "tool_choice", "tool_choice"},
		"a reference":              {`"input":[{"type":"item_reference","id":"msg_1"}]`, core.Unsupported, "input[0].type", "item_reference"},
		"a call of a search":       {`"input":[{"role":"user","content":"a"},{"type":"web_search_call","id":"ws_1"}]`, core.Unsupported, "input[1].type", "web_search_call"},
		"a custom call":            {`"input":[{"type":"custom_tool_call","call_id":"c","name":"f","input":"x"}]`, core.Unsupported, "input[0].type", "custom_tool_call"},
		"a call of a namespace":    {`"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}","namespace":"n"}]`, core.Unsupported, "input[0].namespace", "namespace"},
		"a call without its id":    {`"input":[{"type":"function_call","name":"f","arguments":"{}"}]`, core.Invalid, "input[0].call_id", "call_id"},
		"an output without its id": {`"input":[{"type":"function_call_output","output":"x"}]`, core.Invalid, "input[0].call_id", "call_id"},
		"no output":                {`"input":[{"type":"function_call_output","call_id":"c"}]`, core.Invalid, "input[0].output", "output"},
		"a picture by its id":      {`"input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}]`, core.Unsupported, "input[0].content[0].file_id", "file_id"},
		"a file by its address":    {`"input":[{"role":"user","content":[{"type":"input_file","file_url":"https://x"}]}]`, core.Unsupported, "input[0].content[0].file_url", "file_url"},
		"sound":                    {`"input":[{"role":"user","content":[{"type":"input_audio"}]}]`, core.Unsupported, "input[0].content[0].type", "input_audio"},
		"a picture of the model's": {`"input":[{"role":"assistant","content":[{"type":"input_image","image_url":"x"}]}]`, core.Unsupported, "input[0].content", "content"},
		"another role":             {`"input":[{"role":"tool","content":"a"}]`, core.Invalid, "input[0].role", "role"},
		"no input":                 {`"instructions":"x"`, core.Invalid, "input", "input"},
		"an empty input":           {`"input":[]`, core.Invalid, "input", "input"},
		"a number":                 {`"input":7`, core.Invalid, "input", "input"},
		"an item that is none":     {`"input":[7]`, core.Invalid, "input[0]", "input[0]"},
		"a wrong type":             {`"input":"hi","temperature":"warm"`, core.Invalid, "the request", "temperature"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := fromResponses(t, `{"model":"m",`+c.in+`}`, "m")
			var p Problem
			if core.CodeOf(err) != c.code || !errors.As(err, &p) || p.Param != c.at || !strings.Contains(err.Error(), c.says) || core.HintOf(err) == "" {
				t.Errorf("error is %v (%s, %+v, hint %q), want %s of %s with %q", err, core.CodeOf(err), p, core.HintOf(err), c.code, c.at, c.says)
			}
		})
	}
}

// TestResponsesToMessages goes the whole way between the two that know each other through chat.
func TestResponsesToMessages(t *testing.T) {
	t.Parallel()
	r, err := Read(OpResponses, []byte(`{"model":"x","instructions":"be kind","input":[{"role":"user","content":"hi"},{"type":"reasoning","summary":[],"encrypted_content":"[{\"type\":\"reasoning.text\",\"text\":\"hm\",\"signature\":\"s\",\"format\":\"anthropic-claude-v1\",\"index\":0}]"},
		{"type":"function_call","call_id":"c1","name":"f","arguments":"{\"a\":1}"},{"type":"function_call_output","call_id":"c1","output":"1"}],
		"tools":[{"type":"function","name":"f","parameters":{"type":"object"}}],"max_output_tokens":100,"stream":true,"metadata":{"a":"b"}}`))
	if err != nil {
		t.Fatal(err)
	}
	tr, got, err := Translate(r, Messages, "claude-sonnet-4-5")
	if err != nil {
		t.Fatal(err)
	}
	sameDocument(t, `{"model":"claude-sonnet-4-5","max_tokens":100,"stream":true,"system":[{"type":"text","text":"be kind"}],"tools":[{"name":"f","input_schema":{"type":"object"}}],
		"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"tool_use","id":"c1","name":"f","input":{"a":1}}]},
		{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"1"}]}]}`, withSystemBlocks(got))
	s := tr.Stream()
	var out []sse.Event
	for _, e := range []string{msgUsed, `{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}`, `{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"sig"}}`, `{"type":"content_block_stop","index":0}`, `{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}`, `{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"word"}}`,
		`{"type":"content_block_stop","index":1}`, `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":20}}`, `{"type":"message_stop"}`} {
		more, err := s.Event(sse.Event{Data: []byte(e)})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, more...)
	}
	final := followed(t, append(out, s.End()...))
	if final.Status != "completed" || final.OutputText() != "word" || len(final.Output) != 2 || final.Usage.InputTokens != 100 || final.Usage.InputTokensDetails.CachedTokens != 85 || final.Usage.OutputTokens != 20 {
		t.Errorf("the response is %s", final.RawJSON())
	}
	details, ok := openSealed(final.Output[0].EncryptedContent)
	if want := []reasoningDetail{{Type: "reasoning.text", Text: "hm", Signature: "sig", Format: anthropicFormat}}; !ok || !cmp.Equal(details, want) {
		t.Errorf("its reasoning is %+v", details)
	}
}

// withSystemBlocks has a system prompt that is a string be a list, which means the same.
func withSystemBlocks(body []byte) []byte {
	var m map[string]any
	if json.Unmarshal(body, &m) == nil {
		if s, ok := m["system"].(string); ok {
			m["system"] = []any{map[string]any{"type": "text", "text": s}}
		}
	}
	return encode(m)
}
