package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

var parameter = regexp.MustCompile(`\{\w+\}`)

// openToAll are the operations that need no credential: what is alive, what gives one, and those
// whose path has one, which was sent to a person.
var openToAll = []string{
	"GET /.well-known/jwks.json", "GET /healthz", "GET /v1/approvals/link/{token}", "GET /v1/connections/callback", "GET /v1/mute/{token}", "GET /v1/oidc", "GET /v1/oidc/callback", "GET /v1/oidc/{provider}/program",
	"POST /v1/approvals/link/{token}/{answer}", "POST /v1/callbacks/{token}", "POST /v1/invitations/accept", "POST /v1/invitations/show", "POST /v1/mute/{token}", "POST /v1/oidc/{provider}", "POST /v1/password", "POST /v1/session", "POST /v1/session/oidc",
	"POST /v1/session/refresh", "POST /v1/setup",
}

func TestAPIAsksForACredential(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), cleanEnv())
	doc := s.ask(t, "GET", "/openapi.json", nil)
	paths, _ := doc.json["paths"].(map[string]any)
	if v, _ := doc.json["openapi"].(string); doc.status != http.StatusOK || !strings.HasPrefix(v, "3.1") || len(paths) < 10 {
		t.Fatalf("the document: %d, OpenAPI %q, %d paths", doc.status, v, len(paths))
	}
	var open []string
	tried := 0
	for path, item := range paths {
		for method, op := range item.(map[string]any) {
			method = strings.ToUpper(method)
			if security, named := op.(map[string]any)["security"].([]any); named && len(security) == 0 {
				open = append(open, method+" "+path)
				continue
			}
			real := strings.NewReplacer("{version}", "1", "{view}", "tasks", "{consumer}", "tasks").Replace(path)
			real = parameter.ReplaceAllString(real, "x_1")
			r := s.ask(t, method, real, nil)
			tried++
			if op.(map[string]any)["x-dialect"] != nil { // of a model's API, whose clients expect its errors
				r.refusedByDialect(t)
				s.ask(t, method, real, nil, "Authorization", "Bearer "+strings.Repeat("x", len(s.token))).refusedByDialect(t)
				s.ask(t, method, real, nil, "X-Api-Key", strings.Repeat("x", len(s.token))).refusedByDialect(t)
				s.ask(t, method, real, nil, "Authorization", "Basic "+s.token).refusedByDialect(t)
				continue
			}
			r.refused(t, http.StatusUnauthorized, core.Unauthenticated)
			if r.header.Get("WWW-Authenticate") == "" || r.json["hint"] == nil {
				t.Errorf("%s %s doesn't say how to authenticate: %s", method, path, r.text)
			}
			s.ask(t, method, real, nil, "Authorization", "Bearer "+strings.Repeat("x", len(s.token))).
				refused(t, http.StatusUnauthorized, core.Unauthenticated)
			s.ask(t, method, real, nil, "Authorization", "Basic "+s.token).refused(t, http.StatusUnauthorized, core.Unauthenticated)
		}
	}
	slices.Sort(open)
	if diff := cmp.Diff(openToAll, open); diff != "" {
		t.Errorf("open without a credential (-want +got):\n%s", diff)
	}
	if tried < 80 {
		t.Errorf("only %d operations were tried", tried)
	}
}

// refusedByDialect fails the test unless a route of a model's API asks for a credential, as
// both OpenAI's and Anthropic's clients understand it.
func (r reply) refusedByDialect(t *testing.T) {
	t.Helper()
	e, _ := r.json["error"].(map[string]any)
	if r.status != http.StatusUnauthorized || r.header.Get("WWW-Authenticate") == "" || e["type"] != "authentication_error" || e["message"] == "" {
		t.Errorf("no credential: %d %s", r.status, r.text)
	}
}

