package httpapi_test

import (
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

// TestMethods: a path that is there says which methods it takes (RFC 9110, section
// 15.5.6), whoever asks; one that isn't there is not found by any.
func TestMethods(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"PUT", "/v1/tasks", 405, "GET, HEAD, POST"},
		{"DELETE", "/v1/tasks", 405, "GET, HEAD, POST"},
		{"OPTIONS", "/v1/tasks", 405, "GET, HEAD, POST"},
		{"TRACE", "/v1/tasks", 405, "GET, HEAD, POST"},
		{"BREW", "/v1/tasks", 405, "GET, HEAD, POST"},
		{"PATCH", "/v1/tasks?limit=1", 405, "GET, HEAD, POST"},
		{"POST", "/v1/apps/" + string(r.app), 405, "GET, HEAD, DELETE"},
		{"POST", "/v1/apps/none", 405, "GET, HEAD, DELETE"}, // the path's form counts, so that it tells nothing of what is there
		{"GET", "/v1/keys/shred", 405, "POST"},
		{"DELETE", "/v1/keys/shred", 405, "POST"},
		{"OPTIONS", "/v1/invitations/accept", 405, "POST"}, // not DELETE, which /v1/invitations/{invitation} takes
		{"POST", "/healthz", 405, "GET, HEAD"},
		{"POST", "/openapi.json", 405, "GET, HEAD"},
		{"DELETE", "/docs", 405, "GET, HEAD"},
		{"DELETE", "/docs.css", 405, "GET, HEAD"},
		{"PUT", "/v1/nothing", 404, ""},
		{"BREW", "/", 405, "GET, HEAD"},
		{"GET", "/nothing", 404, ""},
	} {
		a := r.do(c.method, c.path, "", "Authorization", "")
		want := core.NotFound
		if c.status == 405 {
			want = core.Unsupported
		}
		if a.status != c.status || a.header.Get("Allow") != c.allow || a.problem.Code != want || a.problem.Hint == "" || a.problem.RequestID == "" {
			t.Errorf("%s %s: %d, Allow %q, %+v", c.method, c.path, a.status, a.header.Get("Allow"), a.problem)
		}
	}
	head := r.open("HEAD", "/v1/keys/shred", "")
	defer head.Body.Close()
	if head.StatusCode != 405 || head.Header.Get("Allow") != "POST" {
		t.Errorf("HEAD: %d, Allow %q", head.StatusCode, head.Header.Get("Allow"))
	}
}
