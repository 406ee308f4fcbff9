package e2e

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
)

// What the providers of these tests cost, for a million tokens.
var (
	realPrice  = core.Price{Input: 3 * core.Credit, Output: 7 * core.Credit}
	embedPrice = core.Price{Input: core.Credit}
)

const capital = "What is the capital of France?"

// The whole way from a key to a real model and back, in every dialect, whole and streamed: and every token that it
// reports is charged, once.
func TestTheGatewayBeforeARealModel(t *testing.T) {
	m := realModel(t)
	c := newCaller(t,
		[]string{"local", "--kind", "llama.cpp", "--address", m.ChatURL, "--model", m.ChatModel, "--price", m.ChatModel + "=3/7"},
		[]string{"vectors", "--kind", "openai-compatible", "--address", m.EmbedURL, "--model", m.EmbedModel, "--speaks", "embeddings", "--price", m.EmbedModel + "=1/0"},
	)
	local, vectors := "local/"+m.ChatModel, "vectors/"+m.EmbedModel
	for _, name := range []string{"local", "vectors"} {
		if out := c.does("model", "test", name, "--installation"); !strings.Contains(out, "ok") {
			t.Errorf("model test %s: %s", name, out)
		}
	}
	turns := []any{map[string]string{"role": "user", "content": capital}}
	said := "" // by the first answer: the others are to say the same

	t.Run("chat", func(t *testing.T) {
		r := c.call(t, "/v1/chat/completions", map[string]any{"model": m.ChatModel, "messages": turns, "max_tokens": 24})
		a := decoded[chatAnswer](t, r.text)
		if said = a.Choices[0].Message.Content; !strings.Contains(said, "Paris") || a.Model != m.ChatModel {
			t.Errorf("%s", r.text)
		}
		c.charge(t, r.header, local, realPrice, a.Usage.Prompt, a.Usage.Completion)
	})
	t.Run("chat streamed", func(t *testing.T) {
		h, events := c.stream(t, "/v1/chat/completions", map[string]any{"model": m.ChatModel, "messages": turns, "max_tokens": 24, "stream_options": map[string]bool{"include_usage": true}})
		text, pieces, last := "", 0, chatAnswer{}
		for _, e := range events[:len(events)-1] {
			last = decoded[chatAnswer](t, e)
			for _, choice := range last.Choices {
				text += choice.Delta.Content
				pieces++
			}
		}
		if events[len(events)-1] != "[DONE]" || text != said || pieces < 5 {
			t.Errorf("%d pieces: %q, whole it was %q", pieces, text, said)
		}
		c.charge(t, h, local, realPrice, last.Usage.Prompt, last.Usage.Completion)
	})
	t.Run("messages", func(t *testing.T) {
		r := c.call(t, "/v1/messages", map[string]any{"model": m.ChatModel, "messages": turns, "max_tokens": 24})
		a := decoded[messagesAnswer](t, r.text)
		if a.Type != "message" || a.Role != "assistant" || len(a.Content) != 1 || a.Content[0].Text != said {
			t.Errorf("%s, by chat it was %q", r.text, said)
		}
		c.charge(t, r.header, local, realPrice, a.Usage.Input, a.Usage.Output)
	})
	t.Run("messages streamed", func(t *testing.T) {
		h, events := c.stream(t, "/v1/messages", map[string]any{"model": m.ChatModel, "messages": turns, "max_tokens": 24})
		text, kinds := "", []string(nil)
		var u tokens
		for _, e := range events {
			p := decoded[messagesEvent](t, e)
			text += p.Delta.Text
			if kinds = append(kinds, p.Type); p.Usage.Output > 0 {
				u = p.Usage
			}
		}
		if text != said || kinds[0] != "message_start" || kinds[len(kinds)-1] != "message_stop" || !slices.Contains(kinds, "content_block_delta") {
			t.Errorf("%q by %v, by chat it was %q", text, kinds, said)
		}
		c.charge(t, h, local, realPrice, u.Input, u.Output)
	})
	t.Run("responses", func(t *testing.T) {
		r := c.call(t, "/v1/responses", map[string]any{"model": m.ChatModel, "input": capital, "max_output_tokens": 24})
		a := decoded[responsesAnswer](t, r.text)
		if a.Object != "response" || len(a.Output) != 1 || len(a.Output[0].Content) != 1 || a.Output[0].Content[0].Text != said {
			t.Errorf("%s, by chat it was %q", r.text, said)
		}
		c.charge(t, r.header, local, realPrice, a.Usage.Input, a.Usage.Output)
	})
	t.Run("schema", func(t *testing.T) {
		const shape = `{"type":"object","additionalProperties":false,"required":["city","country","population"],
			"properties":{"city":{"type":"string"},"country":{"enum":["France","Germany"]},"population":{"type":"integer"}}}`
		r := c.call(t, "/v1/chat/completions", map[string]any{"model": m.ChatModel, "messages": turns, "max_tokens": 100,
			"response_format": map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "place", "schema": json.RawMessage(shape), "strict": true}}})
		a := decoded[chatAnswer](t, r.text)
		resolved, err := decodedSchema(t, shape).Resolve(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := resolved.Validate(decoded[map[string]any](t, a.Choices[0].Message.Content)); err != nil {
			t.Errorf("%s: %v", a.Choices[0].Message.Content, err)
		}
		c.charge(t, r.header, local, realPrice, a.Usage.Prompt, a.Usage.Completion)
	})
	t.Run("embeddings", func(t *testing.T) {
		r := c.call(t, "/v1/embeddings", map[string]any{"model": m.EmbedModel, "input": []string{
			"The cat sat on the mat.", "A kitten rests on a rug.", "Shares fell after the central bank raised its rates.",
		}})
		a := decoded[embedAnswer](t, r.text)
		if len(a.Data) != 3 {
			t.Fatalf("%d vectors", len(a.Data))
		}
		if near, far := a.alike(0, 1), a.alike(0, 2); near < far+0.05 {
			t.Errorf("the same meaning by %.3f, another by %.3f", near, far)
		}
		c.charge(t, r.header, vectors, embedPrice, a.Usage.Prompt, 0)
	})
	t.Run("list", func(t *testing.T) {
		r := c.ask(t, http.MethodGet, "/v1/models", nil, "Authorization", "Bearer "+c.key)
		var ids []string
		for _, d := range decoded[struct{ Data []struct{ ID string } }](t, r.text).Data {
			ids = append(ids, d.ID)
		}
		if !slices.Contains(ids, m.ChatModel) || !slices.Contains(ids, m.EmbedModel) {
			t.Errorf("%d: %v", r.status, ids)
		}
	})
	c.settled(t)
}

