package model_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

var offered = []model.ToolSpec{
	{Name: "read_file", Schema: json.RawMessage(`{"type":"object","properties":{"path":{"type":"string"}},"required":["path"],"additionalProperties":false}`)},
	{Name: "list_files", Schema: json.RawMessage(`{"type":"object","properties":{"glob":{"type":"string"}},"additionalProperties":false}`)},
}

func canonical(t testing.TB, r model.Request) *model.Canonical {
	t.Helper()
	c, err := model.NewCanonical(r)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// whole feeds text in pieces and returns what comes out.
func whole(t testing.TB, r model.Request, pieces ...string) (string, []core.Call) {
	t.Helper()
	c := canonical(t, r)
	text := ""
	for _, p := range pieces {
		text += c.Text(p)
	}
	rest, calls := c.End()
	return text + rest, calls
}

// show renders calls for comparison: tool, arguments, and the problem's text.
func show(calls []core.Call) []string {
	var s []string
	for _, c := range calls {
		line := c.Tool + " " + string(c.Arguments)
		if c.Problem != "" {
			line += " ! " + c.Problem
		}
		s = append(s, line)
	}
	return s
}

func TestForeignShapes(t *testing.T) {
	t.Parallel()
	read := []string{`read_file {"path":"a"}`}
	both := []string{`read_file {"path":"a"}`, `list_files {}`}
	for _, tt := range []struct {
		name, in, text string
		calls          []string
	}{
		{"tool, args", `{"tool":{"name":"read_file","args":{"path":"a"}}}`, "", read},
		{"tool, arguments", `{"tool":{"name":"read_file","arguments":{"path":"a"}}}`, "", read},
		{"tool_call", `{"tool_call":{"name":"read_file","arguments":{"path":"a"}}}`, "", read},
		{"function_call with a string", `{"function_call":{"name":"read_file","arguments":"{\"path\":\"a\"}"}}`, "", read},
		{"function_call with an object", `{"function_call":{"name":"read_file","arguments":{"path":"a"}}}`, "", read},
		{"tool_calls", `{"tool_calls":[{"id":"1","type":"function","function":{"name":"read_file","arguments":"{\"path\":\"a\"}"}}]}`, "", read},
		{"bare", `{"name":"read_file","parameters":{"path":"a"}}`, "", read},
		{"fenced json", "```json\n{\"tool\":{\"name\":\"read_file\",\"args\":{\"path\":\"a\"}}}\n```", "", read},
		{"fenced bare name", "```json\n{\"name\": \"read_file\", \"arguments\": {\"path\": \"a\"}}\n```\n", "", read},
		{"fenced without a language, not closed", "```\n{\"name\":\"read_file\",\"arguments\":{\"path\":\"a\"}}", "", read},
		{"tags", "<tool_call>\n{\"name\":\"read_file\",\"arguments\":{\"path\":\"a\"}}\n</tool_call>", "", read},
		{"tags, not closed", "<tool_call>{\"name\":\"read_file\",\"arguments\":{\"path\":\"a\"}}", "", read},
		{"an extra brace in a fence", "```json\n{\"tool_call\":{\"name\":\"read_file\",\"arguments\":{\"path\":\"a\"}}}}\n```", "", read},
		{"white space around", "\n\n  {\"tool\":{\"name\":\"read_file\",\"args\":{\"path\":\"a\"}}}\n\n", "", read},
		{"after prose", "I'll look.\n```json\n{\"tool\":{\"name\":\"read_file\",\"args\":{\"path\":\"a\"}}}\n```", "I'll look.", read},
		{"before prose", "<tool_call>{\"name\":\"read_file\",\"arguments\":{\"path\":\"a\"}}</tool_call>\nThat is all.", "\nThat is all.", read},
		{"several objects", `{"tool":{"name":"read_file","args":{"path":"a"}}}` + "\n" + `{"tool":{"name":"list_files","args":{}}}`, "", both},
		{"an array", `[{"name":"read_file","arguments":{"path":"a"}},{"name":"list_files","arguments":{}}]`, "", both},
		{"several fences", "```json\n{\"name\":\"read_file\",\"arguments\":{\"path\":\"a\"}}\n```\n```json\n{\"name\":\"list_files\",\"arguments\":null}\n```", "", both},
		{"several in a tag", "<tool_call>{\"name\":\"read_file\",\"arguments\":{\"path\":\"a\"}}{\"name\":\"list_files\",\"arguments\":{}}</tool_call>", "", both},
		{"Llama's tag", "<|python_tag|>{\"name\":\"read_file\",\"parameters\":{\"path\":\"a\"}}; {\"name\":\"list_files\",\"parameters\":{}}<|eom_id|>", "", both},
		{"Mistral's token and a list", `[TOOL_CALLS] [{"name":"read_file","arguments":{"path":"a"}},{"name":"list_files","arguments":{}}]</s>`, "", both},
		{"Mistral's tokens", `[TOOL_CALLS]read_file[ARGS]{"path":"a"}[TOOL_CALLS]list_files[CALL_ID]x1[ARGS]{}`, "", both},
		{"Granite's tokens after prose", "I'll look.\n<|tool_call|>[{\"name\":\"read_file\",\"arguments\":{\"path\":\"a\"}}]", "I'll look.", read},
		{"DeepSeek's tokens", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>read_file\n```json\n{\"path\":\"a\"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>list_files<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>", "", both},
		{"a token and code", `<|python_tag|>read_file.call(path="a")`, "", []string{
			` {} ! this looks like a tool call and isn't one: <|python_tag|>read_file.call(path="a"); nothing was run: call the tool natively, or send {"tool_call":{"name":"...","arguments":{...}}}`}},
		{"a token and an unknown tool", `[TOOL_CALLS]shell[ARGS]{}`, "", []string{
			`shell {} ! there is no tool "shell"; nothing was run; the tools are: list_files, read_file`}},
		{"unknown tool", `{"tool_call":{"name":"read_flie","arguments":{}}}`, "", []string{
			`read_flie {} ! there is no tool "read_flie"; nothing was run; the tools are: list_files, read_file; did you mean read_file?`}},
		{"unknown tool in tool", `{"tool":{"name":"shell","args":{}}}`, "", []string{
			`shell {} ! there is no tool "shell"; nothing was run; the tools are: list_files, read_file`}},
		{"unknown shape", `{"tool":{"name":"read_file","path":"a"}}`, "", []string{
			`read_file {} ! this looks like a tool call in an unknown shape: {"name":"read_file","path":"a"}; nothing was run: call the tool natively, or send {"tool_call":{"name":"...","arguments":{...}}}`}},
		{"another unknown shape", `{"tool":"read_file","args":{"path":"a"}}`, "", []string{
			`read_file {} ! this looks like a tool call in an unknown shape: {"tool":"read_file","args":{"path":"a"}}; nothing was run: call the tool natively, or send {"tool_call":{"name":"...","arguments":{...}}}`}},
		{"not JSON", `{"tool_call":{"name":"read_file","arguments":{"path":a}}}`, "", []string{
			`read_file {} ! this looks like a tool call and isn't valid JSON: {"tool_call":{"name":"read_file","arguments":{"path":a}}}; nothing was run: call the tool natively, or send {"tool_call":{"name":"...","arguments":{...}}}`}},
		{"cut", `{"tool":{"name":"read_file","args":{"pa`, "", []string{
			`read_file {} ! this looks like a tool call and isn't valid JSON: {"tool":{"name":"read_file","args":{"pa; nothing was run: call the tool natively, or send {"tool_call":{"name":"...","arguments":{...}}}`}},
		{"prose in tags", "<tool_call>read the file</tool_call>", "", []string{
			` {} ! this looks like a tool call and isn't one: read the file; nothing was run: call the tool natively, or send {"tool_call":{"name":"...","arguments":{...}}}`}},
		{"a string that isn't JSON", `{"function_call":{"name":"read_file","arguments":"path=a"}}`, "", []string{
			`read_file {} ! the arguments of read_file aren't valid JSON (invalid character 'p' looking for beginning of value): path=a; nothing was run: send them as one JSON object`}},
		{"an array as arguments", `{"tool":{"name":"read_file","args":["a"]}}`, "", []string{
			`read_file {} ! the arguments of read_file aren't a JSON object: ["a"]; nothing was run: send them as one JSON object`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := model.Request{Tools: offered}
			text, calls := whole(t, r, tt.in)
			if text != tt.text {
				t.Errorf("text %q, want %q", text, tt.text)
			}
			if d := cmp.Diff(tt.calls, show(calls)); d != "" {
				t.Errorf("calls (-want +got):\n%s", d)
			}
			text1, calls1 := whole(t, r, strings.Split(tt.in, "")...)
			if d := cmp.Diff(calls, calls1); d != "" || text1 != text {
				t.Errorf("byte by byte %q, want %q; calls (-whole +pieces):\n%s", text1, text, d)
			}
		})
	}
}

// ordinary holds answers that are no calls, though they look a little like some.
var ordinary = []string{
	"", " ", "\n", "Hello.", "Hello.\n", "  indented\n\ttext\n\n",
	`{"tool":"hammer","price":3}`,
	`{"tool":{"name":"hammer","price":3}}`,
	`{"tool":{"name":"hammer"}}`,
	`{"name":"Ada","arguments":"none worth mentioning"}`,
	`{"name":"read_file","description":"reads a file","parameters":{"type":"object"}}`,
	`{"name":"read_file"}`,
	`{"function":"sin","input":3}`,
	`{"tools":[{"name":"read_file"}]}`,
	`{"tool_calls":[]}`, `{"tool_calls":7}`,
	`{"tool":{"name":"read_file","args":{"path":"a"}},"price":3}`,
	`[1,2,3]`, `[]`, `{}`, `[{"name":"Ada"},{"name":"Grace"}]`, `[link](https://example.org) and text`,
	"{", "[", "`", "``", "```", "```json", "```json\n", "```json\n{", "```json\n{}\n```", "<", "<|", "[TOOL", "[TOOL_CALL] is text", "so is <|python_tag|>", "<tool", "<tool_calls>", "<b>bold</b>",
	"{ not json", "{{ template }}", `{"a": "}"} and {"tool":{}}`,
	"```go\nfunc f()\n{\n}\n```\nDone.\n",
	"```yaml\n{\"tool\":{\"name\":\"read_file\",\"args\":{\"path\":\"a\"}}}\n```",
	"```python\nx = 1\n{\"tool_call\":{\"name\":\"read_file\",\"arguments\":{\"path\":\"a\"}}}\n```",
	"```json\n{\"title\": \"Books\", \"items\": [1, 2]}\n```\n",
	"```json\n[1,\n2]\n```",
	"Say `{\"tool\":{\"name\":\"read_file\",\"args\":{}}}` inline.",
	"An OpenAI call looks so:\n```json\n{\"function_call\":{\"name\":\"get_weather\",\"arguments\":\"{}\"}}\n```\nand so on.",
	"Here is data:\n{\"tool\":{\"name\":\"saw\",\"args\":{\"teeth\":20}}}\nas you asked.",
	"``` \ntext\n```\n{ brace",
	strings.Repeat(" ", 10_000) + "x",
	`{"name":"` + strings.Repeat("x", 5000) + `","age":3}`,
}

func TestOrdinaryAnswersStayText(t *testing.T) {
	t.Parallel()
	for _, in := range ordinary {
		r := model.Request{Tools: offered}
		if text, calls := whole(t, r, in); text != in || calls != nil {
			t.Errorf("%.60q became %.60q with calls %q", in, text, show(calls))
		}
		if text, calls := whole(t, r, strings.Split(in, "")...); text != in || calls != nil {
			t.Errorf("byte by byte %.60q became %.60q with calls %q", in, text, show(calls))
		}
	}
}

func TestTextIsHandedOnAsItComes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"Hello", "Hello"},
		{"Hello\nworld", "Hello\nworld"},
		{`{"title":`, `{"title":`},
		{"{ not", "{ not"},
		{"```go\nx", "```go\nx"},
		{"```json\n{\"title\"", "```json\n{\"title\""},
		{"a {\"tool", "a {\"tool"},
		{`{"tool":{"name":"read_file"`, ""},
		{"<tool_call>{}", ""},
		{"text\n```json\n{\"tool", "text"},
	} {
		if got := canonical(t, model.Request{Tools: offered}).Text(tt.in); got != tt.want {
			t.Errorf("after %q came %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestHeldTextIsBounded(t *testing.T) {
	t.Parallel()
	c := canonical(t, model.Request{Tools: offered})
	piece := strings.Repeat("x", 1<<16)
	in, out := 0, 0
	for s := `{"tool_call":{"name":"`; in < 8<<20; s = piece {
		in += len(s)
		out += len(c.Text(s))
		if in-out > 1<<20+len(piece) {
			t.Fatalf("%d bytes are held", in-out)
		}
	}
	rest, calls := c.End()
	if out+len(rest) != in || calls != nil {
		t.Errorf("%d bytes of %d came out, with calls %q", out+len(rest), in, show(calls))
	}
}

func TestNoSearchWithoutToolsOrWithASchema(t *testing.T) {
	t.Parallel()
	in := `{"tool":{"name":"read_file","args":{"path":"a"}}}`
	if text, calls := whole(t, model.Request{}, in); text != in || calls != nil {
		t.Errorf("without tools: %q, %q", text, show(calls))
	}
	schema := model.Request{Tools: offered, Schema: &model.Schema{Name: "x"}}
	if text, calls := whole(t, schema, in); text != in || calls != nil {
		t.Errorf("with a schema: %q, %q", text, show(calls))
	}
	if text, _ := whole(t, schema, "```js", "on\n{\"a\":", "1}\n``", "`\n"); text != `{"a":1}` {
		t.Errorf("with a schema, fenced: %q", text)
	}
}

func TestNativeCalls(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, args, want string }{
		{"read_file", `{"path": "a"}`, `read_file {"path":"a"}`},
		{"read_file", `"{\"path\":\"a\"}"`, `read_file {"path":"a"}`},
		{"list_files", ``, `list_files {}`},
		{"list_files", `null`, `list_files {}`},
		{"read_file", `{"path":`, `read_file {} ! the arguments of read_file aren't valid JSON (unexpected end of JSON input): {"path":; nothing was run: send them as one JSON object`},
		{"read_file", `7`, `read_file {} ! the arguments of read_file aren't a JSON object: 7; nothing was run: send them as one JSON object`},
		{"files.read_file", `{}`, `files.read_file {} ! there is no tool "files.read_file"; nothing was run; the tools are: list_files, read_file; did you mean read_file?`},
		{"", `{}`, ` {} ! the call names no tool; nothing was run; the tools are: list_files, read_file`},
	} {
		c := canonical(t, model.Request{Tools: offered})
		c.Native("call_1", tt.name, []byte(tt.args))
		if _, calls := c.End(); show(calls)[0] != tt.want {
			t.Errorf("%s(%s) became %q, want %q", tt.name, tt.args, show(calls)[0], tt.want)
		}
	}
	for args, part := range map[string]string{
		`{}`:                    "required",
		`{"path":7}`:            "type",
		`{"path":"a","mode":1}`: "additional",
	} {
		c := canonical(t, model.Request{Tools: offered})
		c.Native("", "read_file", []byte(args))
		if _, calls := c.End(); !strings.Contains(calls[0].Problem, part) || string(calls[0].Arguments) != args {
			t.Errorf("read_file(%s): problem %q, arguments %s", args, calls[0].Problem, calls[0].Arguments)
		}
	}
}

func TestACallSentBothWaysIsOne(t *testing.T) {
	t.Parallel()
	c := canonical(t, model.Request{Tools: offered})
	c.Text(`{"tool":{"name":"read_file","args":{"path":"a"}}}{"tool":{"name":"read_file","args":{"path":"b"}}}`)
	c.Native("x", "read_file", []byte(`{"path":"a"}`))
	_, calls := c.End()
	if d := cmp.Diff([]string{`read_file {"path":"a"}`, `read_file {"path":"b"}`}, show(calls)); d != "" {
		t.Error(d)
	}
}

func TestCallsAreBounded(t *testing.T) {
	t.Parallel()
	_, calls := whole(t, model.Request{Tools: offered}, strings.Repeat(`{"name":"list_files","arguments":{}}`, 5000))
	if len(calls) != model.MaxCalls || !strings.Contains(calls[model.MaxCalls-1].Problem, "more than 64 calls") {
		t.Errorf("%d calls, the last one's problem is %q", len(calls), calls[len(calls)-1].Problem)
	}
}

func TestCallIDs(t *testing.T) {
	t.Parallel()
	ids := func(r model.Request, provider string) []core.CallID {
		r.Tools = offered
		c := canonical(t, r)
		c.Native(provider, "list_files", nil)
		c.Native(provider, "list_files", nil)
		_, calls := c.End()
		return []core.CallID{calls[0].ID, calls[1].ID}
	}
	one := model.Request{Messages: []model.Message{{Role: model.User, Text: "a"}}}
	two := model.Request{Messages: append(one.Messages, model.Message{Role: model.Assistant, Text: "b"})}
	seen := map[core.CallID]bool{}
	for _, got := range [][]core.CallID{ids(one, ""), ids(two, ""), ids(one, "call_A"), ids(two, "call_A")} {
		for _, id := range got {
			if seen[id] || !core.ValidID("cal", string(id)) {
				t.Errorf("id %q is used twice or isn't valid", id)
			}
			seen[id] = true
		}
	}
	if d := cmp.Diff(ids(one, ""), ids(one, "")); d != "" {
		t.Errorf("ids aren't deterministic: %s", d)
	}
}

func TestASchemaThatDoesNotCompileIsABug(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{``, `{`, `{"properties":5}`, `{"$ref":"#/nowhere"}`} {
		_, err := model.NewOffer([]model.ToolSpec{{Name: "x", Schema: json.RawMessage(schema)}})
		if core.CodeOf(err) != core.Internal || !strings.Contains(err.Error(), "tool x") {
			t.Errorf("schema %q: %v", schema, err)
		}
	}
}

// However an answer is cut into pieces, it means the same.
func TestPiecesDoNotMatter(t *testing.T) {
	t.Parallel()
	parts := []string{
		"text", "\n", "{", "}", "[", "]", `"`, "```", "```json\n", "\n```\n", "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "<|python_tag|>", "[ARGS]", ";", `"tool":`, `"name":`, "read_file", " ", "\\",
		`{"tool":{"name":"read_file","args":{"path":"a"}}}`, `{"name":"list_files","arguments":{}}`, `{"tool_call":{"name":"nope","arguments":{}}}`, "é",
	}
	rapid.Check(t, func(rt *rapid.T) {
		in := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 12).Draw(rt, "parts"), "")
		var pieces []string
		for rest := in; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(rt, "n")
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		text, calls := whole(t, model.Request{Tools: offered}, in)
		text1, calls1 := whole(t, model.Request{Tools: offered}, pieces...)
		if d := cmp.Diff(calls, calls1); d != "" || text != text1 {
			rt.Fatalf("%q: text %q and %q, calls %s", pieces, text, text1, d)
		}
		if len(calls) == 0 && text != in {
			rt.Fatalf("%q became %q", in, text)
		}
	})
}

func FuzzCanonical(f *testing.F) {
	for _, s := range ordinary {
		f.Add(s, `{"path":"a"}`, 3)
	}
	f.Add("```json\n{\"name\":\"read_file\",\"arguments\":{\"path\":\"a\"}}\n```", `"{}"`, 7)
	f.Add("<tool_call>{\"tool_calls\":[{\"function\":{\"name\":\"x\"}}]}</tool_call>", `[1]`, 1)
	f.Fuzz(func(t *testing.T, in, args string, n int) {
		c := canonical(t, model.Request{Tools: offered})
		cut := max(0, min(n, len(in)))
		text := c.Text(in[:cut]) + c.Text(in[cut:])
		c.Native(args, in, []byte(args))
		rest, calls := c.End()
		if text += rest; len(text) > len(in) {
			t.Fatalf("more text came out than went in: %q", text)
		}
		for _, call := range calls {
			if !json.Valid(call.Arguments) || call.Arguments[0] != '{' {
				t.Fatalf("arguments of %+v aren't an object", call)
			}
			if call.Problem == "" && call.Tool != "read_file" && call.Tool != "list_files" {
				t.Fatalf("a tool that isn't offered: %+v", call)
			}
		}
	})
}
