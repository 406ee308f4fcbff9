package identity

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Tokens are what a sign-in gives: an access token for programs with a refresh token to
// replace it, and a cookie's value for browsers. All are of one session and end with it.
type Tokens struct {
	Access  string
	Expires time.Time // of Access
	Refresh string
	Session string // the cookie
	Principal
}

// Session is one sign-in, as its user sees it.
type Session struct {
	ID      string // "ses_..."
	Org     core.OrgID
	By      string // "password", or the issuer's name
	Address string // whence it began
	Created time.Time
	Seen    time.Time // the last use, to the hour
	Expires time.Time
	Current bool // it is the one that asks
}

// sessionDoc is a session: a family of refresh tokens, and a cookie.
type sessionDoc struct {
	Org     core.OrgID
	Epoch   int // the user's, when it began
	Cookie  []byte
	Family  []byte // digest of what every refresh token of it has
	Current []byte // digest of the refresh token that is next
	// Previous is the digest of the one before, which made Current with Salt at Rotated.
	Previous, Salt []byte
	Rotated        time.Time
	By, Address    string
	Created, Seen  time.Time
	Until          time.Time // whatever happens
}

func sessionID(user core.UserID, id string) string { return string(user) + "/" + id }

// begin makes a session for a user who has proved who he is.
func (s *Service) begin(ctx context.Context, user store.Doc[userDoc], org core.OrgID, by string, from netip.Addr) (Tokens, error) {
	id, now := s.cfg.IDs("ses"), s.cfg.Now()
	cookie, family, first := newSecret(), newSecret(), newSecret()
	doc := sessionDoc{
		Org: org, Epoch: user.Data.SessionEpoch, Cookie: digest(cookie), Family: digest(family), Current: digest(first),
		By: by, Created: now, Seen: now, Until: now.Add(SessionLife),
	}
	if from.IsValid() {
		doc.Address = from.Unmap().String()
	}
	e := store.Doc[sessionDoc]{ID: sessionID(core.UserID(user.ID), id), Expires: now.Add(SessionIdle), Data: doc}
	if err := s.makeRoom(ctx, core.UserID(user.ID)); err != nil {
		return Tokens{}, err
	}
	if err := s.write(ctx, core.Installation, sessions.Put(e)); err != nil {
		return Tokens{}, err
	}
	t, err := s.tokens(ctx, core.UserID(user.ID), id, e.Data, family+first, from)
	t.Session = text(cookieForm, cookie, user.ID, id)
	return t, err
}

// makeRoom ends a user's oldest session if there are as many as anyone can have.
func (s *Service) makeRoom(ctx context.Context, user core.UserID) error {
	all, err := sessions.List(ctx, s.cfg.Records, core.Installation, string(user)+"/", "", mostSessions)
	if err != nil || len(all) < mostSessions {
		return err
	}
	return ignoreConflict(s.write(ctx, core.Installation, sessions.Drop(all[0])))
}

// beginNew is begin for a user who has just come to be, and is here for the first time.
func (s *Service) beginNew(ctx context.Context, user store.Doc[userDoc], org core.OrgID, from netip.Addr) (Tokens, error) {
	s.at(user.Data.Email, whence(from)).succeeded(ctx)
	return s.begin(ctx, user, org, "password", from)
}

// tokens makes the answer to a sign-in or a refresh.
func (s *Service) tokens(ctx context.Context, user core.UserID, id string, doc sessionDoc, refresh string, from netip.Addr) (t Tokens, err error) {
	if t.Principal, err = s.person(ctx, doc.Org, user, id); err != nil {
		return Tokens{}, err
	}
	t.Address = from
	t.Access, t.Expires, err = s.sign(ctx, user, id, doc.Org, t.Scope.Project)
	t.Refresh = text(refreshForm, refresh, string(user), id)
	return t, err
}

// touch keeps a session that is used, with a write an hour. That it can't be written is
// no reason to refuse its user.
func (s *Service) touch(ctx context.Context, e store.Doc[sessionDoc]) {
	now := s.cfg.Now()
	if now.Sub(e.Data.Seen) < touchEvery {
		return
	}
	e.Expires = e.Data.used(now)
	if err := s.write(ctx, core.Installation, sessions.Put(e)); err != nil && core.CodeOf(err) != core.Conflict {
		s.cfg.Log.WarnContext(ctx, "a session's use isn't kept", "error", err)
	}
}

// used notes a session's use, which moves its end.
func (d *sessionDoc) used(now time.Time) (expires time.Time) {
	d.Seen = now
	expires = now.Add(SessionIdle)
	if expires.After(d.Until) {
		expires = d.Until
	}
	return expires
}

// Sessions returns the sessions of the one who asks, the latest last.
func (s *Service) Sessions(ctx context.Context, p Principal) ([]Session, error) {
	if err := p.May(Self); err != nil {
		return nil, err
	}
	u, err := users.Get(ctx, s.cfg.Records, core.Installation, string(p.User))
	if err != nil {
		return nil, absent(err, "user")
	}
	all, err := sessions.List(ctx, s.cfg.Records, core.Installation, string(p.User)+"/", "", store.MaxLimit)
	if err != nil {
		return nil, err
	}
	var mine []Session
	for _, e := range all {
		if e.Data.Epoch != u.Data.SessionEpoch {
			continue
		}
		id := strings.TrimPrefix(e.ID, string(p.User)+"/")
		mine = append(mine, Session{
			ID: id, Org: e.Data.Org, By: e.Data.By, Address: e.Data.Address, Created: e.Data.Created, Seen: e.Data.Seen,
			Expires: e.Expires, Current: id == p.Session,
		})
	}
	return mine, nil
}

// RevokeSession ends a session of the one who asks.
func (s *Service) RevokeSession(ctx context.Context, p Principal, id string) error {
	if err := p.May(Self); err != nil {
		return err
	}
	err := s.endSession(ctx, p.User, id)
	if err == nil {
		s.note(ctx, p, "session.revoke", id)
	}
	return absent(err, "session")
}

// SignOut ends the session by which the principal came.
func (s *Service) SignOut(ctx context.Context, p Principal) error {
	if err := p.May(Self); err != nil {
		return err
	}
	err := s.endSession(ctx, p.User, p.Session)
	if err == nil {
		s.note(ctx, p, "sign_out", p.Session)
	}
	return absent(err, "session")
}

func (s *Service) endSession(ctx context.Context, user core.UserID, id string) error {
	return again(func() error {
		e, err := sessions.Get(ctx, s.cfg.Records, core.Installation, sessionID(user, id))
		if err != nil {
			return err
		}
		return s.write(ctx, core.Installation, sessions.Drop(e))
	})
}

// Enter has the session go on in another org of its user: the cookie at once, programs
// from their next refresh on. not_found: the user isn't a member.
func (s *Service) Enter(ctx context.Context, p Principal, org core.OrgID) error {
	if err := p.May(Self); err != nil {
		return err
	}
	u, err := s.present(ctx, p)
	if err != nil {
		return err
	}
	if err := s.choose(ctx, u, org); err != nil {
		return err
	}
	err = again(func() error {
		e, err := sessions.Get(ctx, s.cfg.Records, core.Installation, sessionID(p.User, p.Session))
		if err != nil {
			return err
		}
		e.Data.Org = org
		return s.write(ctx, core.Installation, sessions.Put(e))
	})
	if err == nil {
		s.noteIn(ctx, p, org, "session.enter", p.Session) // and not where he was: it is nobody's business there
	}
	return absent(err, "session")
}
