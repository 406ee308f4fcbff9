package app

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

func TestProxyHandles(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"books-abc.localhost":           true,
		"books-abc.localhost:7777":      true,
		"BOOKS-ABC.LocalHost.:7777":     true,
		"a.b.localhost":                 true, // not an app, but no page of the console's either
		"localhost":                     false,
		"localhost:7777":                false,
		".localhost":                    false,
		"127.0.0.1:7777":                false,
		"[::1]:7777":                    false,
		"books-abc.localhost.evil.test": false,
		"evillocalhost":                 false,
		"":                              false,
	} {
		if got := (&Proxy{Base: "localhost"}).Handles(host); got != want {
			t.Errorf("Handles(%q) = %v", host, got)
		}
	}
}

func TestProxyCookies(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"a=1; isekai_session=secret; b=\"x y\"": "a=1; b=\"x y\"",
		"__Host-isekai=secret":                  "",
		"ISEKAI=secret;a=1":                     "a=1",
		"a=isekai":                              "a=isekai",
	} {
		if got := withoutPlatform(line); got != want {
			t.Errorf("Cookie %q becomes %q; want %q", line, got, want)
		}
	}
	res := &http.Response{StatusCode: 200, Header: http.Header{"Clear-Site-Data": {`"cookies"`}, "Set-Cookie": {
		"a=1; Path=/; domain=.localhost; HttpOnly", "isekai_session=forged; Path=/", "b=2",
	}}}
	if err := confine(res); err != nil || res.Header.Get("Clear-Site-Data") != "" {
		t.Fatal(err, res.Header)
	}
	if got := strings.Join(res.Header["Set-Cookie"], "|"); got != "a=1; Path=/; HttpOnly|b=2" {
		t.Fatalf("Set-Cookie becomes %q", got)
	}
}

// An app's answer with a status that HTTP doesn't have is the app's failure: the
// visitor gets the page that says so, and not a broken connection.
func TestProxyImpossibleStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]int{"000": 502, "099": 502, "999": 999} {
		box, visitor := net.Pipe()
		go func() {
			defer box.Close()
			if _, err := http.ReadRequest(bufio.NewReader(box)); err == nil {
				_, _ = io.WriteString(box, "HTTP/1.1 "+status+" Odd\r\nContent-Length: 0\r\n\r\n")
			}
		}()
		transport := &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return visitor, nil }}
		w := httptest.NewRecorder()
		reverseProxy("app_1", transport, slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "http://x.localhost/", nil))
		if w.Code != want {
			t.Errorf("status %s becomes %d", status, w.Code)
		}
	}
}

func TestProxyPages(t *testing.T) {
	t.Parallel()
	r, app := newRig(t), newApp()
	r.publish(app, 0, r.app("One", "one"))
	name := r.get(app).Name
	for _, c := range []struct {
		name, accept, want string
		status             int
	}{
		{"nobody", "text/html", "<h1>There is no app here</h1>", 404},
		{"nobody", "application/json", "There is no app here.", 404},
		{"<script>", "text/html", "<h1>There is no app here</h1>", 404},
		{name, "text/html,*/*", "<code>isekai app start " + string(app) + "</code>", 503},
	} {
		req := httptest.NewRequestWithContext(t.Context(), "GET", "http://x/", nil)
		req.Host = c.name + ".localhost"
		req.Header.Set("Accept", c.accept)
		w := httptest.NewRecorder()
		(&Proxy{Service: r.Service, Base: "localhost"}).ServeHTTP(w, req)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), "<script>") {
			t.Error("the page holds what the client sent")
		}
	}
}

// TestProxyRemembersAFailedStart: a broken app isn't started by every request.
func TestProxyRemembersAFailedStart(t *testing.T) {
	t.Parallel()
	r, app := newRig(t), newApp()
	r.publish(app, 0, r.app("One", "one"))
	st := r.start(app)
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := &meter{die: func() {}}
	next := r.open(r.store, r.blobs, faultyDriver{r.double, m})
	if err := restore(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	m.failAt.Store(1)
	m.dead.Store(true)
	for range 5 {
		if status, body := r.ask(next, "GET", st.Name, "/", nil); status != 503 || !strings.Contains(body, "isekai app logs") || strings.Contains(body, "injected") {
			t.Fatalf("%d %q", status, body)
		}
	}
	if n := m.count.Load(); n != 1 {
		t.Fatalf("five requests made %d tries", n)
	}
	m.failAt.Store(0)
	if _, err := next.Start(t.Context(), r.scope, app, 0); err != nil {
		t.Fatal(err) // a person needn't wait
	}
	if status, _ := r.ask(next, "GET", st.Name, "/", nil); status != 200 {
		t.Fatalf("it answers %d", status)
	}
}

// TestProxyLetsNobodyInToAProjectThatIsNotInUse; one of which nothing can be learned stays open.
func TestProxyLetsNobodyInToAProjectThatIsNotInUse(t *testing.T) {
	t.Parallel()
	r, app := newRig(t), newApp()
	r.publish(app, 0, r.app("One", "one"))
	st := r.start(app)
	for what, c := range map[string]struct {
		err    error
		status int
	}{
		"in use":   {nil, 200},
		"archived": {core.E(core.NotFound, "test", "no such project"), 404},
		"unknown":  {core.E(core.Unavailable, "test", "the store is down"), 200},
	} {
		x := &Proxy{Service: r.Service, Base: "localhost", InUse: func(_ context.Context, org core.OrgID, project core.ProjectID) error {
			if org != r.scope.Org || project != r.scope.Project {
				t.Errorf("asked for %s %s", org, project)
			}
			return c.err
		}}
		req := httptest.NewRequestWithContext(t.Context(), "GET", "http://"+st.Name+".localhost/", nil)
		w := httptest.NewRecorder()
		x.ServeHTTP(w, req)
		if w.Code != c.status {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
}
