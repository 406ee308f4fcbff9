package identity

import (
	"context"
	"slices"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// PersonOf returns whose an actor's deeds are in an org: the user himself, or the one whose key
// acted; "" for a worker's, and for a key that is gone.
func (s *Service) PersonOf(ctx context.Context, org core.OrgID, a core.Actor) (core.UserID, error) {
	switch a.Kind {
	case core.ActorUser:
		return core.UserID(a.ID), nil
	case core.ActorKey:
		home, err := recent(ctx, s, keyHomes, core.Installation, a.ID)
		if core.CodeOf(err) == core.NotFound || err == nil && home.Data.Org != org {
			return "", nil
		}
		return home.Data.User, err
	}
	return "", nil
}

// AdminsOf returns the people who administer an org and can sign in.
func (s *Service) AdminsOf(ctx context.Context, org core.OrgID) ([]core.UserID, error) {
	var all []core.UserID
	err := s.eachMember(ctx, org, func(m store.Doc[memberDoc], u store.Doc[userDoc]) {
		if m.Data.Role.Covers(core.Admin) && !u.Data.Disabled && !u.Data.Service {
			all = append(all, core.UserID(m.ID))
		}
	})
	return all, err
}

// Acting returns the principal of a member, as he is now, in a project of an org: for what he
// does by a link that he was sent. It has no session. unauthenticated: he is none, or may not
// sign in; not_found: the project isn't his to use.
func (s *Service) Acting(ctx context.Context, org core.OrgID, project core.ProjectID, user core.UserID) (Principal, error) {
	u, err := users.Get(ctx, s.cfg.Records, core.Installation, string(user))
	if err != nil {
		return Principal{}, refused(err)
	}
	if u.Data.Disabled || u.Data.Service {
		return Principal{}, unknown()
	}
	m, err := members.Get(ctx, s.cfg.Records, org, string(user))
	if err != nil {
		return Principal{}, refused(err)
	}
	p := Principal{
		Scope: core.Scope{Org: org, Project: project, Actor: core.Actor{Kind: core.ActorUser, ID: string(user)}},
		Role:  m.Data.Role, User: user, Projects: m.Data.Projects,
	}
	return p, s.checkProject(ctx, p)
}

// MailOf returns the address of a member who may see a project of the org ("": the org).
// not_found: the user is none, may not, or can't be written to.
func (s *Service) MailOf(ctx context.Context, org core.OrgID, project core.ProjectID, user core.UserID) (string, error) {
	u, err := users.Get(ctx, s.cfg.Records, core.Installation, string(user))
	if err != nil {
		return "", absent(err, "user")
	}
	m, err := members.Get(ctx, s.cfg.Records, org, string(user))
	if err != nil {
		return "", absent(err, "member")
	}
	held := m.Data.Projects
	if u.Data.Disabled || u.Data.Service || u.Data.Email == "" || project != "" && len(held) > 0 && !slices.Contains(held, project) {
		return "", missing("member")
	}
	return u.Data.Email, nil
}
