package identity

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Accept makes a user of the person who was invited, a member of the org, and signs in.
// The address is the invitation's. conflict: a user has it, who signs in and uses AcceptAs.
// So who has a link learns whether there is such a user, and can't but learn it: otherwise
// he would be one. Who invites has the link, and reads no mail; so it never takes a user
// over, though nobody may have vouched for his address: an operator gives that another one.
// It can be repeated if it failed.
func (s *Service) Accept(ctx context.Context, token string, n NewUser) (Tokens, error) {
	t, in, err := s.invitation(ctx, token)
	if err != nil {
		return Tokens{}, err
	}
	n.Email = in.Data.Email
	e, err := s.newUser(ctx, n)
	if err != nil {
		return Tokens{}, err
	}
	user, org := in.Data.User, t.Data.Org
	e.ID, e.Data.Home = string(user), org
	// First the place, then the user, for whom it is nobody's until then.
	if err := ignoreConflict(s.join(ctx, org, user, in.Data.member(e.Data), s.invited(ctx, org, in.ID, invites.Put))); err != nil {
		return Tokens{}, err
	}
	err = s.write(ctx, core.Installation, users.Put(e), create(emails, nameOf(n.Email), ownerDoc{user}), tickets.Drop(t))
	if err != nil {
		return Tokens{}, s.refuseAccept(ctx, org, user, err)
	}
	s.dropInvite(ctx, org, in.ID)
	s.tell(ctx, Event{Action: "user.accept", Actor: core.Actor{Kind: core.ActorUser, ID: e.ID}, Org: org, Target: e.ID, Outcome: "ok"}, n.Address, "invitation", in.ID)
	return s.beginNew(ctx, e, org, n.Address)
}

// invited is a change of an invitation, which is gone if somebody has withdrawn it.
func (s *Service) invited(ctx context.Context, org core.OrgID, id string, change func(store.Doc[inviteDoc]) store.Change) alsoChanges {
	return func() ([]store.Change, error) {
		e, err := invites.Get(ctx, s.cfg.Records, org, id)
		if core.CodeOf(err) == core.NotFound {
			err = gone()
		}
		return []store.Change{change(e)}, err
	}
}

// refuseAccept removes the place of a user who didn't come to be, and returns why.
func (s *Service) refuseAccept(ctx context.Context, org core.OrgID, user core.UserID, cause error) error {
	if core.CodeOf(cause) != core.Conflict {
		return cause // it may have been written; who repeats it finds out
	}
	u, err := users.Find(ctx, s.cfg.Records, core.Installation, string(user))
	if err == nil && u.Version > 0 { // somebody was quicker with the same link
		return gone()
	}
	var m store.Doc[memberDoc]
	if err == nil {
		m, err = members.Find(ctx, s.cfg.Records, org, string(user))
	}
	if err == nil && m.Version > 0 {
		err = ignoreConflict(s.write(ctx, org, members.Drop(m)))
	}
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "a place of nobody stays", "error", err)
	}
	return taken(cause)
}

// dropInvite removes an invitation that was accepted: its link works no more.
func (s *Service) dropInvite(ctx context.Context, org core.OrgID, id string) {
	err := again(func() error {
		e, err := invites.Find(ctx, s.cfg.Records, org, id)
		if err != nil || e.Version == 0 {
			return err
		}
		return s.write(ctx, org, invites.Drop(e))
	})
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "an invitation that was accepted is still listed", "error", err)
	}
}

// AcceptAs makes the one who asks a member of the org that he was invited to by his
// address. denied: it is for another one.
func (s *Service) AcceptAs(ctx context.Context, p Principal, token string) (core.OrgID, error) {
	if err := p.May(Self); err != nil {
		return "", err
	}
	t, in, err := s.invitation(ctx, token)
	if err != nil {
		return "", err
	}
	u, err := s.present(ctx, p)
	if err != nil {
		return "", err
	}
	if u.Data.Email != in.Data.Email {
		return "", core.E(core.Denied, "link", "the invitation is for another address").WithHint("sign in as the one who was invited")
	}
	if err := s.join(ctx, t.Data.Org, p.User, in.Data.member(u.Data), s.invited(ctx, t.Data.Org, in.ID, invites.Drop)); err != nil {
		return "", err
	}
	if err := ignoreConflict(s.write(ctx, core.Installation, tickets.Drop(t))); err != nil {
		return "", err
	}
	s.noteIn(ctx, p, t.Data.Org, "user.accept", string(p.User), "invitation", in.ID)
	return t.Data.Org, nil
}

// mostInvites bounds those of one address that end in one write.
const mostInvites = store.MaxChanges / 2

// invitesOf ends the invitations into an org of a user's address.
func (s *Service) invitesOf(ctx context.Context, org core.OrgID, user core.UserID) alsoChanges {
	return func() ([]store.Change, error) {
		u, err := users.Find(ctx, s.cfg.Records, core.Installation, string(user))
		if err != nil || u.Data.Email == "" {
			return nil, err
		}
		var drops []store.Change
		after := ""
		for {
			page, err := invites.List(ctx, s.cfg.Records, org, "", after, pageSize)
			if err != nil {
				return nil, err
			}
			for _, e := range page {
				if e.Data.Email != u.Data.Email {
					continue
				}
				if drops = append(drops, invites.Drop(e)); len(drops) > mostInvites { // the rest can go before
					if err := s.write(ctx, org, drops[:mostInvites]...); err != nil {
						return nil, err
					}
					drops = drops[mostInvites:]
				}
			}
			if len(page) < pageSize {
				return drops, nil
			}
			after = page[len(page)-1].ID
		}
	}
}
