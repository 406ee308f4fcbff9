package client

import (
	"context"
	"net/http"
)

// Providers returns the services that people can connect to, by name.
func (c *Client) Providers(ctx context.Context) ([]Provider, error) {
	return get[[]Provider](ctx, c, "/v1/connections", nil)
}

// BeginConnection returns where a browser has to go, so that its person agrees. Only the
// session of this client can finish.
func (c *Client) BeginConnection(ctx context.Context, n NewConnection) (Redirect, error) {
	return send[Redirect](ctx, c, http.MethodPost, "/v1/connections", n)
}

// FinishConnection connects, with what the provider has had the browser bring back.
func (c *Client) FinishConnection(ctx context.Context, a ConnectionAnswer) (Secret, error) {
	return send[Secret](ctx, c, http.MethodPost, "/v1/connections/finish", a)
}
