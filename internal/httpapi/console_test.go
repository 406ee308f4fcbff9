package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/isekai-run/isekai/internal/httpapi"
)

func packed(t *testing.T, content string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// consoleRig serves a console of two files.
func consoleRig(t *testing.T) *rig {
	return newRig(t, func(cfg *httpapi.Config) {
		cfg.Console = httpapi.Console{Frames: []string{"http://*.localhost:7777"}, Files: fstest.MapFS{
			"index.html":           {Data: []byte(`<script src="/assets/index-1.js" nonce="{nonce}"></script>`)},
			"assets/index-1.js.gz": {Data: packed(t, "run()")},
			"assets/icon-1.png":    {Data: []byte("png")},
		}}
	})
}

const browser = "text/html,application/xhtml+xml,*/*;q=0.8"

// TestTheConsolesPage: a browser that asks for any page gets the console's; everything else is as
// without it.
func TestTheConsolesPage(t *testing.T) {
	t.Parallel()
	r := consoleRig(t)
	for _, c := range []struct {
		method, path, accept string
		status               int
		page                 bool
	}{
		{"GET", "/", "*/*", 200, true},
		{"GET", "/p/prj_1/tasks/tsk_1", browser, 200, true},
		{"HEAD", "/sign-in", browser, 200, true}, // whose body net/http drops
		{"GET", "/sign-in", "application/json", 404, false},
		{"GET", "/sign-in", "", 404, false},
		{"POST", "/sign-in", browser, 404, false},
		{"GET", "/v1/nothing", browser, 404, false},
		{"GET", "/v1", browser, 404, false},
		{"GET", "/v1/tasks", browser, 401, false},
		{"GET", "/.well-known/nothing", browser, 404, false},
		{"GET", "/robots.txt", browser, 404, false},
		{"GET", "/assets/none.js", browser, 404, false},
		{"GET", "/assets", browser, 404, false},
	} {
		a := r.ask(c.method, c.path, here, false, "Accept", c.accept)
		page := strings.Contains(a.body, "index-1.js")
		if a.status != c.status || page != c.page {
			t.Errorf("%s %s for %q: %d %.100s", c.method, c.path, c.accept, a.status, a.body)
		}
		if page && (strings.Contains(a.body, "{nonce}") || a.header.Get("Cache-Control") != "no-store") {
			t.Errorf("%s: %v %s", c.path, a.header, a.body)
		}
	}
	policy := r.ask("GET", "/", here, false).header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self';", "connect-src 'self'", "frame-src http://*.localhost:7777;", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("%s isn't in %s", part, policy)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Error(policy)
	}
}

// TestTheConsolesFiles: they are kept for as long as a browser likes, packed for who takes that,
// and none but them is there.
func TestTheConsolesFiles(t *testing.T) {
	t.Parallel()
	r := consoleRig(t)
	for _, c := range []struct {
		path, accepts, coding, kind, body string
	}{
		{"/assets/index-1.js", "br, gzip", "gzip", "text/javascript; charset=utf-8", ""},
		{"/assets/index-1.js", "", "", "text/javascript; charset=utf-8", "run()"},
		{"/assets/index-1.js", "gzip;q=0", "", "text/javascript; charset=utf-8", "run()"},
		{"/assets/index-1.js", "gzip;q=0.5", "gzip", "text/javascript; charset=utf-8", ""},
		{"/assets/index-1.js", "*", "gzip", "text/javascript; charset=utf-8", ""},
		{"/assets/icon-1.png", "gzip", "", "image/png", "png"},
	} {
		a := r.ask("GET", c.path, here, false, "Accept-Encoding", c.accepts)
		if a.status != 200 || a.header.Get("Content-Encoding") != c.coding || a.header.Get("Content-Type") != c.kind || !strings.Contains(a.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s for %q: %d %v", c.path, c.accepts, a.status, a.header)
		}
		if policy := a.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'; connect-src 'self';") { // a shared worker's own
			t.Errorf("%s: %s", c.path, policy)
		}
		if c.coding == "" && a.body != c.body {
			t.Errorf("%s for %q: %q", c.path, c.accepts, a.body)
		}
		if c.coding != "" {
			z, err := gzip.NewReader(strings.NewReader(a.body))
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(z); err != nil || string(b) != "run()" {
				t.Errorf("%s: %q, %v", c.path, b, err)
			}
		}
	}
	for _, path := range []string{"/assets/index-1.js.gz", "/assets/..%2findex.html", "/assets/none.js", "/assets/%2e%2e/index.html"} {
		if a := r.ask("GET", path, here, false); a.status == 200 {
			t.Errorf("%s: %s", path, a.body)
		}
	}
}

// TestWithoutAConsole: the program says how it gets one.
func TestWithoutAConsole(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.ask("GET", "/", here, false, "Accept", browser)
	if a.status != 200 || !strings.Contains(a.body, "make web build") || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
}
