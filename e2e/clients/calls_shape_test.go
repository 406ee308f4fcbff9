package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/openai"
	"github.com/isekai-run/isekai/internal/model/sse"
)

const noCall = "I can't help with that: none of the tools does it."

// shape is a way in which a provider tells calls. Either text is set, for calls that a model
// writes, or dialect and events.
type shape struct {
	name    string
	single  bool // it has one call at most
	text    func([]namedCall) string
	dialect dialect.Dialect
	whole   func([]namedCall) object
	stream  func([]namedCall, func(string) []string) []object
}

// parse has the calls said in the shape and returns what the agent gets: through the client of
// providers and, where the dialect is another, through the gateway's translation. cut says in
// which pieces arguments and text come; nil: the answer isn't streamed.
func (s shape) parse(r model.Request, calls []namedCall, cut func(string) []string) (string, []core.Call, error) {
	if s.text != nil {
		text := noCall
		if len(calls) > 0 {
			text = s.text(calls)
		}
		s.dialect = dialect.Chat
		s.whole = func([]namedCall) object { return chatAnswer(object{"role": "assistant", "content": text}) }
		s.stream = func(_ []namedCall, cut func(string) []string) (all []object) {
			for _, p := range cut(text) {
				all = append(all, chatDelta(object{"content": p}))
			}
			return append(all, chatStop())
		}
	} else if len(calls) == 0 {
		return shape{text: func([]namedCall) string { return noCall }}.parse(r, nil, cut)
	}
	m := openai.New(openai.Config{
		BaseURL: "http://provider.invalid/v1", Retries: -1,
		HTTPClient: &http.Client{Transport: provider{s, calls, cut}},
	})
	a, err := model.Collect(context.Background(), m, r, nil)
	return a.Text, a.Calls, err
}

// provider answers in a shape, behind the gateway's translation.
type provider struct {
	shape shape
	calls []namedCall
	cut   func(string) []string
}

func (p provider) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	asked, err := dialect.Read(dialect.OpChat, body)
	if err != nil {
		return nil, err
	}
	var t *dialect.Translation
	if p.shape.dialect != dialect.Chat {
		if t, _, err = dialect.Translate(asked, p.shape.dialect, "m"); err != nil {
			return nil, err
		}
	}
	res := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/event-stream"}}, Request: req}
	var out []byte
	if p.cut == nil {
		res.Header.Set("Content-Type", "application/json")
		if out, err = json.Marshal(p.shape.whole(p.calls)); err == nil && t != nil {
			out, err = t.Answer(out)
		}
	} else {
		out, err = streamed(t, p.shape.stream(p.calls, p.cut))
	}
	res.Body = io.NopCloser(strings.NewReader(string(out)))
	return res, err
}

// streamed is a stream of events on the wire, translated if t is there.
func streamed(t *dialect.Translation, events []object) (out []byte, err error) {
	back := (&dialect.Translation{}).Stream()
	if t != nil {
		back = t.Stream()
	}
	for _, o := range events {
		data, err := json.Marshal(o)
		if err != nil {
			return nil, err
		}
		said, err := back.Event(sse.Event{Name: text(o["type"]), Data: data})
		if err != nil {
			return nil, err
		}
		for _, e := range said {
			out = e.Append(out)
		}
	}
	for _, e := range back.End() {
		out = e.Append(out)
	}
	if t == nil {
		out = append(out, "data: [DONE]\n\n"...)
	}
	return out, nil
}

