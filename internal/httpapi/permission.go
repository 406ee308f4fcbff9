package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/agent/permission"
	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

type (
	putPermissions struct {
		MatchHeader
		Body client.NewPermissions
	}
	permissionsAnswer struct {
		ETag string `header:"ETag"`
		Body client.Permissions
	}
)

// permissions are the routes to which calls of tools are allowed, asked about and denied.
func (s *server) permissions() {
	for _, of := range []struct {
		id, path, what string
		project        func(core.Scope) core.ProjectID
	}{
		{"permissions", "/v1/permissions", "the project", func(sc core.Scope) core.ProjectID { return sc.Project }},
		{"org-permissions", "/v1/org/permissions", "the whole org", func(core.Scope) core.ProjectID { return "" }},
	} {
		tags := []string{"permissions"}
		handle(s, identity.PermissionRead, huma.Operation{
			OperationID: "show-" + of.id, Method: http.MethodGet, Path: of.path, Summary: "Show which calls of tools " + of.what + " allows, asks about and denies", Tags: tags,
		}, func(ctx context.Context, scope core.Scope, _ *struct{}) (*permissionsAnswer, error) {
			p, version, err := s.cfg.Permissions.Get(ctx, scope.Org, of.project(scope))
			return permissionsShown(p, version, err)
		})
		handle(s, identity.PermissionWrite, huma.Operation{
			OperationID: "set-" + of.id, Method: http.MethodPut, Path: of.path, Summary: "Say which calls of tools " + of.what + " allows, asks about and denies", Tags: tags,
			Description: "Of the rules of the org and of the project that are about a call, the strictest counts. Where none is, a call that changes something outside of the task's " +
				"workspace, and can't be repeated, is asked about, and any other is allowed. Tasks heed it within a second.",
		}, func(ctx context.Context, scope core.Scope, in *putPermissions) (*permissionsAnswer, error) {
			return s.setPermissions(ctx, scope.Org, of.project(scope), in)
		})
	}
}

// setPermissions changes those that the request is based on, or whatever is there.
func (s *server) setPermissions(ctx context.Context, org core.OrgID, project core.ProjectID, in *putPermissions) (*permissionsAnswer, error) {
	base, err := in.version()
	if err != nil {
		return nil, err
	}
	p := permission.Policy{Wait: in.Body.WaitSeconds}
	for _, r := range in.Body.Rules {
		p.Rules = append(p.Rules, permission.Rule(r))
	}
	version, err := replaced(base, func() (int64, error) {
		_, version, err := s.cfg.Permissions.Get(ctx, org, project)
		return version, err
	}, func(version int64) error { return s.cfg.Permissions.Put(ctx, org, project, version, p) })
	if err == nil {
		err = s.record(ctx, org, auditlog.Entry{Action: "permission.policy", Project: project, Detail: map[string]string{"rules": rulesOf(p), "wait": strconv.FormatInt(p.Wait, 10)}})
	}
	return permissionsShown(p, version+1, err)
}

// rulesOf returns what a policy says, cut where that is much.
func rulesOf(p permission.Policy) string {
	const most = 20
	var all []string
	for i, r := range p.Rules {
		if i == most {
			all = append(all, fmt.Sprintf("and %d more", len(p.Rules)-most))
			break
		}
		all = append(all, r.String())
	}
	return strings.Join(all, "; ")
}

func permissionsShown(p permission.Policy, version int64, err error) (*permissionsAnswer, error) {
	if err != nil {
		return nil, err
	}
	out := client.NewPermissions{WaitSeconds: p.Wait, Rules: []client.PermissionRule{}}
	for _, r := range p.Rules {
		out.Rules = append(out.Rules, client.PermissionRule(r))
	}
	answer := &permissionsAnswer{Body: client.Permissions{NewPermissions: out}}
	if version > 0 {
		answer.ETag = etag(version)
	}
	return answer, nil
}
