package modeltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model"
)

// RunPort is the part of the suite that needs no wire: what Fake passes too.
// open returns a model that follows the script.
func RunPort(t *testing.T, open func(t testing.TB, s Script) model.Model) {
	for name, test := range map[string]func(*testing.T, func(...Answer) model.Model){
		"plain answer": testPlain, "no usage": testNoUsage, "streaming": testStreaming, "parallel calls": testCalls,
		"broken calls": testBrokenCalls, "foreign shapes": testForeign, "schema": testSchema, "statuses": testStatuses,
		"cut": testCut, "canceled": testCanceled, "canceled before": testCanceledBefore, "concurrency": testConcurrency,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, func(a ...Answer) model.Model { return open(t, Answers(a...)) })
		})
	}
	t.Run("conversation", func(t *testing.T) {
		t.Parallel()
		testConversation(t, open)
	})
}

var tools = []model.ToolSpec{
	{Name: "read_file", Description: "Reads a file.", Schema: json.RawMessage(`{"type":"object","properties":{"path":{"type":"string"}},"required":["path"]}`)},
	{Name: "list_files", Description: "Lists files.", Schema: json.RawMessage(`{"type":"object","properties":{}}`)},
}

func ask(text string) model.Request {
	return model.Request{Model: "scripted", Purpose: model.Work, Tools: tools, Messages: []model.Message{{Role: model.User, Text: text}}}
}

func collect(t testing.TB, m model.Model, r model.Request) model.Answer {
	t.Helper()
	a, err := model.Collect(t.Context(), m, r, nil)
	if err != nil {
		t.Fatalf("Collect: %v", err)
	}
	return a
}

func testPlain(t *testing.T, open func(...Answer) model.Model) {
	m := open(Answer{Text: "Grüße, världen!\nA second line.", Usage: &core.Usage{Input: 3, Output: 7, Cached: 2}})
	var text string
	chunks, done := 0, 0
	var usage core.Usage
	for c, err := range m.Stream(t.Context(), ask("hello")) {
		if err != nil {
			t.Fatal(err)
		}
		if done > 0 {
			t.Error("a chunk came after Done")
		}
		if chunks++; c.Done {
			done++
		}
		if c.Usage != nil {
			usage = *c.Usage
		}
		text += c.Text
	}
	if text != "Grüße, världen!\nA second line." || chunks < 2 || done != 1 || usage != (core.Usage{Input: 3, Output: 7, Cached: 2}) {
		t.Errorf("text %q in %d chunks, done %d times, usage %+v", text, chunks, done, usage)
	}
}

func testNoUsage(t *testing.T, open func(...Answer) model.Model) {
	if a := collect(t, open(Answer{Text: "x", NoUsage: true}), ask("hello")); a.Text != "x" || a.Usage != (core.Usage{}) {
		t.Errorf("%+v", a)
	}
}

// The text comes while the answer is still going on; leaving the loop ends it.
func testStreaming(t *testing.T, open func(...Answer) model.Model) {
	m := open(Answer{Text: "early", HangWithin: true})
	for c, err := range m.Stream(t.Context(), ask("hello")) {
		if err != nil || c.Text != "early" {
			t.Fatalf("%+v, %v", c, err)
		}
		break
	}
}

func testCalls(t *testing.T, open func(...Answer) model.Model) {
	long := `{"path":"` + strings.Repeat("a/", 300) + `é"}`
	a := collect(t, open(Answer{Text: "Let me see.", Calls: []Call{
		{ID: "call_1", Name: "read_file", Arguments: long}, {ID: "call_2", Name: "list_files", Arguments: ""}, {Name: "list_files", Arguments: "{}"},
	}}), ask("hello"))
	want := []string{"read_file " + long, "list_files {}", "list_files {}"}
	if d := cmp.Diff(want, show(a.Calls)); d != "" || a.Text != "Let me see." {
		t.Errorf("text %q, calls (-want +got):\n%s", a.Text, d)
	}
	seen := map[core.CallID]bool{}
	for _, c := range a.Calls {
		if c.ID == "" || seen[c.ID] {
			t.Errorf("id %q is empty or not unique", c.ID)
		}
		seen[c.ID] = true
	}
}

