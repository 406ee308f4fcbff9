package client

import (
	"context"
	"net/http"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Key is an API key without its text, which nobody can tell any more.
type Key struct {
	ID      core.KeyID     `json:"id"`
	Name    string         `json:"name"`
	User    core.UserID    `json:"user" doc:"whose it is: a person's, or a service's"`
	Role    core.Role      `json:"role" enum:"viewer,member,admin,owner" doc:"at most"`
	Scopes  []string       `json:"scopes"`
	Project core.ProjectID `json:"project,omitempty" doc:"that it is held to; absent: all that its user may use"`
	Budget  core.Credits   `json:"budget,omitempty" doc:"in micro-credits; absent: none of its own"`
	Created time.Time      `json:"created"`
	Expires *time.Time     `json:"expires,omitempty"`
	Used    *time.Time     `json:"used,omitempty" doc:"the last use, to some ten minutes; absent: never"`
	Revoked *time.Time     `json:"revoked,omitempty" doc:"when it was ended"`
	By      core.UserID    `json:"revoked_by,omitempty" doc:"absent: nobody, or it ended with its user's place in the org"`
}

// NewKey is a key to be.
type NewKey struct {
	Name    string         `json:"name" maxLength:"400"`
	Scopes  []string       `json:"scopes" maxItems:"50" doc:"what it may: tasks:read, tasks:write, apps:read, ..."`
	Role    core.Role      `json:"role,omitempty" enum:"viewer,member,admin,owner" doc:"at most; default: its user's"`
	Project core.ProjectID `json:"project,omitempty" maxLength:"64" doc:"that it is held to"`
	Budget  core.Credits   `json:"budget,omitempty" minimum:"0" doc:"in micro-credits, for all that it ever does; 0: none of its own"`
	Expires *time.Time     `json:"expires,omitempty" doc:"default: never"`
}

// NewServiceKey is a key to be for a service.
type NewServiceKey struct {
	Service core.UserID `json:"service" maxLength:"64" doc:"the service's id"`
	NewKey
}

// MadeKey is a key that was made.
type MadeKey struct {
	Key
	Text string `json:"text" doc:"the key itself, which isn't shown again"`
}

// MyKeys returns a page of one's own keys in the org.
func (c *Client) MyKeys(ctx context.Context, o PageOptions) (Page[Key], error) {
	return get[Page[Key]](ctx, c, "/v1/me/keys", o.query())
}

// MyRevokedKeys returns a page of one's own keys in the org that were revoked in the last 90 days.
func (c *Client) MyRevokedKeys(ctx context.Context, o PageOptions) (Page[Key], error) {
	return get[Page[Key]](ctx, c, "/v1/me/keys", with(o.query(), "revoked", "true"))
}

// RevokedKeys is Keys for those that were revoked in the last 90 days.
func (c *Client) RevokedKeys(ctx context.Context, user core.UserID, o PageOptions) (Page[Key], error) {
	return get[Page[Key]](ctx, c, "/v1/api-keys", with(o.query(), "user", string(user), "revoked", "true"))
}

// CreateKey makes a key of one's own.
func (c *Client) CreateKey(ctx context.Context, n NewKey, idempotencyKey string) (MadeKey, error) {
	return create[MadeKey](ctx, c, "/v1/me/keys", n, idempotencyKey)
}

// Keys returns a page of the org's keys, or of those of one of its users.
func (c *Client) Keys(ctx context.Context, user core.UserID, o PageOptions) (Page[Key], error) {
	return get[Page[Key]](ctx, c, "/v1/api-keys", with(o.query(), "user", string(user)))
}

// CreateServiceKey makes a key for a service of the org.
func (c *Client) CreateServiceKey(ctx context.Context, n NewServiceKey, idempotencyKey string) (MadeKey, error) {
	return create[MadeKey](ctx, c, "/v1/api-keys", n, idempotencyKey)
}

// RevokeKey ends a key: one's own, or anyone's of the org for who may write keys.
func (c *Client) RevokeKey(ctx context.Context, id core.KeyID) error {
	return c.do(ctx, http.MethodDelete, "/v1/api-keys/"+escape(string(id)), nil)
}
