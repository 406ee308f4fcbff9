package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// NewRepository is a git repository that tasks of the project are to begin with.
type NewRepository struct {
	Name       string `json:"name" minLength:"1" maxLength:"63" example:"shop"`
	URL        string `json:"url" minLength:"1" maxLength:"2000" doc:"https://HOST/PATH.git, or ssh://git@HOST/PATH.git" example:"https://example.com/team/shop.git"`
	Branch     string `json:"branch,omitempty" maxLength:"200" doc:"that tasks begin at; the repository's own if not given"`
	Credential string `json:"credential,omitempty" maxLength:"200" doc:"the name of a credential of the project's, if it isn't public"`
	HostKey    string `json:"host_key,omitempty" maxLength:"4000" doc:"for SSH: the host's public key, as ssh-keyscan writes it"`
}

// Repository is a git repository of the project.
type Repository struct {
	Name       string    `json:"name"`
	URL        string    `json:"url"`
	Branch     string    `json:"branch"`
	Credential string    `json:"credential,omitempty"`
	HostKey    string    `json:"host_key,omitempty"`
	Commit     string    `json:"commit" doc:"that the branch was at when it was last seen"`
	Added      time.Time `json:"added"`
	Synced     time.Time `json:"synced" doc:"when it was last seen"`
}

// Repositories returns the project's git repositories, by name.
func (c *Client) Repositories(ctx context.Context) (Page[Repository], error) {
	var out Page[Repository]
	_, err := c.call(ctx, request{method: http.MethodGet, path: "/v1/repositories"}, &out)
	return out, err
}

// Repository returns one.
func (c *Client) Repository(ctx context.Context, name string) (Repository, error) {
	return c.repository(ctx, request{method: http.MethodGet, path: "/v1/repositories/" + url.PathEscape(name)})
}

// AddRepository adds one, once it could be fetched.
func (c *Client) AddRepository(ctx context.Context, n NewRepository) (Repository, error) {
	return c.repository(ctx, request{method: http.MethodPost, path: "/v1/repositories", body: n})
}

// SyncRepository gets what is new in one.
func (c *Client) SyncRepository(ctx context.Context, name string) (Repository, error) {
	return c.repository(ctx, request{method: http.MethodPost, path: "/v1/repositories/" + url.PathEscape(name) + "/sync"})
}

// RemoveRepository removes one; nothing changes at its host.
func (c *Client) RemoveRepository(ctx context.Context, name string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: "/v1/repositories/" + url.PathEscape(name)}, nil)
	return err
}

func (c *Client) repository(ctx context.Context, r request) (out Repository, err error) {
	_, err = c.call(ctx, r, &out)
	return out, err
}