// A task whose model is a route: its first provider is down, so that the second, which is real and cheaper, does it
// all, and is what the task pays for. What it plans, calls, says and judges is its own; it is the same each time, for
// the model takes the likeliest token.
func TestATaskByARouteToARealModel(t *testing.T) {
	m := realModel(t)
	nobody, err := net.Listen("tcp", "127.0.0.1:0") // an address where nobody is
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	c := newCaller(t,
		[]string{"down", "--kind", "llama.cpp", "--address", "http://" + nobody.Addr().String() + "/v1", "--model", "big", "--price", "big=50/90"},
		[]string{"local", "--kind", "llama.cpp", "--address", m.ChatURL, "--model", m.ChatModel, "--price", m.ChatModel + "=3/7"},
	)
	c.does("model", "route", "steady", "down/big", "local/"+m.ChatModel, "--installation")
	if r := c.run("model", "test", "down", "--installation"); r.code == 0 || !strings.Contains(r.out+r.err, "connection") {
		t.Errorf("a provider that is down: exit %d: %s%s", r.code, r.out, r.err)
	}
	c.does("credit", "grant", "100", "--id", "own")
	c.does("credit", "price", "set", "tool/*", "--call", "0.000031")

	ws := t.TempDir()
	if err := os.WriteFile(filepath.Join(ws, "notes.txt"), []byte("remember the milk\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	offering(t, c.server.Client, "read_file")
	r := c.run("task", "run", "--model", "steady", "--credits", "50", "--workspace", ws, "Read the file notes.txt.")
	if r.code != 0 || !strings.Contains(r.out, "steady: local/"+m.ChatModel+" answers") || !strings.Contains(r.out, "remember the milk") {
		t.Fatalf("exit %d\n%s%s", r.code, r.out, r.err)
	}
	tasks, err := c.server.Tasks(t.Context(), listAll)
	if err != nil || len(tasks.Items) != 1 {
		t.Fatalf("%+v: %v", tasks, err)
	}
	id := tasks.Items[0].ID
	events := c.story(t, id)
	should, err := costs(events)
	if err != nil {
		t.Fatal(err)
	}
	spent, answers := core.Credits(0), 0
	var planned core.Plan
	var called core.Call
	var saw, answer string
	var judged core.Verdict
	for _, e := range events {
		p, err := e.Payload()
		if err != nil {
			t.Fatal(err)
		}
		switch p := p.(type) {
		case core.ModelSettled:
			answers++
			if p.Provider != "local" || p.Model != m.ChatModel || p.Error != nil || p.Usage.Estimated || p.Cost != realPrice.Tokens(p.Usage) {
				t.Errorf("%+v", p)
			}
			spent += p.Cost
			t.Logf("%d tokens in, %d out, at %s", p.Usage.Input, p.Usage.Output, e.At.Format("05.0"))
		case core.ToolSettled:
			spent += 31
			saw = p.Output.Text
		case core.TaskPlanned:
			planned = p.Plan
		case core.ToolRequested:
			called.Tool, called.Arguments = p.Call.Tool, []byte(p.Call.Arguments.Text)
		case core.VerdictGiven:
			judged = p.Verdict
		case core.TaskFinished:
			answer = p.Answer.Text
		}
	}
	if len(planned.Steps) != 1 || !strings.Contains(planned.Steps[0].Title, "notes.txt") || planned.Summary == "" { // what stands in for a plan has no summary
		t.Errorf("planned: %+v", planned)
	}
	if called.Tool != "read_file" || string(called.Arguments) != `{"path":"notes.txt"}` || saw != "remember the milk\n" {
		t.Errorf("called %s %s, which said %q", called.Tool, called.Arguments, saw)
	}
	if !strings.Contains(answer, "remember the milk") || judged != core.Success {
		t.Errorf("answered %q, judged %s", answer, judged)
	}
	until(t, func() bool {
		b, err := c.server.Balance(t.Context())
		return err == nil && b.Held == 0 && b.Spent >= spent
	},
		func() string { return "the task isn't charged" })
	b, err := c.server.Balance(t.Context())
	if err != nil || b.Spent != spent || b.Available != 100*core.Credit-spent || answers < 4 {
		t.Errorf("%d answers for %s, and the books say %+v: %v", answers, spent, b, err)
	}
	if diff := cmp.Diff(should, c.consumed(t, id)); diff != "" {
		t.Errorf("charged otherwise than it says (-says +charged):\n%s", diff)
	}
}
