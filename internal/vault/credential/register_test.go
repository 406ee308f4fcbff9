package credential_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// document is what an authorization server says of itself that registers clients.
const document = `{"issuer":"URL","authorization_endpoint":"URL/authorize","token_endpoint":"URL/token","revocation_endpoint":"URL/revoke",
	"registration_endpoint":"URL/register","code_challenge_methods_supported":["S256"],"scopes_supported":["read","offline_access"],"authorization_response_iss_parameter_supported":true}`

const mcpServer = "https://tools.example/mcp"

// open has the authority register whoever comes, for one resource.
func (a *authority) open() {
	a.set(func(a *authority) {
		a.document, a.resource, a.register = document, mcpServer, func(map[string]any, map[string]any) {}
	})
}

// byIssuer is what is connected with an authority that nobody has configured.
func (r *rig) byIssuer() credential.Begin {
	return credential.Begin{Issuer: r.authority.URL, Name: "tools", Resource: mcpServer, Scopes: []string{"read"}}
}

// connectByIssuer connects with it.
func (r *rig) connectByIssuer(t testing.TB) credential.Credential {
	t.Helper()
	at, err := r.Begin(t.Context(), ann(orgA), session, r.byIssuer())
	ok(t, err)
	c, err := r.Finish(t.Context(), ann(orgA), session, agree(t, at))
	ok(t, err)
	return c
}

// request is one to an address.
func request(t testing.TB, address string) *http.Request {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	ok(t, err)
	return q
}

// An authorization server registers us, once for an org, and from then on all is as with a
// configured provider: it is used, refreshed for the same resource, and revoked.
func TestRegistration(t *testing.T) {
	both(t, func(t *testing.T, r *rig) {
		ctx := t.Context()
		r.authority.open()
		c := r.connectByIssuer(t)
		if c.Connection == nil || c.Connection.Provider != r.authority.URL || c.Connection.Resource != mcpServer || !slices.Equal(c.Hosts, []string{"tools.example"}) {
			t.Fatalf("%+v %+v", c, c.Connection)
		}
		asked := r.authority.asked
		if len(asked) != 1 || fmt.Sprint(asked[0]["redirect_uris"]) != "["+redirect+"]" || asked[0]["token_endpoint_auth_method"] != "client_secret_basic" || asked[0]["application_type"] != "web" || fmt.Sprint(asked[0]["grant_types"]) != "[authorization_code refresh_token]" {
			t.Errorf("we asked to be %v", asked)
		}
		v, err := r.Use(ctx, ann(orgA), "tools", credential.For{Host: "https://tools.example", Listed: true})
		ok(t, err)
		first := v.Version
		ok(t, v.Authorize(request(t, mcpServer)))
		ok(t, v.Authorize(request(t, mcpServer+"/more")))
		for _, elsewhere := range []string{"https://tools.example/other", "https://tools.example/mcp2", "https://tools.example/mcp/../other", "https://tools.example/mcp/%2e%2e/other", "https://tools.example:8443/mcp", "http://tools.example/mcp", "https://evil.example/mcp", r.authority.URL} {
			q := request(t, elsewhere)
			if err := v.Authorize(q); core.CodeOf(err) != core.Denied || q.Header.Get("Authorization") != "" {
				t.Errorf("a token for %s is sent to %s: %v", mcpServer, elsewhere, err)
			}
		}
		r.clock.Advance(2 * time.Hour)
		v, err = r.Use(ctx, ann(orgA), "tools", credential.For{Host: "https://tools.example"})
		ok(t, err)
		if v.Version != first+1 || !r.authority.good(v.Secret.Reveal()) {
			t.Errorf("the token that was refreshed is %d", v.Version)
		}
		r.connectByIssuer(t)
		if len(r.authority.asked) != 1 {
			t.Errorf("it was asked %d times to register us", len(r.authority.asked))
		}
		at, err := r.Begin(ctx, ann(orgB), session, r.byIssuer())
		ok(t, err)
		if len(r.authority.asked) != 2 || !strings.Contains(at, "client_id=registered-2&") {
			t.Errorf("another org is the same client: %s", at)
		}
		if secrets, _, err := r.Values(ctx, orgA); err != nil || !slices.ContainsFunc(secrets, func(k credential.Kept) bool { return k.Secret.Reveal() == "MARKER-secret-of-registered-1" }) {
			t.Errorf("what is kept from leaving lacks the client's secret: %v", err)
		}
		ok(t, r.Delete(ctx, ann(orgA), "tools", false, 0))
		if r.authority.left() != 1 { // that which was connected before; many providers take one for the other
			t.Errorf("%d grants are left", r.authority.left())
		}
		if done := r.book.of("connection.register"); len(done) != 2 || done[0].Detail["provider"] != r.authority.URL {
			t.Errorf("on record is %v", done)
		}
		if done := r.book.of("connection.connect"); len(done) != 2 || done[0].Detail["resource"] != mcpServer {
			t.Errorf("on record is %v", done)
		}
		if raw, err := r.st.Records(ctx, orgA, "credential_client", "", "", 10); err != nil || len(raw) != 1 || strings.Contains(string(raw[0].Data), "registered-1") || strings.Contains(string(raw[0].Data), "MARKER") {
			t.Errorf("kept is %v, %v", raw, err)
		}
	})
}

