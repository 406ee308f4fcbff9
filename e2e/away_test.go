package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/modeltest"
)

// twice scripts a task that makes a call, then has something taken away, makes it again, and says
// what it was shown.
func twice(c modeltest.Call, away func()) modeltest.Script {
	gone := sync.OnceFunc(away)
	return func(_ int, r modeltest.Request) modeltest.Answer {
		switch kind, turn := turnOf(r); {
		case kind == planning:
			return onePlan
		case kind == judging:
			return aSuccess
		case turn == 0:
			return modeltest.Answer{Calls: []modeltest.Call{c}}
		case turn == 1:
			first := r.Last()
			gone()
			return modeltest.Answer{Text: "First: " + first, Calls: []modeltest.Call{c}}
		default:
			return modeltest.Answer{Text: "Then: " + r.Last()}
		}
	}
}

// away is a server of the test's that goes away for good: what is under way is cut, and nobody
// listens any more.
func away(s *httptest.Server) func() {
	return func() {
		s.CloseClientConnections()
		s.Close()
	}
}

// runs has a task do the work, and returns what the model was shown each time.
func (s *server) runs(t *testing.T) (first, then string, d client.TaskDetail) {
	t.Helper()
	made, err := s.CreateTask(t.Context(), client.NewTask{Kind: core.KindTask, Prompt: "do it twice"}, "")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	d = s.ended(t, made.ID)
	if took := time.Since(began); took > 90*time.Second {
		t.Errorf("it took %s", took)
	}
	for e, err := range s.TaskEvents(t.Context(), made.ID, 0) {
		if err != nil {
			t.Fatal(err)
		}
		p, err := e.Payload()
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := p.(core.ModelSettled); ok && first == "" && strings.HasPrefix(m.Text.Text, "First: ") {
			first = m.Text.Text
		}
	}
	return first, d.Answer, d
}

func hostOf(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }

