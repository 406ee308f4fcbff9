package identity

import (
	"context"
	"net/netip"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// ChangePassword replaces the password of the one who asks, and ends his other sessions.
// unauthenticated: old isn't his; exhausted: after too many of those.
func (s *Service) ChangePassword(ctx context.Context, p Principal, old, new string) error {
	if err := p.May(Self); err != nil {
		return err
	}
	proved, err := s.proveAgain(ctx, p, old)
	if err != nil {
		return err
	}
	if err := checkPassword(new, proved.Data.Email, s.cfg.Breached); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, new)
	if err != nil {
		return err
	}
	err = again(func() error {
		u, err := users.Get(ctx, s.cfg.Records, core.Installation, string(p.User))
		if err != nil {
			return absent(err, "user")
		}
		if !u.Data.provedBy(proved) {
			return unknown()
		}
		mine, err := sessions.Find(ctx, s.cfg.Records, core.Installation, sessionID(p.User, p.Session))
		if err != nil {
			return err
		}
		u.Data.Password = hash
		u.Data.SessionEpoch++
		changes := []store.Change{users.Put(u)}
		if mine.Version > 0 {
			mine.Data.Epoch = u.Data.SessionEpoch
			changes = append(changes, sessions.Put(mine))
		}
		return s.write(ctx, core.Installation, changes...)
	})
	if err == nil {
		s.note(ctx, p, "password.change", string(p.User))
	}
	return err
}

// proveAgain has the one who asks prove that he knows his password: who took over an open
// session doesn't. Its tries count like those of a sign-in, by session.
func (s *Service) proveAgain(ctx context.Context, p Principal, password string) (store.Doc[userDoc], error) {
	u, err := users.Get(ctx, s.cfg.Records, core.Installation, string(p.User))
	if err != nil {
		return u, absent(err, "user")
	}
	if u.Data.Password == "" {
		return u, core.E(core.Invalid, "password", "the user has no password").WithHint("this is up to the issuer by which the user signs in")
	}
	a, err := s.attempt(ctx, u.ID, p.Session)
	if err != nil {
		return u, err
	}
	ok, _, err := s.hasher.verify(ctx, u.Data.Password, password, true) // he has signed in
	if err == nil && !ok {
		err = wrong()
	}
	if err == nil {
		a.succeeded(ctx)
	}
	return u, err
}

// ResetPassword makes a one-time link's token by which a user sets a new password. The old
// one works until then. The link ends with the rights of the one who made it. denied: the
// user is an operator whose role is above his. The user's orgs are told: whoever has the
// link is the user.
func (s *Service) ResetPassword(ctx context.Context, p Principal, id core.UserID) (token string, err error) {
	if err := p.May(OperatePeople); err != nil {
		return "", err
	}
	u, err := users.Get(ctx, s.cfg.Records, core.Installation, string(id))
	if err != nil {
		return "", absent(err, "user")
	}
	if u.Data.Service {
		return "", core.E(core.Invalid, "user", "a service has no password").WithHint("make it an API key")
	}
	concerned, err := s.outrank(ctx, p, id)
	if err != nil {
		return "", err
	}
	token, err = s.newTicket(ctx, ticketDoc{Purpose: resetTicket, User: id, Epoch: u.Data.SessionEpoch, By: p.User}, resetLife)
	if err == nil {
		s.noteOperator(ctx, p, concerned, "password.reset", string(id))
	}
	return token, err
}

// FinishReset sets the password of the user whose link it is, takes away the second
// factor, and ends all sessions. The user signs in after it.
func (s *Service) FinishReset(ctx context.Context, token, password string, from netip.Addr) error {
	ticket, err := s.ticket(ctx, token, resetTicket)
	if err != nil {
		return err
	}
	u, err := users.Get(ctx, s.cfg.Records, core.Installation, string(ticket.Data.User))
	if err == nil && u.Data.SessionEpoch != ticket.Data.Epoch {
		err = gone()
	}
	var concerned []core.OrgID
	if err == nil {
		concerned, err = s.stillOutranks(ctx, ticket.Data)
	}
	if err != nil {
		return refused(err)
	}
	if err := checkPassword(password, u.Data.Email, s.cfg.Breached); err != nil {
		return err
	}
	if u.Data.Password, err = s.hasher.hash(ctx, password); err != nil {
		return err
	}
	u.Data.SessionEpoch++
	u.Data.Factor = nil
	if err := s.write(ctx, core.Installation, users.Put(u), tickets.Drop(ticket)); err != nil {
		return err
	}
	by := Principal{Scope: core.Scope{Org: core.Installation, Actor: core.Actor{Kind: core.ActorUser, ID: u.ID}}, Address: from}
	s.noteOperator(ctx, by, concerned, "password.set", u.ID)
	return nil
}
