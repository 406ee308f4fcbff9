//go:build linux

package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/mcp"
	"github.com/isekai-run/isekai/internal/tool"
)

// peer is a real server over HTTP, whose sessions can be lost.
type peer struct {
	*httptest.Server
	mu      sync.Mutex
	handler http.Handler
	seen    []string // authorizations
	calls   atomic.Int64
	before  func(http.ResponseWriter, *http.Request) (done bool)
}

func newPeer(t *testing.T, o *sdk.StreamableHTTPOptions) *peer {
	p := &peer{}
	gone := make(chan struct{})
	server := sdk.NewServer(&sdk.Implementation{Name: "peer", Version: "1"}, nil)
	type said struct {
		Text string `json:"text"`
	}
	sdk.AddTool(server, &sdk.Tool{Name: "echo", Annotations: &sdk.ToolAnnotations{ReadOnlyHint: true}}, func(_ context.Context, _ *sdk.CallToolRequest, in said) (*sdk.CallToolResult, any, error) {
		p.calls.Add(1)
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: "you said " + in.Text}}}, nil, nil
	})
	sdk.AddTool(server, &sdk.Tool{Name: "slow"}, func(ctx context.Context, _ *sdk.CallToolRequest, _ said) (*sdk.CallToolResult, any, error) {
		p.calls.Add(1)
		select {
		case <-ctx.Done():
		case <-gone: // nobody tells a server of a client that has gone
		}
		return nil, nil, context.Canceled
	})
	fresh := func() http.Handler {
		return sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, o)
	}
	p.handler = fresh()
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.seen = append(p.seen, r.Header.Get("Authorization"))
		h, before := p.handler, p.before
		p.mu.Unlock()
		if before == nil || !before(w, r) {
			h.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() {
		close(gone)
		p.CloseClientConnections()
		p.Close()
	})
	return p
}

func (p *peer) set(before func(http.ResponseWriter, *http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.before = before
}

// remote puts a server that is reached at an address.
func (r *rig) remote(name, address string, change ...func(*mcp.Spec)) {
	r.t.Helper()
	spec := mcp.Spec{Name: name, Transport: mcp.HTTP, Address: address}
	for _, c := range change {
		c(&spec)
	}
	_, err := r.Put(r.t.Context(), r.scope, spec, 0)
	ok(r.t, err)
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]*sdk.StreamableHTTPOptions{"with sessions": nil, "stateless": {Stateless: true}, "JSON": {JSONResponse: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, r := newPeer(t, o), newRig(t)
			r.outside.secrets["peer"] = "s3cr3t"
			r.remote("web", p.URL, func(s *mcp.Spec) { s.Credential = "peer" })
			echo := r.tools()["web_echo"]
			if echo == nil || echo.Spec().Contained {
				t.Fatalf("the tool is %+v", echo)
			}
			for range 2 {
				got, err := echo.Call(t.Context(), r.use(`{"text":"hello"}`))
				if err != nil || got.Output != "you said hello" {
					t.Fatalf("%+v, %v", got, err)
				}
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			for _, a := range p.seen {
				if a != "Bearer s3cr3t" {
					t.Errorf("a request was authorized by %q", a)
				}
			}
		})
	}
}

// Each use of a credential is on record for the task whose call it is of.
func TestUsesOfACredentialAreTheCallers(t *testing.T) {
	t.Parallel()
	p, r := newPeer(t, nil), newRig(t)
	r.outside.secrets["peer"] = "s3cr3t"
	r.remote("web", p.URL, func(s *mcp.Spec) { s.Credential = "peer" })
	for _, task := range []core.TaskID{"tsk_one", "tsk_two"} {
		c := r.use(`{"text":"x"}`)
		c.Task = task
		_, err := r.Call(t.Context(), c, "web", "echo")
		ok(t, err)
		r.outside.mu.Lock()
		found := false
		for _, u := range r.outside.used {
			found = found || u.Task == task
		}
		r.outside.mu.Unlock()
		if !found {
			t.Errorf("nothing is on record for %s", task)
		}
	}
}

