package client

import (
	"context"
	"net/http"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Redaction says what becomes of a secret that is found in what goes to a model or a tool,
// or comes from a model.
type Redaction struct {
	NewRedaction
	Effective map[string]string `json:"effective" doc:"what becomes of each kind, with what wasn't set"`
	ETag      string            `json:"-"`
}

// NewRedaction is what an org sets of it.
type NewRedaction struct {
	Default string            `json:"default,omitempty" enum:"redact,refuse,allow," doc:"of kinds that aren't named; default: redact. Canaries are refused unless they are named"`
	Kinds   map[string]string `json:"kinds,omitempty" doc:"redact, refuse or allow, by kind of secret"`
	Answers bool              `json:"answers,omitempty" doc:"what models answer to calls of the API is searched, too"`
}

// Canary is a text that looks like a credential, opens nothing, and is told of when it is
// found on its way out.
type Canary struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	By      core.Actor `json:"by"`
	Created time.Time  `json:"created"`
}

// NewCanary is a canary to be.
type NewCanary struct {
	Name string `json:"name" minLength:"1" maxLength:"100" doc:"where it is put" example:"wiki front page"`
}

// MadeCanary is a canary that was made.
type MadeCanary struct {
	Canary
	Text string `json:"text" doc:"what to put there; it isn't shown again"`
}

// Redaction returns the org's.
func (c *Client) Redaction(ctx context.Context) (Redaction, error) {
	return c.redaction(ctx, request{method: http.MethodGet})
}

// SetRedaction sets it. etag is that of the one it is based on; "": whatever is there.
func (c *Client) SetRedaction(ctx context.Context, n NewRedaction, etag string) (Redaction, error) {
	return c.redaction(ctx, request{method: http.MethodPut, body: n, header: map[string]string{"If-Match": etag}})
}

func (c *Client) redaction(ctx context.Context, r request) (out Redaction, err error) {
	r.path = "/v1/redaction"
	out.ETag, err = c.call(ctx, r, &out)
	return out, err
}

// Canaries returns the org's, the oldest first.
func (c *Client) Canaries(ctx context.Context) ([]Canary, error) {
	return get[[]Canary](ctx, c, "/v1/canaries", nil)
}

// CreateCanary makes one.
func (c *Client) CreateCanary(ctx context.Context, n NewCanary, idempotencyKey string) (MadeCanary, error) {
	return create[MadeCanary](ctx, c, "/v1/canaries", n, idempotencyKey)
}

// DeleteCanary has one not be looked for any more.
func (c *Client) DeleteCanary(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/v1/canaries/"+escape(id), nil)
}
