package clients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/isekai-run/isekai/internal/blob/local"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/mcp"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// asClient has this program be the client that the conformance suite tests: it is started by the
// suite, which doesn't say before what its port is.
const asClient = "ISEKAI_TEST_MCP_CLIENT"

// beClient connects with the server at an address, lists its tools, and calls one if the
// scenario wants that.
func beClient(address string) error {
	ctx, done := context.WithTimeout(context.Background(), patience)
	defer done()
	ports := make([]int, 0, 65535)
	for p := range cap(ports) { // for where its authorization server is, only its metadata says
		ports = append(ports, p+1)
	}
	guard, err := egress.New(egress.Config{Allow: []string{"127.0.0.1", "::1", "localhost"}, Ports: ports, Timeout: -1})
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "isekai-mcp-client-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	st, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "isekai.db")})
	if err != nil {
		return err
	}
	defer st.Close()
	blobs, err := local.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		return err
	}
	defer blobs.Close()
	start := func(providers ...credential.Provider) (*credential.Service, *mcp.Service, error) {
		secrets, err := credential.New(credential.Config{Records: st, Terms: st, HTTP: guard.Client(), Redirect: "http://127.0.0.1:8976/callback", Providers: providers})
		if err != nil {
			return nil, nil, err
		}
		s, err := mcp.New(mcp.Config{Records: st, Blobs: blobs, Boxes: struct{ sandbox.Driver }{}, Outside: wayOut{guard, secrets}, Provider: secrets.ProviderOf, Dir: filepath.Join(dir, "mcp")})
		return secrets, s, err
	}
	secrets, s, err := start()
	if err != nil {
		return err
	}
	scope := core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_a"}}
	if _, err := s.Put(ctx, scope, mcp.Spec{Name: "suite", Transport: mcp.HTTP, Address: address}, 0); err != nil {
		return err
	}
	var known struct { // a client that somebody has registered before
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if c := os.Getenv("MCP_CONFORMANCE_CONTEXT"); c != "" {
		if err := json.Unmarshal([]byte(c), &known); err != nil {
			return err
		}
	}
	if known.ID != "" { // an operator configures it for the server's issuer, and starts anew
		a, err := s.Authorization(ctx, scope, "suite")
		if err != nil {
			return err
		}
		if err := errors.Join(s.Shutdown(ctx), secrets.Shutdown(ctx)); err != nil {
			return err
		}
		if secrets, s, err = start(credential.Provider{Name: "forge", ClientID: known.ID, ClientSecret: credential.NewSecret(known.Secret), Issuer: a.Issuers[0]}); err != nil {
			return err
		}
	}
	defer func() { _ = secrets.Shutdown(ctx) }()
	p := agreeing{mcp: s, secrets: secrets, scope: scope}
	if err := p.insists(ctx, func() error {
		_, err := s.Test(ctx, tool.Call{Scope: scope}, "suite")
		return err
	}); err != nil {
		return err
	}
	if wanted, ok := map[string][2]string{
		"tools_call": {"add_numbers", `{"a":5,"b":3}`}, "sse-retry": {"test_reconnection", `{}`}, "auth/scope-step-up": {"test-tool", `{}`}, "auth/scope-retry-limit": {"test-tool", `{}`},
	}[os.Getenv("MCP_CONFORMANCE_SCENARIO")]; ok {
		if err := p.insists(ctx, func() error {
			got, err := s.Call(ctx, tool.Call{Scope: scope, Arguments: []byte(wanted[1])}, "suite", wanted[0])
			if err == nil {
				fmt.Println("the tool said", got.Output)
			}
			return err
		}); err != nil {
			return err
		}
	}
	return s.Shutdown(ctx)
}

// agreeing is somebody who connects when a server wants that, as often as twice, and agrees to
// whatever is asked.
type agreeing struct {
	mcp     *mcp.Service
	secrets *credential.Service
	scope   core.Scope
}

// insists does something that a server may refuse until it is connected.
func (p agreeing) insists(ctx context.Context, f func() error) error {
	const tries = 2
	for range tries {
		err := f()
		if core.CodeOf(err) != core.Denied {
			return err
		}
		fmt.Println("denied:", err, "-", core.HintOf(err))
		if err := p.connect(ctx); err != nil {
			return err
		}
	}
	return f()
}

