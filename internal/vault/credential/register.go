package credential

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// clientDoc is what an authorization server knows an org as, which has registered it when it was
// asked to (RFC 7591). Its endpoints are those of the last time that somebody connected.
type clientDoc struct {
	Issuer, Redirect    string
	ID                  string
	Secret              kept
	Ends                time.Time // of the secret; zero: it doesn't
	Post                bool      // see Provider
	Auth, Token, Revoke string
	Named               bool // see Provider
	Offline             bool // a scope has it give refresh tokens
}

// maxClients bounds the authorization servers at which an org is registered.
const maxClients = 100

// offline is the scope by which an authorization server gives refresh tokens, if it knows it.
const offline = "offline_access"

// byItself reports whether the provider of a name is an issuer at which we have registered: such
// names are URLs, and those that are configured can't be.
func byItself(name string) bool { return strings.Contains(name, "://") }

func clientKey(issuer string) string {
	return hex.EncodeToString(digest(strings.TrimSuffix(issuer, "/")))
}

// provider is the registered client as a provider of connections.
func (d clientDoc) provider() *Provider {
	return &Provider{
		Name: strings.TrimSuffix(d.Issuer, "/"), ClientID: d.ID, ClientSecret: d.Secret.Secret, Issuer: d.Issuer, Named: d.Named,
		AuthURL: d.Auth, TokenURL: d.Token, RevokeURL: d.Revoke, Post: d.Post,
	}
}

// provider returns the provider of a name, as it is configured or registered; nil: there is none.
func (s *Service) provider(ctx context.Context, org core.OrgID, name string) (*Provider, error) {
	if !byItself(name) {
		return s.providers[name], nil
	}
	e, err := clients.Find(ctx, s.cfg.Records, org, clientKey(name))
	if err != nil || e.Version == 0 {
		return nil, err
	}
	return e.Data.provider(), nil
}

// registered returns the authorization server of an issuer as a provider, at which the org is
// registered afterwards if it wasn't. unsupported: it registers nobody by itself, or can't do what
// makes it safe; denied: it refuses to, or may not be reached; unavailable: it doesn't answer.
func (s *Service) registered(ctx context.Context, scope core.Scope, b Begin) (*Provider, clientDoc, error) {
	none := &Provider{Name: strings.TrimSuffix(b.Issuer, "/"), Issuer: b.Issuer}
	fail := func(err error) (*Provider, clientDoc, error) { return nil, clientDoc{}, err }
	if s.http == nil || !reachable(b.Issuer) {
		return fail(core.E(core.Invalid, "connection.register", "nobody can be sent to the authorization server").WithHint("its issuer has to be a URL with https; an operator sets public.url"))
	}
	m, err := none.metadata(ctx, s.http)
	if err != nil {
		return fail(none.silent(err))
	}
	if !slices.Contains(m.Challenges, "S256") {
		return fail(core.E(core.Unsupported, "connection.register", "the authorization server "+none.Name+" doesn't say that it takes PKCE by S256, without which anybody could use what a browser brings back").WithHint("its operator turns it on"))
	}
	e, err := clients.Find(ctx, s.cfg.Records, scope.Org, clientKey(b.Issuer))
	if err != nil {
		return fail(err)
	}
	d := e.Data
	if !s.usable(d) {
		if d, err = s.register(ctx, scope, none, m); err != nil {
			return fail(err)
		}
		if err := s.tell(ctx, scope, "connection.register", credentialDoc{ID: none.Name, Name: b.Name, Project: scope.Project, Kind: OAuth}, "", "provider", none.Name); err != nil {
			return fail(err)
		}
	}
	d.Issuer, d.Auth, d.Token, d.Revoke, d.Named, d.Offline = m.Issuer, m.Auth, m.Token, m.Revoke, m.Named, slices.Contains(m.Scopes, offline)
	err = store.Update(ctx, s.cfg.Records, scope.Org, func() ([]store.Change, error) {
		now, err := clients.Find(ctx, s.cfg.Records, scope.Org, clientKey(b.Issuer))
		switch {
		case err != nil:
			return nil, err
		case s.usable(now.Data) && now.Data.ID != d.ID: // another one was quicker
			d = now.Data
			return nil, nil
		}
		now.Data = d
		return []store.Change{clients.Put(now)}, nil
	})
	return d.provider(), d, err
}

