package identity

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
)

// Invite asks a person into an org.
type Invite struct {
	Email    string
	Role     core.Role
	Projects []core.ProjectID // that the person is held to; none: all
	// Org and OrgName are set by Invitation.
	Org     core.OrgID
	OrgName string
	// HasUser says that a user has the address, who accepts it by AcceptAs.
	HasUser bool
}

// InviteUser asks a person into the credential's org and returns the token of the link,
// for whoever reads mail at that address. It says nothing about whether there is such a
// user. The invitation ends with the rights of the one who made it.
func (s *Service) InviteUser(ctx context.Context, p Principal, in Invite) (token string, err error) {
	if err := p.May(MemberWrite); err != nil {
		return "", err
	}
	if err := s.mayGrant(ctx, p, in.Role, in.Projects); err != nil {
		return "", err
	}
	in.Org = p.Scope.Org
	return s.invite(ctx, p, in)
}

func (s *Service) invite(ctx context.Context, p Principal, in Invite) (string, error) {
	email, err := normalEmail(in.Email)
	if err != nil {
		return "", err
	}
	token, err := s.newTicket(ctx, ticketDoc{
		Purpose: inviteTicket, Email: email, Org: in.Org, Role: in.Role, Projects: in.Projects,
		By: p.User, Operator: p.May(Operate) == nil && p.Scope.Org != in.Org || p.Operates,
	}, InviteLife)
	if err == nil {
		s.note(ctx, p, "user.invite", string(in.Org), "role", string(in.Role))
	}
	return token, err
}

// invitation returns the ticket of an invitation by somebody who still may make it.
func (s *Service) invitation(ctx context.Context, token string) (entry[ticketDoc], error) {
	t, err := s.ticket(ctx, token, inviteTicket)
	if err != nil || t.Doc.Operator {
		return t, err
	}
	by, err := members.find(ctx, s, t.Doc.Org, string(t.Doc.By))
	if err == nil && (!by.Doc.Role.Covers(core.Admin) || !by.Doc.Role.Covers(t.Doc.Role)) {
		err = core.E(core.Unauthenticated, "link", "who made this invitation may not any more").WithHint("ask for a new one")
	}
	return t, err
}

// Invitation returns what the token of one is about.
func (s *Service) Invitation(ctx context.Context, token string) (Invite, error) {
	t, err := s.invitation(ctx, token)
	if err != nil {
		return Invite{}, err
	}
	o, err := orgs.read(ctx, s, t.Doc.Org, string(t.Doc.Org))
	if err != nil {
		return Invite{}, absent(err, "org")
	}
	owner, err := emails.find(ctx, s, core.Installation, nameOf(t.Doc.Email))
	return Invite{
		Email: t.Doc.Email, Role: t.Doc.Role, Projects: t.Doc.Projects, Org: t.Doc.Org, OrgName: o.Doc.Name, HasUser: owner.Version > 0,
	}, err
}

// Accept makes a user of the person who was invited, a member of the org, and signs in.
// The address is the invitation's. conflict: a user has it, who signs in and uses AcceptAs.
func (s *Service) Accept(ctx context.Context, token string, n NewUser) (Tokens, error) {
	t, err := s.invitation(ctx, token)
	if err != nil {
		return Tokens{}, err
	}
	n.Email = t.Doc.Email
	e, err := s.newUser(ctx, n)
	if err != nil {
		return Tokens{}, err
	}
	e.Doc.Home = t.Doc.Org
	user := core.UserID(e.ID)
	// First the place, then the user, for whom it is nobody's until then.
	if err := s.join(ctx, t.Doc.Org, user, t.Doc.member()); err != nil {
		return Tokens{}, err
	}
	err = s.write(ctx, core.Installation, users.put(e), emails.create(nameOf(n.Email), ownerDoc{user}), tickets.drop(t))
	if err != nil {
		s.tidyMember(ctx, t.Doc.Org, user)
		return Tokens{}, taken(err)
	}
	s.tell(ctx, Event{Action: "user.accept", Actor: core.Actor{Kind: core.ActorUser, ID: e.ID}, Org: t.Doc.Org, Target: e.ID, Outcome: "ok"}, n.Address)
	return s.beginNew(ctx, e, t.Doc.Org, n.Address)
}

func (d ticketDoc) member() memberDoc {
	return memberDoc{Role: d.Role, Projects: d.Projects, By: d.By}
}

// tidyMember removes the place of a user who didn't come to be.
func (s *Service) tidyMember(ctx context.Context, org core.OrgID, user core.UserID) {
	m, err := members.find(ctx, s, org, string(user))
	if err == nil && m.Version > 0 {
		err = s.write(ctx, org, members.drop(m))
	}
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "a place of nobody stays", "error", err)
	}
}

// AcceptAs makes the one who asks a member of the org that he was invited to by his
// address. denied: it is for another one.
func (s *Service) AcceptAs(ctx context.Context, p Principal, token string) (core.OrgID, error) {
	if err := p.May(Self); err != nil {
		return "", err
	}
	t, err := s.invitation(ctx, token)
	if err != nil {
		return "", err
	}
	u, err := users.read(ctx, s, core.Installation, string(p.User))
	if err != nil {
		return "", absent(err, "user")
	}
	if u.Doc.Email != t.Doc.Email {
		return "", core.E(core.Denied, "link", "the invitation is for another address").WithHint("sign in as the one who was invited")
	}
	if err := s.join(ctx, t.Doc.Org, p.User, t.Doc.member()); err != nil {
		return "", err
	}
	if err := ignoreConflict(s.write(ctx, core.Installation, tickets.drop(t))); err != nil {
		return "", err
	}
	s.note(ctx, p, "user.accept", string(t.Doc.Org))
	return t.Doc.Org, nil
}
