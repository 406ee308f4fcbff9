package platform

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestAPublicServer is reached over TLS alone by others, who have no use for the token of
// its data directory's owner unless they can read that; and by him as before.
func TestAPublicServer(t *testing.T) {
	t.Parallel()
	cert, key := writeCertificate(t, t.TempDir(), 1, time.Now().Add(time.Hour))
	in := testInstance(t)
	in.cfg.Listen = freeAddress(t)
	in.cfg.Public, in.cfg.TLS = Public{URL: "https://" + in.cfg.Listen, Previews: "apps.example.net"}, TLS{CertFile: cert, KeyFile: key}
	if err := in.cfg.checkPublic(); err != nil {
		t.Fatal(err)
	}
	conn, err := in.Connect(t.Context(), cli.Serving)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if conn.URL != in.cfg.Public.URL {
		t.Errorf("it is at %s", conn.URL)
	}
	pool, err := readPool(cert)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	get := func(host, path string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, in.cfg.Public.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("X-Forwarded-For", "127.0.0.1")
		res, err := (&http.Client{Transport: transport}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	if res := get("", "/healthz"); res.StatusCode != 200 || res.ProtoMajor != 2 || res.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s %s %v", res.Proto, res.Status, res.Header)
	}
	if res := get("", "/v1/tasks"); res.StatusCode != 401 {
		t.Errorf("without a credential: %s", res.Status)
	}
	if res := get("evil.example", "/healthz"); res.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("another name: %s", res.Status)
	}
	if res := get("none.apps.example.net", "/"); res.StatusCode != 404 || res.Header.Get("X-Request-Id") != "" {
		t.Errorf("a preview that isn't there: %s %v", res.Status, res.Header)
	}
	plain, err := net.Dial("tcp", in.cfg.Listen)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := io.WriteString(plain, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(plain); err != nil || strings.Contains(string(b), `"ok"`) {
		t.Errorf("in clear: %s %v", b, err)
	}
	s, announced := FindServer(in.cfg.DataDir)
	if !announced || !strings.HasPrefix(s.URL, "http://127.0.0.1:") || strings.HasSuffix(s.URL, in.cfg.Listen) {
		t.Fatalf("announced %+v", s)
	}
	if _, err := client.New(s.URL, s.Token, nil).Health(t.Context()); err != nil {
		t.Errorf("who owns the data directory: %v", err)
	}
	if _, err := client.New(s.URL, "x", nil).Health(t.Context()); core.CodeOf(err) != core.Unauthenticated {
		t.Errorf("who doesn't: %v", err)
	}
	if _, err := client.New(in.cfg.Public.URL, s.Token, transport).Health(t.Context()); core.CodeOf(err) != core.Unauthenticated {
		t.Errorf("who owned it once, from elsewhere: %v", err)
	}
	for _, host := range []string{"localhost", "127.0.0.2", "none.localhost", "localhost:1"} {
		if res := get(host, "/"); res.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("this machine's own names, from elsewhere: %s: %s", host, res.Status)
		}
	}
}

// TestBehindAProxy on the same machine, others come from loopback, too: nothing that is the
// owner's is theirs.
func TestBehindAProxy(t *testing.T) {
	t.Parallel()
	in := testInstance(t)
	in.cfg.Listen = freeAddress(t)
	in.cfg.Public = Public{URL: "https://isekai.example.com", Proxies: "127.0.0.1"}
	conn, err := in.Connect(t.Context(), cli.Serving)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s, _ := FindServer(in.cfg.DataDir)
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = "http", in.cfg.Listen
		r.SetXForwarded()
		r.Out.Header.Set("X-Forwarded-Proto", "https")
	}})
	t.Cleanup(proxy.Close)
	get := func(base, host, token string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/v1/health", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode
	}
	for what, c := range map[string]struct {
		base, host string
		want       int
	}{
		"through the proxy":                     {proxy.URL, "isekai.example.com", 401},
		"through the proxy, by a name of here":  {proxy.URL, "localhost", 421},
		"through the proxy, for an app":         {proxy.URL, "none.localhost", 421},
		"past the proxy, at its listener":       {"http://" + in.cfg.Listen, "127.0.0.1", 421},
		"at the owner's listener":               {s.URL, "127.0.0.1", 200},
		"at the owner's, by the public name":    {s.URL, "isekai.example.com", 421},
		"at the owner's listener, for an app":   {s.URL, "none.localhost", 404},
		"at the owner's listener, as localhost": {s.URL, "localhost:7", 200},
	} {
		if got := get(c.base, c.host, s.Token); got != c.want {
			t.Errorf("%s: %d", what, got)
		}
	}
}

// TestWherePreviewsAre is the table of their addresses.
func TestWherePreviewsAre(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, c := range map[string]struct {
		node *node
		want string
	}{
		"nowhere":                {&node{}, ""},
		"here":                   {&node{listener: l, owner: l, url: "http://127.0.0.1:7777"}, "http://books.localhost:7777"},
		"public":                 {&node{listener: l, cfg: Config{Public: Public{URL: "https://i.example.com", Previews: "apps.example.com"}}}, "https://books.apps.example.com"},
		"public, at a port":      {&node{listener: l, cfg: Config{Public: Public{URL: "https://i.example.com:8443", Previews: "apps.example.com"}}}, "https://books.apps.example.com:8443"},
		"public, without them":   {&node{listener: l, url: "http://127.0.0.1:4", cfg: Config{Public: Public{URL: "https://i.example.com"}}}, ""},
		"a task's own, of these": {&node{listener: l, owner: l, url: "http://127.0.0.1:4", cfg: Config{Public: Public{URL: "https://i.example.com", Previews: "apps.example.com"}}}, "http://books.localhost:4"},
	} {
		if got := c.node.previewURL("books"); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
