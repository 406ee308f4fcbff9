package client

import (
	"context"
	"net/http"
)

// NewEgress says which hosts a project's sandboxes may reach.
type NewEgress struct {
	Hosts []string `json:"hosts" maxItems:"100" doc:"hosts or addresses with a port, 443 if there is none; *.HOST is all below HOST" example:"[\"api.example.com:443\",\"*.example.org\"]"`
}

// Egress is which hosts a project's sandboxes may reach.
type Egress struct {
	ETag string `json:"-"`
	NewEgress
}

// Egress returns the project's.
func (c *Client) Egress(ctx context.Context) (Egress, error) {
	return c.egress(ctx, request{method: http.MethodGet})
}

// SetEgress sets it. etag is that of the one it is based on; "": whatever is there.
func (c *Client) SetEgress(ctx context.Context, n NewEgress, etag string) (Egress, error) {
	return c.egress(ctx, request{method: http.MethodPut, body: n, header: map[string]string{"If-Match": etag}})
}

func (c *Client) egress(ctx context.Context, r request) (out Egress, err error) {
	r.path = "/v1/egress"
	out.ETag, err = c.call(ctx, r, &out)
	return out, err
}