// What is asked for is what is wanted, and what makes refresh tokens.
func TestTheScopesOfWhoIsRegistered(t *testing.T) {
	r := newRig(t)
	r.authority.open()
	at, err := r.Begin(t.Context(), ann(orgA), session, r.byIssuer())
	ok(t, err)
	u, err := url.Parse(at)
	ok(t, err)
	if q := u.Query(); q.Get("scope") != "read offline_access" || q.Get("resource") != mcpServer || q.Get("code_challenge_method") != "S256" {
		t.Errorf("%s", at)
	}
	b := r.byIssuer()
	b.Scopes = []string{`re"ad`}
	_, err = r.Begin(t.Context(), ann(orgA), session, b)
	wantCode(t, "a scope that is none", err, core.Invalid)
}

// A client is authenticated as the server says, with what it gave.
func TestWaysToBeAClient(t *testing.T) {
	for name, tt := range map[string]struct {
		methods string
		change  func(asked, got map[string]any)
		want    string
	}{
		"it says nothing":   {"", nil, "client_secret_basic"},
		"by post":           {`["client_secret_post"]`, nil, "client_secret_post"},
		"a public client":   {`["none"]`, func(_, got map[string]any) { delete(got, "client_secret") }, "none"},
		"it decides itself": {`["client_secret_basic"]`, func(_, got map[string]any) { got["token_endpoint_auth_method"] = "client_secret_post" }, "client_secret_basic"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.authority.open()
			r.authority.set(func(a *authority) {
				if tt.methods != "" {
					a.document = strings.TrimSuffix(document, "}") + `,"token_endpoint_auth_methods_supported":` + tt.methods + "}"
				}
				if tt.change != nil {
					a.register = tt.change
				}
			})
			r.connectByIssuer(t)
			if got := r.authority.asked[0]["token_endpoint_auth_method"]; got != tt.want {
				t.Errorf("we asked for %v", got)
			}
		})
	}
}

