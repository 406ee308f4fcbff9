package identity

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// AddMember makes a user a member of an org, which nobody asks the user about: only
// operators do so. Others invite people. denied: no operator, or the role is above his own
// in his own org.
func (s *Service) AddMember(ctx context.Context, p Principal, org core.OrgID, n NewMember) error {
	if err := p.May(OperatePeople); err != nil {
		return err
	}
	giver := p
	if org != p.Scope.Org {
		giver.Scope.Org, giver.Role = org, core.Owner // of what he could make and own
	}
	if err := s.mayGrant(ctx, giver, n.Role, n.Projects); err != nil {
		return err
	}
	u, err := users.Get(ctx, s.cfg.Records, core.Installation, string(n.User))
	if err != nil {
		return absent(err, "user")
	}
	if u.Data.Service { // of the org that made it
		return missing("user")
	}
	if err := s.join(ctx, org, n.User, memberDoc{Role: n.Role, Projects: n.Projects, By: p.User}); err != nil {
		return err
	}
	s.noteOperator(ctx, p, []core.OrgID{org}, "member.add", string(n.User), "org", string(org), "role", string(n.Role))
	return nil
}

// mayGrant says whether a principal may give a role in projects of its org.
func (s *Service) mayGrant(ctx context.Context, p Principal, role core.Role, held []core.ProjectID) error {
	const op = "member"
	switch {
	case role.Rank() == 0:
		return core.E(core.Invalid, op, "there is no such role").WithHint("viewer, member, admin or owner")
	case !p.Role.Covers(role):
		return core.E(core.Denied, op, "nobody gives a role above his own").WithHint("ask an owner of the org")
	case len(held) > 0 && role.Covers(core.Admin):
		return core.E(core.Invalid, op, "who administers an org isn't held to projects of it")
	case len(held) > pageSize:
		return core.E(core.Invalid, op, "too many projects")
	}
	for _, id := range held {
		if _, err := projects.Get(ctx, s.cfg.Records, p.Scope.Org, string(id)); err != nil {
			return absent(err, "project")
		}
	}
	return nil
}

// SetRole changes a member's role, and the projects that he is held to. denied: he has, or
// is to have, a role above that of the one who asks; conflict: he is the last owner.
func (s *Service) SetRole(ctx context.Context, p Principal, n NewMember) error {
	if err := p.May(MemberWrite); err != nil {
		return err
	}
	if err := s.mayGrant(ctx, p, n.Role, n.Projects); err != nil {
		return err
	}
	err := s.changeMember(ctx, p.Scope.Org, n.User, func(now *memberDoc) (*memberDoc, error) {
		if err := mayChange(p, now); err != nil {
			return nil, err
		}
		now.Role, now.Projects, now.Source = n.Role, n.Projects, "" // from now on it is ours to say
		return now, nil
	})
	if err == nil {
		s.note(ctx, p, "member.role", string(n.User), "role", string(n.Role))
	}
	return err
}

// mayChange says whether a principal may change a member.
func mayChange(p Principal, m *memberDoc) error {
	switch {
	case m == nil:
		return missing("member")
	case !p.Role.Covers(m.Role):
		return core.E(core.Denied, "member", "nobody changes who has a role above his own").WithHint("ask an owner of the org")
	}
	return nil
}

// RemoveMember ends a user's place in the credential's org, and his keys there. Everybody
// may leave. conflict: he is the last owner. Who repeats one that was cut short has what
// is left of the member go.
func (s *Service) RemoveMember(ctx context.Context, p Principal, user core.UserID) error {
	action := MemberWrite
	if user == p.User {
		action = Self
	}
	if err := p.May(action); err != nil {
		return err
	}
	err := s.changeMember(ctx, p.Scope.Org, user, func(now *memberDoc) (*memberDoc, error) { return nil, mayChange(p, now) })
	if core.CodeOf(err) == core.NotFound {
		if left, lerr := keys.List(ctx, s.cfg.Records, p.Scope.Org, string(user)+"/", "", 1); lerr == nil && len(left) > 0 {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	s.note(ctx, p, "member.remove", string(user))
	s.tidy(ctx, p.Scope.Org, user)
	return nil
}

// tidy removes what is of no use without a membership: keys, and a service, which has no
// other. A person's seat stays, for it says nothing. What it can't remove now is of no
// use either, and goes when RemoveMember is repeated.
func (s *Service) tidy(ctx context.Context, org core.OrgID, user core.UserID) {
	err := s.dropKeys(ctx, org, user)
	var u store.Doc[userDoc]
	if err == nil {
		u, err = users.Find(ctx, s.cfg.Records, core.Installation, string(user))
	}
	if err == nil && u.Data.Service {
		err = ignoreConflict(s.write(ctx, core.Installation, users.Drop(u)))
	}
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "what a former member had is still listed", "error", err)
	}
}