// A server that has forgotten the session is greeted anew, and the call isn't made twice.
func TestALostSession(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusNotFound, http.StatusBadRequest} {
		for _, body := range []string{"", `{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}`} {
			p, r := newPeer(t, nil), newRig(t)
			r.remote("web", p.URL)
			r.says("web", "echo", `{"text":"x"}`)
			var lost atomic.Bool
			p.set(func(w http.ResponseWriter, q *http.Request) bool {
				if q.Method != http.MethodPost || lost.Swap(true) {
					return false
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
				return true
			})
			if got, err := r.call("web", "echo", `{"text":"x"}`); p.calls.Load() != 2 || got.Output != "you said x" {
				t.Errorf("%d %q: %d calls, %+v, %v", status, body, p.calls.Load(), got, err)
			}
		}
	}
}

// A transient error costs the session, not the server: the next call is well.
func TestATransientError(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusBadGateway, http.StatusInternalServerError, http.StatusTooManyRequests, http.StatusTeapot} {
		p, r := newPeer(t, nil), newRig(t)
		r.remote("web", p.URL)
		r.says("web", "echo", `{"text":"x"}`)
		var once atomic.Bool
		p.set(func(w http.ResponseWriter, q *http.Request) bool {
			if q.Method != http.MethodPost || once.Swap(true) {
				return false
			}
			http.Error(w, "not now", status)
			return true
		})
		if _, err := r.call("web", "echo", `{"text":"x"}`); core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "isn't known") {
			t.Errorf("%d: %v", status, err)
		}
		r.says("web", "echo", `{"text":"x"}`)
	}
}

