package dialect_test

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

func TestMessagesRequestToChat(t *testing.T) {
	t.Parallel()
	const read = `{"name":"read","description":"Reads.","input_schema":{"type":"object"}}`
	const said = `{"type":"function","function":{"name":"read","description":"Reads.","parameters":{"type":"object"}}}`
	for _, tt := range []struct{ name, model, in, want string }{
		{"the least", "m", `{}`, `{}`},
		{"the limit, for OpenAI's own", "gpt-5.5", `{}`, `{"model":"gpt-5.5","max_tokens":null,"max_completion_tokens":100}`},
		{"the limit, for OpenAI's own elsewhere", "openai/o3-mini", `{}`, `{"model":"openai/o3-mini","max_tokens":null,"max_completion_tokens":100}`},
		{"the limit, for an open one", "gpt-oss:20b", `{}`, `{"model":"gpt-oss:20b"}`},
		{"sampling", "m", `{"temperature":0.5,"top_p":0.9}`, `{"temperature":0.5,"top_p":0.9}`},
		{"stop", "m", `{"stop_sequences":["A","B"]}`, `{"stop":["A","B"]}`},
		{"stream", "m", `{"stream":true}`, `{"stream":true,"stream_options":{"include_usage":true}}`},
		{"user", "m", `{"metadata":{"user_id":"u1"}}`, `{"user":"u1"}`},
		{"a user too long", "m", `{"metadata":{"user_id":"` + strings.Repeat("u", 65) + `"}}`, `{}`},
		{"tier auto", "m", `{"service_tier":"auto"}`, `{"service_tier":"auto"}`},
		{"tier standard_only", "m", `{"service_tier":"standard_only"}`, `{"service_tier":"default"}`},
		{"harmless", "m", `{"cache_control":{"type":"ephemeral"},"context_management":{"edits":[]},"mcp_servers":[],"speed":"standard","container":null}`, `{}`},
		{"effort", "m", `{"output_config":{"effort":"xhigh"},"thinking":{"type":"adaptive"}}`, `{"reasoning_effort":"xhigh"}`},
		{"a small budget", "m", `{"thinking":{"type":"enabled","budget_tokens":1024}}`, `{"reasoning_effort":"low"}`},
		{"a budget", "m", `{"thinking":{"type":"enabled","budget_tokens":5000}}`, `{"reasoning_effort":"medium"}`},
		{"a large budget", "m", `{"thinking":{"type":"enabled","budget_tokens":50000}}`, `{"reasoning_effort":"high"}`},
		{"no thinking", "m", `{"thinking":{"type":"disabled"}}`, `{}`},
		{"its own effort", "m", `{"thinking":{"type":"adaptive","display":"summarized"}}`, `{}`},
		{"schema", "m", `{"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}}`,
			`{"response_format":{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":{"type":"object"}}}}`},
		{"tool", "m", `{"tools":[{"type":"custom","cache_control":{"type":"ephemeral"},"eager_input_streaming":true,"input_examples":[{}],"allowed_callers":["direct"],` + read[1:] + `]}`, `{"tools":[` + said + `]}`},
		{"strict tool", "m", `{"tools":[{"name":"now","strict":true,"input_schema":{"type":"object"}}]}`, `{"tools":[{"type":"function","function":{"name":"now","strict":true,"parameters":{"type":"object"}}}]}`},
		{"choice auto", "m", `{"tools":[` + read + `],"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}`, `{"tools":[` + said + `],"tool_choice":"auto","parallel_tool_calls":false}`},
		{"choice any", "m", `{"tools":[` + read + `],"tool_choice":{"type":"any","disable_parallel_tool_use":false}}`, `{"tools":[` + said + `],"tool_choice":"required","parallel_tool_calls":true}`},
		{"choice none", "m", `{"tools":[` + read + `],"tool_choice":{"type":"none"}}`, `{"tools":[` + said + `],"tool_choice":"none"}`},
		{"choice of one", "m", `{"tools":[` + read + `],"tool_choice":{"type":"tool","name":"read"}}`, `{"tools":[` + said + `],"tool_choice":{"type":"function","function":{"name":"read"}}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, got, err := translated(dialect.OpMessages, with(t, msgBase, tt.in), dialect.Chat, tt.model)
			if err != nil {
				t.Fatalf("%v (%s)", err, core.HintOf(err))
			}
			sameJSON(t, with(t, chatBase, tt.want), got)
		})
	}
}

func TestMessagesConversationToChat(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, system, in, want string }{
		{"text", `null`, `[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?"}]`, `[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?"}]`},
		{"system", `"Be brief."`, `[{"role":"user","content":"Hi"}]`, `[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]`},
		{"system with a cache", `[{"type":"text","text":"A","cache_control":{"type":"ephemeral"}},{"type":"text","text":"B"}]`, `[{"role":"user","content":"Hi"}]`,
			`[{"role":"system","content":[{"type":"text","text":"A"},{"type":"text","text":"B"}]},{"role":"user","content":"Hi"}]`},
		{"instructions in between", `"A"`, `[{"role":"user","content":"Hi"},{"role":"system","content":"B"}]`,
			`[{"role":"system","content":"A"},{"role":"user","content":"Hi"},{"role":"system","content":"B"}]`},
		{"one block", `null`, `[{"role":"user","content":[{"type":"text","text":"A","cache_control":{"type":"ephemeral"}}]}]`, `[{"role":"user","content":"A"}]`},
		{"images", `null`, `[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},{"type":"image","source":{"type":"url","url":"https://a.example/b.png"}}]}]`,
			`[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},{"type":"image_url","image_url":{"url":"https://a.example/b.png"}}]}]`},
		{"documents", `null`, `[{"role":"user","content":[
				{"type":"document","title":"a.pdf","context":"From Ada.","citations":{"enabled":false},"source":{"type":"base64","media_type":"application/pdf","data":"JVBE"}},
				{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBE"}},
				{"type":"document","title":"Notes","source":{"type":"text","media_type":"text/plain","data":"hi"}},
				{"type":"document","source":{"type":"content","content":[{"type":"text","text":"piece"}]}}]}]`,
			`[{"role":"user","content":[
				{"type":"text","text":"From Ada."},{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBE"}},
				{"type":"file","file":{"filename":"document.pdf","file_data":"data:application/pdf;base64,JVBE"}},
				{"type":"text","text":"Notes"},{"type":"text","text":"hi"},
				{"type":"text","text":"piece"}]}]`},
		{"calls in parallel and their results", `null`, `[
			{"role":"user","content":"Read both."},
			{"role":"assistant","content":[{"type":"text","text":"Both."},{"type":"tool_use","id":"toolu_1","name":"read","input":{"p": "a"}},{"type":"tool_use","id":"toolu_2","name":"now","input":{},"caller":{"type":"direct"}}]},
			{"role":"user","content":[
				{"type":"tool_result","tool_use_id":"toolu_1","content":"no such file","is_error":true},
				{"type":"tool_result","tool_use_id":"toolu_2","content":[{"type":"text","text":"noon"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]},
				{"type":"text","text":"Well?"}]}]`, `[
			{"role":"user","content":"Read both."},
			{"role":"assistant","content":"Both.","tool_calls":[{"id":"toolu_1","type":"function","function":{"name":"read","arguments":"{\"p\":\"a\"}"}},{"id":"toolu_2","type":"function","function":{"name":"now","arguments":"{}"}}]},
			{"role":"tool","tool_call_id":"toolu_1","content":"Error: no such file"},
			{"role":"tool","tool_call_id":"toolu_2","content":"noon"},
			{"role":"user","content":[{"type":"text","text":"From the result of call toolu_2:"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},{"type":"text","text":"Well?"}]}]`},
		{"results without text", `null`, `[
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"a"},{"type":"tool_result","tool_use_id":"b","is_error":true},
				{"type":"tool_result","tool_use_id":"c","content":[{"type":"image","source":{"type":"url","url":"https://a.example/"}}]}]}]`, `[
			{"role":"tool","tool_call_id":"a","content":""},
			{"role":"tool","tool_call_id":"b","content":"Error: "},
			{"role":"tool","tool_call_id":"c","content":"The result is in the next message of the user."},
			{"role":"user","content":[{"type":"text","text":"From the result of call c:"},{"type":"image_url","image_url":{"url":"https://a.example/"}}]}]`},
		{"thinking", `null`, `[{"role":"user","content":"Hi"},
			{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"sig"},{"type":"redacted_thinking","data":"x"},{"type":"text","text":"A"}]},
			{"role":"assistant","content":[{"type":"thinking","thinking":"so","signature":""},{"type":"tool_use","id":"t","name":"now","input":{}}]},
			{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"sig"}]}]`,
			`[{"role":"user","content":"Hi"},{"role":"assistant","content":"A"},
			{"role":"assistant","reasoning_content":"so","tool_calls":[{"id":"t","type":"function","function":{"name":"now","arguments":"{}"}}]}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, got, err := translated(dialect.OpMessages, with(t, msgBase, `{"system":`+tt.system+`,"messages":`+tt.in+`}`), dialect.Chat, "m")
			if err != nil {
				t.Fatalf("%v (%s)", err, core.HintOf(err))
			}
			sameJSON(t, with(t, chatBase, `{"messages":`+tt.want+`}`), got)
		})
	}
}

