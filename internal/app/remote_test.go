package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/isekai-run/isekai/internal/core"
)

func newServer(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// talk is an app that streams: what a visitor posts comes back as it is read, events come
// when they are let, and a socket echoes.
func talk(gone chan<- struct{}, next <-chan struct{}) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for n := 1; ; n++ {
			fmt.Fprintf(w, "data: %d\n\n", n)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
				gone <- struct{}{}
				return
			}
		}
	})
	mux.HandleFunc("GET /socket", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		kind, said, err := c.Read(r.Context())
		if err == nil {
			_ = c.Write(r.Context(), kind, said)
		}
		_ = c.Close(websocket.StatusNormalClosure, "")
	})
	mux.HandleFunc("GET /seen/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s|%s|%s|%s|%s", r.Host, r.RequestURI, r.Header.Get("Cookie"), r.Header.Get(atHeader), r.Header.Get("X-Forwarded-For"))
	})
	mux.HandleFunc("GET /{$}", func(http.ResponseWriter, *http.Request) {})
	return mux
}

// visit returns the address at which visitors reach b, and an app there that is at home
// at a and streams.
func visit(t *testing.T) (at string, st State, gone chan struct{}, next chan struct{}) {
	t.Helper()
	gone, next = make(chan struct{}, 1), make(chan struct{})
	_, a, b := newTown(t)
	a.double.handler = talk(gone, next)
	_, st = a.settled("Talk", "talk")
	if err := restore(t.Context(), b.Service); err != nil {
		t.Fatal(err)
	}
	return newServer(t, &Proxy{Service: b.Service, Base: "localhost"}), st, gone, next
}

