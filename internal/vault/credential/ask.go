package credential

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/isekai-run/isekai/internal/core"
)

// answer is what a provider gives for a code or a refresh token.
type answer struct {
	access, refresh Secret
	lifetime        time.Duration // 0: it doesn't say
	scopes          []string      // nil: those that were asked for
}

// askTimeout bounds one request to a provider.
const askTimeout = 10 * time.Second

// refusal is a provider's no: an answer, unlike one that never came.
type refusal struct {
	code  string
	ended bool // whatever the code: nothing comes of it by waiting
}

// Error implements error. A code is one of those that are known; what else a provider
// writes may quote what it was sent.
func (r *refusal) Error() string { return "the provider answers " + r.code }

// final reports whether the refusal ends a grant: only its user can mend it.
// bad_refresh_token is GitHub's word, the last three are Entra's.
func (r *refusal) final() bool {
	switch r.code {
	case "invalid_grant", "bad_refresh_token", "interaction_required", "consent_required", "login_required":
		return true
	}
	return r.ended
}

// known reports whether the refusal is a word that means something here. What isn't final
// is for an operator to mend.
func (r *refusal) known() bool {
	switch r.code {
	case "invalid_request", "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
		"incorrect_client_credentials", "redirect_uri_mismatch", "bad_verification_code", "access_denied":
		return true
	}
	return r.final()
}

// redeem exchanges a code.
func (p *Provider) redeem(ctx context.Context, c *http.Client, f flowDoc, redirect string, code Secret) (answer, error) {
	return p.ask(ctx, indicating(c, p.indicates(f.Resource)), func(ctx context.Context) (*oauth2.Token, error) {
		return p.client(redirect, f.Scopes).Exchange(ctx, code.Reveal(), oauth2.VerifierOption(f.Verifier.Reveal()))
	})
}

// renew exchanges a refresh token, for one that is for the resource, if it was for one.
func (p *Provider) renew(ctx context.Context, c *http.Client, resource string, refresh Secret) (answer, error) {
	return p.ask(ctx, indicating(c, p.indicates(resource)), func(ctx context.Context) (*oauth2.Token, error) {
		return p.client("", nil).TokenSource(ctx, &oauth2.Token{RefreshToken: refresh.Reveal()}).Token()
	})
}

// ask returns the provider's answer, a refusal, or unavailable: then nobody knows what
// became of the request.
func (p *Provider) ask(ctx context.Context, c *http.Client, send func(context.Context) (*oauth2.Token, error)) (answer, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, c), askTimeout)
	defer cancel()
	t, err := send(ctx)
	if err != nil {
		return answer{}, p.failed(err)
	}
	if !bearer(t.AccessToken) || len(t.RefreshToken) > MaxSecret || t.Type() != "Bearer" {
		return answer{}, p.silent(errors.New("it gives a token that can't be used"))
	}
	a := answer{access: NewSecret(t.AccessToken), refresh: NewSecret(t.RefreshToken), lifetime: time.Duration(t.ExpiresIn) * time.Second}
	if a.lifetime <= 0 && !t.Expiry.IsZero() { // a form's answer has it here alone, by the time of this machine
		a.lifetime = max(time.Until(t.Expiry), time.Second)
	}
	if granted, _ := t.Extra("scope").(string); granted != "" {
		a.scopes = strings.FieldsFunc(granted, func(r rune) bool { return r == ' ' || r == ',' })
	}
	return a, nil
}

// bearer reports whether a text can be sent as a token.
func bearer(token string) bool {
	return token != "" && len(token) <= MaxSecret && !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}

// failed makes our error of x/oauth2's, which quotes the answer: that may hold a token.
func (p *Provider) failed(err error) error {
	var no *oauth2.RetrieveError
	if !errors.As(err, &no) {
		return p.silent(harmless(err))
	}
	if r := (&refusal{code: no.ErrorCode}); r.known() {
		return r
	}
	return p.silent(errors.New("it answers " + strconv.Itoa(no.Response.StatusCode)))
}

// harmless returns what of an error is known to quote nothing: our own, the network's, and
// that time is up.
func harmless(err error) error {
	var ours *core.Error
	var network *net.OpError
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &network):
		return network
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("it takes too long")
	case errors.Is(err, context.Canceled):
		return context.Canceled
	}
	return errors.New("its answer can't be read")
}

// silent says that the provider gave no answer, or isn't to be asked from here.
func (p *Provider) silent(err error) error {
	if core.CodeOf(err) == core.Denied {
		return core.E(core.Denied, "connection", "the provider "+p.Name+" can't be reached from here").WithHint(core.HintOf(err)).Because(err)
	}
	return core.E(core.Unavailable, "connection", "the provider "+p.Name+" doesn't answer as it should").WithHint("try again later").Because(err)
}
