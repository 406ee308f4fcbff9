package identity

import (
	"context"
	"errors"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Invite asks a person into an org.
type Invite struct {
	Email    string
	Role     core.Role
	Projects []core.ProjectID // that the person is held to; none: all
	// What follows is set by Invitation and Invitations.
	ID      string // "inv_..."
	Org     core.OrgID
	OrgName string
	By      core.UserID
	Created time.Time
	Expires time.Time
	// Void says that who made it may not any more, so that nobody can accept it.
	Void bool
}

// inviteDoc is an invitation that nobody has accepted. The token of its link says where it
// is; there has to be one.
type inviteDoc struct {
	Email    string
	User     core.UserID // who it will be, unless a user has the address
	Role     core.Role
	Projects []core.ProjectID
	By       core.UserID
	Term     string // of By's membership; "": By was an operator
	Created  time.Time
}

// member is what the invitation makes of the user who accepts it.
func (d inviteDoc) member(u userDoc) memberDoc {
	return memberDoc{Role: d.Role, Projects: d.Projects, By: d.By, Chosen: u.claim()}
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
	now := s.cfg.Now()
	e := store.Doc[inviteDoc]{ID: s.cfg.IDs("inv"), Expires: now.Add(InviteLife), Data: inviteDoc{
		Email: email, User: core.UserID(s.cfg.IDs("usr")), Role: in.Role, Projects: in.Projects, By: p.User, Created: now,
	}}
	if operator := p.May(OperatePeople) == nil && p.Scope.Org != in.Org || p.Operates; !operator {
		m, err := members.Get(ctx, s.cfg.Records, in.Org, string(p.User))
		if err != nil {
			return "", absent(err, "member")
		}
		e.Data.Term = m.Data.Term
	}
	if err := s.write(ctx, in.Org, invites.Put(e)); err != nil {
		return "", err
	}
	token, err := s.newTicket(ctx, ticketDoc{Purpose: inviteTicket, Org: in.Org, Invite: e.ID}, InviteLife)
	if err == nil {
		s.noteIn(ctx, p, in.Org, "user.invite", e.ID, "email", email, "role", string(in.Role))
	}
	return token, err
}

// stands reports whether who made an invitation still may. Somebody who was removed can't,
// though he has come back.
func (s *Service) stands(ctx context.Context, org core.OrgID, d inviteDoc) (bool, error) {
	if d.Term == "" {
		role, err := s.operatorRole(ctx, d.By)
		return role.Covers(core.Admin), err
	}
	by, err := users.Find(ctx, s.cfg.Records, core.Installation, string(d.By))
	if err != nil || by.Version == 0 || by.Data.Disabled {
		return false, err
	}
	m, err := members.Find(ctx, s.cfg.Records, org, string(d.By))
	return m.Data.Term == d.Term && m.Data.Role.Covers(core.Admin) && m.Data.Role.Covers(d.Role), err
}

// invitation returns the ticket of an invitation, and the invitation, if it wasn't
// withdrawn and who made it still may.
func (s *Service) invitation(ctx context.Context, token string) (t store.Doc[ticketDoc], in store.Doc[inviteDoc], err error) {
	if t, err = s.ticket(ctx, token, inviteTicket); err != nil {
		return t, in, err
	}
	in, err = invites.Get(ctx, s.cfg.Records, t.Data.Org, t.Data.Invite)
	if core.CodeOf(err) == core.NotFound {
		return t, in, gone()
	}
	if err != nil {
		return t, in, err
	}
	ok, err := s.stands(ctx, t.Data.Org, in.Data)
	if err == nil && !ok {
		err = core.E(core.Unauthenticated, "link", "who made this invitation may not any more").WithHint("ask for a new one")
	}
	return t, in, err
}

// Invitation returns what the token of one is about.
func (s *Service) Invitation(ctx context.Context, token string) (Invite, error) {
	t, in, err := s.invitation(ctx, token)
	if err != nil {
		return Invite{}, err
	}
	o, err := orgs.Get(ctx, s.cfg.Records, t.Data.Org, string(t.Data.Org))
	if err != nil {
		return Invite{}, absent(err, "org")
	}
	about := inviteOf(t.Data.Org, in)
	about.OrgName = o.Data.Name
	return about, nil
}

func inviteOf(org core.OrgID, e store.Doc[inviteDoc]) Invite {
	d := e.Data
	return Invite{
		ID: e.ID, Email: d.Email, Role: d.Role, Projects: d.Projects, Org: org, By: d.By, Created: d.Created, Expires: e.Expires,
	}
}

// Invitations returns up to limit invitations into the credential's org that nobody has
// accepted, after one, by id, and the id to go on after, "" at the end.
func (s *Service) Invitations(ctx context.Context, p Principal, after string, limit int) ([]Invite, string, error) {
	if err := p.May(MemberRead); err != nil {
		return nil, "", err
	}
	page, err := invites.List(ctx, s.cfg.Records, p.Scope.Org, "", after, limit)
	if err != nil {
		return nil, "", err
	}
	var all []Invite
	for _, e := range page {
		ok, err := s.stands(ctx, p.Scope.Org, e.Data)
		if err != nil {
			return nil, "", err
		}
		in := inviteOf(p.Scope.Org, e)
		in.Void = !ok
		all = append(all, in)
	}
	if len(page) < limit {
		return all, "", nil
	}
	return all, page[len(page)-1].ID, nil
}

// Withdraw takes an invitation back: from then on nobody accepts it. denied: it is to a
// role above that of the one who asks; not_found: somebody has accepted it, or it is gone.
func (s *Service) Withdraw(ctx context.Context, p Principal, id string) error {
	if err := p.May(MemberWrite); err != nil {
		return err
	}
	err := again(func() error {
		e, err := invites.Get(ctx, s.cfg.Records, p.Scope.Org, id)
		if err != nil {
			return absent(err, "invitation")
		}
		if !p.Role.Covers(e.Data.Role) {
			return core.E(core.Denied, "invitation", "nobody takes back what gives a role above his own").WithHint("ask an owner of the org")
		}
		changes := []store.Change{invites.Drop(e)}
		u, err := users.Find(ctx, s.cfg.Records, core.Installation, string(e.Data.User))
		if err != nil {
			return err
		}
		if u.Version > 0 { // it was accepted, and the process died before it went
			return errors.Join(missing("invitation"), ignoreConflict(s.write(ctx, p.Scope.Org, changes...)))
		}
		place, err := members.Find(ctx, s.cfg.Records, p.Scope.Org, string(e.Data.User))
		if err != nil {
			return err
		}
		if place.Version > 0 { // of somebody who is about to be, and isn't to be
			changes = append(changes, members.Drop(place))
		}
		return s.write(ctx, p.Scope.Org, changes...)
	})
	if err == nil {
		s.note(ctx, p, "invitation.withdraw", id)
	}
	return err
}