// ask is a visitor's request for the app, to a server of another name.
func askFor(ctx context.Context, t *testing.T, at string, st State, path string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = st.Name + ".localhost"
	req.Header.Set("Cookie", "a=1; isekai=secret")
	req.Header.Set(atHeader, "org_other/prj_other/"+string(newApp()))
	req.Header.Set("X-Forwarded-For", "192.0.2.1")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// An app sees what a visitor sends as if it had come to its own node.
func TestAForwardedRequestIsTheVisitors(t *testing.T) {
	t.Parallel()
	at, st, _, _ := visit(t)
	const path = "/seen/a%2Fb/c?x=1;y=%zz&z"
	body, err := io.ReadAll(askFor(t.Context(), t, at, st, path).Body)
	if want := st.Name + ".localhost|" + path + "|a=1||"; err != nil || string(body) != want {
		t.Errorf("the app sees %q, not %q: %v", body, want, err)
	}
}

// Events come through as they are sent, and an app hears that a visitor has gone.
func TestAStreamIsForwarded(t *testing.T) {
	t.Parallel()
	at, st, gone, next := visit(t)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	events := bufio.NewScanner(askFor(ctx, t, at, st, "/events").Body)
	for n := range 3 {
		if n > 0 {
			next <- struct{}{}
		}
		for events.Scan() && events.Text() == "" {
		}
		if want := fmt.Sprintf("data: %d", n+1); events.Text() != want {
			t.Fatalf("%q, not %q: %v", events.Text(), want, events.Err())
		}
	}
	leave()
	select {
	case <-gone:
	case <-time.After(15 * time.Second):
		t.Error("the app doesn't hear of it")
	}
}

func TestASocketIsForwarded(t *testing.T) {
	t.Parallel()
	at, st, _, _ := visit(t)
	c, _, err := websocket.Dial(t.Context(), strings.Replace(at, "http", "ws", 1)+"/socket", &websocket.DialOptions{Host: st.Name + ".localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if err := c.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, said, err := c.Read(t.Context()); err != nil || string(said) != "hello" {
		t.Errorf("%q %v", said, err)
	}
}

// A log is followed at its home, line by line, until its reader or the node goes.
func TestALogIsFollowedAtItsHome(t *testing.T) {
	t.Parallel()
	_, a, b := newTown(t)
	app, _ := a.settled("One", "one")
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	lines, err := b.Follow(ctx, b.scope, app, 0)
	if err != nil {
		t.Fatal(err)
	}
	log := a.current(app).log
	seen := []string{}
	for l := range lines {
		if seen = append(seen, l.Text); l.Text == "serving one" {
			log.add(FromOut, "more")
		}
		if l.Text == "more" {
			leave()
		}
	}
	if len(seen) < 3 || seen[len(seen)-1] != "more" {
		t.Errorf("%q", seen)
	}
	all, err := b.Log(t.Context(), b.scope, app, 0)
	if err != nil || len(all) != len(seen) {
		t.Errorf("%d lines, of which %d were followed: %v", len(all), len(seen), err)
	}
	lines, err = b.Follow(t.Context(), b.scope, app, all[len(all)-2].Seq)
	if err != nil {
		t.Fatal(err)
	}
	for l := range lines {
		if l.Text != "more" {
			t.Errorf("it goes on with %q", l.Text)
		}
		ctx, done := context.WithTimeout(context.Background(), undoing)
		defer done()
		if err := b.Shutdown(ctx); err != nil { // ends it
			t.Error(err)
		}
	}
}

// TestTheHopLimit: a node that is asked about an app that isn't at home with it asks
// nobody else.
func TestTheHopLimit(t *testing.T) {
	t.Parallel()
	tn, a, b := newTown(t)
	app, st := a.settled("One", "one")
	third := newServer(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a third node is asked") }))
	tn.urls["c"] = third
	wrong := Home{Node: "b", URL: tn.urls["b"]}
	tn.mu.Lock()
	tn.homes[app] = "c"
	tn.mu.Unlock()
	if _, err := a.send(t.Context(), wrong, order{Do: doStop, Scope: a.scope, App: app}); core.CodeOf(err) != core.Conflict || core.HintOf(err) == "" {
		t.Errorf("%v", err)
	}
	if _, err := a.followAt(t.Context(), wrong, order{Do: doLog, Scope: a.scope, App: app}); core.CodeOf(err) != core.Conflict {
		t.Errorf("%v", err)
	}
	req := httptest.NewRequestWithContext(t.Context(), "GET", "http://"+st.Name+".localhost/", nil)
	req.Header.Set(atHeader, st.ref().String())
	w := httptest.NewRecorder()
	Remote{b.Service}.ServeHTTP(w, req)
	if w.Code != 503 || !strings.Contains(w.Body.String(), "is moving") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if b.double.running() != 0 || b.get(app).Started != 1 {
		t.Errorf("%+v", b.get(app))
	}
}

// TestRemoteServesNothingElse: not a path, method or body that isn't a node's.
func TestRemoteServesNothingElse(t *testing.T) {
	t.Parallel()
	_, a, _ := newTown(t)
	at := newServer(t, Remote{a.Service})
	for _, c := range []struct {
		method, path, at, body string
		want                   int
		says                   string
	}{
		{"GET", "/", "", "", 404, ""},
		{"GET", "/v1/apps", "", "", 404, ""},
		{"GET", "/healthz", "", "", 404, ""},
		{"GET", orderPath, "", "", 404, ""},
		{"PUT", followPath, "", "", 404, ""},
		{"POST", orderPath, "", "", 200, `"code":"invalid"`},
		{"POST", orderPath, "", `{"do":"stop"}`, 200, "without a tenant"},
		{"POST", orderPath, "", `{"do":"stop","sudo":true}`, 200, `"code":"invalid"`},
		{"POST", orderPath, "", `{"do":"burn","scope":{"org":"org_default","project":"prj_default","actor":{"kind":"user","id":"u"}},"app":"app_1"}`, 200, `"code":"unsupported"`},
		{"POST", orderPath, "", strings.Repeat(" ", orderBody) + "{}", 200, `"code":"invalid"`},
		{"POST", followPath, "", `{}`, 200, `"failure"`},
		{"GET", "/", "nonsense", "", 404, "no app here"},
		{"GET", "/", "a/b/" + string(newApp()), "", 404, "no app here"},
		{"GET", "/", "//" + string(newApp()), "", 404, "no app here"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, at+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(atHeader, c.at)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != c.want || !strings.Contains(string(body), c.says) {
			t.Errorf("%s %s %s: %d %s %v", c.method, c.path, c.body, res.StatusCode, body, err)
		}
	}
}

// A node that goes in the middle of its answer is named, too.
func TestANodeThatBreaksOff(t *testing.T) {
	t.Parallel()
	_, a, _ := newTown(t)
	at := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"lines":[`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	home := Home{Node: "b", URL: at}
	if _, err := a.send(t.Context(), home, order{Do: doLog, Scope: a.scope, App: newApp()}); core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "node b") || core.HintOf(err) == "" {
		t.Errorf("%v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.send(canceled, home, order{Do: doLog, Scope: a.scope, App: newApp()}); core.CodeOf(err) != core.Canceled {
		t.Errorf("%v", err)
	}
}
