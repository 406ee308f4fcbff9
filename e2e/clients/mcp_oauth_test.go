package clients

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/modelcontextprotocol/go-sdk/auth"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/isekai-run/isekai/internal/core/coretest"
)

// guarded is a real MCP server that takes tokens of an authorization server alone, made out for it.
// Its tool admin wants the scope tools:admin.
type guarded struct {
	*httptest.Server
	issuer string

	mu      sync.Mutex
	away    string          // where it redirects to; "": nowhere
	metaOf  string          // whose resource its metadata say it is; "": its own
	tokens  map[string]bool // that it has taken
	refused []string        // what it has refused since it said who authorizes
}

// newGuarded is one before an authorization server whose tokens last so many seconds.
func newGuarded(t *testing.T, seconds int) *guarded {
	t.Helper()
	g := &guarded{tokens: map[string]bool{}}
	tools := sdk.NewServer(&sdk.Implementation{Name: "guarded", Version: "1"}, nil)
	for _, name := range []string{"echo", "admin"} {
		sdk.AddTool(tools, &sdk.Tool{Name: name}, func(_ context.Context, _ *sdk.CallToolRequest, in struct {
			Text string `json:"text"`
		}) (*sdk.CallToolResult, any, error) {
			return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: name + " heard " + in.Text}}}, nil, nil
		})
	}
	speaks := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return tools }, &sdk.StreamableHTTPOptions{Stateless: true})
	mux := http.NewServeMux()
	g.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		g.CloseClientConnections()
		g.Close()
	})
	g.issuer = authorizes(t, g.URL+"/mcp", "tools:use tools:admin", seconds)
	const about = "/.well-known/oauth-protected-resource/mcp"
	mux.HandleFunc(about, func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		resource := g.URL + "/mcp"
		if g.metaOf != "" {
			resource = g.metaOf
		}
		issuer := g.issuer
		g.mu.Unlock()
		auth.ProtectedResourceMetadataHandler(&oauthex.ProtectedResourceMetadata{Resource: resource, AuthorizationServers: []string{issuer}, ScopesSupported: []string{"tools:use", "tools:admin"}}).ServeHTTP(w, r)
	})
	keys := oidc.NewRemoteKeySet(context.Background(), g.issuer+"/jwks")
	checked := auth.RequireBearerToken(func(ctx context.Context, token string, _ *http.Request) (*auth.TokenInfo, error) {
		info, err := g.verified(ctx, keys, token)
		if err != nil {
			g.mu.Lock()
			g.refused = append(g.refused, err.Error())
			g.mu.Unlock()
			return nil, fmt.Errorf("%w: %w", auth.ErrInvalidToken, err)
		}
		return info, nil
	}, &auth.RequireBearerTokenOptions{ResourceMetadataURL: g.URL + about, Scopes: []string{"tools:use"}})
	mux.Handle("/mcp", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		away := g.away
		g.mu.Unlock()
		if away != "" {
			http.Redirect(w, r, away, http.StatusTemporaryRedirect)
			return
		}
		checked(wanting(speaks)).ServeHTTP(w, r)
	}))
	return g
}

// verified looks at a token as a resource has to (RFC 9068).
func (g *guarded) verified(ctx context.Context, keys *oidc.RemoteKeySet, token string) (*auth.TokenInfo, error) {
	b, err := keys.VerifySignature(ctx, token)
	if err != nil {
		return nil, err
	}
	var is struct {
		Iss, Aud, Scope, Sub string
		Exp                  int64
	}
	if err := json.Unmarshal(b, &is); err != nil {
		return nil, err
	}
	if is.Iss != g.issuer || is.Aud != g.URL+"/mcp" {
		return nil, fmt.Errorf("it is of %s for %s", is.Iss, is.Aud)
	}
	g.mu.Lock()
	g.tokens[token] = true
	g.mu.Unlock()
	return &auth.TokenInfo{Scopes: strings.Fields(is.Scope), Expiration: time.Unix(is.Exp, 0), UserID: is.Sub}, nil
}

