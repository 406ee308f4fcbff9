package credential

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// hidden reports whether the provider's endpoints are in its issuer's document.
func (p *Provider) hidden() bool { return p.Issuer != "" && p.AuthURL == "" && p.TokenURL == "" }

// known returns the provider with its endpoints, for which its issuer is asked once. denied:
// the issuer, or an endpoint, may not be reached; unavailable: it doesn't answer.
func (s *Service) known(ctx context.Context, p *Provider) (*Provider, error) {
	if !p.hidden() {
		return p, nil
	}
	s.mu.Lock()
	found := s.found[p.Name]
	s.mu.Unlock()
	if found != nil {
		return found, nil
	}
	found, err := p.discover(ctx, s.http)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found[p.Name] = found // two who ask at once find the same
	return found, nil
}

// metadata is what an issuer's document says (RFC 8414, section 2).
type metadata struct {
	Issuer     string   `json:"issuer"`
	Auth       string   `json:"authorization_endpoint"`
	Token      string   `json:"token_endpoint"`
	Revoke     string   `json:"revocation_endpoint"`
	Register   string   `json:"registration_endpoint"`
	Methods    []string `json:"token_endpoint_auth_methods_supported"`
	Challenges []string `json:"code_challenge_methods_supported"`
	Scopes     []string `json:"scopes_supported"`
	Named      bool     `json:"authorization_response_iss_parameter_supported"`
}

// method is how a client that is to be registered authenticates: with a secret, if it can.
func (m metadata) method() string {
	const usual = "client_secret_basic"
	for _, can := range []string{usual, "client_secret_post", "none"} {
		if slices.Contains(m.Methods, can) {
			return can
		}
	}
	return usual // which is meant by none (RFC 8414)
}

// discover returns the provider with the endpoints of its issuer's document.
func (p *Provider) discover(ctx context.Context, c *http.Client) (*Provider, error) {
	m, err := p.metadata(ctx, c)
	if err != nil {
		return nil, p.silent(err)
	}
	found := *p
	found.AuthURL, found.TokenURL, found.RevokeURL = m.Auth, m.Token, cmp.Or(p.RevokeURL, m.Revoke)
	return &found, nil
}

// metadata reads the issuer's document, as RFC 8414 has it or OpenID Connect Discovery: with the
// well-known part before an issuer's path, or after it.
func (p *Provider) metadata(ctx context.Context, c *http.Client) (metadata, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	at, err := url.Parse(strings.TrimSuffix(p.Issuer, "/"))
	if err != nil {
		return metadata{}, errors.New("its issuer can't be asked")
	}
	const oauth, oidc = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
	root := at.Scheme + "://" + at.Host
	where := []string{root + oauth + at.EscapedPath(), root + oidc + at.EscapedPath()}
	if at.Path != "" {
		where = append(where, root+at.EscapedPath()+oidc, root+at.EscapedPath()+oauth)
	}
	var failed error
	for _, at := range where {
		m, err := p.document(ctx, c, at)
		if err == nil {
			return m, nil
		}
		failed = errors.Join(failed, err)
	}
	return metadata{}, failed
}

// document reads one.
func (p *Provider) document(ctx context.Context, c *http.Client, at string) (m metadata, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return m, errors.New("its issuer can't be asked")
	}
	r.Header.Set("Accept", "application/json")
	resp, err := c.Do(r)
	if err != nil {
		return m, harmless(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return m, errors.New("its issuer answers " + strconv.Itoa(resp.StatusCode))
	}
	const most = 256 << 10
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, most)).Decode(&m); err != nil {
		return m, errors.New("its issuer's document can't be read")
	}
	switch { // that it is this issuer's own, RFC 8414, section 3.3
	case !sameIssuer(m.Issuer, p.Issuer):
		return m, errors.New("its issuer's document is of another issuer")
	case !reachable(m.Auth), !reachable(m.Token), m.Revoke != "" && !reachable(m.Revoke), m.Register != "" && !reachable(m.Register):
		return m, errors.New("its issuer's document has endpoints that nothing can be sent to")
	}
	return m, nil
}

// sameIssuer compares names of issuers, which some write with a slash at the end, and some without.
func sameIssuer(a, b string) bool {
	return strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/")
}
