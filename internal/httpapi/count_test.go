package httpapi_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
)

// counted are the requests of all operations.
type counted struct {
	mu    sync.Mutex
	asked map[string]int         // for counters
	open  map[string]int         // under way
	ended map[string]map[int]int // by status
	told  chan struct{}          // of each that ended
}

func newCounted() *counted {
	return &counted{asked: map[string]int{}, open: map[string]int{}, ended: map[string]map[int]int{}, told: make(chan struct{}, 100)}
}

func (c *counted) of(operation string) httpapi.RequestCounter {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[operation]++
	return counter{c, operation}
}

func (c *counted) take() (open map[string]int, ended map[string]map[int]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	open, ended = maps.Clone(c.open), c.ended
	maps.DeleteFunc(open, func(_ string, n int) bool { return n == 0 })
	c.ended = map[string]map[int]int{}
	return open, ended
}

type counter struct {
	all       *counted
	operation string
}

// Begun implements httpapi.RequestCounter.
func (c counter) Begun() {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	c.all.open[c.operation]++
}

// Ended implements httpapi.RequestCounter.
func (c counter) Ended(status int, took time.Duration) {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	if c.all.open[c.operation]--; took <= 0 {
		status = -1
	}
	if c.all.ended[c.operation] == nil {
		c.all.ended[c.operation] = map[int]int{}
	}
	c.all.ended[c.operation][status]++
	c.all.told <- struct{}{}
}

// TestRequestsAreCounted by operation and status, whatever becomes of them.
func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	all := newCounted()
	r := newRig(t, func(cfg *httpapi.Config) { cfg.Requests = all.of })
	task := "/v1/tasks/" + string(r.task)
	for name, c := range map[string]struct {
		method, path, body string
		token              string
		operation          string
		status             int
	}{
		"what is there":      {"GET", task, "", token, "show-task", 200},
		"what is made":       {"POST", "/v1/tasks", `{"kind":"app","prompt":"a shelf"}`, token, "create-task", 201},
		"what isn't":         {"GET", "/v1/tasks/tsk_other", "", token, "show-task", 404},
		"no input":           {"POST", "/v1/tasks", `{"kind":"app"}`, token, "create-task", 422},
		"too much":           {"POST", "/v1/tasks", `{"prompt":"` + strings.Repeat("x", 300<<10) + `"}`, token, "create-task", 413},
		"no credential":      {"GET", task, "", "wrong", "show-task", 401},
		"no right":           {"GET", "/metrics", "", token, "metrics", 403},
		"a bug":              {"POST", "/v1/tasks", `{"kind":"app","prompt":"a shelf","model":"fail-plain"}`, token, "create-task", 500},
		"a panic":            {"POST", "/v1/tasks", `{"kind":"app","prompt":"a shelf","model":"fail-panic"}`, token, "create-task", 500},
		"what is gone":       {"POST", "/v1/tasks", `{"kind":"app","prompt":"a shelf","model":"fail-canceled"}`, token, "create-task", 499},
		"a model's refusal":  {"POST", "/v1/chat/completions", `{"model":"none","messages":[]}`, token, "model-chat", 404},
		"no such path":       {"GET", "/v1/nothing/" + string(r.task), "", token, httpapi.NoOperation, 404},
		"no such method":     {"DELETE", task, "", token, httpapi.NoOperation, 405},
		"a page":             {"GET", "/docs.css", "", token, httpapi.NoOperation, 200},
		"the document":       {"GET", "/openapi.json", "", token, httpapi.NoOperation, 200},
		"for agents":         {"POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, token, "mcp", 200},
		"what isn't allowed": {"POST", "/mcp", `no`, token, "mcp", 400},
	} {
		req := httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body))
		req.Header.Set("Authorization", "Bearer "+c.token)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "application/json, text/event-stream")
		w := httptest.NewRecorder()
		r.api.ServeHTTP(w, req)
		open, ended := all.take()
		if w.Code != c.status || len(open) > 0 || len(ended) != 1 || len(ended[c.operation]) != 1 || ended[c.operation][c.status] != 1 {
			t.Errorf("%s: answered %d %s; counted %v, open %v; want %s %d", name, w.Code, w.Body, ended, open, c.operation, c.status)
		}
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	for operation, n := range all.asked {
		if n != 1 {
			t.Errorf("the counter of %s was asked for %d times", operation, n)
		}
	}
}

// TestAStreamIsUnderWay until its reader goes.
func TestAStreamIsUnderWay(t *testing.T) {
	t.Parallel()
	all := newCounted()
	r := newRig(t, func(cfg *httpapi.Config) { cfg.Requests = all.of })
	res := r.open("GET", "/v1/tasks/"+string(r.task)+"/events", "", "Accept", "text/event-stream")
	if open, ended := all.take(); open["task-events"] != 1 || len(ended) > 0 {
		t.Errorf("open %v, ended %v", open, ended)
	}
	_ = res.Body.Close()
	<-all.told
	if open, ended := all.take(); len(open) > 0 || ended["task-events"][200] != 1 {
		t.Errorf("open %v, ended %v", open, ended)
	}
}

// TestACutAnswerFailed: its reader has another status, and half of it.
func TestACutAnswerFailed(t *testing.T) {
	t.Parallel()
	all := newCounted()
	r := newRig(t, func(cfg *httpapi.Config) {
		cfg.Requests = all.of
		cfg.Authenticate = known(map[string]identity.Principal{token: operator(ours)})
		cfg.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = w.Write([]byte("half"))
			_ = http.NewResponseController(w).Flush()
			panic("a bug")
		})
	})
	res := r.open("GET", "/metrics", "")
	_ = res.Body.Close()
	<-all.told
	if _, ended := all.take(); res.StatusCode != 200 || ended["metrics"][500] != 1 {
		t.Errorf("answered %d, counted %v", res.StatusCode, ended)
	}
}

// TestDiagnosticsByHTTP are an operator's alone, and unsupported where nothing is counted.
func TestDiagnosticsByHTTP(t *testing.T) {
	t.Parallel()
	want := client.Diagnostics{
		Node: "n", Version: "v", Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Requests: []client.RequestCount{{Operation: "show-task", Count: 2, Refused: 1, Statuses: map[string]int64{"404": 1}, Timing: client.Timing{P50: 1.5}}},
		Tools:    []client.ToolCount{{Tool: "read_file", Count: 1, Errors: map[string]int64{"not_found": 1}}}, Models: []client.ModelCount{}, Providers: []client.ProviderCount{},
		Queries: []client.SlowQuery{{Store: "sqlite", Statement: "SELECT ?", Count: 1}},
	}
	r, c, _, _ := operated(t, func(cfg *httpapi.Config) { cfg.Diagnostics = func() client.Diagnostics { return want } })
	got, err := c.Diagnostics(t.Context())
	if a, b := must(json.Marshal(got))(t), must(json.Marshal(want))(t); err != nil || string(a) != string(b) {
		t.Errorf("%s, %v; want %s", a, err, b)
	}
	if a := r.do("GET", "/v1/installation/diagnostics", "", "Authorization", "Bearer theirs"); a.status != 403 || a.problem.Code != core.Denied {
		t.Errorf("a tenant: %d %s", a.status, a.body)
	}
	_, c, _, _ = operated(t)
	_, err = c.Diagnostics(t.Context())
	if core.CodeOf(err) != core.Unsupported {
		t.Errorf("of a node that counts nothing: %v", err)
	}
}
