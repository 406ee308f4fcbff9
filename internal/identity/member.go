package identity

import (
	"context"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Member is a user's place in an org.
type Member struct {
	User     User
	Role     core.Role
	Projects []core.ProjectID // that the user is held to; none: all
	Source   string           // the issuer whose groups say so, or ""
	Since    time.Time
}

// NewMember is a user who is to be a member.
type NewMember struct {
	User     core.UserID
	Role     core.Role
	Projects []core.ProjectID
}

type memberDoc struct {
	Role     core.Role
	Projects []core.ProjectID
	Source   string
	By       core.UserID // who added him
	Since    time.Time
	Term     string // new with each joining: keys of another one are no keys
}

func (m memberDoc) project() core.ProjectID { return ownProject(m.Projects) }

// join makes a user a member of an org. conflict: he is.
func (s *Service) join(ctx context.Context, org core.OrgID, user core.UserID, doc memberDoc) error {
	doc.Since, doc.Term = s.cfg.Now(), s.cfg.IDs("mem")
	seat, err := seats.find(ctx, s, core.Installation, seatID(user, org))
	if err == nil && seat.Version == 0 {
		err = ignoreConflict(s.write(ctx, core.Installation, seats.put(seat)))
	}
	if err != nil {
		return err
	}
	return s.changeMember(ctx, org, user, func(now *memberDoc) (*memberDoc, error) {
		if now != nil {
			return nil, core.E(core.Conflict, "member", "the user is a member").WithHint("change the role instead").Because(errFinal)
		}
		return &doc, nil
	})
}

func seatID(user core.UserID, org core.OrgID) string { return string(user) + "/" + string(org) }

// changeMember changes what a user is in an org: nil is no member. Each change of members
// changes the org's record, too, so that of two that rely on each other's owner one fails.
func (s *Service) changeMember(ctx context.Context, org core.OrgID, user core.UserID, change func(now *memberDoc) (*memberDoc, error)) error {
	return again(func() error {
		o, err := orgs.read(ctx, s, org, string(org))
		if err != nil {
			return absent(err, "org")
		}
		m, err := members.find(ctx, s, org, string(user))
		if err != nil {
			return err
		}
		var now *memberDoc
		if m.Version > 0 {
			copied := m.Doc // change may write to it
			now = &copied
		}
		next, err := change(now)
		if err != nil || now == nil && next == nil {
			return err
		}
		if m.Doc.Role == core.Owner && (next == nil || next.Role != core.Owner) {
			if err := s.anotherOwner(ctx, org, user); err != nil {
				return err
			}
		}
		if next == nil {
			return s.write(ctx, org, orgs.put(o), members.drop(m))
		}
		m.Doc = *next
		return s.write(ctx, org, orgs.put(o), members.put(m))
	})
}

// anotherOwner returns a conflict unless somebody else owns the org and can sign in.
func (s *Service) anotherOwner(ctx context.Context, org core.OrgID, user core.UserID) error {
	found := false
	err := s.eachMember(ctx, org, func(m entry[memberDoc], u entry[userDoc]) {
		found = found || m.Doc.Role == core.Owner && m.ID != string(user) && !u.Doc.Disabled && !u.Doc.Service
	})
	if err == nil && !found {
		err = core.E(core.Conflict, "member", "an org keeps its last owner").WithHint("make somebody else an owner first").Because(errFinal)
	}
	return err
}

// eachMember calls f with each member who is a user.
func (s *Service) eachMember(ctx context.Context, org core.OrgID, f func(entry[memberDoc], entry[userDoc])) error {
	after := ""
	for {
		page, err := members.list(ctx, s, org, "", after, pageSize)
		if err != nil {
			return err
		}
		for _, m := range page {
			u, err := users.find(ctx, s, core.Installation, m.ID)
			if err != nil {
				return err
			}
			if u.Version > 0 {
				f(m, u)
			}
		}
		if len(page) < pageSize {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

// Members returns up to limit members of the credential's org after a user, by id, and
// the id to go on after, "" at the end.
func (s *Service) Members(ctx context.Context, p Principal, after core.UserID, limit int) ([]Member, core.UserID, error) {
	if err := p.May(MemberRead); err != nil {
		return nil, "", err
	}
	page, err := members.list(ctx, s, p.Scope.Org, "", string(after), limit)
	if err != nil {
		return nil, "", err
	}
	var all []Member
	for _, m := range page {
		u, err := users.recent(ctx, s, core.Installation, m.ID)
		if core.CodeOf(err) == core.NotFound {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		all = append(all, Member{User: userOf(u), Role: m.Doc.Role, Projects: m.Doc.Projects, Source: m.Doc.Source, Since: m.Doc.Since})
	}
	if len(page) < limit {
		return all, "", nil
	}
	return all, core.UserID(page[len(page)-1].ID), nil
}

// AddMember makes a user a member of the credential's org. denied: the role is above that
// of the one who asks.
func (s *Service) AddMember(ctx context.Context, p Principal, n NewMember) error {
	if err := p.May(MemberWrite); err != nil {
		return err
	}
	if err := s.mayGrant(ctx, p, n.Role, n.Projects); err != nil {
		return err
	}
	u, err := users.read(ctx, s, core.Installation, string(n.User))
	if err != nil {
		return absent(err, "user")
	}
	if u.Doc.Service { // of the org that made it
		return missing("user")
	}
	err = s.join(ctx, p.Scope.Org, n.User, memberDoc{Role: n.Role, Projects: n.Projects, By: p.User})
	if err == nil {
		s.note(ctx, p, "member.add", string(n.User), "role", string(n.Role))
	}
	return err
}

// mayGrant says whether a principal may give a role in projects of its org.
func (s *Service) mayGrant(ctx context.Context, p Principal, role core.Role, held []core.ProjectID) error {
	const op = "member"
	switch {
	case role.Rank() == 0:
		return core.E(core.Invalid, op, "there is no such role").WithHint("viewer, member, admin or owner")
	case !p.Role.Covers(role):
		return core.E(core.Denied, op, "nobody gives a role above his own").WithHint("ask an owner of the org")
	case len(held) > 0 && role.Covers(core.Admin):
		return core.E(core.Invalid, op, "who administers an org isn't held to projects of it")
	case len(held) > pageSize:
		return core.E(core.Invalid, op, "too many projects")
	}
	for _, id := range held {
		if _, err := projects.read(ctx, s, p.Scope.Org, string(id)); err != nil {
			return absent(err, "project")
		}
	}
	return nil
}

// SetRole changes a member's role, and the projects that he is held to. denied: he has, or
// is to have, a role above that of the one who asks; conflict: he is the last owner.
func (s *Service) SetRole(ctx context.Context, p Principal, n NewMember) error {
	if err := p.May(MemberWrite); err != nil {
		return err
	}
	if err := s.mayGrant(ctx, p, n.Role, n.Projects); err != nil {
		return err
	}
	err := s.changeMember(ctx, p.Scope.Org, n.User, func(now *memberDoc) (*memberDoc, error) {
		if err := mayChange(p, now); err != nil {
			return nil, err
		}
		now.Role, now.Projects, now.Source = n.Role, n.Projects, "" // from now on it is ours to say
		return now, nil
	})
	if err == nil {
		s.note(ctx, p, "member.role", string(n.User), "role", string(n.Role))
	}
	return err
}

// mayChange says whether a principal may change a member.
func mayChange(p Principal, m *memberDoc) error {
	switch {
	case m == nil:
		return missing("member")
	case !p.Role.Covers(m.Role):
		return core.E(core.Denied, "member", "nobody changes who has a role above his own").WithHint("ask an owner of the org")
	}
	return nil
}

// RemoveMember ends a user's place in the credential's org, and his keys there. Everybody
// may leave. conflict: he is the last owner.
func (s *Service) RemoveMember(ctx context.Context, p Principal, user core.UserID) error {
	action := MemberWrite
	if user == p.User {
		action = Self
	}
	if err := p.May(action); err != nil {
		return err
	}
	err := s.changeMember(ctx, p.Scope.Org, user, func(now *memberDoc) (*memberDoc, error) { return nil, mayChange(p, now) })
	if err != nil {
		return err
	}
	s.note(ctx, p, "member.remove", string(user))
	s.tidy(ctx, p.Scope.Org, user)
	return nil
}

// tidy removes what is of no use without a membership.
func (s *Service) tidy(ctx context.Context, org core.OrgID, user core.UserID) {
	err := s.dropKeys(ctx, org, user)
	if err == nil {
		err = s.dropSeat(ctx, org, user)
	}
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "what a former member had is still listed", "error", err)
	}
}

// dropSeat removes a user's seat in an org, and the user if it is a service: it has no other.
func (s *Service) dropSeat(ctx context.Context, org core.OrgID, user core.UserID) error {
	var changes []store.Change
	seat, err := seats.find(ctx, s, core.Installation, seatID(user, org))
	if err == nil && seat.Version > 0 {
		changes = append(changes, seats.drop(seat))
	}
	if err != nil {
		return err
	}
	u, err := users.find(ctx, s, core.Installation, string(user))
	if err == nil && u.Doc.Service {
		changes = append(changes, users.drop(u))
	}
	if err != nil || len(changes) == 0 {
		return err
	}
	return ignoreConflict(s.write(ctx, core.Installation, changes...))
}
