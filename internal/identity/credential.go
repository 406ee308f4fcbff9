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
	u, err := s.proveAgain(ctx, p, old)
	if err != nil {
		return err
	}
	if err := checkPassword(new, u.Doc.Email, s.cfg.Breached); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, new)
	if err != nil {
		return err
	}
	err = again(func() error {
		u, err := users.read(ctx, s, core.Installation, string(p.User))
		if err != nil {
			return absent(err, "user")
		}
		mine, err := sessions.find(ctx, s, core.Installation, sessionID(p.User, p.Session))
		if err != nil {
			return err
		}
		u.Doc.Password = hash
		u.Doc.SessionEpoch++
		changes := []store.Change{users.put(u)}
		if mine.Version > 0 {
			mine.Doc.Epoch = u.Doc.SessionEpoch
			changes = append(changes, sessions.put(mine))
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
func (s *Service) proveAgain(ctx context.Context, p Principal, password string) (entry[userDoc], error) {
	u, err := users.read(ctx, s, core.Installation, string(p.User))
	if err != nil {
		return u, absent(err, "user")
	}
	if u.Doc.Password == "" {
		return u, core.E(core.Invalid, "password", "the user has no password").WithHint("this is up to the issuer by which the user signs in")
	}
	a, err := s.attempt(ctx, u.ID, p.Session)
	if err != nil {
		return u, err
	}
	ok, _, err := s.hasher.verify(ctx, u.Doc.Password, password, true) // he has signed in
	if err == nil && !ok {
		err = wrong()
	}
	if err == nil {
		a.succeeded(ctx)
	}
	return u, err
}

// ResetPassword makes a one-time link's token by which a user sets a new password. The old
// one works until then.
func (s *Service) ResetPassword(ctx context.Context, p Principal, id core.UserID) (token string, err error) {
	if err := p.May(Operate); err != nil {
		return "", err
	}
	u, err := users.read(ctx, s, core.Installation, string(id))
	if err != nil {
		return "", absent(err, "user")
	}
	if u.Doc.Service {
		return "", core.E(core.Invalid, "user", "a service has no password").WithHint("make it an API key")
	}
	token, err = s.newTicket(ctx, ticketDoc{Purpose: resetTicket, User: id, Epoch: u.Doc.SessionEpoch, By: p.User}, resetLife)
	if err == nil {
		s.note(ctx, p, "password.reset", string(id))
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
	u, err := users.read(ctx, s, core.Installation, string(ticket.Doc.User))
	if err == nil && u.Doc.SessionEpoch != ticket.Doc.Epoch {
		err = gone()
	}
	if err != nil {
		return refused(err)
	}
	if err := checkPassword(password, u.Doc.Email, s.cfg.Breached); err != nil {
		return err
	}
	if u.Doc.Password, err = s.hasher.hash(ctx, password); err != nil {
		return err
	}
	u.Doc.SessionEpoch++
	u.Doc.Factor = nil
	if err := s.write(ctx, core.Installation, users.put(u), tickets.drop(ticket)); err != nil {
		return err
	}
	s.tell(ctx, Event{Action: "password.set", Actor: core.Actor{Kind: core.ActorUser, ID: u.ID}, Org: core.Installation, Target: u.ID, Outcome: "ok"}, from)
	return nil
}
