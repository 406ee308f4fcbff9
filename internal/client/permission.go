package client

import (
	"context"
	"net/http"

	"github.com/isekai-run/isekai/internal/core"
)

// PermissionRule says what is to be done about some calls of tools. Of those that are about a
// call, of the org and of the project, the strictest counts.
type PermissionRule struct {
	Do    core.Permission   `json:"do" enum:"allow,ask,deny"`
	Tool  string            `json:"tool" minLength:"1" maxLength:"300" doc:"a tool's name; * is any text, ? any character" example:"git_*"`
	With  map[string]string `json:"with,omitempty" doc:"patterns that arguments have to match, by name; a list is its items with a space between" example:"{\"branch\":\"main\"}"`
	Skill string            `json:"skill,omitempty" maxLength:"300" doc:"only in tasks that use this skill"`
}

// NewPermissions are what an org or a project sets.
type NewPermissions struct {
	Rules       []PermissionRule `json:"rules,omitempty" maxItems:"200"`
	WaitSeconds int64            `json:"wait_seconds,omitempty" minimum:"0" maximum:"2592000" doc:"for how long a task waits for a person, then it goes on without the call; 0: a day"`
}

// Permissions are what an org or a project has set.
type Permissions struct {
	ETag string `json:"-"`
	NewPermissions
}

// permissionsPath leads to those of the project, or of the whole org.
func permissionsPath(org bool) string {
	if org {
		return "/v1/org/permissions"
	}
	return "/v1/permissions"
}

// Permissions returns those of the project, or of the whole org.
func (c *Client) Permissions(ctx context.Context, org bool) (Permissions, error) {
	return c.permissions(ctx, request{method: http.MethodGet, path: permissionsPath(org)})
}

// SetPermissions sets them. etag is that of those that they are based on; "": whatever is there.
func (c *Client) SetPermissions(ctx context.Context, org bool, n NewPermissions, etag string) (Permissions, error) {
	return c.permissions(ctx, request{method: http.MethodPut, path: permissionsPath(org), body: n, header: map[string]string{"If-Match": etag}})
}

func (c *Client) permissions(ctx context.Context, r request) (out Permissions, err error) {
	out.ETag, err = c.call(ctx, r, &out)
	return out, err
}