func TestAPIRefusesOtherOrigins(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), cleanEnv())
	wish := map[string]any{"kind": "app", "prompt": "a tip calculator"}
	for _, host := range []string{"evil.example", "evil.example:80", "localhost.evil.example", "10.0.0.1", "127.0.0.1.nip.io"} {
		if r := s.ask(t, "GET", "/v1/apps", nil, append(s.bearer(), "Host", host)...); r.status != http.StatusMisdirectedRequest {
			t.Errorf("for the host %s: %d", host, r.status)
		}
	}
	s.ask(t, "GET", "/v1/apps", nil, append(s.bearer(), "Host", "localhost:1")...).wants(t, map[string]any{"items": []any{}})
	_, port, _ := strings.Cut(strings.TrimPrefix(s.url, "http://"), ":")
	for name, headers := range map[string][]string{
		"another site":           {"Sec-Fetch-Site", "cross-site"},
		"an app of this server":  {"Sec-Fetch-Site", "same-site", "Origin", "http://some-app.localhost:" + port},
		"an old browser's page":  {"Origin", "http://evil.example"},
		"a page without origin":  {"Origin", "null"},
		"an app, an old browser": {"Origin", "http://some-app.localhost:" + port},
	} {
		t.Run(name, func(t *testing.T) {
			s.ask(t, "POST", "/v1/tasks", wish, append(s.bearer(), headers...)...).refused(t, http.StatusForbidden, core.Denied)
		})
	}
	if tasks, err := s.Tasks(t.Context(), client.ListOptions{}); err != nil || len(tasks.Items) != 0 {
		t.Errorf("%d tasks: %v", len(tasks.Items), err)
	}
}

func TestAPISaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), cleanEnv())
	for _, c := range []struct {
		name, method, path string
		body               any
		status             int
		code               core.Code
	}{
		{"an unknown route", "GET", "/v1/nothing", nil, 404, core.NotFound},
		{"an unknown method", "PATCH", "/nothing", nil, 404, core.NotFound},
		{"an unknown task", "GET", "/v1/tasks/tsk_none", nil, 404, core.NotFound},
		{"an unknown app", "GET", "/v1/apps/none", nil, 404, core.NotFound},
		{"a change of an unknown app", "POST", "/v1/apps/none/changes", map[string]any{"prompt": "add a date"}, 404, core.NotFound},
		{"an empty prompt", "POST", "/v1/tasks", map[string]any{"kind": "app", "prompt": " "}, 422, core.Invalid},
		{"a long prompt", "POST", "/v1/tasks", map[string]any{"kind": "app", "prompt": strings.Repeat("x", 5001)}, 422, core.Invalid},
		{"an unknown kind", "POST", "/v1/tasks", map[string]any{"kind": "poem", "prompt": "a rose"}, 422, core.Invalid},
		{"an unknown field", "POST", "/v1/tasks", map[string]any{"kind": "app", "prompt": "a rose", "colour": "red"}, 422, core.Invalid},
		{"a task without a model", "POST", "/v1/tasks", map[string]any{"kind": "task", "prompt": "count"}, 501, core.Unsupported},
		{"an unknown query", "GET", "/v1/apps?colour=red", nil, 422, core.Invalid},
		{"a limit beyond the bound", "GET", "/v1/apps?limit=1000", nil, 422, core.Invalid},
		{"a bad cursor", "GET", "/v1/apps?cursor=%00", nil, 422, core.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := s.ask(t, c.method, c.path, c.body, s.bearer()...)
			r.refused(t, c.status, c.code)
			if r.json["hint"] == nil {
				t.Errorf("no hint in %s", r.text)
			}
		})
	}
}

// A reader that comes back with the id of the last event that it has seen gets
// exactly the rest.
func TestStreamResumesInTheMiddle(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), cleanEnv())
	task, err := s.CreateTask(t.Context(), client.NewTask{Kind: core.KindApp, Prompt: "a tip calculator"}, "")
	if err != nil {
		t.Fatal(err)
	}
	path := "/v1/tasks/" + string(task.ID) + "/events"
	res := s.open(t, "GET", path, nil, s.bearer()...) // while it is at work
	live := sse(t, res)
	if len(live) < 20 || live[len(live)-1].event != "end" {
		t.Fatalf("%d events", len(live))
	}
	for _, after := range []int{0, 1, len(live) / 2, len(live) - 2, len(live) - 1} {
		rest := sse(t, s.open(t, "GET", path, nil, append(s.bearer(), "Last-Event-ID", fmt.Sprint(after))...))
		if !slices.Equal(rest, live[after:]) {
			t.Errorf("after %d: %d events, want %d", after, len(rest), len(live)-after)
		}
	}
	s.ask(t, "GET", path, nil, append(s.bearer(), "Last-Event-ID", "x")...).refused(t, 422, core.Invalid)
}

