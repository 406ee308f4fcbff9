package identity

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Credential is what came with a request. A Bearer is looked at alone if there is one: a
// bad one isn't made good by a cookie.
type Credential struct {
	Bearer  string         // an access token or an API key
	Cookie  string         // of a session
	Project core.ProjectID // asked for; "": the credential's own
	Address netip.Addr
}

// Authenticate returns whom the credential stands for. It fails as unauthenticated, in the
// same words whatever the reason, though the hint may say that it has expired; as
// not_found for a project that was asked for and that isn't the org's, or not the
// principal's to use. If the credential's own is none, the principal is Astray. What others
// have changed is known to it within maxAge, and at once if it was on this node.
func (s *Service) Authenticate(ctx context.Context, c Credential) (Principal, error) {
	var p Principal
	var err error
	switch {
	case strings.HasPrefix(c.Bearer, keyForm+"_"):
		p, err = s.byKey(ctx, c.Bearer)
	case c.Bearer != "":
		p, err = s.byToken(ctx, c.Bearer)
	default:
		p, err = s.byCookie(ctx, c.Cookie)
	}
	if err != nil {
		return Principal{}, err
	}
	p.Address = c.Address
	if c.Project != "" {
		p.Scope.Project = c.Project
	}
	err = s.checkProject(ctx, p)
	if core.CodeOf(err) == core.NotFound && c.Project == "" {
		p.Astray, err = true, nil
	}
	if err != nil {
		return Principal{}, err
	}
	return p, nil
}

// byToken is Authenticate for an access token.
func (s *Service) byToken(ctx context.Context, token string) (Principal, error) {
	c, err := s.verify(ctx, token)
	if err != nil {
		return Principal{}, err
	}
	user := core.UserID(c.Subject)
	if _, err := s.liveSession(ctx, user, c.Session); err != nil {
		return Principal{}, err
	}
	p, err := s.person(ctx, c.Org, user, c.Session)
	p.Scope.Project = c.Project
	return p, err
}

// byCookie is Authenticate for a session's cookie.
func (s *Service) byCookie(ctx context.Context, cookie string) (Principal, error) {
	user, id, secret, ok := parseSession(cookieForm, cookie)
	if !ok {
		return Principal{}, unknown()
	}
	e, err := s.liveSession(ctx, user, id)
	if err != nil {
		return Principal{}, err
	}
	if !matches(secret, e.Data.Cookie) {
		return Principal{}, unknown()
	}
	s.touch(ctx, e)
	return s.person(ctx, e.Data.Org, user, id)
}

// liveSession returns a session that wasn't revoked, of a user who wasn't disabled.
func (s *Service) liveSession(ctx context.Context, user core.UserID, id string) (store.Doc[sessionDoc], error) {
	e, err := recent(ctx, s, sessions, core.Installation, sessionID(user, id))
	if err != nil {
		return e, refused(err)
	}
	u, err := recent(ctx, s, users, core.Installation, string(user))
	if err != nil {
		return e, refused(err)
	}
	if u.Data.Disabled || u.Data.SessionEpoch != e.Data.Epoch {
		return e, unknown()
	}
	return e, nil
}

// person returns the principal of a user who signed in, in an org that he is a member of.
func (s *Service) person(ctx context.Context, org core.OrgID, user core.UserID, session string) (Principal, error) {
	m, err := recent(ctx, s, members, org, string(user))
	if err != nil {
		return Principal{}, refused(err)
	}
	return Principal{
		Scope: core.Scope{Org: org, Project: m.Data.project(), Actor: core.Actor{Kind: core.ActorUser, ID: string(user)}},
		Role:  m.Data.Role, User: user, Projects: m.Data.Projects, Session: session,
	}, nil
}

// byKey is Authenticate for an API key.
func (s *Service) byKey(ctx context.Context, text string) (Principal, error) {
	var buf [maxText]byte
	if len(text) > len(buf) {
		return Principal{}, unknown()
	}
	now, sum := s.cfg.Now(), sha256.Sum256(buf[:copy(buf[:], text)])
	h, ok := s.holders.get(sum)
	if !ok || !h.stands(now, s.cache.reading()) {
		var err error
		if h, err = s.holderOf(ctx, text); err != nil {
			return Principal{}, err
		}
		s.holders.put(sum, h)
	}
	s.uses.note(h.use, h.used, now)
	return h.principal, nil
}

// checkProject returns not_found unless the principal may use the project of its scope.
func (s *Service) checkProject(ctx context.Context, p Principal) error {
	if !p.MayUse(p.Scope.Project) {
		return missing("project")
	}
	return s.InUse(ctx, p.Scope.Org, p.Scope.Project)
}

// InUse returns not_found for a project that is archived or isn't the org's; what others have
// changed is known to it as it is to Authenticate. Every org has DefaultProject, which is
// never archived.
func (s *Service) InUse(ctx context.Context, org core.OrgID, id core.ProjectID) error {
	if id == core.DefaultProject {
		return nil
	}
	e, err := recent(ctx, s, projects, org, string(id))
	if err == nil && e.Data.Archived {
		err = missing("project")
	}
	return absent(err, "project")
}

// principal is what a key may for a member.
func (k keyDoc) principal(org core.OrgID, id core.KeyID, user core.UserID, m memberDoc) Principal {
	p := Principal{
		Scope: core.Scope{Org: org, Actor: core.Actor{Kind: core.ActorKey, ID: string(id)}},
		Role:  least(m.Role, k.Role), User: user, Projects: m.Projects, Key: id, Scopes: k.Scopes,
	}
	if k.Project != "" && p.MayUse(k.Project) {
		p.Projects = []core.ProjectID{k.Project}
	} else if k.Project != "" { // the member has lost it
		p.Projects = []core.ProjectID{""}
	}
	p.Scope.Project = ownProject(p.Projects)
	return p
}

// least returns the lesser role.
func least(a, b core.Role) core.Role {
	if a.Covers(b) {
		return b
	}
	return a
}

// ownProject is the one that who is held to these projects uses when none is asked for.
func ownProject(held []core.ProjectID) core.ProjectID {
	if len(held) == 0 || slices.Contains(held, core.DefaultProject) {
		return core.DefaultProject
	}
	return held[0]
}