// shapes are those that are known: first the providers' own, then those that models write.
var shapes = []shape{
	{name: "OpenAI chat `tool_calls`", dialect: dialect.Chat, whole: chatWhole(asText), stream: chatPieces},
	{name: "OpenAI chat, legacy `function_call`", single: true, dialect: dialect.Chat, whole: chatLegacy, stream: chatLegacyPieces},
	{name: "OpenAI-compatible, `arguments` an object (Ollama)", dialect: dialect.Chat, whole: chatWhole(asObject), stream: chatEach(asObject)},
	{name: "OpenAI-compatible, whole calls without an index (Gemini)", dialect: dialect.Chat, whole: chatWhole(asText), stream: chatEach(asText)},
	{name: "OpenAI responses `function_call`", dialect: dialect.Responses, whole: responsesWhole, stream: responsesPieces},
	{name: "Anthropic `tool_use`", dialect: dialect.Messages, whole: messagesWhole, stream: messagesPieces},
	written("`{\"tool\":{\"name\",\"args\"}}`", "\n", func(c namedCall) string { return fmt.Sprintf(`{"tool":{"name":%q,"args":%s}}`, c.Name, c.Arguments) }),
	written("`{\"tool_call\":{...}}`", "\n", func(c namedCall) string { return `{"tool_call":` + c.body("arguments") + `}` }),
	written("`{\"function_call\":{...}}`, `arguments` a string", "\n", func(c namedCall) string {
		return fmt.Sprintf(`{"function_call":{"name":%q,"arguments":%s}}`, c.Name, asText(c))
	}),
	{name: "`{\"tool_calls\":[...]}`", text: func(calls []namedCall) string {
		b, _ := json.Marshal(object{"tool_calls": chatCalls(calls, asText)}) // of strings, as they are
		return string(b)
	}},
	written("`{\"name\",\"parameters\"}` (Llama)", "\n", func(c namedCall) string { return c.body("parameters") }),
	written("`<\\|python_tag\\|>{...}; {...}` (Llama)", "; ", func(c namedCall) string { return c.body("parameters") }).between("<|python_tag|>", "<|eom_id|>"),
	written("`[{\"name\",\"arguments\"}, ...]` (xLAM, Hammer)", ", ", func(c namedCall) string { return c.body("arguments") }).between("[", "]"),
	written("the same in a fence", ", ", func(c namedCall) string { return c.body("arguments") }).between("```json\n[", "]\n```"),
	written("`<tool_call>` (Hermes, Qwen)", "\n", func(c namedCall) string { return "<tool_call>\n" + c.body("arguments") + "\n</tool_call>" }),
	written("`[TOOL_CALLS][{...}, ...]` (Mistral)", ", ", func(c namedCall) string { return c.body("arguments") }).between("[TOOL_CALLS] [", "]</s>"),
	written("`[TOOL_CALLS]name[ARGS]{...}` (Mistral)", "", func(c namedCall) string { return "[TOOL_CALLS]" + c.Name + "[ARGS]" + string(c.Arguments) }).between("", "</s>"),
	written("`<\\|tool_call\\|>[...]` (Granite, Phi)", ", ", func(c namedCall) string { return c.body("arguments") }).between("<|tool_call|>[", "]<|/tool_call|>"),
	written("`<function_call>{...}` (Granite)", "\n", func(c namedCall) string { return "<function_call> " + c.body("arguments") }),
	written("DeepSeek's tokens, V3 and R1", "\n", func(c namedCall) string {
		return "<｜tool▁call▁begin｜>function<｜tool▁sep｜>" + c.Name + "\n```json\n" + string(c.Arguments) + "\n```<｜tool▁call▁end｜>"
	}).between("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"),
	written("DeepSeek's tokens, V3.1", "", func(c namedCall) string {
		return "<｜tool▁call▁begin｜>" + c.Name + "<｜tool▁sep｜>" + string(c.Arguments) + "<｜tool▁call▁end｜>"
	}).between("<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"),
}

// written is a shape in which each call is a text.
func written(name, between string, one func(namedCall) string) shape {
	return shape{name: name, text: func(calls []namedCall) string {
		var all []string
		for _, c := range calls {
			all = append(all, one(c))
		}
		return strings.Join(all, between)
	}}
}

// between puts something around all calls.
func (s shape) between(before, after string) shape {
	inner := s.text
	s.text = func(calls []namedCall) string { return before + inner(calls) + after }
	return s
}

func (c namedCall) body(args string) string {
	return fmt.Sprintf(`{"name": %q, %q: %s}`, c.Name, args, c.Arguments)
}

// asText and asObject are the two ways to say arguments.
func asText(c namedCall) json.RawMessage {
	b, _ := json.Marshal(string(c.Arguments)) // a string, as it is
	return b
}

func asObject(c namedCall) json.RawMessage { return c.Arguments }
