package identity

import (
	"context"
	"net/netip"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Refresh gives new tokens for a refresh token, which is used up. One that was used before
// ends the session, for there are two who have it: its owner, and whoever stole it (RFC
// 9700, section 4.14.2). The exception is a client that didn't get the answer: within
// refreshLost it may ask again and gets the same successor, as long as that wasn't used.
// A made-up token ends nothing: what every token of the family has isn't in it.
func (s *Service) Refresh(ctx context.Context, token string, from netip.Addr) (Tokens, error) {
	user, id, both, ok := parseSession(refreshForm, token)
	if !ok {
		return Tokens{}, unknown()
	}
	family, secret := both[:secretChars], both[secretChars:]
	var doc sessionDoc
	var next string
	err := again(func() error {
		e, err := sessions.Get(ctx, s.cfg.Records, core.Installation, sessionID(user, id))
		if err != nil {
			return refused(err)
		}
		u, err := users.Get(ctx, s.cfg.Records, core.Installation, string(user))
		if err != nil {
			return refused(err)
		}
		if !matches(family, e.Data.Family) || u.Data.Disabled || u.Data.SessionEpoch != e.Data.Epoch {
			return unknown()
		}
		doc, next, err = s.rotate(ctx, user, id, e, secret, from)
		return err
	})
	if err != nil {
		return Tokens{}, err
	}
	return s.tokens(ctx, user, id, doc, family+next, from)
}

// rotate uses up a secret of the session's family. conflict: another client was quicker.
func (s *Service) rotate(ctx context.Context, user core.UserID, id string, e store.Doc[sessionDoc], secret string, from netip.Addr) (sessionDoc, string, error) {
	now := s.cfg.Now()
	switch since := now.Sub(e.Data.Rotated); {
	case matches(secret, e.Data.Current):
		e.Data.Salt = randomBytes(secretBytes)
		next := successor(e.Data.Salt, secret)
		e.Data.Previous, e.Data.Current, e.Data.Rotated = e.Data.Current, digest(next), now
		e.Expires = e.Data.used(now)
		return e.Data, next, s.write(ctx, core.Installation, sessions.Put(e))
	case matches(secret, e.Data.Previous) && since <= refreshLost && since >= -skew:
		return e.Data, successor(e.Data.Salt, secret), nil
	}
	if err := s.write(ctx, core.Installation, sessions.Drop(e)); err != nil {
		return e.Data, "", err
	}
	s.tell(ctx, Event{
		Action: "session.replayed", Actor: core.Actor{Kind: core.ActorUser, ID: string(user)}, Org: e.Data.Org, Target: id, Outcome: "refused",
	}, from)
	return e.Data, "", unknown()
}
