package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// newAuthorized is an MCP server that wants a token, of an authorization server at the same place
// that registers clients.
func newAuthorized(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	says := func(path, text string, status int) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, strings.ReplaceAll(text, "URL", s.URL))
		})
	}
	says("POST /mcp", `{}`, http.StatusUnauthorized)
	says("GET /.well-known/oauth-protected-resource/mcp", `{"resource":"URL/mcp","authorization_servers":["URL"],"scopes_supported":["tools"]}`, http.StatusOK)
	says("GET /.well-known/oauth-authorization-server", `{"issuer":"URL","authorization_endpoint":"URL/authorize","token_endpoint":"URL/token","registration_endpoint":"URL/register","code_challenge_methods_supported":["S256"]}`, http.StatusOK)
	says("POST /register", `{"client_id":"we"}`, http.StatusCreated)
	return s.URL + "/mcp"
}

// Who connects a server makes a credential: that takes both rights, and a session to come back with.
func TestWhoMayConnectAnMCPServer(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(_ *httpapi.Config, _ *identity.Config, c *credential.Config) {
		c.HTTP, c.Redirect = &http.Client{}, publicURL+httpapi.ConnectionCallback
	})
	ctx := t.Context()
	must(w.olga.PutMCPServer(ctx, "web", client.NewMCPServer{Transport: "http", Address: newAuthorized(t)}, ""))(t)
	must(w.olga.PutMCPServer(ctx, "open", client.NewMCPServer{Transport: "http", Address: newPeer(t)}, ""))(t)
	to := must(w.olga.ConnectMCPServer(ctx, "web", client.NewMCPConnection{}))(t)
	u, err := url.Parse(to.URL)
	if q := u.Query(); err != nil || q.Get("client_id") != "we" || !strings.HasSuffix(q.Get("resource"), "/mcp") || q.Get("scope") != "tools" || q.Get("redirect_uri") != publicURL+httpapi.ConnectionCallback {
		t.Errorf("%s, %v", to.URL, err)
	}
	for name, tt := range map[string]struct {
		c      *client.Client
		server string
		code   core.Code
	}{
		"without secrets:write":      {w.as(must(w.olga.CreateKey(ctx, client.NewKey{Name: "a", Scopes: []string{"mcp:write"}}, ""))(t).Text), "web", core.Denied},
		"without mcp:write":          {w.as(must(w.olga.CreateKey(ctx, client.NewKey{Name: "b", Scopes: []string{"secrets:write"}}, ""))(t).Text), "web", core.Denied},
		"without a session":          {w.as(must(w.olga.CreateKey(ctx, client.NewKey{Name: "c", Scopes: []string{"mcp:write", "secrets:write"}}, ""))(t).Text), "web", core.Denied},
		"a member":                   {w.person(w.olga, "mark", client.Place{Role: core.Member}), "web", core.Denied},
		"a server that isn't there":  {w.olga, "none", core.NotFound},
		"one that asks for no token": {w.olga, "open", core.Unsupported},
	} {
		_, err := tt.c.ConnectMCPServer(ctx, tt.server, client.NewMCPConnection{})
		refused(t, name, err, tt.code)
	}
	_, paul := w.otherOrg("paul")
	_, err = paul.ConnectMCPServer(ctx, "web", client.NewMCPConnection{})
	refused(t, "another org", err, core.NotFound)
	if done := w.audited(w.me(w.olga).Org); strings.Contains(done, "connection.connect") {
		t.Errorf("on record is %s", done)
	}
}
