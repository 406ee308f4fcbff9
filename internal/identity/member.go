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
	Chosen   int    // the user's claim when he accepted the place, or named the org himself; 0: he never did
}

func (m memberDoc) project() core.ProjectID { return ownProject(m.Projects) }

// alsoChanges returns what else changes in an org, as it is then.
type alsoChanges func() ([]store.Change, error)

// join makes a user a member of an org, with what else changes in the org at the same
// moment. It is where he signs in to if there was nowhere. conflict: he is one.
func (s *Service) join(ctx context.Context, org core.OrgID, user core.UserID, doc memberDoc, also ...alsoChanges) error {
	doc.Since, doc.Term = s.cfg.Now(), s.cfg.IDs("mem")
	seat, err := seats.Find(ctx, s.cfg.Records, core.Installation, seatID(user, org))
	if err == nil && seat.Version == 0 {
		err = ignoreConflict(s.write(ctx, core.Installation, seats.Put(seat)))
	}
	if err != nil {
		return err
	}
	u, err := users.Find(ctx, s.cfg.Records, core.Installation, string(user))
	switch {
	case err != nil || u.Version == 0:
	case doc.Chosen > 0 && doc.Chosen != u.Data.claim(): // the choice was another's
		err = unknown()
	default:
		err = s.settle(ctx, u, org)
	}
	if err != nil {
		return err
	}
	return s.changeMember(ctx, org, user, func(now *memberDoc) (*memberDoc, error) {
		if now != nil {
			return nil, core.E(core.Conflict, "member", "the user is a member").WithHint("change the role instead").Because(errFinal)
		}
		return &doc, nil
	}, also...)
}

func seatID(user core.UserID, org core.OrgID) string { return string(user) + "/" + string(org) }

// changeMember changes what a user is in an org: nil is no member. Each change of members
// changes the org's record, too, so that of two that rely on each other's owner one fails.
// Invitations of a member who ceases to be one end with it: he doesn't come back by one
// that he hadn't used.
func (s *Service) changeMember(ctx context.Context, org core.OrgID, user core.UserID, change func(now *memberDoc) (*memberDoc, error), also ...alsoChanges) error {
	return again(func() error {
		o, err := orgs.Get(ctx, s.cfg.Records, org, string(org))
		if err != nil {
			return absent(err, "org")
		}
		m, err := members.Find(ctx, s.cfg.Records, org, string(user))
		if err != nil {
			return err
		}
		var now *memberDoc
		if m.Version > 0 {
			copied := m.Data // change may write to it
			now = &copied
		}
		next, err := change(now)
		if err != nil || now == nil && next == nil {
			return err
		}
		if m.Data.Role == core.Owner && (next == nil || next.Role != core.Owner) {
			if err := s.anotherOwner(ctx, org, user); err != nil {
				return err
			}
		}
		changes := []store.Change{orgs.Put(o), members.Drop(m)}
		and := also
		if next != nil {
			m.Data = *next
			changes[1] = members.Put(m)
		} else {
			and = append(and[:len(and):len(and)], s.invitesOf(ctx, org, user))
		}
		for _, f := range and {
			c, err := f()
			if err != nil {
				return err
			}
			changes = append(changes, c...)
		}
		return s.write(ctx, org, changes...)
	})
}

// anotherOwner returns a conflict unless somebody else owns the org and can sign in.
func (s *Service) anotherOwner(ctx context.Context, org core.OrgID, user core.UserID) error {
	found := false
	err := s.eachMember(ctx, org, func(m store.Doc[memberDoc], u store.Doc[userDoc]) {
		found = found || m.Data.Role == core.Owner && m.ID != string(user) && !u.Data.Disabled && !u.Data.Service
	})
	if err == nil && !found {
		err = core.E(core.Conflict, "member", "an org keeps its last owner").WithHint("make somebody else an owner first").Because(errFinal)
	}
	return err
}

// eachMember calls f with each member who is a user.
func (s *Service) eachMember(ctx context.Context, org core.OrgID, f func(store.Doc[memberDoc], store.Doc[userDoc])) error {
	after := ""
	for {
		page, err := members.List(ctx, s.cfg.Records, org, "", after, pageSize)
		if err != nil {
			return err
		}
		for _, m := range page {
			u, err := users.Find(ctx, s.cfg.Records, core.Installation, m.ID)
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
// the id to go on after, "" at the end. Who has a second factor is told to admins, and who
// has a password to operators, of others than oneself.
func (s *Service) Members(ctx context.Context, p Principal, after core.UserID, limit int) ([]Member, core.UserID, error) {
	if err := p.May(MemberRead); err != nil {
		return nil, "", err
	}
	page, err := members.List(ctx, s.cfg.Records, p.Scope.Org, "", string(after), limit)
	if err != nil {
		return nil, "", err
	}
	var all []Member
	for _, m := range page {
		u, err := recent(ctx, s, users, core.Installation, m.ID)
		if core.CodeOf(err) == core.NotFound {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		shown := userOf(u)
		if shown.ID != p.User {
			shown.SecondFactor = shown.SecondFactor && p.Role.Covers(core.Admin)
			shown.HasPassword = shown.HasPassword && p.May(OperateRead) == nil
		}
		all = append(all, Member{User: shown, Role: m.Data.Role, Projects: m.Data.Projects, Source: m.Data.Source, Since: m.Data.Since})
	}
	if len(page) < limit {
		return all, "", nil
	}
	return all, core.UserID(page[len(page)-1].ID), nil
}
