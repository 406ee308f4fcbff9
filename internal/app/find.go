package app

import (
	"context"
	"os"

	"github.com/isekai-run/isekai/internal/core"
)

// Find returns an app by its id or by its name, which is what people type.
// not_found: the project has none of that id or name.
func (s *Service) Find(ctx context.Context, scope core.Scope, idOrName string) (State, error) {
	if core.ValidID("app", idOrName) {
		return s.Get(ctx, scope, core.AppID(idOrName))
	}
	r, ok := s.names.find(idOrName)
	if !ok { // another node may have made it
		if err := s.learn(ctx, scope.Org); err != nil {
			return State{}, err
		}
		r, ok = s.names.find(idOrName)
	}
	if !ok || r.org != scope.Org || r.project != scope.Project {
		return State{}, notFound(core.AppID(idOrName))
	}
	return s.Get(ctx, scope, r.app)
}

// Folder returns the folder of this machine that holds the current version's
// files, if there is one: while the version runs, and until another does. It is
// for looking; a change is made by the next version. "" if there is none.
func (s *Service) Folder(ctx context.Context, scope core.Scope, app core.AppID) (string, error) {
	v, err := s.Version(ctx, scope, app, 0)
	if err != nil {
		return "", err
	}
	dir := s.treeDir(ref{org: scope.Org, project: scope.Project, app: app}, v.Number)
	if _, err := os.Stat(dir); err != nil {
		return "", nil // not checked out
	}
	return dir, nil
}