func show(calls []core.Call) []string {
	var s []string
	for _, c := range calls {
		line := c.Tool + " " + string(c.Arguments)
		if c.Problem != "" {
			line += " !"
		}
		s = append(s, line)
	}
	return s
}

func testBrokenCalls(t *testing.T, open func(...Answer) model.Model) {
	a := collect(t, open(Answer{Calls: []Call{
		{ID: "1", Name: "read_file", Arguments: `{"path":`}, {ID: "2", Name: "read_file", Arguments: `["a"]`},
		{ID: "3", Name: "read_files", Arguments: `{}`}, {ID: "4", Name: "read_file", Arguments: `{"path":1}`},
	}}), ask("hello"))
	want := []string{"read_file {} !", "read_file {} !", "read_files {} !", `read_file {"path":1} !`}
	if d := cmp.Diff(want, show(a.Calls)); d != "" {
		t.Errorf("calls (-want +got):\n%s", d)
	}
	for i, part := range []string{"valid JSON", "JSON object", "did you mean read_file?", "schema"} {
		if i < len(a.Calls) && !strings.Contains(a.Calls[i].Problem, part) {
			t.Errorf("problem %q doesn't say %q", a.Calls[i].Problem, part)
		}
	}
}

func testForeign(t *testing.T, open func(...Answer) model.Model) {
	want := []string{`read_file {"path":"a"}`}
	for _, text := range []string{
		`{"tool":{"name":"read_file","args":{"path":"a"}}}`,
		`{"tool_call":{"name":"read_file","arguments":{"path":"a"}}}`,
		`{"function_call":{"name":"read_file","arguments":"{\"path\":\"a\"}"}}`,
		"```json\n{\"name\":\"read_file\",\"arguments\":{\"path\":\"a\"}}\n```",
		"<tool_call>{\"name\":\"read_file\",\"arguments\":{\"path\":\"a\"}}</tool_call>",
	} {
		a := collect(t, open(Answer{Text: text}), ask("hello"))
		if d := cmp.Diff(want, show(a.Calls)); d != "" || a.Text != "" {
			t.Errorf("%s: text %q, calls (-want +got):\n%s", text, a.Text, d)
		}
	}
	prose := "Use this:\n```go\n{}\n```\n{\"title\": 1}"
	if a := collect(t, open(Answer{Text: prose}), ask("hello")); a.Text != prose || a.Calls != nil {
		t.Errorf("ordinary text became %q with calls %v", a.Text, a.Calls)
	}
}

func testSchema(t *testing.T, open func(...Answer) model.Model) {
	r := ask("hello")
	r.Schema = &model.Schema{Name: "plan", JSON: json.RawMessage(`{"type":"object"}`)}
	for _, text := range []string{`{"tool_call":{"name":"read_file","arguments":{}}}`, "```json\n" + `{"tool_call":{"name":"read_file","arguments":{}}}` + "\n```"} {
		a := collect(t, open(Answer{Text: text}), r)
		if a.Text != `{"tool_call":{"name":"read_file","arguments":{}}}` || a.Calls != nil {
			t.Errorf("text %q, calls %v", a.Text, a.Calls)
		}
	}
}

func testStatuses(t *testing.T, open func(...Answer) model.Model) {
	for status, want := range map[int]core.Code{
		http.StatusUnauthorized: core.Unauthenticated, http.StatusForbidden: core.Denied, http.StatusNotFound: core.NotFound,
		http.StatusBadRequest: core.Invalid, http.StatusUnprocessableEntity: core.Invalid,
	} {
		_, err := model.Collect(t.Context(), open(Answer{Status: status, Error: "that's why"}), ask("hello"), nil)
		if core.CodeOf(err) != want || !strings.Contains(fmt.Sprint(err), "that's why") {
			t.Errorf("status %d: code %q, %v", status, core.CodeOf(err), err)
		}
	}
}

