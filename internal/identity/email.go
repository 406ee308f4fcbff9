package identity

import (
	"context"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// ChangeEmail changes the address by which the one who asks signs in. Sessions go on.
// Nobody vouches for the new one, so it can't be of a domain whose addresses an issuer
// gives. unauthenticated: the password isn't his; conflict: another user has the address.
func (s *Service) ChangeEmail(ctx context.Context, p Principal, password, email string) (User, error) {
	if err := p.May(Self); err != nil {
		return User{}, err
	}
	proved, err := s.proveAgain(ctx, p, password)
	if err != nil {
		return User{}, err
	}
	email, err = normalEmail(email)
	if err != nil {
		return User{}, err
	}
	for _, issuer := range s.providers {
		if issuer.owns(email) {
			return User{}, core.E(core.Denied, "email", "addresses of this domain are the issuer "+issuer.Name+"'s to give").WithHint("ask an operator")
		}
	}
	u, err := s.setEmail(ctx, p.User, email, func(d *userDoc) error {
		if !d.provedBy(proved) {
			return unknown()
		}
		d.Verified = d.Verified && d.Email == email
		return nil
	})
	if err != nil {
		return User{}, err
	}
	s.note(ctx, p, "email.change", string(p.User))
	s.at(email, whence(p.Address)).succeeded(ctx) // he signs in by the new name from where he is as he did by the old one
	return u, nil
}

// SetEmail changes a user's address, for which the operator vouches. The user's orgs are
// told. conflict: another user has it; denied: the user is an operator whose role is above
// that of the one who asks.
func (s *Service) SetEmail(ctx context.Context, p Principal, id core.UserID, email string) (User, error) {
	if err := p.May(OperatePeople); err != nil {
		return User{}, err
	}
	email, err := normalEmail(email)
	if err != nil {
		return User{}, err
	}
	concerned, err := s.outrank(ctx, p, id)
	if err != nil {
		return User{}, err
	}
	u, err := s.setEmail(ctx, id, email, func(d *userDoc) error { d.Verified = true; return nil })
	if err == nil {
		s.noteOperator(ctx, p, concerned, "email.change", string(id))
	}
	return u, err
}

// setEmail gives a user an address, and the old one up, at once, with what else change does.
func (s *Service) setEmail(ctx context.Context, id core.UserID, email string, change func(*userDoc) error) (User, error) {
	var u store.Doc[userDoc]
	err := again(func() (err error) {
		if u, err = users.Get(ctx, s.cfg.Records, core.Installation, string(id)); err != nil {
			return absent(err, "user")
		}
		if u.Data.Service {
			return core.E(core.Invalid, "email", "a service has no address")
		}
		old := u.Data.Email
		if err := change(&u.Data); err != nil {
			return err
		}
		u.Data.Email = email
		changes := []store.Change{users.Put(u)}
		if old != email {
			moved, err := s.moveEmail(ctx, id, old, email)
			if err != nil {
				return err
			}
			changes = append(changes, moved...)
		}
		return s.write(ctx, core.Installation, changes...)
	})
	return userOf(u), err
}

// moveEmail returns the changes by which a user's name to sign in by is another one.
func (s *Service) moveEmail(ctx context.Context, id core.UserID, old, email string) ([]store.Change, error) {
	next, err := emails.Find(ctx, s.cfg.Records, core.Installation, nameOf(email))
	if err != nil {
		return nil, err
	}
	if next.Version > 0 && next.Data.User != id {
		return nil, core.E(core.Conflict, "email", "another user has this e-mail address").WithHint("choose another").Because(errFinal)
	}
	next.Data.User = id
	changes := []store.Change{emails.Put(next)}
	if old == "" { // of who came by an issuer that gives none
		return changes, nil
	}
	before, err := emails.Find(ctx, s.cfg.Records, core.Installation, nameOf(old))
	if err == nil && before.Version > 0 && before.Data.User == id {
		changes = append(changes, emails.Drop(before))
	}
	return changes, err
}
