package app

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
)

// live is a rig with the real sandbox, real apps and a real listener.
type live struct {
	*rig
	server *httptest.Server
	client *http.Client
}

func newLive(t *testing.T, configure ...func(*Config)) *live {
	t.Helper()
	driver, err := ns.New(ns.Config{RunDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = driver.Close() })
	if err := driver.Probe(t.Context()).Err(); err != nil {
		t.Fatalf("%v (hint: %s)", err, core.HintOf(err))
	}
	l := &live{rig: newRigOn(t, driver, configure...)}
	l.server = httptest.NewServer(&Proxy{Service: l.Service, Base: "localhost"})
	t.Cleanup(l.server.Close)
	l.client = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) { // whatever the host name, as a browser does
			return new(net.Dialer).DialContext(ctx, network, l.server.Listener.Addr().String())
		},
	}}
	t.Cleanup(l.client.CloseIdleConnections)
	return l
}

// sample copies an app from testdata and gives it a title.
func (l *live) sample(name, title string) string {
	l.t.Helper()
	dir := l.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/"+name)); err != nil {
		l.t.Fatal(err)
	}
	var m core.Manifest
	data, err := os.ReadFile(dir + "/" + core.ManifestName)
	if err == nil {
		err = json.Unmarshal(data, &m)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	m.Title = title
	if data, err = json.Marshal(m); err != nil {
		l.t.Fatal(err)
	}
	l.write(dir, core.ManifestName, string(data))
	return dir
}

func (l *live) do(method, host, path, body string, header http.Header) (*http.Response, string) {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), method, "http://"+host+".localhost"+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	res, err := l.client.Do(req)
	if err != nil {
		l.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		l.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res, string(data)
}

func (l *live) wants(host, path, want string) {
	l.t.Helper()
	if res, body := l.do("GET", host, path, "", nil); res.StatusCode != 200 || body != want {
		l.t.Fatalf("GET %s: %d %q; want %q", path, res.StatusCode, body, want)
	}
}

func TestLiveApp(t *testing.T) {
	t.Parallel()
	l, app := newLive(t), newApp()
	l.publish(app, 0, l.sample("web", "Echo one"))
	p, err := l.Preview(t.Context(), l.scope, app)
	if err != nil || !p.Evidence.OK || p.Version != 1 || !strings.Contains(p.Evidence.Text, "GET / answered 200") || !strings.Contains(p.Evidence.Text, "Echo one") {
		t.Fatalf("%+v, %v", p, err)
	}
	name := l.get(app).Name
	if p.URL != "http://"+name+".localhost" {
		t.Fatalf("its URL is %s", p.URL)
	}
	l.wants(name, "/", "<title>Echo one</title>")
	l.wants(name, "/write", "OSError")
	l.do("POST", name, "/note", "kept", nil)
	l.publish(app, 1, l.sample("web", "Echo two"))
	l.start(app)
	l.wants(name, "/", "<title>Echo two</title>")
	l.wants(name, "/note", "kept")
	if st, err := l.Select(t.Context(), l.scope, app, 1, 0); err != nil || st.Started != 1 {
		t.Fatalf("roll back: %+v, %v", st.effective(), err)
	}
	l.wants(name, "/", "<title>Echo one</title>")
	l.wants(name, "/note", "kept")
	if err := l.Delete(t.Context(), l.scope, app, 0); err != nil {
		t.Fatal(err)
	}
	if res, _ := l.do("GET", name, "/", "", nil); res.StatusCode != 404 {
		t.Fatalf("deleted, it answers %d", res.StatusCode)
	}
}