// What can't be said is refused, and the error names the member.
func TestMessagesRequestThatChatCannotSay(t *testing.T) {
	t.Parallel()
	user := func(block string) string { return `{"messages":[{"role":"user","content":[` + block + `]}]}` }
	for _, tt := range []struct {
		in    string
		code  core.Code
		param string
	}{
		{`{"top_k":5}`, core.Unsupported, "top_k"},
		{`{"container":"c"}`, core.Unsupported, "container"},
		{`{"mcp_servers":[{"name":"x"}]}`, core.Unsupported, "mcp_servers"},
		{`{"inference_geo":"eu"}`, core.Unsupported, "inference_geo"},
		{`{"speed":"fast"}`, core.Unsupported, "speed"},
		{`{"something_new":1}`, core.Unsupported, "something_new"},
		{`{"max_tokens":null}`, core.Invalid, "max_tokens"},
		{`{"service_tier":"gold"}`, core.Invalid, "service_tier"},
		{`{"output_config":{"format":{"type":"grammar"}}}`, core.Unsupported, "output_config.format.type"},
		{`{"tools":[{"type":"web_search_20260209","name":"web_search"}]}`, core.Unsupported, "tools[0].type"},
		{`{"tools":[{"name":"x","input_schema":{},"allowed_callers":["code_execution"]}]}`, core.Unsupported, "tools[0].allowed_callers"},
		{`{"tools":["x"]}`, core.Invalid, "tools[0]"},
		{`{"tool_choice":{"type":"perhaps"}}`, core.Invalid, "tool_choice.type"},
		{`{"system":[{"type":"image","source":{"type":"url","url":"https://a.example/"}}]}`, core.Unsupported, "system[0].type"},
		{`{"system":7}`, core.Invalid, "system"},
		{`{"messages":[{"role":"system","content":[{"type":"image"}]}]}`, core.Unsupported, "messages[0].content[0].type"},
		{`{"messages":[{"role":"tool","content":"A"}]}`, core.Invalid, "messages[0].role"},
		{`{"messages":[{"role":"user","content":7}]}`, core.Invalid, "messages[0].content"},
		{`{"messages":[{"role":"user","content":"A","effort":"low"}]}`, core.Unsupported, "messages[0].effort"},
		{`{"messages":[{"role":"assistant","content":[{"type":"image","source":{"type":"url","url":"https://a.example/"}}]}]}`, core.Unsupported, "messages[0].content[0].type"},
		{`{"messages":[{"role":"assistant","content":[{"type":"tool_use","name":"x","input":{}}]}]}`, core.Invalid, "messages[0].content[0]"},
		{user(`7`), core.Invalid, "messages[0].content[0]"},
		{user(`{"type":"search_result"}`), core.Unsupported, "messages[0].content[0].type"},
		{user(`{"type":"thinking","thinking":"x","signature":""}`), core.Unsupported, "messages[0].content[0].type"},
		{user(`{"type":"image","source":{"type":"file","file_id":"f"}}`), core.Unsupported, "messages[0].content[0].source.type"},
		{user(`{"type":"document","source":{"type":"url","url":"https://a.example/"}}`), core.Unsupported, "messages[0].content[0].source.type"},
		{user(`{"type":"document","citations":{"enabled":true},"source":{"type":"text","data":"x"}}`), core.Unsupported, "messages[0].content[0].citations"},
		{user(`{"type":"document","source":{"type":"content","content":[{"type":"document"}]}}`), core.Unsupported, "messages[0].content[0].source.content[0].type"},
		{user(`{"type":"tool_result","content":"x"}`), core.Invalid, "messages[0].content[0].tool_use_id"},
		{user(`{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_use","id":"b","name":"x","input":{}}]}`), core.Unsupported, "messages[0].content[0].content[0].type"},
	} {
		t.Run(tt.param+" "+tt.in, func(t *testing.T) {
			t.Parallel()
			_, _, err := translated(dialect.OpMessages, with(t, msgBase, tt.in), dialect.Chat, "m")
			refused(t, err, tt.code, tt.param)
		})
	}
}

func TestOnlyWhatGeneratesIsTranslated(t *testing.T) {
	t.Parallel()
	for op, to := range map[dialect.Operation]dialect.Dialect{dialect.OpCountTokens: dialect.Chat, dialect.OpEmbeddings: dialect.Messages, dialect.OpChat: dialect.Chat} {
		if _, _, err := translated(op, `{"model":"m","messages":[],"input":"x"}`, to, "m"); core.CodeOf(err) != core.Unsupported {
			t.Errorf("%s to %s: %v", op, to, err)
		}
	}
}

// Anthropic fills a cache when asked for no token at all; others can't.
func TestNoTokensCannotBeAskedForElsewhere(t *testing.T) {
	t.Parallel()
	r := dialect.Request{Op: dialect.OpMessages, Model: "m", Body: []byte(with(t, msgBase, `{"max_tokens":0}`))}
	_, _, err := dialect.Translate(r, dialect.Chat, "m")
	refused(t, err, core.Unsupported, "max_tokens")
}
