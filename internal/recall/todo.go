package recall

import (
	"context"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// todo says that a document or a fact isn't in the index as it should be. It is written with what
// makes it so, and goes with what has it be so no more.
type todo struct {
	Tries int       `json:"tries"`
	After time.Time `json:"after"` // not before: somebody is at it, or it has just failed
}

const (
	attended  = time.Minute // how long who has written a todo is left to do it
	firstWait = 30 * time.Second
	lastWait  = time.Hour
)

func todoPlace(project core.ProjectID, kind, id string) string {
	return string(project) + "/" + kind + "/" + id
}

// due are the changes that note a todo for who writes it.
func (s *Service) due(ctx context.Context, scope core.Scope, kind, id string) ([]store.Change, error) {
	d, err := todos.Find(ctx, s.cfg.Records, scope.Org, todoPlace(scope.Project, kind, id))
	if err != nil {
		return nil, err
	}
	d.Data = todo{After: s.cfg.Now().UTC().Add(attended + s.cfg.Limits.Patience)}
	return []store.Change{todos.Put(d)}, nil
}

// done adds to changes the one that takes a todo away.
func (s *Service) done(ctx context.Context, scope core.Scope, kind, id string, changes []store.Change) ([]store.Change, error) {
	d, err := todos.Find(ctx, s.cfg.Records, scope.Org, todoPlace(scope.Project, kind, id))
	if err != nil || d.Version == 0 {
		return changes, err
	}
	return append(changes, todos.Drop(d)), nil
}

// later notes that a todo was tried and is to be tried again, each time after a longer wait.
func (s *Service) later(ctx context.Context, org core.OrgID, id string) error {
	return store.Update(ctx, s.cfg.Records, org, func() ([]store.Change, error) {
		d, err := todos.Find(ctx, s.cfg.Records, org, id)
		if err != nil || d.Version == 0 {
			return nil, err
		}
		wait := min(firstWait<<min(d.Data.Tries, 10), lastWait)
		d.Data = todo{Tries: d.Data.Tries + 1, After: s.cfg.Now().UTC().Add(wait)}
		return []store.Change{todos.Put(d)}, nil
	})
}

// parseTodo is the inverse of todoPlace.
func parseTodo(id string) (project core.ProjectID, kind, what string, ok bool) {
	parts := strings.SplitN(id, "/", 3)
	if len(parts) != 3 {
		return "", "", "", false
	}
	return core.ProjectID(parts[0]), parts[1], parts[2], true
}