func (g *guarded) taken() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.tokens)
}

// wanting refuses calls of admin to tokens without its scope.
func wanting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(b))
		if strings.Contains(string(b), `"name":"admin"`) && !slices.Contains(auth.TokenInfoFromContext(r.Context()).Scopes, "tools:admin") {
			w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="tools:admin"`)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// authorizes runs oidc-provider for a resource, and returns its issuer.
func authorizes(t *testing.T, resource, scope string, seconds int) string {
	t.Helper()
	dir := t.TempDir()
	script, err := os.ReadFile("programs/oauth.mjs")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "oauth.mjs"), script, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(clients(t), "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(node22(t), "--preserve-symlinks", "--preserve-symlinks-main", filepath.Join(dir, "oauth.mjs"), resource, scope, fmt.Sprint(seconds))
	var said coretest.Output
	c.Env, c.Stderr = quiet(), &said
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // it ends by itself then
		_ = c.Wait()
		if t.Failed() {
			t.Logf("oidc-provider said\n%s", said.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("oidc-provider doesn't start: %v\n%s", err, said.String())
	}
	return strings.TrimSpace(line)
}

// opened is the address that a person is to open.
var opened = regexp.MustCompile(`(?m)^  (http://\S+)$`)

// agrees runs isekai mcp connect, with a browser on the same machine whose person agrees. It returns
// what that was sent to, and what the command said.
func (r *rig) agrees(t *testing.T, args ...string) (asked url.Values, out string) {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), patience)
	defer done()
	c := exec.CommandContext(ctx, bin, append([]string{"--data-dir", r.dir, "mcp", "connect"}, args...)...)
	var said coretest.Output
	c.Env, c.Stdout, c.Stderr = environment(), &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for !opened.MatchString(said.String()) {
		select {
		case err := <-ended:
			t.Fatalf("no address to go to: %v\n%s", err, said.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
	to := opened.FindStringSubmatch(said.String())[1]
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	page, err := browser.Get(to)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(page.Body)
	_ = page.Body.Close()
	back := page.Request.URL
	if err != nil || !strings.HasSuffix(back.Path, "/v1/connections/callback") {
		t.Fatalf("the browser is at %s: %s %v", back, b, err)
	}
	_, port, _ := strings.Cut(back.Query().Get("state"), ".") // as the page's script does
	if page, err = browser.Get("http://127.0.0.1:" + port + "/?" + back.RawQuery); err != nil {
		t.Fatal(err)
	}
	_ = page.Body.Close()
	if err := <-ended; err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	return u.Query(), said.String()
}

// A person connects with a server that nobody has configured anything for: its authorization server
// registers us, its tokens are for the server and are refreshed, and a tool that wants more is
// there once she has agreed to that, too.
func TestMCPServerIsConnected(t *testing.T) {
	t.Parallel()
	const seconds = 20
	g := newGuarded(t, seconds)
	r := newMCPRig(t, portOf(t, g.URL), portOf(t, g.issuer))
	r.does("add", "tools", g.URL+"/mcp")
	if out, err := r.mcp("test", "tools"); err == nil || !strings.Contains(out, "isekai mcp connect tools") {
		t.Errorf("without a token: %v %s", err, out)
	}
	asked, out := r.agrees(t, "tools", "--scope", "tools:use")
	if asked.Get("resource") != g.URL+"/mcp" || asked.Get("code_challenge_method") != "S256" || asked.Get("scope") != "tools:use offline_access" || !strings.Contains(out, "Credential") {
		t.Errorf("asked for %v\n%s", asked, out)
	}
	client := asked.Get("client_id")
	if out := r.does("test", "tools"); !strings.Contains(out, "tools_echo ") {
		t.Error(out)
	}
	first := g.taken()
	for deadline := time.Now().Add(patience); g.taken() == first; time.Sleep(200 * time.Millisecond) {
		if out := r.does("call", "tools", "echo", `{"text":"you"}`); out != "echo heard you\n" {
			t.Fatal(out)
		}
		if time.Now().After(deadline) {
			t.Fatal("the token is never refreshed")
		}
	}

	out, err := r.mcp("call", "tools", "admin", `{"text":"you"}`)
	if err == nil || !strings.Contains(out, "tools:admin") || !strings.Contains(out, "isekai mcp connect tools") {
		t.Errorf("a tool that wants more: %v %s", err, out)
	}
	if out := r.does("show", "tools"); !strings.Contains(out, "tools:admin, which its connection lacks") {
		t.Errorf("nobody is told: %s", out)
	}
	if out := r.does("call", "tools", "echo", `{"text":"you"}`); out != "echo heard you\n" {
		t.Errorf("the other tools are gone: %s", out)
	}
	asked, _ = r.agrees(t, "tools")
	if asked.Get("client_id") != client || !slices.Contains(strings.Fields(asked.Get("scope")), "tools:admin") || !slices.Contains(strings.Fields(asked.Get("scope")), "tools:use") {
		t.Errorf("asked for %v", asked)
	}
	if out := r.does("call", "tools", "admin", `{"text":"you"}`); out != "admin heard you\n" {
		t.Error(out)
	}
	if out := r.does("show", "tools"); strings.Contains(out, "lacks") {
		t.Errorf("it is still lacking: %s", out)
	}
	log := r.isekai("audit", "list", "--action", "connection.")
	if strings.Count(log, "connection.register") != 1 || strings.Count(log, "connection.connect") != 2 || !strings.Contains(log, "connection.refresh") {
		t.Errorf("on record is %s", log)
	}

	elsewhere := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { elsewhere <- q.Header.Get("Authorization") }))
	t.Cleanup(other.Close)
	g.mu.Lock()
	g.away = other.URL
	g.mu.Unlock()
	if out, err := r.mcp("call", "tools", "echo", `{"text":"you"}`); err == nil || !strings.Contains(out, "it redirects") {
		t.Errorf("a redirect: %v %s", err, out)
	}
	select {
	case token := <-elsewhere:
		t.Errorf("a redirect is followed with %q", token)
	default:
	}
	g.mu.Lock()
	g.away = ""
	g.mu.Unlock()
	r.does("add", "tools", g.URL+"/other", "--credential", "tools") // on the same host, but not what the token is for
	if out, err := r.mcp("test", "tools"); err == nil || !strings.Contains(out, "isn't for this host") {
		t.Errorf("the token is sent to another: %v %s", err, out)
	}
	if len(g.refused) > 0 {
		t.Errorf("the server has refused %q", g.refused)
	}
}

// Servers that say what isn't so are connected with nothing.
func TestMCPServerIsNotConnected(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, 60)
	within := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a private address is reached") }))
	t.Cleanup(within.Close)
	r := newMCPRig(t, portOf(t, g.URL), portOf(t, g.issuer))
	r.does("add", "tools", g.URL+"/mcp")
	for name, tt := range map[string]struct {
		do   func()
		says string
	}{
		"another's resource":              {func() { g.metaOf = "https://bank.example/mcp" }, "doesn't say who gives tokens"},
		"another's on the same host":      {func() { g.metaOf = g.URL + "/other" }, "doesn't say who gives tokens"},
		"an authorization server within":  {func() { g.metaOf, g.issuer = "", within.URL }, "can't be reached from here"},
		"an authorization server's other": {func() { g.metaOf, g.issuer = "", g.URL }, "doesn't answer as it should"},
	} {
		g.mu.Lock()
		tt.do()
		g.mu.Unlock()
		if out, err := r.mcp("connect", "tools"); err == nil || !strings.Contains(out, tt.says) {
			t.Errorf("%s: %v %s", name, err, out)
		}
	}
	if out := r.isekai("audit", "list", "--action", "connection."); strings.Contains(out, "connection.") {
		t.Errorf("on record is %s", out)
	}
}

// portOf is a URL's port.
func portOf(t *testing.T, of string) string {
	t.Helper()
	u, err := url.Parse(of)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}