func TestLiveProxyHeaders(t *testing.T) {
	t.Parallel()
	l, app := newLive(t), newApp()
	l.publish(app, 0, l.sample("web", "Echo"))
	name := l.start(app).Name
	_, body := l.do("GET", name, "/request?a=1;b=%zz", "", http.Header{
		"Cookie": {"mine=1; isekai_session=secret"}, "Authorization": {"Basic YTpi"}, "X-Forwarded-For": {"10.0.0.1"},
		"X-Forwarded-Host": {"evil"}, "Forwarded": {"for=x"}, "X-Real-Ip": {"10.0.0.1"}, "X-Isekai-Org": {"org_x"}, "Te": {"gzip"},
	})
	var got struct {
		Path    string
		Headers [][2]string
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	headers := http.Header{}
	for _, h := range got.Headers {
		headers.Add(h[0], h[1])
	}
	for name, want := range map[string]string{
		"Host": name + ".localhost", "Cookie": "mine=1", "Authorization": "Basic YTpi", "X-Forwarded-For": "", "X-Forwarded-Host": "",
		"X-Forwarded-Proto": "", "Forwarded": "", "X-Real-Ip": "", "X-Isekai-Org": "", "Te": "",
	} {
		if headers.Get(name) != want {
			t.Errorf("the app got %s: %q; want %q", name, headers.Get(name), want)
		}
	}
	if got.Path != "/request?a=1;b=%zz" {
		t.Errorf("the app got %s", got.Path)
	}
	if res, _ := l.do("GET", name, "/cookie", "", nil); res.Header.Get("Set-Cookie") != "a=1; Path=/; HttpOnly" {
		t.Errorf("its cookie becomes %q", res.Header.Get("Set-Cookie"))
	}
}

// TestLiveStreams: the first event arrives before the second is sent, for that is
// only sent once the first has arrived.
func TestLiveStreams(t *testing.T) {
	t.Parallel()
	l, app := newLive(t), newApp()
	l.publish(app, 0, l.sample("web", "Echo"))
	name := l.start(app).Name
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+name+".localhost/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := l.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	events := bufio.NewReader(res.Body)
	first := make([]byte, len("data: first\n\n"))
	if _, err := io.ReadFull(events, first); err != nil || string(first) != "data: first\n\n" {
		t.Fatalf("%q, %v", first, err)
	}
	l.wants(name, "/go", "gone")
	if rest, err := io.ReadAll(events); err != nil || string(rest) != "data: second\n\n" {
		t.Fatalf("%q, %v", rest, err)
	}
}

func TestLiveWebSocket(t *testing.T) {
	t.Parallel()
	l, app := newLive(t), newApp()
	l.publish(app, 0, l.sample("web", "Echo"))
	name := l.start(app).Name
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+name+".localhost/ws", &websocket.DialOptions{HTTPClient: l.client})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.CloseNow() }()
	for i := range 5 {
		sent := fmt.Sprint("message ", i)
		if err := c.Write(ctx, websocket.MessageText, []byte(sent)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.Read(ctx); err != nil || string(got) != sent {
			t.Fatalf("%q, %v; want %q", got, err, sent)
		}
	}
	if _, err := l.Stop(ctx, l.scope, app, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Read(ctx); err == nil || ctx.Err() != nil {
		t.Fatalf("the connection outlives the app: %v", err)
	}
}

func TestLiveCrashAndLog(t *testing.T) {
	t.Parallel()
	l, app := newLive(t), newApp()
	l.publish(app, 0, l.sample("web", "Echo"))
	name := l.start(app).Name
	follow, err := l.Follow(t.Context(), l.scope, app, 0)
	if err != nil {
		t.Fatal(err)
	}
	l.do("POST", name, "/note", "x", nil)
	if res, _ := l.do("GET", name, "/crash", "", nil); res.StatusCode != 502 {
		t.Fatalf("crashing, it answers %d", res.StatusCode)
	}
	want := []string{"version 1 starts", "noted", "last words", "it ended: exit code 3", "it starts again in 1ms"}
	for line := range follow {
		if line.Text == want[0] {
			if want = want[1:]; len(want) == 0 {
				break
			}
		}
	}
	eventually(t, "it answers again", func() bool { res, _ := l.do("GET", name, "/", "", nil); return res.StatusCode == 200 })
}

func TestLiveFailures(t *testing.T) {
	t.Parallel()
	l := newLive(t, func(c *Config) { c.Ready = 6 * time.Second })
	for name, c := range map[string]struct {
		code core.Code
		says string
	}{
		"broken": {core.Invalid, "no such table: books"},
		"silent": {core.Unavailable, "thinking"},
		"teapot": {core.Invalid, "answered GET / with 418"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := newApp()
			l.publish(app, 0, l.sample(name, "Sad"))
			_, err := l.Start(t.Context(), l.scope, app, 0)
			if core.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v; want %s, saying %q", err, c.code, c.says)
			}
			if st := l.get(app); st.Started != 0 {
				t.Fatalf("it is started: %+v", st.effective())
			}
		})
	}
}

// TestLiveCrowd: many apps start at once, all on the same port of their own box.
func TestLiveCrowd(t *testing.T) {
	t.Parallel()
	apps := 16
	if testing.Short() {
		apps = 4
	}
	l := newLive(t)
	var group sync.WaitGroup
	for i := range apps {
		app, title := newApp(), fmt.Sprint("Echo ", i)
		l.publish(app, 0, l.sample("web", title))
		group.Go(func() {
			st, err := l.Start(t.Context(), l.scope, app, 0)
			if err != nil {
				t.Errorf("start: %v", err)
				return
			}
			if status, body := l.ask(l.Service, "GET", st.Name, "/", nil); status != 200 || body != "<title>"+title+"</title>" {
				t.Errorf("%s answers %d %q", title, status, body)
			}
		})
	}
	group.Wait()
}