// connect is isekai mcp connect with a browser whose person agrees.
func (p agreeing) connect(ctx context.Context) error {
	const session = "ses_suite"
	srv, err := p.mcp.Server(ctx, p.scope, "suite")
	if err != nil {
		return err
	}
	a, err := p.mcp.Authorization(ctx, p.scope, "suite")
	if err != nil || a.Missing != "" {
		return errors.Join(err, errors.New(a.Missing))
	}
	scopes, err := p.mcp.Wants(ctx, p.scope, srv)
	if err != nil {
		return err
	}
	if has, err := p.secrets.Get(ctx, p.scope, "suite"); err == nil && len(scopes) > 0 {
		scopes = slices.Compact(slices.Sorted(slices.Values(append(scopes, has.Connection.Scopes...))))
	} else if len(scopes) == 0 {
		scopes = a.Scopes
	}
	begin := credential.Begin{Provider: a.Provider, Name: "suite", Resource: a.Resource, Scopes: scopes}
	if a.Provider == "" {
		begin.Issuer = a.Issuers[0]
	}
	to, err := p.secrets.Begin(ctx, p.scope, session, begin)
	if err != nil {
		return err
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.Get(to)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		return err
	}
	q := back.Query()
	if _, err := p.secrets.Finish(ctx, p.scope, session, credential.Answer{State: credential.NewSecret(q.Get("state")), Code: credential.NewSecret(q.Get("code")), Error: q.Get("error"), Issuer: q.Get("iss")}); err != nil {
		return err
	}
	spec := srv.Spec
	spec.Credential = "suite"
	_, err = p.mcp.Put(ctx, p.scope, spec, 0)
	return err
}

// wayOut is the way out with what the vault has, as the program has it.
type wayOut struct {
	*egress.Guard
	secrets *credential.Service
}

func (o wayOut) Authorize(ctx context.Context, c tool.Call, name, cred string, r *http.Request) error {
	return o.secrets.Authorize(ctx, c.Scope, cred, credential.For{Tool: name, Host: r.URL.Scheme + "://" + r.URL.Host, Listed: true}, r)
}

func (wayOut) Credential(context.Context, tool.Call, string, string, string) (tool.Credential, error) {
	return tool.Credential{}, core.E(core.NotFound, "credential", "there is no such credential")
}

func TestMCPConformanceOfTheClient(t *testing.T) {
	t.Parallel()
	clients(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, scenario := range []string{"initialize", "tools_call", "sse-retry"} {
		t.Run(scenario, func(t *testing.T) {
			passed, failed, said := conform(t, "client", "--command", "/usr/bin/env "+asClient+"=1 "+self, "--scenario", scenario)
			if len(passed) == 0 || len(failed) > 0 {
				t.Errorf("passed %q, failed %q\n%s", passed, failed, said)
			}
		})
	}
}

// The scenarios of the suite about authorization, each with checks that have to be among those that
// succeed.
func TestMCPConformanceOfTheClientsAuthorization(t *testing.T) {
	t.Parallel()
	clients(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	always := []string{"authorization-server-metadata", "client-registration", "pkce-code-challenge-sent", "pkce-s256-method-used", "token-request", "pkce-verifier-matches-challenge"}
	with := func(more ...string) []string { return append(slices.Clone(always), more...) }
	resource := with("token-endpoint-auth-method", "valid-bearer-token", "resource-parameter-in-authorization", "resource-parameter-in-token", "resource-parameter-valid-uri", "resource-parameter-consistency")
	for scenario, has := range map[string][]string{
		"auth/metadata-default": with("prm-pathbased-requested", "valid-bearer-token"), "auth/metadata-var1": with("valid-bearer-token"),
		"auth/metadata-var2": with("valid-bearer-token"), "auth/metadata-var3": with("valid-bearer-token"),
		"auth/scope-from-www-authenticate": with("scope-from-www-authenticate"), "auth/scope-from-scopes-supported": with("scope-from-scopes-supported"),
		"auth/scope-omitted-when-undefined": with("scope-omitted-when-undefined"), "auth/scope-step-up": with("scope-step-up-initial", "scope-step-up-escalation"), "auth/scope-retry-limit": with("scope-retry-limit"),
		"auth/token-endpoint-auth-basic": resource, "auth/token-endpoint-auth-post": resource, "auth/token-endpoint-auth-none": resource,
		"auth/pre-registration":  {"pre-registration-auth", "pkce-verifier-matches-challenge", "valid-bearer-token"},
		"auth/resource-mismatch": {"resource-mismatch-rejected"}, "auth/offline-access-scope": with("sep-2207-offline-access-requested"), "auth/offline-access-not-supported": with("sep-2207-offline-access-not-requested"),
	} {
		t.Run(scenario, func(t *testing.T) {
			passed, failed, said := conform(t, "client", "--command", "/usr/bin/env "+asClient+"=1 "+self, "--scenario", scenario)
			for _, check := range has {
				if !slices.Contains(passed, check) || len(failed) > 0 {
					t.Errorf("%s: passed %q, failed %q\n%s", check, passed, failed, said)
				}
			}
		})
	}
}
