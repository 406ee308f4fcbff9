package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/repo"
)

type (
	RepositoryPath struct {
		Repository string `path:"repository" maxLength:"63" example:"shop"`
	}
	addRepository    struct{ Body client.NewRepository }
	repositoryAnswer struct{ Body client.Repository }
	repositoryPage   struct {
		Body client.Page[client.Repository]
	}
)

// repositories are the routes to the git repositories that tasks begin with.
func (s *server) repositories() {
	tags := []string{"repositories"}
	handle(s, identity.RepositoryRead, huma.Operation{
		OperationID: "list-repositories", Method: http.MethodGet, Path: "/v1/repositories", Summary: "List the project's git repositories", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, _ *struct{}) (*repositoryPage, error) {
		all, err := s.cfg.Repositories.List(ctx, scope)
		page := &repositoryPage{Body: client.Page[client.Repository]{Items: []client.Repository{}}}
		for _, r := range all {
			page.Body.Items = append(page.Body.Items, wireRepository(r))
		}
		return page, err
	})
	handle(s, identity.RepositoryRead, huma.Operation{
		OperationID: "show-repository", Method: http.MethodGet, Path: "/v1/repositories/{repository}", Summary: "Show a git repository", Tags: tags,
	}, func(ctx context.Context, scope core.Scope, in *RepositoryPath) (*repositoryAnswer, error) {
		r, err := s.cfg.Repositories.Get(ctx, scope, in.Repository)
		return &repositoryAnswer{wireRepository(r)}, err
	})
	handle(s, identity.RepositoryWrite, huma.Operation{
		OperationID: "add-repository", Method: http.MethodPost, Path: "/v1/repositories", Summary: "Add a git repository", Tags: tags, DefaultStatus: http.StatusCreated,
		Description: "It is fetched first: one that can't be isn't added. Tasks begin with it by its name.",
	}, func(ctx context.Context, scope core.Scope, in *addRepository) (*repositoryAnswer, error) {
		r, err := s.cfg.Repositories.Add(ctx, scope, repo.Wish(in.Body))
		return s.repositoryChanged(ctx, scope, "repository.add", r, err)
	})
	handle(s, identity.RepositoryWrite, huma.Operation{
		OperationID: "sync-repository", Method: http.MethodPost, Path: "/v1/repositories/{repository}/sync", Summary: "Get what is new in a git repository", Tags: tags,
		Description: "Each task that begins with it does so, too.",
	}, func(ctx context.Context, scope core.Scope, in *RepositoryPath) (*repositoryAnswer, error) {
		r, err := s.cfg.Repositories.Sync(ctx, scope, in.Repository)
		return s.repositoryChanged(ctx, scope, "repository.sync", r, err)
	})
	handle(s, identity.RepositoryWrite, huma.Operation{
		OperationID: "remove-repository", Method: http.MethodDelete, Path: "/v1/repositories/{repository}", Summary: "Remove a git repository", Tags: tags, DefaultStatus: http.StatusNoContent,
		Description: "Nothing changes at its host, and tasks that began with it go on.",
	}, func(ctx context.Context, scope core.Scope, in *RepositoryPath) (*struct{}, error) {
		if err := s.cfg.Repositories.Remove(ctx, scope, in.Repository); err != nil {
			return nil, err
		}
		return nil, s.record(ctx, scope.Org, auditlog.Entry{Action: "repository.remove", Project: scope.Project, Target: in.Repository})
	})
}

func (s *server) repositoryChanged(ctx context.Context, scope core.Scope, action string, r repo.Repository, err error) (*repositoryAnswer, error) {
	if err == nil {
		err = s.record(ctx, scope.Org, auditlog.Entry{Action: action, Project: scope.Project, Target: r.Name, Detail: map[string]string{
			"url": r.URL, "branch": r.Branch, "credential": r.Credential, "commit": r.Commit,
		}})
	}
	return &repositoryAnswer{wireRepository(r)}, err
}

func wireRepository(r repo.Repository) client.Repository {
	return client.Repository{
		Name: r.Name, URL: r.URL, Branch: r.Branch, Credential: r.Credential, HostKey: r.HostKey, Commit: r.Commit, Added: r.Added, Synced: r.Synced,
	}
}

// beginWith gives a task the files of the repository that it is to begin with, if there is one.
func (s *server) beginWith(ctx context.Context, scope core.Scope, wish client.NewTask, n *agent.NewTask) error {
	const op = "task.create"
	switch {
	case wish.Repository == "" && wish.Branch != "":
		return core.E(core.Invalid, op, "a branch of no repository").WithHint("name the repository, too")
	case wish.Repository == "":
		return nil
	case wish.Kind != core.KindTask || wish.Workspace != "":
		return core.E(core.Invalid, op, "a task with a repository works in a workspace of its own, and makes no app").WithHint("leave out the workspace, and use the kind task")
	}
	at, tree, err := s.cfg.Repositories.Begin(ctx, scope, wish.Repository, wish.Branch)
	n.Checkout, n.Tree = &at, tree
	return err
}
