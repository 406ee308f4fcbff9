package dialect_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// translated returns a request in another dialect.
func translated(op dialect.Operation, body string, to dialect.Dialect, model string) (*dialect.Translation, string, error) {
	r, err := dialect.Read(op, []byte(body))
	if err != nil {
		return nil, "", err
	}
	t, out, err := dialect.Translate(r, to, model)
	return t, string(out), err
}

// with returns an object with the members of another, where null takes one away.
func with(t *testing.T, object, members string) string {
	t.Helper()
	all, more := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := errors.Join(json.Unmarshal([]byte(object), &all), json.Unmarshal([]byte(members), &more)); err != nil {
		t.Fatalf("%s with %s: %v", object, members, err)
	}
	for name, v := range more {
		if all[name] = v; string(v) == "null" {
			delete(all, name)
		}
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(all); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// sameJSON tells how two JSON texts differ in what they mean.
func sameJSON(t *testing.T, want, got string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(want), &a); err != nil {
		t.Fatalf("want %s: %v", want, err)
	}
	if err := json.Unmarshal([]byte(got), &b); err != nil {
		t.Fatalf("got %s: %v", got, err)
	}
	if d := cmp.Diff(a, b); d != "" {
		t.Errorf("(-want +got):\n%s\ngot %s", d, got)
	}
}

const (
	chatBase = `{"model":"m","messages":[{"role":"user","content":"Hi"}],"max_tokens":100}`
	msgBase  = `{"model":"claude-opus-5-5","messages":[{"role":"user","content":"Hi"}],"max_tokens":100}`
)

func TestChatRequestToMessages(t *testing.T) {
	t.Parallel()
	const opus = "claude-opus-5-5"
	tool := func(more string) string {
		return `{"type":"function","function":{"name":"read","description":"Reads.","parameters":{"type":"object","properties":{"p":{"type":"string"}}}` + more + `}}`
	}
	const said = `{"name":"read","description":"Reads.","input_schema":{"type":"object","properties":{"p":{"type":"string"}}}`
	const (
		asked  = `{"role":"user","content":"Hi"}`
		called = `{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"read","arguments":"{}"}`
		result = `{"role":"tool","tool_call_id":"c","content":"r"}`
		use    = `{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"read","input":{}}`
		used   = `{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"r"}]}`
	)
	for _, tt := range []struct{ name, model, in, want string }{
		{"the least", opus, `{}`, `{}`},
		{"max_completion_tokens", opus, `{"max_completion_tokens":7}`, `{"max_tokens":7}`},
		{"no limit", opus, `{"max_tokens":null}`, `{"max_tokens":32000}`},
		{"no limit, an old model", "claude-3-haiku-20240307", `{"max_tokens":null}`, `{"model":"claude-3-haiku-20240307","max_tokens":4096}`},
		{"no limit, not Claude", "kimi-k3", `{"max_tokens":null}`, `{"model":"kimi-k3","max_tokens":8192}`},
		{"temperature", opus, `{"temperature":0.25}`, `{"temperature":0.25}`},
		{"temperature over the highest", opus, `{"temperature":1.5}`, `{"temperature":1}`},
		{"top_p", opus, `{"top_p":0.5}`, `{"top_p":0.5}`},
		{"stop, one", opus, `{"stop":"END"}`, `{"stop_sequences":["END"]}`},
		{"stop, some", opus, `{"stop":["A","B"]}`, `{"stop_sequences":["A","B"]}`},
		{"user", opus, `{"user":"u1"}`, `{"metadata":{"user_id":"u1"}}`},
		{"safety_identifier before user", opus, `{"user":"u1","safety_identifier":"s1"}`, `{"metadata":{"user_id":"s1"}}`},
		{"service_tier auto", opus, `{"service_tier":"auto"}`, `{"service_tier":"auto"}`},
		{"service_tier default", opus, `{"service_tier":"default"}`, `{"service_tier":"standard_only"}`},
		{"service_tier priority", opus, `{"service_tier":"priority"}`, `{"service_tier":"auto"}`},
		{"stream", opus, `{"stream":true,"stream_options":{"include_usage":true}}`, `{"stream":true}`},
		{"defaults and nulls", opus, `{"n":1,"logprobs":false,"top_logprobs":0,"logit_bias":{},"frequency_penalty":0.0,"presence_penalty":0,"modalities":["text"],"verbosity":"medium","audio":null,"functions":[],"response_format":{"type":"text"}}`, `{}`},
		{"harmless", opus, `{"seed":3,"store":true,"metadata":{"a":"b"},"prediction":{"type":"content","content":"x"},"prompt_cache_key":"k","prompt_cache_retention":"24h"}`, `{}`},

		{"effort", opus, `{"reasoning_effort":"high"}`, `{"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}}`},
		{"effort by OpenRouter's word", opus, `{"reasoning":{"effort":"high","summary":"auto"}}`, `{"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}}`},
		{"effort minimal", opus, `{"reasoning_effort":"minimal"}`, `{"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}}`},
		{"effort none", opus, `{"reasoning_effort":"none"}`, `{"thinking":{"type":"disabled"}}`},
		{"effort as a budget", "claude-sonnet-4-5", `{"reasoning_effort":"medium","max_tokens":20000}`, `{"model":"claude-sonnet-4-5","max_tokens":20000,"thinking":{"type":"enabled","budget_tokens":8192}}`},
		{"a budget leaves half", "claude-sonnet-4-5", `{"reasoning_effort":"high","max_tokens":4096}`, `{"model":"claude-sonnet-4-5","max_tokens":4096,"thinking":{"type":"enabled","budget_tokens":2048}}`},
		{"an effort's temperature", opus, `{"reasoning_effort":"high","temperature":0.2}`, `{"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}}`},
		{"an effort's top_p", opus, `{"reasoning_effort":"high","top_p":0.9}`, `{"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}}`},
		{"an effort's top_p that is taken", opus, `{"reasoning_effort":"high","top_p":0.95}`, `{"top_p":0.95,"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}}`},
		{"a budget's temperature", "claude-sonnet-4-5", `{"reasoning_effort":"medium","max_tokens":20000,"temperature":0,"top_p":0.1}`, `{"model":"claude-sonnet-4-5","max_tokens":20000,"thinking":{"type":"enabled","budget_tokens":8192}}`},
		{"no effort's temperature", opus, `{"reasoning_effort":"none","temperature":0.2,"top_p":0.9}`, `{"temperature":0.2,"top_p":0.9,"thinking":{"type":"disabled"}}`},
		{"no room for a budget but for a temperature", "claude-sonnet-4-5", `{"reasoning_effort":"high","max_tokens":2000,"temperature":0.2}`, `{"model":"claude-sonnet-4-5","max_tokens":2000,"temperature":0.2}`},
		{"no room for a budget", "claude-sonnet-4-5", `{"reasoning_effort":"high","max_tokens":2000}`, `{"model":"claude-sonnet-4-5","max_tokens":2000}`},

		{"no budget for a call that has to be", "claude-sonnet-4-5", `{"reasoning_effort":"medium","max_tokens":20000,"tools":[` + tool("") + `],"tool_choice":"required"}`,
			`{"model":"claude-sonnet-4-5","max_tokens":20000,"tools":[` + said + `}],"tool_choice":{"type":"any"}}`},
		{"no budget in the midst of a turn without thinking", "claude-sonnet-4-5", `{"reasoning_effort":"medium","max_tokens":20000,"messages":[` + asked + `,` + called + `}]},` + result + `]}`,
			`{"model":"claude-sonnet-4-5","max_tokens":20000,"messages":[` + asked + `,` + use + `]},` + used + `]}`},
		{"a budget in the midst of a turn with thinking", "claude-sonnet-4-5", `{"reasoning_effort":"medium","max_tokens":20000,"messages":[` + asked + `,` + called + `}],"reasoning_details":[{"type":"reasoning.text","text":"hm","signature":"s"}]},` + result + `]}`,
			`{"model":"claude-sonnet-4-5","max_tokens":20000,"thinking":{"type":"enabled","budget_tokens":8192},"messages":[` + asked + `,` + strings.Replace(use, `[`, `[{"type":"thinking","thinking":"hm","signature":"s"},`, 1) + `]},` + used + `]}`},
		{"a budget for the next turn", "claude-sonnet-4-5", `{"reasoning_effort":"medium","max_tokens":20000,"messages":[` + asked + `,` + called + `}]},` + result + `,{"role":"assistant","content":"So."},` + asked + `]}`,
			`{"model":"claude-sonnet-4-5","max_tokens":20000,"thinking":{"type":"enabled","budget_tokens":8192},"messages":[` + asked + `,` + use + `]},` + used + `,{"role":"assistant","content":"So."},` + asked + `]}`},
		{"effort in the midst of a turn", opus, `{"reasoning_effort":"low","messages":[` + asked + `,` + called + `}]},` + result + `]}`,
			`{"thinking":{"type":"adaptive"},"output_config":{"effort":"low"},"messages":[` + asked + `,` + use + `]},` + used + `]}`},

		{"schema", opus, `{"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":{"type":"object","properties":{},"additionalProperties":false}}}}`,
			`{"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{},"additionalProperties":false}}}}`},
		{"schema and effort", opus, `{"reasoning_effort":"low","response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object"}}}}`,
			`{"thinking":{"type":"adaptive"},"output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}}}}`},

		{"tool", opus, `{"tools":[` + tool("") + `]}`, `{"tools":[` + said + `}]}`},
		{"strict tool", opus, `{"tools":[` + tool(`,"strict":true`) + `]}`, `{"tools":[` + said + `,"strict":true}]}`},
		{"tool that takes nothing", opus, `{"tools":[{"type":"function","function":{"name":"now"}}]}`, `{"tools":[{"name":"now","input_schema":{"type":"object","properties":{}}}]}`},
		{"choice auto", opus, `{"tools":[` + tool("") + `],"tool_choice":"auto"}`, `{"tools":[` + said + `}],"tool_choice":{"type":"auto"}}`},
		{"choice none", opus, `{"tools":[` + tool("") + `],"tool_choice":"none"}`, `{"tools":[` + said + `}],"tool_choice":{"type":"none"}}`},
		{"choice required", opus, `{"tools":[` + tool("") + `],"tool_choice":"required"}`, `{"tools":[` + said + `}],"tool_choice":{"type":"any"}}`},
		{"choice of one", opus, `{"tools":[` + tool("") + `],"tool_choice":{"type":"function","function":{"name":"read"}}}`, `{"tools":[` + said + `}],"tool_choice":{"type":"tool","name":"read"}}`},
		{"not in parallel", opus, `{"tools":[` + tool("") + `],"parallel_tool_calls":false}`, `{"tools":[` + said + `}],"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}`},
		{"in parallel, required", opus, `{"tools":[` + tool("") + `],"parallel_tool_calls":true,"tool_choice":"required"}`, `{"tools":[` + said + `}],"tool_choice":{"type":"any","disable_parallel_tool_use":false}}`},
		{"parallel without tools", opus, `{"parallel_tool_calls":false}`, `{}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, got, err := translated(dialect.OpChat, with(t, chatBase, tt.in), dialect.Messages, tt.model)
			if err != nil {
				t.Fatalf("%v (%s)", err, core.HintOf(err))
			}
			sameJSON(t, with(t, msgBase, tt.want), got)
		})
	}
}

func TestChatConversationToMessages(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, system, want string }{
		{"text", `[{"role":"user","content":"Hi"}]`, ``, `[{"role":"user","content":"Hi"}]`},
		{"parts", `[{"role":"user","content":[{"type":"text","text":"A"},{"type":"text","text":""},{"type":"text","text":"B"}]}]`, ``,
			`[{"role":"user","content":[{"type":"text","text":"A"},{"type":"text","text":"B"}]}]`},
		{"a name is left out", `[{"role":"user","name":"Ada","content":"Hi"}]`, ``, `[{"role":"user","content":"Hi"}]`},
		{"system", `[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]`, `"Be brief."`, `[{"role":"user","content":"Hi"}]`},
		{"instructions in between", `[{"role":"system","content":"A"},{"role":"user","content":"Hi"},{"role":"developer","content":[{"type":"text","text":"B"}]}]`,
			`[{"type":"text","text":"A"},{"type":"text","text":"B"}]`, `[{"role":"user","content":"Hi"}]`},
		{"images", `[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}},{"type":"image_url","image_url":{"url":"https://a.example/b.png"}}]}]`, ``,
			`[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},{"type":"image","source":{"type":"url","url":"https://a.example/b.png"}}]}]`},
		{"files", `[{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBE"}},{"type":"file","file":{"filename":"a.txt","file_data":"data:text/plain;charset=utf-8;base64,aGk="}}]}]`, ``,
			`[{"role":"user","content":[{"type":"document","title":"a.pdf","source":{"type":"base64","media_type":"application/pdf","data":"JVBE"}},{"type":"document","title":"a.txt","source":{"type":"text","media_type":"text/plain","data":"hi"}}]}]`},
		{"calls in parallel and their results", `[
			{"role":"user","content":"Read both."},
			{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"read","arguments":"{\"p\": \"a\"}"}},{"id":"call_2","type":"function","function":{"name":"now","arguments":""}}]},
			{"role":"tool","tool_call_id":"call_1","content":"A"},
			{"role":"tool","tool_call_id":"call_2","content":[{"type":"text","text":"noon"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
			{"role":"user","content":"Well?"},
			{"role":"user","content":"Now?"}]`, ``, `[
			{"role":"user","content":"Read both."},
			{"role":"assistant","content":[{"type":"tool_use","id":"call_1","name":"read","input":{"p":"a"}},{"type":"tool_use","id":"call_2","name":"now","input":{}}]},
			{"role":"user","content":[
				{"type":"tool_result","tool_use_id":"call_1","content":"A"},
				{"type":"tool_result","tool_use_id":"call_2","content":[{"type":"text","text":"noon"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]},
				{"type":"text","text":"Well?"}]},
			{"role":"user","content":"Now?"}]`},
		{"ids that Anthropic doesn't take", `[
			{"role":"user","content":"Hi"},
			{"role":"assistant","tool_calls":[{"id":"functions.read:0","function":{"name":"read","arguments":"{}"}}]},
			{"role":"tool","tool_call_id":"functions.read:0","content":""}]`, ``, `[
			{"role":"user","content":"Hi"},
			{"role":"assistant","content":[{"type":"tool_use","id":"functions_read_0","name":"read","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"functions_read_0"}]}]`},
		{"empty messages", `[{"role":"user","content":"Hi"},{"role":"assistant","content":""},{"role":"assistant","content":null}]`, ``, `[{"role":"user","content":"Hi"}]`},
		{"a refusal", `[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"refusal":"No."}]`, ``, `[{"role":"user","content":"Hi"},{"role":"assistant","content":"No."}]`},
		{"reasoning that nobody signed", `[{"role":"user","content":"Hi"},{"role":"assistant","reasoning_content":"hm","content":"Yes?"}]`, ``,
			`[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?"}]`},
		{"reasoning in pieces", `[{"role":"user","content":"Hi"},{"role":"assistant","reasoning_content":"hm so","content":"Yes?","reasoning_details":[
			{"type":"reasoning.text","text":"hm","format":"anthropic-claude-v1","index":0},
			{"type":"reasoning.text","text":" so","format":"anthropic-claude-v1","index":0},
			{"type":"reasoning.text","signature":"sig","format":"anthropic-claude-v1","index":0},
			{"type":"reasoning.encrypted","data":"xyz","format":"anthropic-claude-v1","index":1},
			{"type":"reasoning.text","text":"other","signature":"o","format":"google-gemini-v1","index":2}]}]`, ``,
			`[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm so","signature":"sig"},{"type":"redacted_thinking","data":"xyz"},{"type":"text","text":"Yes?"}]}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, got, err := translated(dialect.OpChat, with(t, chatBase, `{"messages":`+tt.in+`}`), dialect.Messages, "claude-opus-5-5")
			if err != nil {
				t.Fatalf("%v (%s)", err, core.HintOf(err))
			}
			want := with(t, msgBase, `{"messages":`+tt.want+`}`)
			if tt.system != "" {
				want = with(t, want, `{"system":`+tt.system+`}`)
			}
			sameJSON(t, want, got)
		})
	}
}

// What can't be said is refused, and the error names the member.
func TestChatRequestThatMessagesCannotSay(t *testing.T) {
	t.Parallel()
	user := func(part string) string { return `{"messages":[{"role":"user","content":[` + part + `]}]}` }
	for _, tt := range []struct {
		in    string
		code  core.Code
		param string
	}{
		{`{"n":2}`, core.Unsupported, "n"},
		{`{"logprobs":true}`, core.Unsupported, "logprobs"},
		{`{"top_logprobs":2}`, core.Unsupported, "top_logprobs"},
		{`{"logit_bias":{"1":2}}`, core.Unsupported, "logit_bias"},
		{`{"frequency_penalty":0.5}`, core.Unsupported, "frequency_penalty"},
		{`{"presence_penalty":-1}`, core.Unsupported, "presence_penalty"},
		{`{"modalities":["text","audio"],"audio":{"voice":"x"}}`, core.Unsupported, "audio"},
		{`{"functions":[{"name":"x"}]}`, core.Unsupported, "functions"},
		{`{"web_search_options":{}}`, core.Unsupported, "web_search_options"},
		{`{"verbosity":"low"}`, core.Unsupported, "verbosity"},
		{`{"top_k":5}`, core.Unsupported, "top_k"},
		{`{"Temperature":1}`, core.Unsupported, "Temperature"},
		{`{"something_new":1}`, core.Unsupported, "something_new"},
		{`{"service_tier":"flex"}`, core.Unsupported, "service_tier"},
		{`{"response_format":{"type":"json_object"}}`, core.Unsupported, "response_format.type"},
		{`{"response_format":{"type":"json_schema"}}`, core.Invalid, "response_format.json_schema"},
		{`{"reasoning_effort":"immense"}`, core.Invalid, "reasoning_effort"},
		{`{"temperature":3}`, core.Invalid, "temperature"},
		{`{"stop":7}`, core.Invalid, "stop"},
		{`{"tools":[{"type":"custom","custom":{"name":"x"}}]}`, core.Unsupported, "tools[0].type"},
		{`{"tools":[7]}`, core.Invalid, "tools[0]"},
		{`{"tools":[{"type":"function","function":{"name":"x","new":1}}]}`, core.Unsupported, "tools[0].function.new"},
		{`{"tool_choice":"perhaps"}`, core.Invalid, "tool_choice"},
		{`{"tool_choice":{"type":"allowed_tools","allowed_tools":{}}}`, core.Unsupported, "tool_choice.type"},
		{`{"tool_choice":{"type":"function","function":{}}}`, core.Invalid, "tool_choice.function"},
		{`{"messages":[{"role":"system","content":"A"}]}`, core.Invalid, "messages"},
		{`{"messages":[{"role":"function","content":"A"}]}`, core.Unsupported, "messages[0].role"},
		{`{"messages":[{"role":"assistant","audio":{"id":"x"}}]}`, core.Unsupported, "messages[0].audio"},
		{`{"messages":[{"role":"assistant","function_call":{"name":"x"}}]}`, core.Unsupported, "messages[0].function_call"},
		{`{"messages":[{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"x","arguments":"[1]"}}]}]}`, core.Invalid, "messages[0].tool_calls[0].function.arguments"},
		{`{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"x","arguments":"{}"}}]}]}`, core.Invalid, "messages[0].tool_calls[0].id"},
		{`{"messages":[{"role":"tool","content":"A"}]}`, core.Invalid, "messages[0].tool_call_id"},
		{`{"messages":[{"role":"user","content":7}]}`, core.Invalid, "messages[0].content"},
		{`{"messages":[{"role":"system","content":[{"type":"image_url","image_url":{"url":"https://a.example/"}}]}]}`, core.Unsupported, "messages[0].content[0]"},
		{user(`{"type":"input_audio","input_audio":{"data":""}}`), core.Unsupported, "messages[0].content[0].input_audio"},
		{user(`{"type":"video"}`), core.Unsupported, "messages[0].content[0].type"},
		{user(`{"type":"image_url"}`), core.Invalid, "messages[0].content[0].image_url"},
		{user(`{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}`), core.Invalid, "messages[0].content[0].image_url.url"},
		{user(`{"type":"file","file":{"file_id":"f"}}`), core.Unsupported, "messages[0].content[0].file.file_id"},
		{user(`{"type":"file","file":{"file_data":"data:image/gif;base64,AA=="}}`), core.Unsupported, "messages[0].content[0].file.file_data"},
		{user(`{"type":"file","file":{"file_data":"data:text/plain;base64,!"}}`), core.Invalid, "messages[0].content[0].file.file_data"},
	} {
		t.Run(tt.param+" "+tt.in, func(t *testing.T) {
			t.Parallel()
			_, _, err := translated(dialect.OpChat, with(t, chatBase, tt.in), dialect.Messages, "claude-opus-5-5")
			refused(t, err, tt.code, tt.param)
		})
	}
}

// refused checks that an error has a code, names the member and says what to do.
func refused(t *testing.T, err error, code core.Code, param string) {
	t.Helper()
	var p dialect.Problem
	if core.CodeOf(err) != code || !errors.As(err, &p) || p.Param != param || core.HintOf(err) == "" || !strings.Contains(err.Error(), param) {
		t.Errorf("%v of code %q about %q (hint %q), want %q about %q", err, core.CodeOf(err), p.Param, core.HintOf(err), code, param)
	}
}
