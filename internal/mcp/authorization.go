package mcp

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/isekai-run/isekai/internal/core"
)

// Authorization says how a server wants to be authorized, as it says itself (RFC 9728) and the
// protocol has it. Nothing of it is trusted but by who connects to the provider.
type Authorization struct {
	Needed   bool // it answers nobody without a token
	Resource string
	Issuers  []string // that give tokens for it
	Scopes   []string // that it knows
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
	where, needed, err := s.challenged(ctx, srv.Address)
	if err != nil || !needed {
		return Authorization{}, err
	}
	a := Authorization{Needed: true}
	for _, at := range where {
		if s.metadata(ctx, srv.Address, at, &a) {
			break
		}
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
	a.Missing = "no provider of connections is configured for " + strings.Join(a.Issuers, ", ") + ": an operator registers a client there and adds it to connections.providers with that issuer"
	return a, nil
}

// challenged asks a server and returns where it may say who authorizes: what its challenge names
// first, then the usual places.
func (s *Service) challenged(ctx context.Context, address string) (where []string, needed bool, err error) {
	body := strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, body)
	if err != nil {
		return nil, false, invalid("the server's address can't be asked", "give it anew")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	resp, err := s.unauthorized().Do(r)
	if err != nil {
		return nil, false, err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		return nil, false, nil
	}
	challenges, err := oauthex.ParseWWWAuthenticate(resp.Header.Values("WWW-Authenticate"))
	if err == nil {
		for _, c := range challenges {
			if at := c.Params["resource_metadata"]; at != "" {
				where = append(where, at)
			}
		}
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, true, invalid("the server's address can't be asked", "give it anew")
	}
	root := u.Scheme + "://" + u.Host + "/.well-known/oauth-protected-resource"
	return append(where, root+strings.TrimSuffix(u.Path, "/"), root), true, nil
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
	if resp.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(resp.Body, maxMetadata)).Decode(&doc) != nil || !sameOrigin(doc.Resource, address) {
		return false
	}
	const most = 20
	a.Resource = line(doc.Resource)
	for _, issuer := range doc.AuthorizationServers[:min(len(doc.AuthorizationServers), most)] {
		a.Issuers = append(a.Issuers, line(issuer))
	}
	for _, scope := range doc.ScopesSupported[:min(len(doc.ScopesSupported), most)] {
		a.Scopes = append(a.Scopes, line(scope))
	}
	return len(a.Issuers) > 0
}

// sameOrigin reports whether a document is of a server: one that names another's resource would
// have tokens asked for that (RFC 9728, 3.3).
func sameOrigin(resource, address string) bool {
	r, err := url.Parse(resource)
	u, uerr := url.Parse(address)
	return err == nil && uerr == nil && r.Scheme == u.Scheme && r.Host == u.Host
}

// unauthorized is the way out without a credential.
func (s *Service) unauthorized() *http.Client {
	c := *s.cfg.Outside.Client()
	c.Timeout = s.cfg.Connect
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}
