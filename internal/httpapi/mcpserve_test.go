package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/vault/credential"
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
	if len(readOnly) != 19 || readOnly["create_task"] || !readOnly["show_task"] || readOnly["cancel_task"] {
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

// What a project knows and the skills that it has are there by the routes' own way: with their
// records, and as they are for tasks.
func TestAgentsElsewhereHaveMemoryAndSkills(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(cfg *httpapi.Config, _ *identity.Config, _ *credential.Config) {
		cfg.Model = func(context.Context, core.OrgID, string) (string, error) { return "gpt", nil }
	})
	ctx := t.Context()
	must(w.olga.AddSkill(ctx, client.NewSkill{Archive: skillOf(t, "csv")}, ""))(t)
	must(w.olga.AddDocument(ctx, client.NewDocument{Source: "zoo.md", Text: "# Zebras\n\nThe zebra sleeps in the stable.\n"}, ""))(t)
	a := w.agent(w.access("olga"))
	if text, bad := a.calls("remember", map[string]any{"text": "olga likes tea"}); !bad || !strings.HasPrefix(text, "denied: ") {
		t.Errorf("before anybody has allowed it: %s", text)
	}
	must(w.olga.SetMemorySettings(ctx, client.MemorySettings{Remember: true}, ""))(t)
	text, bad := a.calls("remember", map[string]any{"text": "olga likes tea", "idempotency_key": "one"})
	var fact client.Fact
	if err := json.Unmarshal([]byte(text), &fact); err != nil || bad || fact.Text != "olga likes tea" || fact.By != must(w.olga.Facts(ctx))(t)[0].By {
		t.Fatalf("%s, %v", text, err)
	}
	if again, _ := a.calls("remember", map[string]any{"text": "olga likes tea", "idempotency_key": "one"}); !strings.Contains(again, fact.ID) {
		t.Errorf("the same key remembers another fact: %s", again)
	}
	for tool, tt := range map[string]struct {
		args map[string]any
		has  []string
	}{
		"list_facts":     {nil, []string{fact.ID, "olga likes tea"}},
		"list_documents": {nil, []string{"zoo.md"}},
		"recall":         {map[string]any{"question": "where does the zebra sleep", "kind": "document"}, []string{"The zebra sleeps in the stable.", "zoo.md"}},
		"list_skills":    {nil, []string{`"csv"`, `"code-review"`}},
		"show_skill":     {map[string]any{"skill": "csv"}, []string{"Do it, of csv.", `"app.py"`, "Bash(git:*)"}},
		"run_skill":      {map[string]any{"skill": "csv", "prompt": "count the rows"}, []string{`"kind":"task"`, "Use the skill csv for this:", "count the rows"}},
	} {
		text, bad := a.calls(tool, tt.args)
		for _, has := range tt.has {
			if bad || !strings.Contains(text, has) {
				t.Errorf("%s has no %q: %s", tool, has, text)
			}
		}
	}
	if text, bad := a.calls("recall", map[string]any{"question": "tea", "kind": "fact"}); bad || !strings.Contains(text, "olga likes tea") || strings.Contains(text, "zebra") {
		t.Errorf("facts alone: %s", text)
	}
	if text, bad := a.calls("forget", map[string]any{"fact": fact.ID}); bad || !strings.Contains(text, fact.ID) || len(must(w.olga.Facts(ctx))(t)) != 0 {
		t.Errorf("forget: %s", text)
	}
	if text, bad := a.calls("forget", map[string]any{"fact": fact.ID}); !bad || !strings.HasPrefix(text, "not_found: ") {
		t.Errorf("forget again: %s", text)
	}
	if err := w.olga.EnableSkill(ctx, "csv", false); err != nil {
		t.Fatal(err)
	}
	if text, bad := a.calls("run_skill", map[string]any{"skill": "csv", "prompt": "x"}); !bad || !strings.HasPrefix(text, "denied: ") || !strings.Contains(text, "isekai skill enable csv") {
		t.Errorf("a skill that is off: %s", text)
	}
	if text, _ := a.calls("list_skills", nil); strings.Contains(text, `"csv"`) {
		t.Errorf("a skill that is off is listed: %s", text)
	}
	if text, bad := a.calls("run_skill", map[string]any{"skill": "none", "prompt": "x"}); !bad || !strings.HasPrefix(text, "not_found: ") {
		t.Errorf("no skill: %s", text)
	}
	if done := w.audited(w.me(w.olga).Org); strings.Count(done, "memory.remember") != 1 || strings.Count(done, "memory.forget") != 1 {
		t.Errorf("on record is %s", done)
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
		"recall": {"question": "x"}, "remember": {"text": "x"}, "forget": {"fact": "mem_x"}, "list_facts": {}, "list_documents": {},
		"list_skills": {}, "show_skill": {"skill": "code-review"}, "run_skill": {"skill": "code-review", "prompt": "x"},
	} {
		if text, bad := a.calls(tool, args); !bad || !strings.HasPrefix(text, "denied: ") || !strings.Contains(text, "scope") {
			t.Errorf("%s: %s", tool, text)
		}
	}
	reader := w.agent(must(w.olga.CreateKey(t.Context(), client.NewKey{Name: "reader", Scopes: []string{"memory:read", "skills:read"}}, ""))(t).Text)
	for tool, args := range map[string]map[string]any{"remember": {"text": "x"}, "forget": {"fact": "mem_x"}, "run_skill": {"skill": "code-review", "prompt": "x"}} {
		if text, bad := reader.calls(tool, args); !bad || !strings.HasPrefix(text, "denied: ") || !strings.Contains(text, "scope") {
			t.Errorf("%s by who may read: %s", tool, text)
		}
	}
}

