package credential

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// revoke has the provider forget a grant.
func (p *Provider) revoke(ctx context.Context, c *http.Client, access, refresh Secret) error {
	if p.Kind == github { // which forgets the whole grant, and takes an access token alone
		body, err := json.Marshal(map[string]string{"access_token": access.Reveal()})
		if err != nil {
			return core.E(core.Internal, "connection.revoke", "a token that can't be sent")
		}
		return p.forget(ctx, c, http.MethodDelete, "application/json", string(body))
	}
	// Both, for some providers forget no more than they are told (RFC 7009, section 2.1).
	for _, of := range []struct {
		hint  string
		token Secret
	}{{"refresh_token", refresh}, {"access_token", access}} {
		if of.token.IsZero() {
			continue
		}
		form := url.Values{"token": {of.token.Reveal()}, "token_type_hint": {of.hint}}
		if p.Post {
			form.Set("client_id", p.ClientID)
		}
		if p.Post && !p.ClientSecret.IsZero() {
			form.Set("client_secret", p.ClientSecret.Reveal())
		}
		if err := p.forget(ctx, c, http.MethodPost, "application/x-www-form-urlencoded", form.Encode()); err != nil {
			return err
		}
	}
	return nil
}

// forget sends one request to revoke.
func (p *Provider) forget(ctx context.Context, c *http.Client, method, contentType, body string) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, p.RevokeURL, strings.NewReader(body))
	if err != nil {
		return p.silent(errors.New("its address can't be used"))
	}
	r.Header.Set("Content-Type", contentType)
	if !p.Post || p.Kind == github {
		r.SetBasicAuth(url.QueryEscape(p.ClientID), url.QueryEscape(p.ClientSecret.Reveal())) // RFC 6749, section 2.3.1
	}
	resp, err := c.Do(r)
	if err != nil {
		return p.silent(harmless(err))
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode/100 == 2 || p.forgotten(resp) {
		return nil
	}
	return p.silent(errors.New("it answers " + strconv.Itoa(resp.StatusCode)))
}

// forgotten reports whether an answer that isn't a yes says that there is nothing left to
// forget.
func (p *Provider) forgotten(resp *http.Response) bool {
	switch {
	case p.Kind == github:
		return resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusUnprocessableEntity
	case resp.StatusCode != http.StatusBadRequest:
		return false
	}
	var said struct{ Error string } // Google, against RFC 7009
	const most = 64 << 10
	return json.NewDecoder(http.MaxBytesReader(nil, resp.Body, most)).Decode(&said) == nil && said.Error == "invalid_token"
}
