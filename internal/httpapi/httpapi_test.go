package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
)

// TestCodesAndStatuses has an operation fail with every code.
func TestCodesAndStatuses(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for code, want := range map[core.Code]int{
		core.Invalid: 422, core.Unauthenticated: 401, core.Denied: 403, core.NotFound: 404, core.Conflict: 409, core.Exhausted: 429,
		core.Unavailable: 503, core.Unsupported: 501, core.Canceled: 499, core.Internal: 500, "plain": 500, "panic": 500,
	} {
		a := r.do("POST", "/v1/tasks", `{"kind":"app","prompt":"x","model":"fail-`+string(code)+`"}`)
		p := a.problem
		if a.status != want || p.Status != want || p.Title == "" || p.RequestID == "" || p.RequestID != a.header.Get("X-Request-Id") {
			t.Errorf("%s: %d %+v", code, a.status, p)
		}
		if want != 500 {
			if p.Code != code || !strings.Contains(p.Detail, "asked to fail") || p.Hint != "don't" {
				t.Errorf("%s: %+v", code, p)
			}
			continue
		}
		if p.Code != core.Internal || strings.Contains(a.body, "secret") || strings.Contains(a.body, "asked to fail") {
			t.Errorf("%s: the answer shows what is internal: %s", code, a.body)
		}
		if !strings.Contains(r.log.String(), p.RequestID) {
			t.Errorf("%s: the log doesn't know the request", code)
		}
	}
}

