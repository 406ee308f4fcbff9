package client

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Login is what a person types to sign in.
type Login struct {
	Email    string     `json:"email" maxLength:"254"`
	Password string     `json:"password" maxLength:"1024"`
	Code     string     `json:"code,omitempty" maxLength:"40" doc:"of the second factor, or a recovery code; if there is one"`
	Org      core.OrgID `json:"org,omitempty" maxLength:"64" doc:"one of the user's; default: the user's own choice"`
	Cookie   bool       `json:"cookie,omitempty" doc:"answer with a session's cookie, for browsers, instead of tokens"`
}

// Tokens are what a sign-in gives to a program. They aren't shown again.
type Tokens struct {
	Access  string    `json:"access,omitempty" doc:"for the Authorization header; a JWT, signed by a key of /.well-known/jwks.json"`
	Expires time.Time `json:"expires,omitzero" doc:"of the access token"`
	Refresh string    `json:"refresh,omitempty" doc:"gives new tokens, once"`
	Principal
}

// Principal is who a credential stands for, and what it may.
type Principal struct {
	Actor    core.Actor       `json:"actor"`
	User     core.UserID      `json:"user" doc:"whose rights these are"`
	Org      core.OrgID       `json:"org"`
	Project  core.ProjectID   `json:"project" doc:"that is used unless the header Isekai-Project names another"`
	Role     core.Role        `json:"role" enum:"viewer,member,admin,owner" doc:"in the org"`
	Projects []core.ProjectID `json:"projects" doc:"that it is held to; empty: all of the org's"`
	Key      core.KeyID       `json:"key,omitempty" doc:"of an API key"`
	Scopes   []string         `json:"scopes" doc:"of an API key"`
	Session  string           `json:"session,omitempty" doc:"of somebody who signed in"`
	Operates bool             `json:"operates" doc:"may look after the installation"`
}

// Session is one sign-in of a user.
type Session struct {
	ID      string     `json:"id"`
	Org     core.OrgID `json:"org"`
	By      string     `json:"by" doc:"password, or the issuer's name"`
	Address string     `json:"address,omitempty" doc:"whence it began"`
	Created time.Time  `json:"created"`
	Seen    time.Time  `json:"seen" doc:"the last use, to the hour"`
	Expires time.Time  `json:"expires"`
	Current bool       `json:"current" doc:"it is the one that asks"`
}

// TypeCodeNeeded is the type of the problem that a right password has without a code.
const TypeCodeNeeded = "urn:isekai:problem:code-needed"

// ErrCodeNeeded is in the chain of SignIn's error if only a code is missing.
var ErrCodeNeeded = errors.New("a code is needed")

// SignIn begins a session.
func (c *Client) SignIn(ctx context.Context, l Login) (Tokens, error) {
	return send[Tokens](ctx, c, http.MethodPost, "/v1/session", l)
}

// Refresh gives new tokens for a refresh token, which is used up.
func (c *Client) Refresh(ctx context.Context, refresh string) (Tokens, error) {
	return send[Tokens](ctx, c, http.MethodPost, "/v1/session/refresh", map[string]string{"refresh": refresh})
}

// SignOut ends the session of the credential.
func (c *Client) SignOut(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, "/v1/session", nil)
}

// EnterOrg has the session go on in another org of its user: from the next refresh on.
func (c *Client) EnterOrg(ctx context.Context, org core.OrgID) error {
	return c.do(ctx, http.MethodPost, "/v1/session/enter", map[string]core.OrgID{"org": org})
}

// Sessions returns one's own sessions.
func (c *Client) Sessions(ctx context.Context) ([]Session, error) {
	return get[[]Session](ctx, c, "/v1/sessions", nil)
}

// RevokeSession ends a session of one's own.
func (c *Client) RevokeSession(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/v1/sessions/"+escape(id), nil)
}

// Issuers returns the names of the OpenID Connect issuers by which people may sign in with
// a browser.
func (c *Client) Issuers(ctx context.Context) ([]string, error) {
	return get[[]string](ctx, c, "/v1/oidc", nil)
}

// Redemption is a program that takes up the sign-in that a browser has done for it.
type Redemption struct {
	Code     string     `json:"code" maxLength:"300" doc:"that the browser has brought"`
	Verifier string     `json:"verifier" maxLength:"128" doc:"whose challenge the sign-in began with"`
	Org      core.OrgID `json:"org,omitempty" maxLength:"64" doc:"one of the user's; default: the user's own choice"`
}

// ProgramURL is where a browser goes to sign a program in that listens at a port of
// 127.0.0.1. The challenge is of the verifier that RedeemOIDC takes, as in RFC 7636.
func (c *Client) ProgramURL(issuer string, port int, state, challenge string) string {
	q := with(nil, "port", strconv.Itoa(port), "state", state, "challenge", challenge)
	return c.base + "/v1/oidc/" + escape(issuer) + "/program?" + q.Encode()
}

// RedeemOIDC begins the session of a program.
func (c *Client) RedeemOIDC(ctx context.Context, r Redemption) (Tokens, error) {
	return send[Tokens](ctx, c, http.MethodPost, "/v1/session/oidc", r)
}

// Factor is a second factor to be: what an authenticator app is given.
type Factor struct {
	Secret string `json:"secret" doc:"in base 32"`
	URL    string `json:"url" doc:"otpauth://, to be shown as a picture"`
}

// Recovery are the codes that stand in for a lost authenticator, each once.
type Recovery struct {
	Codes []string `json:"codes"`
}

// EnrolTOTP begins a second factor, which is one when ConfirmTOTP was called.
func (c *Client) EnrolTOTP(ctx context.Context, password string) (Factor, error) {
	return send[Factor](ctx, c, http.MethodPost, "/v1/me/totp", map[string]string{"password": password})
}

// ConfirmTOTP makes the second factor one that is asked for, by its first code.
func (c *Client) ConfirmTOTP(ctx context.Context, code string) (Recovery, error) {
	return send[Recovery](ctx, c, http.MethodPost, "/v1/me/totp/confirm", map[string]string{"code": code})
}

// DisableTOTP takes one's second factor away.
func (c *Client) DisableTOTP(ctx context.Context, password string) error {
	return c.do(ctx, http.MethodPost, "/v1/me/totp/disable", map[string]string{"password": password})
}

// Redirect is where a browser goes next.
type Redirect struct {
	URL string `json:"url"`
}