func testCut(t *testing.T, open func(...Answer) model.Model) {
	a, err := model.Collect(t.Context(), open(Answer{Text: "half an ans", Cut: true}, Answer{Text: "again"}), ask("hello"), nil)
	if core.CodeOf(err) != core.Unavailable || a.Text != "half an ans" {
		t.Errorf("text %q, %v", a.Text, err)
	}
}

// A cancellation is the caller's own: its code, and the cause that was given.
func testCanceled(t *testing.T, open func(...Answer) model.Model) {
	why := errors.New("shutting down")
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	_, err := model.Collect(ctx, open(Answer{Text: "text", HangWithin: true}), ask("hello"), func(string) { cancel(why) })
	if core.CodeOf(err) != core.Canceled || !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
		t.Errorf("code %q, %v", core.CodeOf(err), err)
	}
}

func testCanceledBefore(t *testing.T, open func(...Answer) model.Model) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := model.Collect(ctx, open(Answer{Text: "text"}), ask("hello"), nil); core.CodeOf(err) != core.Canceled {
		t.Errorf("code %q, %v", core.CodeOf(err), err)
	}
}

func testConcurrency(t *testing.T, open func(...Answer) model.Model) {
	const n = 32
	var list []Answer
	for i := range n {
		list = append(list, Answer{Text: fmt.Sprintf("answer number %d", i), Calls: []Call{{Name: "list_files"}}})
	}
	m := open(list...)
	var mu sync.Mutex
	got := map[string]int{}
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			a, err := model.Collect(t.Context(), m, ask("hello"), nil)
			if err != nil || len(a.Calls) != 1 {
				t.Errorf("%+v, %v", a, err)
			}
			mu.Lock()
			defer mu.Unlock()
			got[a.Text]++
		})
	}
	wg.Wait()
	if len(got) != n {
		t.Errorf("%d different answers, want %d: %v", len(got), n, got)
	}
}

// What a driver sends is what it was given: turns, calls and their results.
func testConversation(t *testing.T, open func(testing.TB, Script) model.Model) {
	asked := make(chan Request, 2)
	m := open(t, func(n int, r Request) Answer {
		asked <- r
		if n == 0 {
			return Answer{Calls: []Call{{Name: "list_files"}, {Name: "no such tool!", Arguments: "x"}}}
		}
		return Answer{Text: "done"}
	})
	r := ask("what is here?")
	r.System = "be brief"
	first := collect(t, m, r)
	r.Messages = append(r.Messages,
		model.Message{Role: model.Assistant, Calls: first.Calls},
		model.Message{Role: model.Tool, CallID: first.Calls[0].ID, Text: "a.txt"},
		model.Message{Role: model.Tool, CallID: first.Calls[1].ID, Text: first.Calls[1].Problem, Failed: true})
	if a := collect(t, m, r); a.Text != "done" {
		t.Errorf("text %q", a.Text)
	}
	<-asked
	q := <-asked
	if q.System != "be brief" || q.Model != "scripted" || len(q.Messages) != 4 || len(q.Tools) != 2 {
		t.Fatalf("the model was asked %+v", q)
	}
	turn := q.Messages[1]
	if len(turn.Calls) != 2 || turn.Calls[0].ID != q.Messages[2].CallID || turn.Calls[1].ID != q.Messages[3].CallID {
		t.Errorf("calls %+v don't fit their results %+v", turn.Calls, q.Messages[2:])
	}
	if q.Messages[2].Text != "a.txt" || !strings.Contains(q.Last(), "no such tool") {
		t.Errorf("results %+v", q.Messages[2:])
	}
}