// TestRoutes is the table of what a request gets, whatever it asks for.
func TestRoutes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task, app := "/v1/tasks/"+string(r.task), "/v1/apps/"+string(r.app)
	const json = "Content-Type"
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		code                     core.Code
	}{
		{"no credential", "GET", "/v1/tasks", "", []string{"Authorization", ""}, 401, core.Unauthenticated},
		{"another scheme", "GET", "/v1/tasks", "", []string{"Authorization", "Basic cmlnaHQ="}, 401, core.Unauthenticated},
		{"a wrong token", "GET", "/v1/tasks", "", []string{"Authorization", "Bearer wrong"}, 401, core.Unauthenticated},
		{"alive", "GET", "/healthz", "", []string{"Authorization", ""}, 200, ""},
		{"the document", "GET", "/openapi.json", "", []string{"Authorization", ""}, 200, ""},
		{"the reference", "GET", "/docs", "", []string{"Authorization", ""}, 200, ""},
		{"its style", "GET", "/docs.css", "", []string{"Authorization", ""}, 200, ""},
		{"health", "GET", "/v1/health", "", nil, 200, ""},
		{"no such route", "GET", "/v1/nothing", "", nil, 404, core.NotFound},
		{"no such method", "PUT", "/v1/tasks", "{}", nil, 405, core.Unsupported},
		{"another origin", "POST", "/v1/tasks", `{"kind":"app","prompt":"x"}`, []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403, core.Denied},
		{"a task", "GET", task, "", nil, 200, ""},
		{"no such task", "GET", "/v1/tasks/tsk_none", "", nil, 404, core.NotFound},
		{"another tenant's task", "GET", task, "", []string{"Authorization", "Bearer theirs"}, 404, core.NotFound},
		{"another tenant's events", "GET", task + "/events", "", []string{"Authorization", "Bearer theirs"}, 404, core.NotFound},
		{"another tenant's cancel", "POST", task + "/cancel", "{}", []string{"Authorization", "Bearer theirs"}, 404, core.NotFound},
		{"tasks", "GET", "/v1/tasks?kind=app&status=queued&limit=1", "", nil, 200, ""},
		{"an unknown parameter", "GET", "/v1/tasks?stauts=queued", "", nil, 422, core.Invalid},
		{"a limit too large", "GET", "/v1/tasks?limit=201", "", nil, 422, core.Invalid},
		{"a limit that is none", "GET", "/v1/tasks?limit=x", "", nil, 422, core.Invalid},
		{"a wrong cursor", "GET", "/v1/tasks?cursor=x", "", nil, 422, core.Invalid},
		{"an empty prompt", "POST", "/v1/tasks", `{"kind":"app","prompt":" "}`, nil, 422, core.Invalid},
		{"an unknown kind", "POST", "/v1/tasks", `{"kind":"x","prompt":"x"}`, nil, 422, core.Invalid},
		{"an unknown field", "POST", "/v1/tasks", `{"kind":"app","prompt":"x","promt":"y"}`, nil, 422, core.Invalid},
		{"a missing field", "POST", "/v1/tasks", `{"kind":"app"}`, nil, 422, core.Invalid},
		{"no body", "POST", "/v1/tasks", "", nil, 400, core.Invalid},
		{"not JSON", "POST", "/v1/tasks", `{"kind":`, nil, 400, core.Invalid},
		{"another type", "POST", "/v1/tasks", `kind=app`, []string{json, "application/x-www-form-urlencoded"}, 415, core.Invalid},
		{"a body too long", "POST", "/v1/tasks", `{"kind":"app","prompt":"` + strings.Repeat("x", 1<<20) + `"}`, nil, 413, core.Invalid},
		{"a task without a model", "POST", "/v1/tasks", `{"kind":"task","prompt":"x"}`, nil, 501, core.Unsupported},
		{"a version that is none", "GET", task + "/events", "", []string{"Last-Event-ID", "x"}, 422, core.Invalid},
		{"a version below zero", "GET", task + "/events", "", []string{"Last-Event-ID", "-1"}, 422, core.Invalid},
		{"resume of what waits for nobody", "POST", task + "/resume", `{}`, nil, 200, ""},
		{"resume with a wrong answer", "POST", task + "/resume", `{"as":"perhaps"}`, nil, 422, core.Invalid},
		{"apps", "GET", "/v1/apps?status=stopped", "", nil, 200, ""},
		{"a parameter of other lists", "GET", "/v1/apps?kind=app", "", nil, 422, core.Invalid},
		{"an app", "GET", app, "", nil, 200, ""},
		{"no such app", "GET", "/v1/apps/none", "", nil, 404, core.NotFound},
		{"another tenant's app", "GET", app, "", []string{"Authorization", "Bearer theirs"}, 404, core.NotFound},
		{"another tenant's log", "GET", app + "/logs/stream", "", []string{"Authorization", "Bearer theirs"}, 404, core.NotFound},
		{"versions", "GET", app + "/versions", "", nil, 200, ""},
		{"versions of no app", "GET", "/v1/apps/none/versions", "", nil, 404, core.NotFound},
		{"files", "GET", app + "/versions/current/files", "", nil, 200, ""},
		{"files of no version", "GET", app + "/versions/9/files", "", nil, 404, core.NotFound},
		{"a version's name", "GET", app + "/versions/latest/files", "", nil, 422, core.Invalid},
		{"a file", "GET", app + "/versions/1/file?path=app.py", "", nil, 200, ""},
		{"no such file", "GET", app + "/versions/1/file?path=no.py", "", nil, 404, core.NotFound},
		{"a file outside", "GET", app + "/versions/1/file?path=../../etc/passwd", "", nil, 404, core.NotFound},
		{"a file without a path", "GET", app + "/versions/1/file", "", nil, 422, core.Invalid},
		{"an archive", "GET", app + "/versions/1/export?format=tar.gz", "", nil, 200, ""},
		{"an archive of no version", "GET", app + "/versions/7/export", "", nil, 404, core.NotFound},
		{"an archive of another kind", "GET", app + "/versions/1/export?format=rar", "", nil, 422, core.Invalid},
		{"a diff", "GET", app + "/diff", "", nil, 200, ""},
		{"a diff with nothing", "GET", app + "/diff?to=1", "", nil, 422, core.Invalid},
		{"a diff of no version", "GET", app + "/diff?from=1&to=9", "", nil, 404, core.NotFound},
		{"a log", "GET", app + "/logs", "", nil, 200, ""},
		{"a log's line that is none", "GET", app + "/logs/stream", "", []string{"Last-Event-ID", "x"}, 422, core.Invalid},
		{"start without a sandbox", "POST", app + "/start", "", nil, 501, core.Unsupported},
		{"select no version", "POST", app + "/select", `{"version":9}`, nil, 404, core.NotFound},
		{"select nothing", "POST", app + "/select", `{}`, nil, 422, core.Invalid},
		{"a stale change", "POST", app + "/select", `{"version":1}`, []string{"If-Match", `"1"`}, 409, core.Conflict},
		{"a wrong ETag", "POST", app + "/stop", "", []string{"If-Match", `x`}, 422, core.Invalid},
		{"a change without a prompt", "POST", app + "/changes", `{"prompt":""}`, nil, 422, core.Invalid},
		{"a change of no app", "POST", "/v1/apps/none/changes", `{"prompt":"x"}`, nil, 404, core.NotFound},
		{"delete no app", "DELETE", "/v1/apps/none", "", nil, 404, core.NotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := r.do(c.method, c.path, c.body, c.headers...)
			if a.status != c.status || a.problem.Code != c.code {
				t.Fatalf("%d %s; want %d %q", a.status, a.body, c.status, c.code)
			}
			for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
				if a.header.Get(name) != want {
					t.Errorf("%s: %q", name, a.header.Get(name))
				}
			}
			if id := a.header.Get("X-Request-Id"); id == "" || c.status >= 400 && a.problem.RequestID != id {
				t.Errorf("request id %q, in the body %q", id, a.problem.RequestID)
			}
			if c.status == 401 && a.header.Get("WWW-Authenticate") == "" {
				t.Error("nothing says how to sign in")
			}
		})
	}
}