// Nothing comes of an authorization server that isn't as it should be, and nothing of what it
// writes is shown.
func TestHostileAuthorizationServers(t *testing.T) {
	giant := `{"issuer":"URL","x":"` + strings.Repeat("x", 4<<20) + `"}`
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect is followed") }))
	t.Cleanup(other.Close)
	for name, tt := range map[string]struct {
		do   func(a *authority)
		code core.Code
		says string
	}{
		"another's metadata": {func(a *authority) {
			a.document = strings.Replace(document, `"issuer":"URL"`, `"issuer":"https://bank.example"`, 1)
		}, core.Unavailable, ""},
		"no metadata":             {func(a *authority) { a.document = "" }, core.Unavailable, ""},
		"giant metadata":          {func(a *authority) { a.document = giant }, core.Unavailable, ""},
		"no PKCE":                 {func(a *authority) { a.document = strings.Replace(document, `"S256"`, `"plain"`, 1) }, core.Unsupported, "PKCE"},
		"a page that is a script": {func(a *authority) { a.document = strings.Replace(document, "URL/authorize", "javascript:alert(1)", 1) }, core.Unavailable, ""},
		"tokens in the clear":     {func(a *authority) { a.document = strings.Replace(document, "URL/token", "http://tokens.example/", 1) }, core.Unavailable, ""},
		"registers nobody":        {func(a *authority) { a.document = strings.Replace(document, "registration_endpoint", "no", 1) }, core.Unsupported, "connections.providers"},
		"refuses to register":     {func(a *authority) { a.register = func(_, got map[string]any) { got["error"] = "invalid_redirect_uri" } }, core.Denied, "invalid_redirect_uri"},
		"refuses with its own":    {func(a *authority) { a.register = func(_, got map[string]any) { got["error"] = "MARKER-echo" } }, core.Denied, "connections.providers"},
		"a client without an id":  {func(a *authority) { a.register = func(_, got map[string]any) { delete(got, "client_id") } }, core.Denied, ""},
		"an id with a line break": {func(a *authority) { a.register = func(_, got map[string]any) { got["client_id"] = "a\r\nb" } }, core.Unavailable, ""},
		"a way that we don't know": {func(a *authority) {
			a.register = func(_, got map[string]any) { got["token_endpoint_auth_method"] = "tls_client_auth" }
		}, core.Unavailable, ""},
		"a giant client":      {func(a *authority) { a.register = func(_, got map[string]any) { got["x"] = strings.Repeat("x", 4<<20) } }, core.Denied, ""},
		"registers elsewhere": {func(a *authority) { a.document = strings.Replace(document, "URL/register", "URL/away", 1) }, core.Denied, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.authority.open()
			r.authority.set(tt.do)
			inner := r.authority.Config.Handler
			r.authority.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				if q.URL.Path == "/away" {
					http.Redirect(w, q, other.URL, http.StatusTemporaryRedirect)
					return
				}
				inner.ServeHTTP(w, q)
			})
			_, err := r.Begin(t.Context(), ann(orgA), session, r.byIssuer())
			wantCode(t, name, err, tt.code)
			if said := err.Error() + core.HintOf(err) + r.book.text(); strings.Contains(said, "MARKER") || !strings.Contains(said, tt.says) {
				t.Errorf("it says %s", said)
			}
			if r.count(t, orgA, "credential_client") != 0 || r.count(t, orgA, "credential_flow") != 0 {
				t.Error("something of it is kept")
			}
		})
	}
}

// The checked way out holds for what metadata names: a private address isn't reached.
func TestMetadataThatPointsWithin(t *testing.T) {
	within := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a private address is reached") }))
	t.Cleanup(within.Close)
	r := newRig(t)
	r.authority.open()
	at, err := url.Parse(r.authority.URL)
	ok(t, err)
	guard, err := egress.New(egress.Config{Allow: []string{at.Host}})
	ok(t, err)
	t.Cleanup(guard.Close)
	s := r.node(t, func(c *credential.Config) { c.HTTP = guard.Client() })
	_, err = s.Begin(t.Context(), ann(orgA), session, r.byIssuer())
	ok(t, err)
	b := r.byIssuer()
	b.Issuer = within.URL
	_, err = s.Begin(t.Context(), ann(orgB), session, b)
	wantCode(t, "an issuer within", err, core.Denied)
	r.authority.set(func(a *authority) { a.document = strings.Replace(document, "URL/register", within.URL+"/register", 1) })
	_, err = s.Begin(t.Context(), ann(orgB), session, r.byIssuer())
	wantCode(t, "registration within", err, core.Denied)
}

// An answer has to be of the issuer that was asked, and say so where the issuer says that it does.
func TestAnswersOfAnotherIssuer(t *testing.T) {
	r := newRig(t)
	r.authority.open()
	for _, issuer := range []string{"", "https://bank.example"} {
		at, err := r.Begin(t.Context(), ann(orgA), session, r.byIssuer())
		ok(t, err)
		a := agree(t, at)
		a.Issuer = issuer
		_, err = r.Finish(t.Context(), ann(orgA), session, a)
		wantCode(t, "an answer of "+issuer, err, core.Denied)
	}
}

