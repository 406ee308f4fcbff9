package client

import (
	"context"
	"net/http"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Org is a tenant.
type Org struct {
	ID      core.OrgID `json:"id"`
	Name    string     `json:"name"`
	Role    core.Role  `json:"role,omitempty" doc:"of the one who asks; absent for an operator who is no member"`
	Created time.Time  `json:"created"`
}

// NewOrg is an org to be, which an operator makes for somebody.
type NewOrg struct {
	Name   string      `json:"name" maxLength:"400"`
	Owner  core.UserID `json:"owner,omitempty" maxLength:"64" doc:"a user who owns it; or invite somebody"`
	Invite string      `json:"invite,omitempty" maxLength:"254" doc:"e-mail address of somebody who is to own it"`
}

// MadeOrg is an org that was made.
type MadeOrg struct {
	Org
	Invitation string `json:"invitation,omitempty" doc:"token of the link for whoever is to own it; it isn't shown again"`
}

// Orgs returns the orgs that the one who asks is a member of.
func (c *Client) Orgs(ctx context.Context) ([]Org, error) { return get[[]Org](ctx, c, "/v1/orgs", nil) }

// OpenOrg makes an org of one's own, where the installation lets everybody.
func (c *Client) OpenOrg(ctx context.Context, name, idempotencyKey string) (Org, error) {
	return create[Org](ctx, c, "/v1/orgs", map[string]string{"name": name}, idempotencyKey)
}

// AllOrgs returns a page of the installation's orgs, for its operators.
func (c *Client) AllOrgs(ctx context.Context, o PageOptions) (Page[Org], error) {
	return get[Page[Org]](ctx, c, "/v1/installation/orgs", o.query())
}

// CreateOrg makes an org for somebody, as an operator.
func (c *Client) CreateOrg(ctx context.Context, n NewOrg, idempotencyKey string) (MadeOrg, error) {
	return create[MadeOrg](ctx, c, "/v1/installation/orgs", n, idempotencyKey)
}

// Org returns the org of the credential.
func (c *Client) Org(ctx context.Context) (Org, error) { return get[Org](ctx, c, "/v1/org", nil) }

// RenameOrg changes the name of the credential's org.
func (c *Client) RenameOrg(ctx context.Context, name string) (Org, error) {
	return send[Org](ctx, c, http.MethodPatch, "/v1/org", map[string]string{"name": name})
}

// LeaveOrg ends one's own place in the credential's org.
func (c *Client) LeaveOrg(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/v1/org/leave", nil)
}

// Project is a part of an org.
type Project struct {
	ID       core.ProjectID `json:"id"`
	Name     string         `json:"name"`
	Archived bool           `json:"archived" doc:"nobody can use it"`
	Created  time.Time      `json:"created"`
}

// Projects returns a page of the org's projects, those that the one who asks may use.
func (c *Client) Projects(ctx context.Context, o PageOptions) (Page[Project], error) {
	return get[Page[Project]](ctx, c, "/v1/projects", o.query())
}

// CreateProject makes a project.
func (c *Client) CreateProject(ctx context.Context, name, idempotencyKey string) (Project, error) {
	return create[Project](ctx, c, "/v1/projects", map[string]string{"name": name}, idempotencyKey)
}

func projectPath(id core.ProjectID) string { return "/v1/projects/" + escape(string(id)) }

// Project returns a project.
func (c *Client) Project(ctx context.Context, id core.ProjectID) (Project, error) {
	return get[Project](ctx, c, projectPath(id), nil)
}

// RenameProject changes a project's name.
func (c *Client) RenameProject(ctx context.Context, id core.ProjectID, name string) (Project, error) {
	return send[Project](ctx, c, http.MethodPatch, projectPath(id), map[string]string{"name": name})
}

// ArchiveProject keeps everybody out of a project.
func (c *Client) ArchiveProject(ctx context.Context, id core.ProjectID) (Project, error) {
	return send[Project](ctx, c, http.MethodPost, projectPath(id)+"/archive", nil)
}

// RestoreProject undoes ArchiveProject.
func (c *Client) RestoreProject(ctx context.Context, id core.ProjectID) (Project, error) {
	return send[Project](ctx, c, http.MethodPost, projectPath(id)+"/restore", nil)
}