func TestAnAppByHTTP(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	app := "/v1/apps/" + string(r.app)
	tag := r.do("GET", app, "").header.Get("ETag")
	a := r.do("POST", app+"/select", `{"version":1}`, "If-Match", tag)
	var d struct {
		Version, Versions int
		Status            string
	}
	if err := json.Unmarshal([]byte(a.body), &d); err != nil || a.status != 200 || d.Version != 1 || d.Versions != 2 || d.Status != "stopped" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a = r.do("GET", app+"/versions/current/file?path=app.py", ""); a.body != "print(1)\n" || a.header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("%q as %s", a.body, a.header.Get("Content-Type"))
	}
	if a = r.do("GET", app+"/diff?from=1&to=2", ""); !strings.Contains(a.body, `+print(2)`) || !strings.Contains(a.body, `"change":"modified"`) {
		t.Errorf("%s", a.body)
	}
	if a = r.do("GET", app+"/versions/2/export", ""); !strings.HasPrefix(a.body, "PK") || !strings.Contains(a.header.Get("Content-Disposition"), "-v2.zip") {
		t.Errorf("%v", a.header)
	}
	a = r.do("POST", app+"/changes", `{"prompt":"more","limits":{"calls":7}}`, "Idempotency-Key", "k")
	if a.status != http.StatusCreated || !strings.Contains(a.body, `"calls":7`) || !strings.Contains(a.body, string(r.app)) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a = r.do("DELETE", app, "", "If-Match", `*`); a.status != http.StatusNoContent {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a = r.do("GET", app, ""); a.status != 404 {
		t.Errorf("a deleted app: %d", a.status)
	}
}

func TestATaskByHTTP(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.do("POST", "/v1/tasks", `{"kind":"app","prompt":"x"}`, "Idempotency-Key", "k")
	b := r.do("POST", "/v1/tasks", `{"kind":"app","prompt":"x"}`, "Idempotency-Key", "k")
	if a.status != 201 || a.body != b.body || a.header.Get("ETag") != `"1"` {
		t.Errorf("%d %s, then %s", a.status, a.body, b.body)
	}
	if c := r.do("POST", "/v1/tasks", `{"kind":"app","prompt":"y"}`, "Idempotency-Key", "k"); c.status != 422 {
		t.Errorf("the same key for another prompt: %d", c.status)
	}
	if a = r.do("POST", "/v1/tasks/"+string(r.task)+"/cancel", `{"reason":"enough"}`); a.status != 200 || a.header.Get("ETag") != `"2"` {
		t.Errorf("%d %s", a.status, a.body)
	}
	r.append(core.TaskFinished{Status: core.StatusCanceled, Summary: "Canceled.", Answer: core.Content{Text: "so far"}})
	if a = r.do("GET", "/v1/tasks/"+string(r.task), ""); !strings.Contains(a.body, `"status":"canceled"`) || !strings.Contains(a.body, `"answer":"so far"`) {
		t.Errorf("%s", a.body)
	}
	if a = r.do("POST", "/v1/tasks/"+string(r.task)+"/resume", `{}`); a.status != 409 {
		t.Errorf("resume of what is over: %d", a.status)
	}
}

func TestStartIsRefusedWhereNothingRuns(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *httpapi.Config) { c.Previews = false })
	if a := r.do("POST", "/v1/apps/"+string(r.app)+"/start", ""); a.status != 501 || !strings.Contains(a.problem.Hint, "serve") {
		t.Errorf("%d %s", a.status, a.body)
	}
}
