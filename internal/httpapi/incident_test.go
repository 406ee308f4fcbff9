package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// What went wrong elsewhere in this field, as tests. The others: tenant_test.go has the
// ids of other orgs, identity from headers and streams of others; walk_test.go the kinds
// of credential and the scopes of keys; perimeter_test.go pages of other origins before a
// local server; package egress requests that are made for somebody.

// injections are what has been sent to make one statement, path or template of another.
var injections = []string{
	`' OR '1'='1`, `' OR 1=1 --`, `"; DROP TABLE records; --`, `x' UNION SELECT data FROM records WHERE kind='user' --`, `\' OR 1=1 #`, `%27%20OR%201=1`,
	`1; ATTACH DATABASE '/tmp/x' AS x`, `' || (SELECT 1) || '`, `'; SELECT pg_sleep(5) --`, "\u02bc OR 1=1", `isk_x' OR '1'='1_y`, `isk_%_%`, `isk__`, `isk_*_*`,
	`{"$gt":""}`, `*`, `%`, `_`, `../../etc/passwd`, `${jndi:ldap://127.0.0.1/x}`, `{{7*7}}`, strings.Repeat("'", 2000),
}

// TestNoStatementIsInACredential (LiteLLM CVE-2026-42208): whatever is sent as one is a
// value that nobody has. It isn't shown, and not waited for.
func TestNoStatementIsInACredential(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	key := must(w.olga.CreateKey(t.Context(), client.NewKey{Name: "k", Scopes: []string{"tasks:read"}}, ""))(t).Text
	id, _, _ := strings.Cut(strings.TrimPrefix(key, "isk_"), "_")
	for _, s := range append(injections, "isk_"+id+"_' OR '1'='1", "isk_"+id+"_"+strings.Repeat("%", 52), key+"' --", key+" ", key+"\t", strings.ToUpper(key)) {
		began := time.Now()
		for _, header := range [][]string{{"Authorization", "Bearer " + s}, {"Authorization", s}, {"Authorization", "", "Cookie", "isekai=" + url.QueryEscape(s)}} {
			a := w.do("GET", "/v1/tasks", "", header...)
			if strings.TrimSpace(s) == key && header[1] == "Bearer "+s { // the sender's blanks at the end are no part of a header
				if a.status != 200 {
					t.Errorf("%q: %d", s, a.status)
				}
				continue
			}
			if a.status != 401 || a.problem.Code != core.Unauthenticated || strings.Contains(a.body, "SELECT") || strings.Contains(a.body, "sql") {
				t.Errorf("%q: %d %s", s, a.status, a.body)
			}
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("%q took %s", s, took)
		}
	}
	if a := w.do("GET", "/v1/tasks", "", "Authorization", "Bearer "+key); a.status != 200 {
		t.Errorf("the key itself, after all that: %d %s", a.status, a.body)
	}
}

// TestNoStatementIsInAName: of whatever is asked for by path or query.
func TestNoStatementIsInAName(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	access := "Bearer " + w.access("olga")
	for _, o := range w.document().routes {
		if o.method != http.MethodGet || o.open() || strings.HasPrefix(string(o.Action), "operate") || !strings.Contains(o.path, "{") {
			continue
		}
		for _, s := range injections[:12] {
			path := o.named(map[string]string{
				"task": url.PathEscape(s), "app": url.PathEscape(s), "project": url.PathEscape(s), "secret": url.PathEscape(s), "user": url.PathEscape(s),
				"version": "1", "path": url.QueryEscape(s), "model": url.PathEscape(s), "answer": url.PathEscape(s), "provider": url.PathEscape(s),
			})
			if a := w.do("GET", path, "", "Authorization", access); a.status != 404 && a.status != 422 || strings.Contains(strings.ToLower(a.body), "sqlite") {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
	}
	if w.log.String() != "" && strings.Contains(w.log.String(), "SQL") {
		t.Errorf("the store was reached: %s", w.log.String())
	}
}

// TestNoPathLeadsOut of a version's files, however it is written.
func TestNoPathLeadsOut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	file := "/v1/apps/" + string(r.app) + "/versions/1/file?path="
	for _, path := range []string{
		"../app.py", "../../etc/passwd", "/etc/passwd", "//etc/passwd", "./../../etc/passwd", "app.py/../../../etc/passwd", "..", ".", "/", `..\..\etc\passwd`,
		"%2e%2e/%2e%2e/etc/passwd", "%2e%2e%2fetc%2fpasswd", "..%2f..%2fetc%2fpasswd", "%252e%252e%252fetc%252fpasswd", "....//....//etc/passwd", "..;/etc/passwd",
		"%c0%ae%c0%ae/etc/passwd", "app.py%00.txt", "%00", "~/.ssh/id_rsa", "$HOME/.profile", "file:///etc/passwd", "app.py/", "app.py/.", "./app.py", "C:/Windows/win.ini", strings.Repeat("../", 300) + "etc/passwd",
	} {
		if a := r.do("GET", file+path, ""); a.status != 404 && a.status != 422 || strings.Contains(a.body, "root:") {
			t.Errorf("%s: %d %.200s", path, a.status, a.body)
		}
	}
	for _, path := range []string{
		"/v1/apps/..%2f..%2fetc/versions/1/files", "/v1/apps/%2e%2e/versions", "/v1/tasks/..%2f..%2fx", "/v1/apps/" + string(r.app) + "/versions/..%2f1/files",
		"/v1/apps/" + string(r.app) + "/versions/1%2f../files", "/docs/../../etc/passwd", "/docs/..%2f..%2fetc%2fpasswd", "/v1/../../etc/passwd",
	} {
		if a := r.do("GET", path, ""); a.status != 404 && a.status != 422 && a.status != 405 || strings.Contains(a.body, "root:") {
			t.Errorf("%s: %d %.200s", path, a.status, a.body)
		}
	}
}

// TestNothingIsEvaluated (Flowise CVE-2025-59528, Langflow CVE-2025-3248, n8n
// CVE-2025-68613): what a tenant writes stays what it is, wherever it is shown.
func TestNothingIsEvaluated(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for _, text := range []string{
		"{{7*7}}", "${7*7}", "#{7*7}", "<%= 7*7 %>", "{{.Env.PATH}}", "{{ printf \"%d\" 49 }}", "$(id)", "`id`", "__import__('os').system('id')", "={{ $json.x }}",
		"{{constructor.constructor('return process')()}}", "%n%s%d", "${jndi:ldap://127.0.0.1/x}", "!!python/object:os.system", "<script>alert(1)</script>",
	} {
		made := must(w.olga.CreateTask(t.Context(), client.NewTask{Kind: core.KindApp, Prompt: text}, ""))(t)
		read := must(w.olga.Task(t.Context(), made.ID))(t)
		p := must(w.olga.CreateProject(t.Context(), text, ""))(t)
		if made.Prompt != text || read.Prompt != text || p.Name != text {
			t.Errorf("%q became %q, %q and %q", text, made.Prompt, read.Prompt, p.Name)
		}
		for range w.olga.TaskEvents(t.Context(), made.ID, 0) {
			break
		}
		if a := w.do("GET", "/docs?x="+url.QueryEscape(text), ""); strings.Contains(a.body, text) {
			t.Errorf("the reference shows %q", text)
		}
	}
}