func TestAPIKeepsPromises(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), cleanEnv())
	wish := map[string]any{"kind": "app", "prompt": "two player tic tac toe"}
	first := s.ask(t, "POST", "/v1/tasks", wish, append(s.bearer(), "Idempotency-Key", "k1")...)
	again := s.ask(t, "POST", "/v1/tasks", wish, append(s.bearer(), "Idempotency-Key", "k1")...)
	if first.status != http.StatusCreated || again.status != http.StatusCreated || first.json["id"] != again.json["id"] {
		t.Errorf("a repeat: %d %v, then %d %v", first.status, first.json["id"], again.status, again.json["id"])
	}
	s.ask(t, "POST", "/v1/tasks", map[string]any{"kind": "app", "prompt": "another"}, append(s.bearer(), "Idempotency-Key", "k1")...).
		refused(t, http.StatusUnprocessableEntity, core.Invalid)

	id := core.TaskID(first.json["id"].(string))
	for _, err := range s.TaskEvents(t.Context(), id, 0) { // to its end
		if err != nil {
			t.Fatal(err)
		}
	}
	for { // the list follows the events within moments
		tasks, err := s.Tasks(t.Context(), client.ListOptions{})
		if err != nil || len(tasks.Items) > 1 {
			t.Fatalf("%d tasks: %v", len(tasks.Items), err)
		}
		if len(tasks.Items) == 1 && tasks.Items[0].Status == core.StatusSucceeded {
			break
		}
		time.Sleep(time.Millisecond)
	}
	task, err := s.Task(t.Context(), id)
	if err != nil || task.Status != core.StatusSucceeded {
		t.Fatalf("%s: %v", task.Status, err)
	}
	app := "/v1/apps/" + string(task.App)
	stale := s.ask(t, "GET", app, nil, s.bearer()...).header.Get("ETag")
	stopped := s.ask(t, "POST", app+"/stop", nil, append(s.bearer(), "If-Match", stale)...)
	fresh := stopped.header.Get("ETag")
	if stopped.status != http.StatusOK || stale == "" || fresh == "" || fresh == stale {
		t.Fatalf("stop: %d, %s after %s", stopped.status, fresh, stale)
	}
	for _, c := range []struct{ method, path string }{{"POST", "/start"}, {"POST", "/select"}, {"DELETE", ""}} {
		var body any
		if c.path == "/select" {
			body = map[string]any{"version": 1}
		}
		s.ask(t, c.method, app+c.path, body, append(s.bearer(), "If-Match", stale)...).refused(t, http.StatusConflict, core.Conflict)
	}
	if r := s.ask(t, "DELETE", app, nil, append(s.bearer(), "If-Match", fresh)...); r.status != http.StatusNoContent {
		t.Errorf("delete: %d %s", r.status, r.text)
	}
	s.ask(t, "GET", app, nil, s.bearer()...).refused(t, http.StatusNotFound, core.NotFound)
}

func TestReferencePage(t *testing.T) {
	t.Parallel()
	s := serve(t, t.TempDir(), cleanEnv())
	p := browse(t, s.url+"/docs")
	p.says("h1", "Isekai API")
	p.says("#create-task", "/v1/tasks")
	p.says("#TaskDetail", "status")
	if broken := value[int](p, `[...document.querySelectorAll('a[href^="#"]')].filter((a) => !document.getElementById(a.getAttribute("href").slice(1))).length`); broken != 0 {
		t.Errorf("%d links lead nowhere", broken)
	}
	p.staysAtHome(s.url)
}
