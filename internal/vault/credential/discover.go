package credential

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
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

// discover reads the issuer's document, as OpenID Connect Discovery has it, or else RFC 8414.
func (p *Provider) discover(ctx context.Context, c *http.Client) (*Provider, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var failed error
	issuer := strings.TrimSuffix(p.Issuer, "/")
	for _, at := range []string{issuer + "/.well-known/openid-configuration", issuer + "/.well-known/oauth-authorization-server"} {
		found, err := p.document(ctx, c, at)
		if err == nil {
			return found, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, p.silent(failed)
}

// document reads one.
func (p *Provider) document(ctx context.Context, c *http.Client, at string) (*Provider, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, errors.New("its issuer can't be asked")
	}
	resp, err := c.Do(r)
	if err != nil {
		return nil, harmless(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New("its issuer answers " + strconv.Itoa(resp.StatusCode))
	}
	var said struct {
		Issuer string `json:"issuer"`
		Auth   string `json:"authorization_endpoint"`
		Token  string `json:"token_endpoint"`
		Revoke string `json:"revocation_endpoint"`
	}
	const most = 256 << 10
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, most)).Decode(&said); err != nil {
		return nil, errors.New("its issuer's document can't be read")
	}
	found := *p
	found.AuthURL, found.TokenURL = said.Auth, said.Token
	if found.RevokeURL == "" {
		found.RevokeURL = said.Revoke
	}
	switch { // that it is this issuer's own, RFC 8414, section 3.3
	case said.Issuer != p.Issuer:
		return nil, errors.New("its issuer's document is of another issuer")
	case !reachable(said.Auth), !reachable(said.Token), found.RevokeURL != "" && !reachable(found.RevokeURL):
		return nil, errors.New("its issuer's document has endpoints that nothing can be sent to")
	}
	return &found, nil
}
