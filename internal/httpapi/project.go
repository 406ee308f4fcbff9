package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

type (
	// ProjectPath names a project of the credential's org.
	ProjectPath struct {
		Project core.ProjectID `path:"project" maxLength:"64" example:"prj_01hx"`
	}
	renameProject struct {
		ProjectPath
		Body nameBody
	}
)

func (s *server) orgProjects() {
	tags := []string{"projects"}
	act(s, identity.OrgRead, huma.Operation{
		OperationID: "list-projects", Method: http.MethodGet, Path: "/v1/projects", Summary: "List the org's projects that the one who asks may use", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *PageQuery) (*reply[client.Page[client.Project]], error) {
		all, next, err := s.cfg.Identity.Projects(ctx, p, core.ProjectID(in.Cursor), in.Limit)
		return paged(all, string(next), err, wireProject)
	})
	act(s, identity.ProjectWrite, huma.Operation{
		OperationID: "create-project", Method: http.MethodPost, Path: "/v1/projects", Summary: "Make a project", Tags: tags, DefaultStatus: http.StatusCreated,
	}, func(ctx context.Context, p identity.Principal, in *setName) (*reply[client.Project], error) {
		x, err := s.cfg.Identity.CreateProject(ctx, p, in.Body.Name)
		return replied(x, err, wireProject)
	})
	one := func(action identity.Action, op huma.Operation, f func(context.Context, identity.Principal, core.ProjectID) (identity.Project, error)) {
		op.Tags = tags
		act(s, action, op, func(ctx context.Context, p identity.Principal, in *ProjectPath) (*reply[client.Project], error) {
			x, err := f(ctx, p, in.Project)
			return replied(x, err, wireProject)
		})
	}
	const path = "/v1/projects/{project}"
	one(identity.OrgRead, huma.Operation{
		OperationID: "show-project", Method: http.MethodGet, Path: path, Summary: "Show a project",
	}, s.cfg.Identity.Project)
	one(identity.ProjectWrite, huma.Operation{
		OperationID: "archive-project", Method: http.MethodPost, Path: path + "/archive", Summary: "Keep everybody out of a project",
	}, s.cfg.Identity.ArchiveProject)
	one(identity.ProjectWrite, huma.Operation{
		OperationID: "restore-project", Method: http.MethodPost, Path: path + "/restore", Summary: "Let people into an archived project again",
	}, s.cfg.Identity.RestoreProject)
	act(s, identity.ProjectWrite, huma.Operation{
		OperationID: "rename-project", Method: http.MethodPatch, Path: path, Summary: "Change a project's name", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *renameProject) (*reply[client.Project], error) {
		x, err := s.cfg.Identity.RenameProject(ctx, p, in.Project, in.Body.Name)
		return replied(x, err, wireProject)
	})
}

func wireProject(x identity.Project) client.Project {
	return client.Project{ID: x.ID, Name: x.Name, Archived: x.Archived, Created: x.Created}
}
