package identity

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/netip"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// flowDoc is a sign-in under way.
type flowDoc struct {
	Provider, Redirect, Nonce, Verifier string
	Org                                 core.OrgID // to sign in to; "": the one that is the user's by default
	Program                             *Program   // that the sign-in is for; nil: the browser itself
}

// Return is a browser that comes back from an issuer.
type Return struct {
	State, Code string // of its URL
	Refused     bool   // the issuer says so in it, instead of a Code
	Cookie      string // the state that BeginOIDC gave this browser
	Address     netip.Addr
}

// Arrival is what FinishOIDC makes of a Return.
type Arrival struct {
	Tokens // of the browser's session
	// Program is set for a sign-in that is a program's, also with an error: the browser gets
	// no session, and takes the program the Code that RedeemOIDC takes.
	Program *Program
	Code    string
}

// BeginOIDC returns where to send a browser so that its user signs in at an issuer, and a
// state that the browser must keep as a cookie. redirect is the URL of ours to which the
// issuer sends it back; org is one of the user's, or "". A sign-in that is a program's asks who it is, though the browser
// may be signed in there: no link that somebody was given signs a program in.
func (s *Service) BeginOIDC(ctx context.Context, name, redirect string, org core.OrgID, program *Program) (authURL, state string, err error) {
	p, ok := s.providers[name]
	if !ok {
		return "", "", missing("issuer")
	}
	if !sameOrigin(s.cfg.URL, redirect) {
		return "", "", core.E(core.Invalid, "oidc", "the way back isn't to this installation").WithHint("set its public URL")
	}
	if err := program.check(); err != nil {
		return "", "", err
	}
	issuer, err := p.discover(ctx)
	if err != nil {
		return "", "", err
	}
	secret := newSecret()
	doc := flowDoc{Provider: name, Redirect: redirect, Nonce: newSecret(), Verifier: oauth2.GenerateVerifier(), Org: org, Program: program}
	e := store.Doc[flowDoc]{ID: hex.EncodeToString(digest(secret)), Expires: s.cfg.Now().Add(FlowLife), Data: doc}
	if err := s.write(ctx, core.Installation, flows.Put(e)); err != nil {
		return "", "", err
	}
	state = text(stateForm, secret)
	ask := []oauth2.AuthCodeOption{oidc.Nonce(doc.Nonce), oauth2.S256ChallengeOption(doc.Verifier)}
	if program != nil {
		ask = append(ask, oauth2.SetAuthURLParam("prompt", "login"))
	}
	return issuer.at(redirect).AuthCodeURL(state, ask...), state, nil
}

func sameOrigin(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && x.Host != "" && x.Scheme == y.Scheme && x.Host == y.Host && y.User == nil
}

// FinishOIDC begins a session for who comes back from an issuer, or has a program begin
// one. unauthenticated: it isn't the browser that began, took too long, or what the issuer
// says doesn't hold; denied: the person is no user here, or belongs to no org.
func (s *Service) FinishOIDC(ctx context.Context, r Return) (Arrival, error) {
	flow, err := s.takeFlow(ctx, r)
	if err != nil {
		return Arrival{}, err
	}
	a := Arrival{Program: flow.Program}
	p, ok := s.providers[flow.Provider]
	if !ok {
		return a, strayed()
	}
	who, u, err := s.arrive(ctx, p, flow, r)
	switch {
	case err != nil:
	case flow.Program != nil:
		a.Code, err = s.newGrant(ctx, p, core.UserID(u.ID), *flow.Program)
		if err == nil { // RedeemOIDC chooses the org, and tells of the sign-in
			return a, nil
		}
	default:
		var org core.OrgID
		if org, err = s.chooseOrg(ctx, u, flow.Org); err == nil {
			a.Tokens, err = s.begin(ctx, u, org, p.Name, r.Address)
		}
	}
	s.tellArrival(ctx, p, who, u.ID, cmp.Or(a.Scope.Org, core.Installation), r.Address, err)
	return a, err
}

// takeFlow returns the sign-in that a browser comes back from, once.
func (s *Service) takeFlow(ctx context.Context, r Return) (flowDoc, error) {
	_, secret, ok := parse(stateForm, r.State, secretChars)
	if !ok || subtle.ConstantTimeCompare([]byte(r.State), []byte(r.Cookie)) != 1 {
		return flowDoc{}, strayed()
	}
	flow, err := flows.Get(ctx, s.cfg.Records, core.Installation, hex.EncodeToString(digest(secret)))
	if err == nil {
		err = s.write(ctx, core.Installation, flows.Drop(flow))
	}
	if code := core.CodeOf(err); code == core.NotFound || code == core.Conflict {
		return flowDoc{}, strayed()
	}
	return flow.Data, err
}

func strayed() *core.Error {
	return core.E(core.Unauthenticated, "oidc", "this sign-in didn't begin here, or took too long").WithHint("sign in again")
}

// arrive redeems an issuer's code and returns whom it stands for, with what his groups give.
func (s *Service) arrive(ctx context.Context, p *provider, flow flowDoc, r Return) (who foreigner, u store.Doc[userDoc], err error) {
	if r.Refused {
		return who, u, core.E(core.Denied, "oidc", "the issuer has refused").WithHint("sign in again, and agree there")
	}
	issuer, err := p.discover(ctx)
	if err != nil {
		return who, u, err
	}
	if who, err = p.redeem(ctx, issuer, flow, r.Code); err != nil {
		return who, u, err
	}
	if u, err = s.oidcUser(ctx, p, who); err != nil {
		return who, u, err
	}
	return who, u, s.syncGroups(ctx, p, core.UserID(u.ID), who.groups)
}

// tellArrival is tellSignIn of who comes by an issuer. What it refuses is an operator's to
// mend, so that the reason is told, and who it was there.
func (s *Service) tellArrival(ctx context.Context, p *provider, who foreigner, user string, org core.OrgID, from netip.Addr, err error) {
	var detail []string
	if err != nil {
		reason := core.Fail(err).Msg
		detail = []string{"reason", reason, "subject", who.subject}
		s.cfg.Log.WarnContext(ctx, "a sign-in by an issuer is refused", "issuer", p.Name, "subject", who.subject, "reason", reason)
	}
	s.tellSignIn(ctx, user, org, p.Name, from, err, detail...)
}

// redeem exchanges a code for an ID token and checks it (OpenID Connect Core, 3.1.3.7).
func (p *provider) redeem(ctx context.Context, issuer *discovered, flow flowDoc, code string) (foreigner, error) {
	refuse := func(why string, err error) (foreigner, error) {
		return foreigner{}, core.E(core.Unauthenticated, "oidc", why).WithHint("sign in again").Because(err)
	}
	ctx = oidc.ClientContext(ctx, p.http)
	token, err := issuer.at(flow.Redirect).Exchange(ctx, code, oauth2.VerifierOption(flow.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if !errors.As(err, &refused) {
			return foreigner{}, core.E(core.Unavailable, "oidc", "the issuer "+p.Name+" doesn't answer").WithHint("sign in again").Because(err)
		}
		return refuse("the issuer refuses the code", errors.New(refused.ErrorCode)) // the rest may hold what we sent
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := issuer.verifier.Verify(ctx, raw)
	if err != nil {
		return refuse("the issuer's answer doesn't hold", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(flow.Nonce)) != 1 {
		return refuse("the issuer's answer is to another question", nil)
	}
	var said claimSet
	if err := id.Claims(&said); err != nil {
		return refuse("the issuer's claims can't be read", err)
	}
	return p.read(id.Subject, said)
}