// registering is registered, with the scopes to ask for.
func (s *Service) registering(ctx context.Context, scope core.Scope, b Begin) (*Provider, []string, error) {
	const most = 100
	bad := func(text string) bool { // RFC 6749, section 3.3
		return text == "" || len(text) > 200 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
	}
	if len(b.Scopes) > most || slices.ContainsFunc(b.Scopes, bad) {
		return nil, nil, core.E(core.Invalid, "connection.begin", "there are scopes that can't be asked for").WithHint("a scope is at most 200 of ASCII's letters and signs, without spaces and quotes")
	}
	p, d, err := s.registered(ctx, scope, b)
	scopes := slices.Clone(b.Scopes)
	if d.Offline && !slices.Contains(scopes, offline) {
		scopes = append(scopes, offline)
	}
	return p, scopes, err
}

// usable reports whether a client can be used: it is there, for where we are now, and its secret
// hasn't ended.
func (s *Service) usable(d clientDoc) bool {
	return d.ID != "" && d.Redirect == s.cfg.Redirect && (d.Ends.IsZero() || s.cfg.Now().Before(d.Ends))
}

// register has the authorization server register us.
func (s *Service) register(ctx context.Context, scope core.Scope, p *Provider, m metadata) (clientDoc, error) {
	byHand := "an operator registers a client there, with the redirect URL " + s.cfg.Redirect + ", and adds it to connections.providers with the issuer " + p.Issuer
	if m.Register == "" {
		return clientDoc{}, core.E(core.Unsupported, "connection.register", "the authorization server "+p.Name+" registers no clients by itself").WithHint(byHand)
	}
	if err := s.clientRoom(ctx, scope.Org); err != nil {
		return clientDoc{}, err
	}
	kind := "web"
	if at, err := url.Parse(s.cfg.Redirect); err == nil && at.Scheme == "http" {
		kind = "native" // which alone may have a redirect within the machine
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	got, err := oauthex.RegisterClient(ctx, m.Register, &oauthex.ClientRegistrationMetadata{
		ClientName: "Isekai", RedirectURIs: []string{s.cfg.Redirect}, ApplicationType: kind, TokenEndpointAuthMethod: m.method(),
		GrantTypes: []string{"authorization_code", "refresh_token"}, ResponseTypes: []string{"code"},
	}, s.http)
	var away *url.Error
	switch {
	case errors.As(err, &away):
		return clientDoc{}, p.silent(harmless(err))
	case err != nil: // it may quote what the server wrote
		return clientDoc{}, core.E(core.Denied, "connection.register", "the authorization server "+p.Name+" refuses to register us"+refusalOf(err)).WithHint(byHand)
	}
	d := clientDoc{Redirect: s.cfg.Redirect, ID: got.ClientID, Secret: keep(NewSecret(got.ClientSecret)), Ends: got.ClientSecretExpiresAt}
	d.Post = got.TokenEndpointAuthMethod != "client_secret_basic" && (got.TokenEndpointAuthMethod != "" || got.ClientSecret == "")
	if got.TokenEndpointAuthMethod == "none" {
		d.Secret = kept{}
	}
	known := slices.Contains([]string{"", "none", "client_secret_basic", "client_secret_post"}, got.TokenEndpointAuthMethod)
	if !known || !bearer(d.ID) || !d.Secret.IsZero() && !bearer(got.ClientSecret) || got.TokenEndpointAuthMethod == "client_secret_basic" && d.Secret.IsZero() {
		return clientDoc{}, p.silent(errors.New("it registers a client that can't be used"))
	}
	return d, nil
}

// refusalOf is a word of RFC 7591, section 3.2.2, if an error has one.
func refusalOf(err error) string {
	var no *oauthex.ClientRegistrationError
	if errors.As(err, &no) && slices.Contains([]string{"invalid_redirect_uri", "invalid_client_metadata", "invalid_software_statement", "unapproved_software_statement"}, no.ErrorCode) {
		return ": " + no.ErrorCode
	}
	return ""
}

// clientRoom makes room for one more client, by forgetting those that no connection uses. Those of
// connections that are being made just now are made anew then.
func (s *Service) clientRoom(ctx context.Context, org core.OrgID) error {
	there, err := clients.All(ctx, s.cfg.Records, org, "", maxClients)
	if err != nil || len(there) < maxClients {
		return err
	}
	const most = 10_000
	all, err := credentials.All(ctx, s.cfg.Records, org, "", most)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, c := range all {
		if c.Data.Connection != nil {
			used[clientKey(c.Data.Connection.Provider)] = true
		}
	}
	left := 0
	for _, e := range there {
		if used[e.ID] || len(all) == most {
			left++
		} else if err := s.cfg.Records.Write(ctx, org, clients.Drop(e)); err != nil && core.CodeOf(err) != core.Conflict {
			return err
		}
	}
	if left == maxClients {
		return core.E(core.Exhausted, "connection.register", "the org is registered at as many authorization servers as it can be").WithHint("delete connections that nobody needs: isekai secret list")
	}
	return nil
}

// forgotten returns a refusal, and for one that says that an authorization server which registered
// us itself doesn't know us any more, has that be forgotten here, too: who connects again is
// registered anew.
func (s *Service) forgotten(ctx context.Context, org core.OrgID, p *Provider, err error) error {
	var no *refusal
	if !byItself(p.Name) || !errors.As(err, &no) || no.code != "invalid_client" {
		return err
	}
	if e := s.forgetClient(ctx, org, p.Issuer, p.ClientID); e != nil {
		s.cfg.Log.WarnContext(ctx, "a client that isn't known any more stays", "issuer", p.Issuer, "error", e)
	}
	return &refusal{code: no.code, ended: true}
}

// forgetClient drops a client.
func (s *Service) forgetClient(ctx context.Context, org core.OrgID, issuer, id string) error {
	return store.Update(ctx, s.cfg.Records, org, func() ([]store.Change, error) {
		e, err := clients.Find(ctx, s.cfg.Records, org, clientKey(issuer))
		if err != nil || e.Version == 0 || e.Data.ID != id {
			return nil, err
		}
		return []store.Change{clients.Drop(e)}, nil
	})
}

// indicates returns the resource that the provider is told of. Entra's takes none (AADSTS901002):
// there the scopes say what tokens are for.
func (p *Provider) indicates(resource string) string {
	if p.Kind == entra {
		return ""
	}
	return resource
}

// isResource reports whether tokens can be for a resource (RFC 8707, section 2).
func isResource(resource string) bool {
	u, err := url.Parse(resource)
	return err == nil && len(resource) <= 2000 && reachable(resource) && u.User == nil && !strings.Contains(resource, "#")
}

// origin is a URL's, as it is written.
func origin(of string) string {
	u, err := url.Parse(of)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// indicated sends a resource along with what is asked of a token endpoint (RFC 8707, section 2.2),
// for x/oauth2 has no place for it where it refreshes.
type indicated struct {
	next     http.RoundTripper
	resource string
}

// RoundTrip implements http.RoundTripper.
func (i indicated) RoundTrip(r *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if err != nil {
		return nil, err
	}
	form := string(b) + "&resource=" + url.QueryEscape(i.resource)
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(form)), int64(len(form))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(form)), nil }
	return i.next.RoundTrip(r)
}

// indicating returns the client by which tokens for a resource are asked for.
func indicating(c *http.Client, resource string) *http.Client {
	if resource == "" {
		return c
	}
	with := *c
	with.Transport = indicated{cmp.Or(c.Transport, http.DefaultTransport), resource}
	return &with
}