// The search engine goes away: the model is told, and the task goes on.
func TestASearchEngineGoesAway(t *testing.T) {
	t.Parallel()
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"results":[{"title":"Found","url":"https://example.com/found","content":"it is there"}]}`)
	}))
	t.Cleanup(engine.Close)
	up := upstream(t, twice(call("s", "web_search", map[string]string{"query": "isekai"}), away(engine)))
	s := serve(t, t.TempDir(), cleanEnv(append(modelEnv(up), "ISEKAI_EGRESS_ALLOW="+hostOf(engine), "ISEKAI_SEARCH_KIND=searxng", "ISEKAI_SEARCH_URL="+engine.URL)...))
	first, then, d := s.runs(t)
	if d.Status != core.StatusSucceeded || !strings.Contains(first, "it is there") || !strings.Contains(then, "doesn't answer") && !strings.Contains(then, "can't be reached") {
		t.Errorf("%s: at first %q, then %q; %+v", d.Status, first, then, d.Error)
	}
}

// What makes embeddings goes away: passages are found by their words, and that is said.
func TestAnEmbedderGoesAway(t *testing.T) {
	t.Parallel()
	vectors := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Input any }
		_ = json.NewDecoder(r.Body).Decode(&in)
		texts, many := in.Input.([]any)
		if !many {
			texts = []any{in.Input}
		}
		var data []map[string]any
		for i, text := range texts { // near each other where they have letters in common
			v := make([]float64, 26)
			for _, c := range strings.ToLower(fmt.Sprint(text)) {
				if c >= 'a' && c <= 'z' {
					v[c-'a']++
				}
			}
			data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": v})
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "model": "letters", "data": data, "usage": map[string]int{"prompt_tokens": 1, "total_tokens": 1}})
	}))
	t.Cleanup(vectors.Close)
	up := upstream(t, twice(call("r", "recall", map[string]string{"question": "where does the zebra sleep"}), away(vectors)))
	s := serve(t, t.TempDir(), cleanEnv(append(modelEnv(up), "ISEKAI_EGRESS_ALLOW="+hostOf(vectors), "ISEKAI_MEMORY_MODEL=letters")...))
	ctx := t.Context()
	if _, err := s.PutModelProvider(ctx, false, "vectors", client.NewModelProvider{
		Kind: "openai-compatible", Address: vectors.URL + "/v1", Models: []client.ProviderModel{{Name: "letters"}}, Speaks: []string{"embeddings"},
	}, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddDocument(ctx, client.NewDocument{Source: "zoo.md", Text: "# Zebras\n\nThe zebra sleeps in the stable by the river.\n"}, ""); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { // its parts are embedded in the background
		a, err := s.Recall(ctx, client.Question{Question: "zebra"})
		return err == nil && len(a.Lacks) == 0 && len(a.Hits) > 0
	}, func() string { return "the document isn't found by meaning" })
	first, then, d := s.runs(t)
	if d.Status != core.StatusSucceeded || !strings.Contains(first, "stable by the river") || strings.Contains(first, "words alone") {
		t.Errorf("%s: at first %q; %+v", d.Status, first, d.Error)
	}
	if !strings.Contains(then, "stable by the river") || !strings.Contains(then, "words") {
		t.Errorf("then %q", then)
	}
}

// echoes is an MCP server with a tool that repeats what it is told.
func echoes() http.Handler {
	tools := sdk.NewServer(&sdk.Implementation{Name: "far", Version: "1"}, nil)
	sdk.AddTool(tools, &sdk.Tool{Name: "echo", Annotations: &sdk.ToolAnnotations{ReadOnlyHint: true}}, func(_ context.Context, _ *sdk.CallToolRequest, in struct {
		Text string `json:"text"`
	}) (*sdk.CallToolResult, any, error) {
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: "heard " + in.Text}}}, nil, nil
	})
	return sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return tools }, nil)
}

// An MCP server goes away between two calls: the second fails at once, and says so and what to do.
func TestAnMCPServerGoesAway(t *testing.T) {
	t.Parallel()
	peer := httptest.NewServer(echoes())
	t.Cleanup(peer.Close)
	up := upstream(t, twice(call("e", "peer_echo", map[string]string{"text": "you"}), away(peer)))
	s := serve(t, t.TempDir(), cleanEnv(append(modelEnv(up), "ISEKAI_EGRESS_ALLOW="+hostOf(peer))...))
	if _, err := s.PutMCPServer(t.Context(), "peer", client.NewMCPServer{Transport: "http", Address: peer.URL, Trust: true}, ""); err != nil {
		t.Fatal(err)
	}
	first, then, d := s.runs(t)
	if d.Status != core.StatusSucceeded || !strings.Contains(first, "heard you") || strings.Contains(then, "heard you") ||
		!strings.Contains(then, "the MCP server peer ") || !strings.Contains(then, "isekai mcp test peer says ") {
		t.Errorf("%s: at first %q, then %q; %+v", d.Status, first, then, d.Error)
	}
	if n := s.made(t, d.ID, "peer_echo"); n > 8 { // each call of the three attempts once, and at first again
		t.Errorf("the tool was called %d times", n)
	}
}

// An MCP server takes connections, and then nothing comes of them: the task goes on without it, in
// bounded time, and says what to do.
func TestAnMCPServerHangs(t *testing.T) {
	t.Parallel()
	var hangs atomic.Bool
	over := make(chan struct{})
	works := echoes()
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hangs.Load() {
			<-over
			return
		}
		works.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		close(over)
		peer.CloseClientConnections()
		peer.Close()
	})
	up := upstream(t, twice(call("e", "peer_echo", map[string]string{"text": "you"}), func() {
		hangs.Store(true)
		peer.CloseClientConnections()
	}))
	s := serve(t, t.TempDir(), cleanEnv(append(modelEnv(up), "ISEKAI_EGRESS_ALLOW="+hostOf(peer))...))
	if _, err := s.PutMCPServer(t.Context(), "peer", client.NewMCPServer{Transport: "http", Address: peer.URL, Trust: true, TimeoutMS: 5000}, ""); err != nil {
		t.Fatal(err)
	}
	first, then, d := s.runs(t)
	if d.Status != core.StatusSucceeded || !strings.Contains(first, "heard you") || strings.Contains(then, "heard you") ||
		!strings.Contains(then, "the MCP server peer ") || !strings.Contains(then, "isekai mcp test peer says ") {
		t.Errorf("%s: at first %q, then %q; %+v", d.Status, first, then, d.Error)
	}
}

// made is how often a task has begun to call a tool.
func (s *server) made(t *testing.T, id core.TaskID, tool string) (n int) {
	t.Helper()
	for e, err := range s.TaskEvents(t.Context(), id, 0) {
		if err != nil {
			t.Fatal(err)
		}
		p, err := e.Payload()
		if err != nil {
			t.Fatal(err)
		}
		if r, ok := p.(core.ToolRequested); ok && r.Call.Tool == tool {
			n++
		}
	}
	return n
}

// The model goes away: a task ends with what would help, and an app is made by the planner that
// needs none.
func TestAModelGoesAway(t *testing.T) {
	t.Parallel()
	up := modeltest.NewServer(func(_ int, r modeltest.Request) modeltest.Answer {
		if kind, _ := turnOf(r); kind == planning && !strings.Contains(fmt.Sprint(r.Messages), "reading list") {
			return onePlan
		}
		return modeltest.Answer{HangBefore: true}
	})
	t.Cleanup(up.Close)
	s := serve(t, t.TempDir(), cleanEnv(modelEnv(up)...))
	ctx := t.Context()
	task, err := s.CreateTask(ctx, client.NewTask{Kind: core.KindTask, Prompt: "do it"}, "")
	if err != nil {
		t.Fatal(err)
	}
	app, err := s.CreateTask(ctx, client.NewTask{Kind: core.KindApp, Prompt: "a reading list with title and author"}, "")
	if err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { // both are being answered
		a, err := s.Task(ctx, task.ID)
		b, again := s.Task(ctx, app.ID)
		return err == nil && again == nil && a.Calls >= 2 && b.Calls >= 1
	}, func() string { return "the model isn't asked" })
	up.Close()
	if d := s.ended(t, task.ID); d.Status != core.StatusFailed || d.Error == nil || d.Error.Code != core.Unavailable || d.Error.Hint == "" {
		t.Errorf("the task %s: %+v", d.Status, d.Error)
	}
	if d := s.ended(t, app.ID); d.Status != core.StatusSucceeded || d.Model != "blueprint" {
		t.Errorf("the app %s by %s: %+v", d.Status, d.Model, d.Error)
	}
}