// A call whose token isn't taken any more goes on with the next one, in the same session, and is
// made once.
func TestATokenThatEnds(t *testing.T) {
	t.Parallel()
	p, r := newPeer(t, nil), newRig(t)
	r.outside.secrets["peer"] = "old"
	r.remote("web", p.URL, func(s *mcp.Spec) { s.Credential = "peer" })
	r.says("web", "echo", `{"text":"x"}`)
	p.set(func(w http.ResponseWriter, q *http.Request) bool {
		if q.Header.Get("Authorization") == "Bearer new" {
			return false
		}
		r.outside.mu.Lock()
		r.outside.secrets["peer"] = "new"
		r.outside.mu.Unlock()
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	r.says("web", "echo", `{"text":"x"}`)
	if p.calls.Load() != 2 {
		t.Errorf("there were %d calls, not 2", p.calls.Load())
	}
}

func TestAServerThatRefuses(t *testing.T) {
	t.Parallel()
	p, r := newPeer(t, nil), newRig(t)
	elsewhere := newPeer(t, nil)
	r.outside.secrets["peer"] = "s3cr3t"
	r.remote("open", p.URL)
	r.remote("sent", p.URL, func(s *mcp.Spec) { s.Credential = "peer" })
	r.remote("none", p.URL, func(s *mcp.Spec) { s.Credential = "gone" })
	if _, err := r.call("none", "echo", `{"text":"x"}`); core.CodeOf(err) != core.NotFound {
		t.Errorf("without the credential: %v", err)
	}
	p.set(func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="http://127.0.0.1/x"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	for _, name := range []string{"open", "sent"} {
		if _, err := r.call(name, "echo", `{"text":"x"}`); core.CodeOf(err) != core.Denied || !strings.Contains(core.HintOf(err), "connect") || strings.Contains(err.Error(), "isn't known") {
			t.Errorf("%s: %v (%s)", name, err, core.HintOf(err))
		}
	}
	p.set(func(w http.ResponseWriter, q *http.Request) bool {
		http.Redirect(w, q, elsewhere.URL, http.StatusTemporaryRedirect)
		return true
	})
	if _, err := r.call("sent", "echo", `{"text":"x"}`); core.CodeOf(err) != core.Invalid || !strings.Contains(err.Error(), "redirects") || len(elsewhere.seen) > 0 {
		t.Errorf("%v; the other place saw %q", err, elsewhere.seen)
	}
}

// What may not be reached isn't.
func TestOnlyTheCheckedWayLeadsOut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, address := range []string{"https://10.1.2.3/mcp", "https://169.254.169.254/mcp", "https://[::ffff:10.0.0.1]/mcp"} {
		r.remote("web", address)
		if _, err := r.call("web", "echo", ""); core.CodeOf(err) != core.Denied {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestASlowServer(t *testing.T) {
	t.Parallel()
	p, r := newPeer(t, nil), newRig(t)
	r.remote("web", p.URL, func(s *mcp.Spec) { s.Timeout = 300 * time.Millisecond })
	if _, err := r.call("web", "slow", `{"text":"x"}`); core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "isn't known") {
		t.Errorf("%v", err)
	}
	r.says("web", "echo", `{"text":"x"}`)
}

// A server that isn't there is looked for as long as one takes that restarts, and no longer. Nothing
// was asked of it then, so that who has a call to make is told at once.
func TestAServerThatIsAway(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	address := l.Addr().String()
	ok(t, l.Close())
	back := &http.Server{Handler: newPeer(t, nil).handler}
	t.Cleanup(func() { _ = back.Close() })
	r := newRig(t)
	r.outside.secrets["key"] = "x"
	r.remote("web", "http://"+address, func(s *mcp.Spec) { s.Credential = "key" })
	if _, err := r.call("web", "echo", `{"text":"x"}`); core.CodeOf(err) != core.Unavailable || !errors.Is(err, tool.ErrAway) || !strings.Contains(err.Error(), "isn't there") || core.HintOf(err) == "" {
		t.Errorf("%v (%s)", err, core.HintOf(err))
	}
	const looks = 4
	tries := r.outside.uses() // the client asks more than once each time
	if tries < looks || tries > 3*looks {
		t.Errorf("it was asked %d times", tries)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := r.Call(t.Context(), r.use(`{"text":"x"}`), "web", "echo")
		ended <- err
	}()
	r.until("it has been refused", func() bool { return r.outside.uses() > tries+tries/looks })
	l, err = net.Listen("tcp", address)
	ok(t, err)
	go func() { _ = back.Serve(l) }()
	ok(t, <-ended)
}

// A server that takes connections and says nothing keeps one call waiting, and not those after it.
func TestAServerThatHangs(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ok(t, err)
	t.Cleanup(func() { _ = l.Close() })
	r := newRig(t, func(c *mcp.Config) { c.Connect, c.OpenFor = time.Second, time.Hour })
	r.remote("web", "http://"+l.Addr().String())
	if _, err := r.call("web", "echo", `{"text":"x"}`); core.CodeOf(err) != core.Unavailable || !errors.Is(err, tool.ErrAway) || !strings.Contains(err.Error(), "doesn't greet within 1s") || core.HintOf(err) == "" {
		t.Errorf("%v (%s)", err, core.HintOf(err))
	}
	if _, err := r.call("web", "echo", `{"text":"x"}`); core.CodeOf(err) != core.Unavailable || !errors.Is(err, tool.ErrAway) || !strings.Contains(err.Error(), "left alone") || !strings.Contains(core.HintOf(err), "isekai mcp test web") {
		t.Errorf("%v (%s)", err, core.HintOf(err))
	}
	r.remote("quick", "http://"+l.Addr().String(), func(s *mcp.Spec) { s.Timeout = 100 * time.Millisecond })
	if _, err := r.call("quick", "echo", `{"text":"x"}`); core.CodeOf(err) != core.Unavailable || errors.Is(err, tool.ErrAway) || !strings.Contains(err.Error(), "hasn't greeted") || !strings.Contains(core.HintOf(err), "--timeout") {
		t.Errorf("%v (%s)", err, core.HintOf(err))
	}
}

// The server is killed in the middle of a call; later another is there.
func TestAServerThatIsKilled(t *testing.T) {
	t.Parallel()
	p, r := newPeer(t, nil), newRig(t)
	r.remote("web", p.URL)
	r.says("web", "echo", `{"text":"x"}`)
	ended := make(chan error, 1)
	go func() {
		_, err := r.Call(t.Context(), r.use(`{"text":"x"}`), "web", "slow")
		ended <- err
	}()
	r.until("the call has come", func() bool { return p.calls.Load() == 2 })
	p.CloseClientConnections()
	select {
	case err := <-ended:
		if core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "isn't known") {
			t.Errorf("%v", err)
		}
	case <-time.After(patience):
		t.Fatal("the call hangs")
	}
	r.says("web", "echo", `{"text":"x"}`)
}

// hostile answers what a client must answer for itself, and then misbehaves.
func hostile(how string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var m struct {
			ID     any
			Method string
		}
		_ = json.NewDecoder(r.Body).Decode(&m)
		answer := func(kind, body string) {
			w.Header().Set("Content-Type", kind)
			_, _ = fmt.Fprintf(w, body, m.ID)
		}
		switch m.Method {
		case "server/discover":
			answer("application/json", `{"jsonrpc":"2.0","id":%v,"error":{"code":-32601,"message":"no"}}`)
			return
		case "initialize":
			answer("application/json", `{"jsonrpc":"2.0","id":%v,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"x","version":"1"}}}`)
			return
		case "tools/call":
		default:
			w.WriteHeader(http.StatusAccepted)
			return
		}
		switch how {
		case "garbage":
			answer("application/json", "%v this is no JSON")
		case "deep":
			answer("application/json", `{"jsonrpc":"2.0","id":%v,"result":`+strings.Repeat("[", 2<<20))
		case "long":
			answer("application/json", `{"jsonrpc":"2.0","id":%v,"result":{"content":[{"type":"text","text":"`+strings.Repeat("x", 20<<20)+`"}]}}`)
		case "kind":
			answer("text/html", "<html>%v")
		case "event":
			answer("text/event-stream", "data: %v"+strings.Repeat("x", 8<<20)+"\n\n")
		case "endless":
			w.Header().Set("Content-Type", "text/event-stream")
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\n"); err != nil {
					return
				}
			}
		case "nothing":
			w.Header().Set("Content-Type", "text/event-stream")
		}
	}
}

