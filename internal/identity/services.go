package identity

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// NewService is a service to be.
type NewService struct {
	Name     string
	Role     core.Role
	Projects []core.ProjectID // that it is held to; none: all
}

// CreateService makes a service of the credential's org: a member that acts by API keys
// alone. RemoveMember ends it.
func (s *Service) CreateService(ctx context.Context, p Principal, n NewService) (User, error) {
	if err := p.May(MemberWrite); err != nil {
		return User{}, err
	}
	name, err := normalName(n.Name, "a service")
	if err != nil {
		return User{}, err
	}
	if err := s.mayGrant(ctx, p, n.Role, n.Projects); err != nil {
		return User{}, err
	}
	e := store.Doc[userDoc]{ID: s.cfg.IDs("usr"), Data: userDoc{Name: name, Service: true, Home: p.Scope.Org, Created: s.cfg.Now()}}
	if err := s.write(ctx, core.Installation, users.Put(e)); err != nil {
		return User{}, err
	}
	err = s.join(ctx, p.Scope.Org, core.UserID(e.ID), memberDoc{Role: n.Role, Projects: n.Projects, By: p.User})
	if err != nil {
		return User{}, err
	}
	s.note(ctx, p, "service.create", e.ID, "role", string(n.Role))
	return userOf(e), nil
}