// A key of another org sees nothing of this one.
func TestAgentsElsewhereSeeTheirOwnOrgAlone(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	task := must(w.olga.CreateTask(ctx, client.NewTask{Kind: core.KindApp, Prompt: "a shelf"}, ""))(t)
	must(w.olga.AddSkill(ctx, client.NewSkill{Archive: skillOf(t, "csv"), Shared: true}, ""))(t)
	must(w.olga.AddDocument(ctx, client.NewDocument{Source: "zoo.md", Text: "The zebra sleeps in the stable.\n"}, ""))(t)
	must(w.olga.SetMemorySettings(ctx, client.MemorySettings{Remember: true}, ""))(t)
	fact := must(w.olga.Remember(ctx, client.NewFact{Text: "the zebra likes tea"}, ""))(t)
	_, paul := w.otherOrg("paul")
	key := must(paul.CreateKey(ctx, client.NewKey{Name: "k", Scopes: []string{"tasks:read", "tasks:write", "memory:read", "memory:write", "skills:read"}}, ""))(t)
	a := w.agent(key.Text)
	for tool, args := range map[string]map[string]any{
		"show_task": {"task": task.ID}, "forget": {"fact": fact.ID}, "show_skill": {"skill": "csv"}, "run_skill": {"skill": "csv", "prompt": "x"},
	} {
		if text, bad := a.calls(tool, args); !bad || !strings.HasPrefix(text, "not_found: ") {
			t.Errorf("%s of another org's: %s", tool, text)
		}
	}
	for tool, args := range map[string]map[string]any{"list_tasks": nil, "list_facts": nil, "list_documents": nil, "recall": {"question": "zebra"}} {
		if text, bad := a.calls(tool, args); bad || strings.Contains(text, "zebra") || strings.Contains(text, "zoo.md") || !strings.Contains(text, `":[]`) {
			t.Errorf("%s: %s", tool, text)
		}
	}
	if text, bad := a.calls("list_skills", nil); bad || strings.Contains(text, `"csv"`) || !strings.Contains(text, `"code-review"`) {
		t.Errorf("skills: %s", text)
	}
	if left := must(w.olga.Facts(ctx))(t); len(left) != 1 {
		t.Errorf("left are %v", left)
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
