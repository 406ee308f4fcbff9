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
	if _, err := s.proveAgain(ctx, p, password); err != nil {
		return User{}, err
	}
	email, err := normalEmail(email)
	if err != nil {
		return User{}, err
	}
	for _, issuer := range s.providers {
		if issuer.owns(email) {
			return User{}, core.E(core.Denied, "email", "addresses of this domain are the issuer "+issuer.Name+"'s to give").WithHint("ask an operator")
		}
	}
	u, err := s.setEmail(ctx, p, p.User, email, false)
	if err == nil { // he signs in by the new name from where he is as he did by the old one
		s.at(email, whence(p.Address)).succeeded(ctx)
	}
	return u, err
}

// SetEmail changes a user's address, for which the operator vouches. conflict: another
// user has it.
func (s *Service) SetEmail(ctx context.Context, p Principal, id core.UserID, email string) (User, error) {
	if err := p.May(Operate); err != nil {
		return User{}, err
	}
	email, err := normalEmail(email)
	if err != nil {
		return User{}, err
	}
	return s.setEmail(ctx, p, id, email, true)
}

// setEmail gives a user an address, and the old one up, at once.
func (s *Service) setEmail(ctx context.Context, p Principal, id core.UserID, email string, verified bool) (User, error) {
	var u entry[userDoc]
	err := again(func() (err error) {
		if u, err = users.read(ctx, s, core.Installation, string(id)); err != nil {
			return absent(err, "user")
		}
		if u.Doc.Service {
			return core.E(core.Invalid, "email", "a service has no address")
		}
		old := u.Doc.Email
		u.Doc.Email, u.Doc.Verified = email, verified || u.Doc.Verified && old == email
		changes := []store.Change{users.put(u)}
		if old != email {
			moved, err := s.moveEmail(ctx, id, old, email)
			if err != nil {
				return err
			}
			changes = append(changes, moved...)
		}
		return s.write(ctx, core.Installation, changes...)
	})
	if err != nil {
		return User{}, err
	}
	s.note(ctx, p, "email.change", string(id))
	return userOf(u), nil
}

// moveEmail returns the changes by which a user's name to sign in by is another one.
func (s *Service) moveEmail(ctx context.Context, id core.UserID, old, email string) ([]store.Change, error) {
	next, err := emails.find(ctx, s, core.Installation, nameOf(email))
	if err != nil {
		return nil, err
	}
	if next.Version > 0 && next.Doc.User != id {
		return nil, core.E(core.Conflict, "email", "another user has this e-mail address").WithHint("choose another").Because(errFinal)
	}
	next.Doc.User = id
	changes := []store.Change{emails.put(next)}
	if old == "" { // of who came by an issuer that gives none
		return changes, nil
	}
	before, err := emails.find(ctx, s, core.Installation, nameOf(old))
	if err == nil && before.Version > 0 && before.Doc.User == id {
		changes = append(changes, emails.drop(before))
	}
	return changes, err
}