func TestHostileServers(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"garbage", "deep", "long", "kind", "event", "endless", "nothing"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := httptest.NewServer(hostile(how))
			t.Cleanup(func() {
				p.CloseClientConnections()
				p.Close()
			})
			r := newRig(t)
			r.remote("web", p.URL)
			began := time.Now()
			_, err := r.call("web", "echo", "")
			if took := time.Since(began); core.CodeOf(err) != core.Unavailable && core.CodeOf(err) != core.Exhausted || took > patience/2 {
				t.Errorf("after %s: %v", took, err)
			}
		})
	}
}

// A server says who authorizes for it; what it says of others' is passed over.
func TestAuthorizationIsFound(t *testing.T) {
	t.Parallel()
	var resource string
	p := newPeer(t, nil)
	p.set(func(w http.ResponseWriter, q *http.Request) bool {
		switch q.URL.Path {
		case "/mcp":
			w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="`+p.URL+`/about"`)
			w.WriteHeader(http.StatusUnauthorized)
		case "/about":
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"resource":%q,"authorization_servers":["https://forge.example"],"scopes_supported":["read"]}`, resource)
		default:
			http.NotFound(w, q)
		}
		return true
	})
	r := newRig(t, func(c *mcp.Config) {
		c.Provider = func(issuer string) string { return map[string]string{"https://forge.example": "forge"}[issuer] }
	})
	r.remote("web", p.URL+"/mcp")
	resource = p.URL + "/mcp"
	got, err := r.Authorization(t.Context(), r.scope, "web")
	if err != nil || !got.Needed || got.Provider != "forge" || got.Resource != resource || len(got.Scopes) != 1 || got.Missing != "" {
		t.Errorf("%+v, %v", got, err)
	}
	resource = "https://bank.example/mcp"
	if got, err = r.Authorization(t.Context(), r.scope, "web"); err != nil || got.Provider != "" || got.Missing == "" {
		t.Errorf("another's resource: %+v, %v", got, err)
	}
	open := newPeer(t, nil)
	r.remote("open", open.URL)
	if got, err = r.Authorization(t.Context(), r.scope, "open"); err != nil || got.Needed {
		t.Errorf("one that asks for nothing: %+v, %v", got, err)
	}
	r.program("py", "")
	if _, err = r.Authorization(t.Context(), r.scope, "py"); core.CodeOf(err) != core.Invalid {
		t.Errorf("a program: %v", err)
	}
}
