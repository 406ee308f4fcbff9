package identity

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/isekai-run/isekai/internal/core"
)

// OIDCConfig is an issuer of OpenID Connect by which people may sign in: Entra ID, Google,
// or any other.
type OIDCConfig struct {
	Name         string // in URLs, of lower-case letters and digits: "google"
	Issuer       string // as in its discovery document
	ClientID     string
	ClientSecret string   // "" for a public client
	Scopes       []string // besides openid, email and profile
	// Domains are those whose e-mail addresses are the issuer's to give: who has one that
	// the issuer has verified is the user with that address. Name none but your own.
	Domains []string
	// Create makes users of people who aren't.
	Create bool
	// GroupsClaim names the claim that has a person's groups; "groups" if "".
	GroupsClaim string
	// Groups give roles. With each sign-in the person gets the highest one in each org, and
	// loses what none of his groups gives any more. What an admin has set stays, and what
	// another issuer's groups give.
	Groups []GroupGrant
}

// GroupGrant is what a group's people are in an org.
type GroupGrant struct {
	Group string
	Org   core.OrgID
	Role  core.Role
}

// provider is an issuer, whose discovery document is read when it is needed first.
type provider struct {
	OIDCConfig
	http *http.Client
	now  func() time.Time

	turn  chan struct{} // of who reads it
	known atomic.Pointer[discovered]
}

// discovered is what an issuer's document gives. It is never changed.
type discovered struct {
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier
}

func newProviders(cfg Config) (map[string]*provider, error) {
	all := make(map[string]*provider, len(cfg.OIDC))
	for _, c := range cfg.OIDC {
		bad := core.E(core.Invalid, "oidc", "the issuer "+c.Name+" can't be used")
		switch {
		case c.Name == "" || strings.Trim(c.Name, "abcdefghijklmnopqrstuvwxyz0123456789") != "" || all[c.Name] != nil:
			return nil, bad.WithHint("give each a name of its own, of lower-case letters and digits")
		case c.Issuer == "" || c.ClientID == "":
			return nil, bad.WithHint("give its issuer and a client id")
		}
		for _, g := range c.Groups {
			if g.Group == "" || g.Role.Rank() == 0 || !core.ValidID("org", string(g.Org)) {
				return nil, bad.WithHint("its group " + g.Group + " has no name, no role, or no org")
			}
		}
		if c.GroupsClaim == "" {
			c.GroupsClaim = "groups"
		}
		all[c.Name] = &provider{OIDCConfig: c, http: cfg.HTTP, now: cfg.Now, turn: make(chan struct{}, 1)}
	}
	return all, nil
}

// Providers returns the names of the issuers by which people may sign in, sorted.
func (s *Service) Providers() []string {
	var names []string
	for name := range s.providers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// discover returns what the issuer's document gives, which is read once.
func (p *provider) discover(ctx context.Context) (*discovered, error) {
	if d := p.known.Load(); d != nil {
		return d, nil
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if d := p.known.Load(); d != nil {
		return d, nil
	}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.http), p.Issuer)
	if err != nil {
		return nil, core.E(core.Unavailable, "oidc", "the issuer "+p.Name+" can't be asked").WithHint("try again; an operator checks its URL").Because(err)
	}
	d := &discovered{
		verifier: found.Verifier(&oidc.Config{ClientID: p.ClientID, Now: p.now}),
		oauth: oauth2.Config{
			ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: found.Endpoint(),
			Scopes: append([]string{oidc.ScopeOpenID, "email", "profile"}, p.Scopes...),
		},
	}
	p.known.Store(d)
	return d, nil
}

// at returns the issuer's client for a redirect URL.
func (d *discovered) at(redirect string) *oauth2.Config {
	c := d.oauth
	c.RedirectURL = redirect
	return &c
}
