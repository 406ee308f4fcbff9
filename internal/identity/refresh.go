package identity

import (
	"context"
	"net/netip"

	"github.com/isekai-run/isekai/internal/core"
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
		e, err := sessions.read(ctx, s, core.Installation, sessionID(user, id))
		if err != nil {
			return refused(err)
		}
		u, err := users.read(ctx, s, core.Installation, string(user))
		if err != nil {
			return refused(err)
		}
		if !matches(family, e.Doc.Family) || u.Doc.Disabled || u.Doc.SessionEpoch != e.Doc.Epoch {
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
func (s *Service) rotate(ctx context.Context, user core.UserID, id string, e entry[sessionDoc], secret string, from netip.Addr) (sessionDoc, string, error) {
	now := s.cfg.Now()
	switch since := now.Sub(e.Doc.Rotated); {
	case matches(secret, e.Doc.Current):
		e.Doc.Salt = randomBytes(secretBytes)
		next := successor(e.Doc.Salt, secret)
		e.Doc.Previous, e.Doc.Current, e.Doc.Rotated = e.Doc.Current, digest(next), now
		e.Expires = e.Doc.used(now)
		return e.Doc, next, s.write(ctx, core.Installation, sessions.put(e))
	case matches(secret, e.Doc.Previous) && since <= refreshLost && since >= -skew:
		return e.Doc, successor(e.Doc.Salt, secret), nil
	}
	if err := s.write(ctx, core.Installation, sessions.drop(e)); err != nil {
		return e.Doc, "", err
	}
	s.tell(ctx, Event{
		Action: "session.replayed", Actor: core.Actor{Kind: core.ActorUser, ID: string(user)}, Org: e.Doc.Org, Target: id, Outcome: "refused",
	}, from)
	return e.Doc, "", unknown()
}
