package client

import (
	"context"
	"net/http"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Prompt is a call of a model that the org has kept, without what was said.
type Prompt struct {
	ID       string         `json:"id"`
	At       time.Time      `json:"at"`
	Expires  time.Time      `json:"expires" doc:"from then on it is gone"`
	Project  core.ProjectID `json:"project"`
	Actor    core.Actor     `json:"actor"`
	Key      core.KeyID     `json:"key,omitempty"`
	Task     core.TaskID    `json:"task,omitempty" doc:"of a call of an agent's"`
	Call     string         `json:"call" doc:"chat, responses, messages, embeddings, count_tokens or compact"`
	Model    string         `json:"model" doc:"as it was asked for"`
	Provider string         `json:"provider,omitempty" doc:"that answered; none: nobody, or the cache"`
	Outcome  string         `json:"outcome" doc:"ok, failed, canceled or cached"`
	Cut      bool           `json:"cut,omitempty" doc:"it was longer than what is kept"`
}

// PromptText is one with what was said.
type PromptText struct {
	Prompt
	Request string `json:"request" doc:"as it went to the provider, but for the model's name: without what the org's policy takes out"`
	Answer  string `json:"answer" doc:"as it came to the caller: JSON, or server-sent events"`
}

// Prompts returns a page of those that are kept, the newest first.
func (c *Client) Prompts(ctx context.Context, o PageOptions) (Page[Prompt], error) {
	return get[Page[Prompt]](ctx, c, "/v1/gateway/prompts", o.query())
}

// Prompt returns one with what was said.
func (c *Client) Prompt(ctx context.Context, id string) (PromptText, error) {
	return get[PromptText](ctx, c, "/v1/gateway/prompts/"+escape(id), nil)
}

// DeletePrompt removes one.
func (c *Client) DeletePrompt(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/v1/gateway/prompts/"+escape(id), nil)
}

// DeletePrompts removes all that are kept by now.
func (c *Client) DeletePrompts(ctx context.Context) error {
	return c.do(ctx, http.MethodDelete, "/v1/gateway/prompts", nil)
}
