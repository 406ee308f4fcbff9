package client

import (
	"context"
	"net/url"

	"github.com/isekai-run/isekai/internal/core"
)

// ModelUsed is what the calls of a key to a model used on a day, besides those of tasks.
type ModelUsed struct {
	Day       string         `json:"day" format:"date" doc:"in UTC"`
	Project   core.ProjectID `json:"project,omitempty"`
	Key       core.KeyID     `json:"key,omitempty" doc:"none: people's own calls"`
	Provider  string         `json:"provider,omitempty"`
	Model     string         `json:"model" doc:"that answered; or as it was asked for, if none did"`
	Calls     int            `json:"calls"`
	Failed    int            `json:"failed,omitempty" doc:"of the calls: failed or canceled"`
	Input     int            `json:"input" doc:"tokens"`
	Output    int            `json:"output" doc:"tokens"`
	Cached    int            `json:"cached,omitempty" doc:"of the input"`
	Written   int            `json:"cache_write,omitempty" doc:"of the input: what providers put into their caches"`
	Reasoning int            `json:"reasoning,omitempty" doc:"of the output"`
	Estimated int            `json:"estimated,omitempty" doc:"calls whose tokens were counted here, as the provider didn't say"`
	Credits   core.Credits   `json:"credits,omitempty" doc:"in micro-credits"`
}

// ModelUsage says which calls are asked for. Zero fields don't filter.
type ModelUsage struct {
	From, To string // days in UTC, as in 2026-11-22; default: the last 30 days
	Project  core.ProjectID
	Key      core.KeyID
	Model    string
}

// ModelUsage returns what calls of models have used, the newest day first.
func (c *Client) ModelUsage(ctx context.Context, of ModelUsage) ([]ModelUsed, error) {
	q := url.Values{}
	for name, value := range map[string]string{"from": of.From, "to": of.To, "project": string(of.Project), "key": string(of.Key), "model": of.Model} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return get[[]ModelUsed](ctx, c, "/v1/usage/models", q)
}