// A connection keeps what it is for: another issuer's, or the configured provider's of its name,
// isn't sent what this one gave.
func TestAConnectionStaysItsIssuers(t *testing.T) {
	r := newRig(t)
	r.authority.open()
	r.connectByIssuer(t)
	b := r.byIssuer()
	b.Issuer = "https://evil.example"
	_, err := r.Begin(t.Context(), ann(orgA), session, b)
	wantCode(t, "another issuer", err, core.Conflict)
	_, err = r.Begin(t.Context(), ann(orgA), session, credential.Begin{Provider: "strict", Name: "tools"})
	wantCode(t, "a configured provider", err, core.Conflict)
	b = r.byIssuer()
	for _, resource := range []string{"http://tools.example/mcp", "https://tools.example/mcp#part", "https://u:p@tools.example/", "mcp"} {
		b.Resource = resource
		_, err = r.Begin(t.Context(), ann(orgA), session, b)
		wantCode(t, resource, err, core.Invalid)
	}
}

// A server that has forgotten us ends the connection; connecting again registers anew.
func TestAForgottenClient(t *testing.T) {
	r := newRig(t)
	r.authority.open()
	r.connectByIssuer(t)
	r.authority.set(func(a *authority) { delete(a.clients, "registered-1") })
	r.clock.Advance(2 * time.Hour)
	_, err := r.Use(t.Context(), ann(orgA), "tools", credential.For{Host: "https://tools.example"})
	wantCode(t, "a use", err, core.Denied)
	if !strings.Contains(core.HintOf(err), "connect again") {
		t.Errorf("the hint is %s", core.HintOf(err))
	}
	r.connectByIssuer(t)
	if len(r.authority.asked) != 2 {
		t.Errorf("it was asked %d times to register us", len(r.authority.asked))
	}
	v, err := r.Use(t.Context(), ann(orgA), "tools", credential.For{Host: "https://tools.example"})
	ok(t, err)
	if !r.authority.good(v.Secret.Reveal()) {
		t.Error("the new token isn't good")
	}
}

// A secret that ends is replaced when somebody connects again.
func TestAClientsSecretEnds(t *testing.T) {
	r := newRig(t)
	r.authority.open()
	r.authority.set(func(a *authority) {
		a.register = func(_, got map[string]any) { got["client_secret_expires_at"] = r.clock.Now().Add(time.Hour).Unix() }
	})
	r.connectByIssuer(t)
	r.clock.Advance(2 * time.Hour)
	r.connectByIssuer(t)
	if len(r.authority.asked) != 2 {
		t.Errorf("it was asked %d times to register us", len(r.authority.asked))
	}
}

// An org is registered at a hundred servers; those that no connection uses make room.
func TestRegistrationsAreBounded(t *testing.T) {
	r := newRig(t)
	r.authority.open()
	tenants := http.NewServeMux()
	server := httptest.NewServer(tenants)
	t.Cleanup(server.Close)
	tenants.HandleFunc("GET /.well-known/oauth-authorization-server/{tenant}", func(w http.ResponseWriter, q *http.Request) {
		_, _ = w.Write([]byte(strings.Replace(strings.ReplaceAll(document, "URL", r.authority.URL), r.authority.URL, server.URL+"/"+q.PathValue("tenant"), 1)))
	})
	r.connectByIssuer(t)
	b := r.byIssuer()
	for i := range 105 {
		b.Issuer, b.Name = fmt.Sprintf("%s/%d", server.URL, i), fmt.Sprintf("tools-%d", i)
		_, err := r.Begin(t.Context(), ann(orgA), session, b)
		ok(t, err)
	}
	if n := r.count(t, orgA, "credential_client"); n > 100 || n < 2 {
		t.Errorf("there are %d", n)
	}
	r.connectByIssuer(t)
	if n := slices.IndexFunc(r.authority.asked[1:], func(m map[string]any) bool { return m == nil }); n >= 0 || len(r.authority.asked) != 106 {
		t.Errorf("it was asked %d times to register us", len(r.authority.asked))
	}
}
