package mcp

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Authorization says how a server wants to be authorized, as it says itself (RFC 9728) and the
// protocol has it. Nothing of it is trusted but by who connects to the provider.
type Authorization struct {
	Needed   bool // it answers nobody without a token
	Resource string
	Issuers  []string // that give tokens for it
	Scopes   []string // to ask for: those that it wants, or else all that it knows
	Provider string   // the configured provider of connections that has one of the issuers
	Missing  string   // what keeps it from being connected
}

// maxMetadata bounds a document, in bytes.
const maxMetadata = 256 << 10

// Authorization asks a server, without a credential, how it wants to be authorized. invalid: it
// isn't reached over HTTP.
func (s *Service) Authorization(ctx context.Context, scope core.Scope, server string) (Authorization, error) {
	srv, err := s.Server(ctx, scope, server)
	if err != nil {
		return Authorization{}, err
	}
	if srv.Transport != HTTP {
		return Authorization{}, invalid("a program is authorized by variables of its environment", "name secrets for it: --secret VARIABLE=NAME")
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Connect)
	defer cancel()
	where, wants, needed, err := s.challenged(ctx, srv.Address)
	if err != nil {
		return Authorization{}, err
	}
	lacking, err := s.Wants(ctx, scope, srv) // what it has asked for of a call, though not of a greeting
	if err != nil || !needed && len(lacking) == 0 {
		return Authorization{}, err
	}
	a := Authorization{Needed: true}
	for _, at := range where {
		if s.metadata(ctx, srv.Address, at, &a) {
			break
		}
	}
	if len(wants) > 0 {
		a.Scopes = wants
	}
	if len(a.Issuers) == 0 {
		a.Missing = "the server doesn't say who gives tokens for it: store one with isekai secret set, and name it as its credential"
		return a, nil
	}
	for _, issuer := range a.Issuers {
		if a.Provider = s.cfg.Provider(issuer); a.Provider != "" {
			return a, nil
		}
	}
	return a, nil // whether the first of them registers us by itself is known when it is connected with
}

// challenged asks a server and returns where it may say who authorizes: what its challenge names
// first, then the usual places; and the scopes that it wants.
func (s *Service) challenged(ctx context.Context, address string) (where, wants []string, needed bool, err error) {
	body := strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, body)
	if err != nil {
		return nil, nil, false, invalid("the server's address can't be asked", "give it anew")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	resp, err := s.unauthorized().Do(r)
	if err != nil {
		return nil, nil, false, err
	}
	_ = resp.Body.Close()
	c := challengeOf(resp)
	if at := c["resource_metadata"]; at != "" {
		where = append(where, at)
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, nil, true, invalid("the server's address can't be asked", "give it anew")
	}
	root := u.Scheme + "://" + u.Host + "/.well-known/oauth-protected-resource"
	return append(where, root+strings.TrimSuffix(u.Path, "/"), root), scopesOf(c["scope"]), resp.StatusCode == http.StatusUnauthorized, nil
}

// metadata reads a resource's document into a, if it is one of this server's.
func (s *Service) metadata(ctx context.Context, address, at string, a *Authorization) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return false
	}
	resp, err := s.unauthorized().Do(r)
	if err != nil {
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	var doc oauthex.ProtectedResourceMetadata
	if resp.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(resp.Body, maxMetadata)).Decode(&doc) != nil || !tool.Within(doc.Resource, address) { // else it would have tokens asked for that are for another (RFC 9728, 3.3)
		return false
	}
	const most = 20 // issuers
	a.Resource = line(doc.Resource)
	for _, issuer := range doc.AuthorizationServers[:min(len(doc.AuthorizationServers), most)] {
		a.Issuers = append(a.Issuers, line(issuer))
	}
	a.Scopes = scopesOf(strings.Join(doc.ScopesSupported, " "))
	return len(a.Issuers) > 0
}

// challengeOf returns the parameters of an answer's challenge for a bearer token; none, if there is
// none that can be read.
func challengeOf(resp *http.Response) map[string]string {
	all, err := oauthex.ParseWWWAuthenticate(resp.Header.Values("WWW-Authenticate"))
	if err != nil {
		return nil
	}
	for _, c := range all {
		if c.Scheme == "bearer" {
			return c.Params
		}
	}
	return nil
}

// maxScopes bounds what a server may want.
const maxScopes = 50

// scopesOf reads a list of scopes (RFC 6749, section 3.3). Those that can't be one are left out.
func scopesOf(list string) (scopes []string) {
	for _, scope := range strings.Fields(list) {
		no := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
		if len(scopes) < maxScopes && len(scope) <= 200 && !strings.ContainsFunc(scope, no) && !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// unauthorized is the way out without a credential.
func (s *Service) unauthorized() *http.Client {
	c := *s.cfg.Outside.Client()
	c.Timeout = s.cfg.Connect
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}
