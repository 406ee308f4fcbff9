package identity

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
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
	// loses what none of his groups gives any more. What an admin has set stays.
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

	mu       sync.Mutex
	oauth    *oauth2.Config
	verifier *oidc.IDTokenVerifier
}

// flowDoc is a sign-in under way.
type flowDoc struct{ Provider, Redirect, Nonce, Verifier string }

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
			if g.Role.Rank() == 0 || !core.ValidID("org", string(g.Org)) {
				return nil, bad.WithHint("its group " + g.Group + " has no role, or no org")
			}
		}
		if c.GroupsClaim == "" {
			c.GroupsClaim = "groups"
		}
		all[c.Name] = &provider{OIDCConfig: c, http: cfg.HTTP, now: cfg.Now}
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

// discover reads the issuer's document, once.
func (p *provider) discover(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.oauth != nil {
		return nil
	}
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.http), p.Issuer)
	if err != nil {
		return core.E(core.Unavailable, "oidc", "the issuer "+p.Name+" can't be asked").WithHint("try again; an operator checks its URL").Because(err)
	}
	p.verifier = found.Verifier(&oidc.Config{ClientID: p.ClientID, Now: p.now})
	p.oauth = &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: found.Endpoint(),
		Scopes: append([]string{oidc.ScopeOpenID, "email", "profile"}, p.Scopes...),
	}
	return nil
}

// at returns the issuer's client for a redirect URL.
func (p *provider) at(redirect string) *oauth2.Config {
	c := *p.oauth
	c.RedirectURL = redirect
	return &c
}

// BeginOIDC returns where to send a browser so that its user signs in at an issuer, and a
// state that the browser must keep as a cookie. redirect is the URL of ours to which the
// issuer sends it back.
func (s *Service) BeginOIDC(ctx context.Context, name, redirect string) (authURL, state string, err error) {
	p, ok := s.providers[name]
	if !ok {
		return "", "", missing("issuer")
	}
	if !sameOrigin(s.cfg.Issuer, redirect) {
		return "", "", core.E(core.Invalid, "oidc", "the way back isn't to this installation").WithHint("set its public URL")
	}
	if err := p.discover(ctx); err != nil {
		return "", "", err
	}
	secret := newSecret()
	doc := flowDoc{Provider: name, Redirect: redirect, Nonce: newSecret(), Verifier: oauth2.GenerateVerifier()}
	e := entry[flowDoc]{ID: hex.EncodeToString(digest(secret)), Expires: s.cfg.Now().Add(flowLife), Doc: doc}
	if err := s.write(ctx, core.Installation, flows.put(e)); err != nil {
		return "", "", err
	}
	state = text(stateForm, secret)
	return p.at(redirect).AuthCodeURL(state, oidc.Nonce(doc.Nonce), oauth2.S256ChallengeOption(doc.Verifier)), state, nil
}

func sameOrigin(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && x.Host != "" && x.Scheme == y.Scheme && x.Host == y.Host && y.User == nil
}

// FinishOIDC begins a session for who comes back from an issuer with a state and a code;
// cookieState is what BeginOIDC gave this browser. unauthenticated: it isn't the browser
// that began, took too long, or what the issuer says doesn't hold; denied: the person is
// no user here, or belongs to no org.
func (s *Service) FinishOIDC(ctx context.Context, state, code, cookieState string) (Tokens, error) {
	_, secret, ok := parse(stateForm, state, secretChars)
	if !ok || subtle.ConstantTimeCompare([]byte(state), []byte(cookieState)) != 1 {
		return Tokens{}, strayed()
	}
	flow, err := flows.read(ctx, s, core.Installation, hex.EncodeToString(digest(secret)))
	if core.CodeOf(err) == core.NotFound {
		return Tokens{}, strayed()
	}
	if err != nil {
		return Tokens{}, err
	}
	if err := s.write(ctx, core.Installation, flows.drop(flow)); err != nil { // it works once
		if core.CodeOf(err) == core.Conflict {
			return Tokens{}, strayed()
		}
		return Tokens{}, err
	}
	p, ok := s.providers[flow.Doc.Provider]
	if !ok {
		return Tokens{}, strayed()
	}
	t, user, err := s.enterBy(ctx, p, flow.Doc, code)
	s.tellSignIn(ctx, user, cmp.Or(t.Scope.Org, core.Installation), p.Name, none, err)
	return t, err
}

func strayed() *core.Error {
	return core.E(core.Unauthenticated, "oidc", "this sign-in didn't begin here, or took too long").WithHint("sign in again")
}

// enterBy redeems a code and begins the session of whom it stands for.
func (s *Service) enterBy(ctx context.Context, p *provider, flow flowDoc, code string) (Tokens, string, error) {
	if err := p.discover(ctx); err != nil {
		return Tokens{}, "", err
	}
	who, err := p.redeem(ctx, flow, code)
	if err != nil {
		return Tokens{}, "", err
	}
	u, err := s.oidcUser(ctx, p, who)
	if err != nil {
		return Tokens{}, u.ID, err
	}
	if err := s.syncGroups(ctx, p, core.UserID(u.ID), who.groups); err != nil {
		return Tokens{}, u.ID, err
	}
	org, err := s.chooseOrg(ctx, u, "")
	if err != nil {
		return Tokens{}, u.ID, err
	}
	t, err := s.begin(ctx, u, org, p.Name, none)
	return t, u.ID, err
}

// foreigner is a person as an issuer tells.
type foreigner struct {
	subject string
	email   string // "" unless the issuer has verified it and owns its domain
	name    string
	groups  []string
}

// redeem exchanges a code for an ID token and checks it (OpenID Connect Core, 3.1.3.7).
func (p *provider) redeem(ctx context.Context, flow flowDoc, code string) (foreigner, error) {
	refuse := func(why string, err error) (foreigner, error) {
		return foreigner{}, core.E(core.Unauthenticated, "oidc", why).WithHint("sign in again").Because(err)
	}
	ctx = oidc.ClientContext(ctx, p.http)
	token, err := p.at(flow.Redirect).Exchange(ctx, code, oauth2.VerifierOption(flow.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if !errors.As(err, &refused) {
			return foreigner{}, core.E(core.Unavailable, "oidc", "the issuer "+p.Name+" doesn't answer").WithHint("sign in again").Because(err)
		}
		return refuse("the issuer refuses the code", errors.New(refused.ErrorCode)) // the rest may hold what we sent
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return refuse("the issuer's answer doesn't hold", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(flow.Nonce)) != 1 {
		return refuse("the issuer's answer is to another question", nil)
	}
	return p.read(id)
}
