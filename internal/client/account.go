package client

import (
	"context"
	"net/http"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// User is a person, or a service: what acts on its own, by API keys alone.
type User struct {
	ID           core.UserID `json:"id"`
	Email        string      `json:"email,omitempty"`
	Name         string      `json:"name"`
	Service      bool        `json:"service"`
	Disabled     bool        `json:"disabled"`
	HasPassword  bool        `json:"has_password,omitempty" doc:"told to the user and to operators"`
	SecondFactor bool        `json:"second_factor,omitempty" doc:"told to the user, to admins and to operators"`
	Created      time.Time   `json:"created"`
}

// Me is who asks.
type Me struct {
	Principal
	Account *User    `json:"account,omitempty" doc:"of somebody who signed in"`
	May     []string `json:"may" doc:"the actions that are allowed here, as operations of the API's document name theirs in x-action"`
}

// NewUser is a person to be.
type NewUser struct {
	Email    string `json:"email" maxLength:"254"`
	Name     string `json:"name" maxLength:"400"`
	Password string `json:"password" maxLength:"1024"`
}

// Link is the secret part of a link that works once. It isn't shown again.
type Link struct {
	Token string `json:"token"`
}

// Me returns whom the credential stands for.
func (c *Client) Me(ctx context.Context) (Me, error) { return get[Me](ctx, c, "/v1/me", nil) }

// RenameMe changes one's own name.
func (c *Client) RenameMe(ctx context.Context, name string) (User, error) {
	return send[User](ctx, c, http.MethodPatch, "/v1/me", map[string]string{"name": name})
}

// ChangeEmail changes the address by which one signs in.
func (c *Client) ChangeEmail(ctx context.Context, password, email string) (User, error) {
	return send[User](ctx, c, http.MethodPut, "/v1/me/email", map[string]string{"email": email, "password": password})
}

// ChangePassword changes one's own password, and ends one's other sessions.
func (c *Client) ChangePassword(ctx context.Context, old, new string) error {
	return c.do(ctx, http.MethodPost, "/v1/me/password", map[string]string{"old": old, "new": new})
}

// Users returns a page of the installation's users, for its operators.
func (c *Client) Users(ctx context.Context, o PageOptions) (Page[User], error) {
	return get[Page[User]](ctx, c, "/v1/users", o.query())
}

// UserByEmail returns the user who signs in by an address. not_found: it is nobody's.
func (c *Client) UserByEmail(ctx context.Context, email string) (User, error) {
	p, err := get[Page[User]](ctx, c, "/v1/users", with(nil, "email", email))
	switch {
	case err != nil:
		return User{}, err
	case len(p.Items) == 0:
		return User{}, core.E(core.NotFound, "client", "no user has this e-mail address")
	}
	return p.Items[0], nil
}

// CreateUser makes a person, for an operator who vouches for the address.
func (c *Client) CreateUser(ctx context.Context, n NewUser, idempotencyKey string) (User, error) {
	return create[User](ctx, c, "/v1/users", n, idempotencyKey)
}

func userPath(id core.UserID) string { return "/v1/users/" + escape(string(id)) }

// User returns a user.
func (c *Client) User(ctx context.Context, id core.UserID) (User, error) {
	return get[User](ctx, c, userPath(id), nil)
}

// DisableUser ends a user's sessions and keeps him and his keys out.
func (c *Client) DisableUser(ctx context.Context, id core.UserID) error {
	return c.do(ctx, http.MethodPost, userPath(id)+"/disable", nil)
}

// EnableUser undoes DisableUser.
func (c *Client) EnableUser(ctx context.Context, id core.UserID) error {
	return c.do(ctx, http.MethodPost, userPath(id)+"/enable", nil)
}

// SetEmail changes a user's address, for an operator who vouches for it.
func (c *Client) SetEmail(ctx context.Context, id core.UserID, email string) (User, error) {
	return send[User](ctx, c, http.MethodPut, userPath(id)+"/email", map[string]string{"email": email})
}

// ResetPassword makes a link by which a user sets a new password.
func (c *Client) ResetPassword(ctx context.Context, id core.UserID) (Link, error) {
	return send[Link](ctx, c, http.MethodPost, userPath(id)+"/reset", nil)
}

// FinishReset sets the password of the user whose link it is.
func (c *Client) FinishReset(ctx context.Context, token, password string) error {
	return c.do(ctx, http.MethodPost, "/v1/password", map[string]string{"token": token, "password": password})
}

// FinishSetup makes the first user, by the link that the first start has printed, and
// signs in.
func (c *Client) FinishSetup(ctx context.Context, token string, n NewUser) (Tokens, error) {
	return send[Tokens](ctx, c, http.MethodPost, "/v1/setup", struct {
		Token string `json:"token"`
		NewUser
	}{token, n})
}
