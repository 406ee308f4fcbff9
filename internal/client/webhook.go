package client

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Webhook is an endpoint that a project's messages are sent to, without its secret.
type Webhook struct {
	ID       string         `json:"id"`
	Project  core.ProjectID `json:"project"`
	Why      string         `json:"why,omitempty" doc:"why it was disabled, unless a person did it"`
	By       core.UserID    `json:"by" doc:"who made it"`
	Created  time.Time      `json:"created"`
	Failing  *time.Time     `json:"failing,omitempty" doc:"since when it has taken nothing; absent: it took the last message"`
	Revision int64          `json:"revision"`
	ETag     string         `json:"-"`
	NewWebhook
}

// NewWebhook is an endpoint as somebody wants it.
type NewWebhook struct {
	URL      string   `json:"url" maxLength:"2000" example:"https://example.com/isekai" doc:"https://..."`
	Types    []string `json:"types,omitempty" maxItems:"50" doc:"of messages; none: all. GET /v1/notifications/choices lists them"`
	Note     string   `json:"note,omitempty" maxLength:"800" doc:"for people"`
	Prompts  bool     `json:"prompts,omitempty" doc:"messages quote what was asked, answered and said, too"`
	Disabled bool     `json:"disabled,omitempty" doc:"nothing is sent"`
}

// MadeWebhook is an endpoint that was made.
type MadeWebhook struct {
	Webhook
	Secret string `json:"secret" doc:"that messages are signed with (Standard Webhooks), which isn't shown again"`
}

// WebhookSecret is a new secret of an endpoint.
type WebhookSecret struct {
	Secret string    `json:"secret" doc:"that messages are signed with, which isn't shown again"`
	Until  time.Time `json:"until" doc:"messages are signed with the one before, too, until then"`
}

// Delivery is a message to an endpoint.
type Delivery struct {
	ID       string            `json:"id" doc:"webhook-id: the same whenever it is sent"`
	Type     string            `json:"type"`
	State    string            `json:"state" enum:"pending,delivered,dead" doc:"a dead one is tried again when somebody has it replayed"`
	Created  time.Time         `json:"created"`
	Next     *time.Time        `json:"next,omitempty" doc:"when it is tried again"`
	Tries    int               `json:"tries"`
	Attempts []DeliveryAttempt `json:"attempts" doc:"the last 12, oldest first"`
	Body     json.RawMessage   `json:"body" doc:"what is sent"`
}

// DeliveryAttempt is one try at sending.
type DeliveryAttempt struct {
	At     time.Time `json:"at"`
	TookMS int64     `json:"took_ms"`
	Status int       `json:"status,omitempty" doc:"of HTTP; absent: there was no answer"`
	Error  string    `json:"error,omitempty" doc:"why it wasn't taken; absent: it was"`
}

// ReplayedDeliveries says how many messages are sent again.
type ReplayedDeliveries struct {
	Replayed int `json:"replayed"`
}

func webhookPath(id string) string { return "/v1/webhooks/" + escape(id) }

// Webhooks returns the project's endpoints.
func (c *Client) Webhooks(ctx context.Context) ([]Webhook, error) {
	return get[[]Webhook](ctx, c, "/v1/webhooks", nil)
}

// AddWebhook makes an endpoint.
func (c *Client) AddWebhook(ctx context.Context, n NewWebhook, idempotencyKey string) (MadeWebhook, error) {
	return create[MadeWebhook](ctx, c, "/v1/webhooks", n, idempotencyKey)
}

// Webhook returns one of the project's endpoints.
func (c *Client) Webhook(ctx context.Context, id string) (Webhook, error) {
	var w Webhook
	etag, err := c.call(ctx, request{method: http.MethodGet, path: webhookPath(id)}, &w)
	w.ETag = etag
	return w, err
}

// SetWebhook gives an endpoint other settings. etag is that of the one it is based on; "":
// whatever it is.
func (c *Client) SetWebhook(ctx context.Context, id string, n NewWebhook, etag string) (Webhook, error) {
	var w Webhook
	etag, err := c.call(ctx, request{method: http.MethodPut, path: webhookPath(id), body: n, header: map[string]string{"If-Match": etag}}, &w)
	w.ETag = etag
	return w, err
}

// RemoveWebhook removes an endpoint.
func (c *Client) RemoveWebhook(ctx context.Context, id, etag string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: webhookPath(id), header: map[string]string{"If-Match": etag}}, nil)
	return err
}

// RotateWebhook gives an endpoint a new secret.
func (c *Client) RotateWebhook(ctx context.Context, id string) (WebhookSecret, error) {
	return send[WebhookSecret](ctx, c, http.MethodPost, webhookPath(id)+"/rotate", nil)
}

// TestWebhook sends a message to an endpoint, once, and returns what came of it.
func (c *Client) TestWebhook(ctx context.Context, id string) (DeliveryAttempt, error) {
	return send[DeliveryAttempt](ctx, c, http.MethodPost, webhookPath(id)+"/test", nil)
}

// Deliveries returns a page of the messages to an endpoint of a state ("": of any), the newest
// first.
func (c *Client) Deliveries(ctx context.Context, id, state string, o PageOptions) (Page[Delivery], error) {
	return get[Page[Delivery]](ctx, c, webhookPath(id)+"/deliveries", with(o.query(), "state", state))
}

// ReplayDelivery has a message sent again.
func (c *Client) ReplayDelivery(ctx context.Context, id, message string) (Delivery, error) {
	return send[Delivery](ctx, c, http.MethodPost, webhookPath(id)+"/deliveries/"+escape(message)+"/replay", nil)
}

// ReplayDead has all dead letters of an endpoint sent again, up to 500 of them.
func (c *Client) ReplayDead(ctx context.Context, id string) (ReplayedDeliveries, error) {
	return send[ReplayedDeliveries](ctx, c, http.MethodPost, webhookPath(id)+"/replay", nil)
}
