package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// agent is somebody else's agent, with a credential.
type agentOf struct {
	t testing.TB
	*sdk.ClientSession
}

func (w *town) agent(bearer string) agentOf {
	w.t.Helper()
	transport := &http.Transport{}
	c := sdk.NewClient(&sdk.Implementation{Name: "agent", Version: "1"}, nil)
	cs, err := c.Connect(w.t.Context(), &sdk.StreamableClientTransport{Endpoint: w.url + "/mcp", HTTPClient: &http.Client{Transport: bearing{bearer, transport}}}, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = cs.Close()
		transport.CloseIdleConnections()
	})
	return agentOf{w.t, cs}
}

type bearing struct {
	token string
	next  http.RoundTripper
}

func (b bearing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}

// calls calls a tool, and returns its text and whether it failed.
func (a agentOf) calls(tool string, args map[string]any) (string, bool) {
	a.t.Helper()
	got, err := a.CallTool(a.t.Context(), &sdk.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		a.t.Fatalf("%s: %v", tool, err)
	}
	return got.Content[0].(*sdk.TextContent).Text, got.IsError
}

func TestAgentsElsewhereHaveTools(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a := w.agent(w.access("olga"))
	all := must(a.ListTools(t.Context(), nil))(t)
	readOnly := map[string]bool{}
	for _, tl := range all.Tools {
		readOnly[tl.Name] = tl.Annotations.ReadOnlyHint
	}
	if len(readOnly) != 11 || readOnly["create_task"] || !readOnly["show_task"] || readOnly["cancel_task"] {
		t.Errorf("the tools are %v", readOnly)
	}
	text, bad := a.calls("create_task", map[string]any{"prompt": "a shelf", "idempotency_key": "one"})
	var task client.TaskDetail
	if err := json.Unmarshal([]byte(text), &task); err != nil || bad || task.Kind != core.KindApp {
		t.Fatalf("%s, %v", text, err)
	}
	if again, _ := a.calls("create_task", map[string]any{"prompt": "a shelf", "idempotency_key": "one"}); !strings.Contains(again, string(task.ID)) {
		t.Errorf("the same key makes another task: %s", again)
	}
	if text, bad := a.calls("task_events", map[string]any{"task": task.ID}); bad || !strings.Contains(text, "task.created") {
		t.Errorf("events: %s", text)
	}
	if text, bad := a.calls("cancel_task", map[string]any{"task": task.ID, "reason": "enough"}); bad || !strings.Contains(text, string(task.ID)) {
		t.Errorf("cancel: %s", text)
	}
	if text, bad := a.calls("task_events", map[string]any{"task": task.ID, "after": 1}); bad || !strings.Contains(text, "task.cancel_requested") {
		t.Errorf("it wasn't cancelled: %s", text)
	}
	if text, bad := a.calls("list_apps", nil); bad || !strings.Contains(text, `"items":[]`) {
		t.Errorf("apps: %s", text)
	}
	if text, bad := a.calls("show_task", map[string]any{"task": "tsk_none"}); !bad || !strings.HasPrefix(text, "not_found: ") {
		t.Errorf("a task that isn't there: %s", text)
	}
}

// Each tool takes what its route takes.
func TestAgentsElsewhereHaveTheirOwnRights(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	task := must(w.olga.CreateTask(t.Context(), client.NewTask{Kind: core.KindApp, Prompt: "a shelf"}, ""))(t)
	key := must(w.olga.CreateKey(t.Context(), client.NewKey{Name: "k", Scopes: []string{"tasks:read"}}, ""))(t)
	a := w.agent(key.Text)
	if text, bad := a.calls("show_task", map[string]any{"task": task.ID}); bad {
		t.Errorf("what the key may: %s", text)
	}
	for tool, args := range map[string]map[string]any{
		"create_task": {"prompt": "x"}, "cancel_task": {"task": task.ID}, "list_apps": {}, "app_logs": {"app": "app_x"}, "change_app": {"app": "app_x", "prompt": "x"}, "list_mcp_servers": {},
	} {
		if text, bad := a.calls(tool, args); !bad || !strings.HasPrefix(text, "denied: ") || !strings.Contains(text, "scope") {
			t.Errorf("%s: %s", tool, text)
		}
	}
	w.otherOrg("paul")
	if text, bad := w.agent(w.access("paul")).calls("show_task", map[string]any{"task": task.ID}); !bad || !strings.HasPrefix(text, "not_found: ") {
		t.Errorf("another org's task: %s", text)
	}
}

func TestNobodyElseSpeaksMCP(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	const ping = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	headers := []string{"Accept", "application/json, text/event-stream"}
	for name, tt := range map[string]struct {
		headers []string
		status  int
	}{
		"without a credential": {[]string{"Authorization", ""}, 401},
		"with a wrong one":     {[]string{"Authorization", "Bearer nobody"}, 401},
		"from another origin":  {[]string{"Authorization", "Bearer " + w.access("olga"), "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403},
		"as it should be":      {[]string{"Authorization", "Bearer " + w.access("olga")}, 200},
	} {
		got := w.do("POST", "/mcp", ping, append(tt.headers, headers...)...)
		if got.status != tt.status || tt.status == 401 && got.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := w.do("GET", "/mcp", "", "Authorization", "Bearer "+w.access("olga")); got.status != 405 || got.header.Get("Allow") != "POST" {
		t.Errorf("GET: %d %v", got.status, got.header)
	}
	if got := w.do("POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"`+strings.Repeat("x", 2<<20)+`"}}`, append(headers, "Authorization", "Bearer "+w.access("olga"))...); got.status != 413 {
		t.Errorf("too large: %d", got.status)
	}
}
