package identity

import (
	"context"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Org is a tenant, as one of its members sees it.
type Org struct {
	ID      core.OrgID
	Name    string
	Created time.Time
	Role    core.Role // of the one who asks; "" for an operator who is no member
}

// NewOrg is an org to be. Owner is a user, and Invite the e-mail address of somebody who
// is to become the owner. An operator names one of the two; others become owners.
type NewOrg struct {
	Name   string
	Owner  core.UserID
	Invite string
}

type orgDoc struct {
	Name    string
	Created time.Time
}

func orgOf(e store.Doc[orgDoc], role core.Role) Org {
	return Org{ID: core.OrgID(e.ID), Name: e.Data.Name, Created: e.Data.Created, Role: role}
}

// CreateOrg makes an org with its DefaultProject, and returns the token of the
// invitation, if there is one.
func (s *Service) CreateOrg(ctx context.Context, p Principal, n NewOrg) (Org, string, error) {
	operator := p.May(OperatePeople) == nil
	if !operator {
		if err := s.mayOpenOrg(p); err != nil {
			return Org{}, "", err
		}
		n.Owner, n.Invite = p.User, ""
	}
	name, err := normalName(n.Name, "an org")
	if err != nil {
		return Org{}, "", err
	}
	if (n.Owner == "") == (n.Invite == "") {
		return Org{}, "", core.E(core.Invalid, "org", "an org takes one owner").WithHint("name a user, or an e-mail address to invite")
	}
	owner := memberDoc{Role: core.Owner, By: p.User}
	switch n.Owner {
	case "":
	case p.User:
		u, err := s.present(ctx, p)
		if err != nil {
			return Org{}, "", err
		}
		owner.Chosen = u.Data.claim()
	default:
		if _, err := users.Get(ctx, s.cfg.Records, core.Installation, string(n.Owner)); err != nil {
			return Org{}, "", absent(err, "user")
		}
	}
	id := core.OrgID(s.cfg.IDs("org"))
	if err := s.makeOrg(ctx, id, name); err != nil {
		return Org{}, "", err
	}
	var token string
	role := core.Role("")
	if n.Owner != "" {
		role = core.Owner
		err = s.join(ctx, id, n.Owner, owner)
	} else {
		token, err = s.invite(ctx, p, Invite{Email: n.Invite, Org: id, Role: core.Owner})
	}
	if err != nil {
		return Org{}, "", err
	}
	s.noteOperator(ctx, p, []core.OrgID{id}, "org.create", string(id))
	if n.Owner != p.User {
		role = ""
	}
	return Org{ID: id, Name: name, Created: s.cfg.Now(), Role: role}, token, nil
}

// mayOpenOrg says whether one who is no operator may create an org.
func (s *Service) mayOpenOrg(p Principal) error {
	if !s.cfg.OpenOrgs {
		return p.May(OperatePeople)
	}
	return p.May(Self)
}

// makeOrg makes an org without members, unless it is there.
func (s *Service) makeOrg(ctx context.Context, id core.OrgID, name string) error {
	now := s.cfg.Now()
	t, err := tenants.Find(ctx, s.cfg.Records, core.Installation, string(id))
	if err != nil {
		return err
	}
	if t.Version == 0 {
		if err := ignoreConflict(s.write(ctx, core.Installation, tenants.Put(t))); err != nil {
			return err
		}
	}
	o, err := orgs.Find(ctx, s.cfg.Records, id, string(id))
	if err != nil || o.Version > 0 {
		return err
	}
	o.Data = orgDoc{Name: name, Created: now}
	changes := []store.Change{orgs.Put(o)}
	if id != core.Installation {
		changes = append(changes, create(projects, string(core.DefaultProject), projectDoc{Name: "Default", Created: now}))
	}
	return ignoreConflict(s.write(ctx, id, changes...))
}

// ignoreConflict is for what another node has done meanwhile.
func ignoreConflict(err error) error {
	if core.CodeOf(err) == core.Conflict {
		return nil
	}
	return err
}

// Orgs returns the orgs of the one who asks; for a key, the one that it is of.
func (s *Service) Orgs(ctx context.Context, p Principal) ([]Org, error) {
	if err := p.May(OrgRead); err != nil {
		return nil, err
	}
	if p.Session == "" {
		o, err := s.Org(ctx, p)
		return []Org{o}, err
	}
	var mine []Org
	var failed error
	err := s.eachSeat(ctx, p.User, func(id core.OrgID, m store.Doc[memberDoc]) bool {
		o, err := recent(ctx, s, orgs, id, string(id))
		if err != nil && core.CodeOf(err) != core.NotFound {
			failed = err
			return false
		}
		if err == nil {
			mine = append(mine, orgOf(o, m.Data.Role))
		}
		return true
	})
	if err == nil {
		err = failed
	}
	return mine, err
}

// Org returns the org of the credential.
func (s *Service) Org(ctx context.Context, p Principal) (Org, error) {
	if err := p.May(OrgRead); err != nil {
		return Org{}, err
	}
	o, err := recent(ctx, s, orgs, p.Scope.Org, string(p.Scope.Org))
	return orgOf(o, p.Role), absent(err, "org")
}

// AllOrgs returns up to limit orgs of the installation after one, by id, for operators,
// and the id to go on after, "" at the end.
func (s *Service) AllOrgs(ctx context.Context, p Principal, after core.OrgID, limit int) ([]Org, core.OrgID, error) {
	if err := p.May(OperateRead); err != nil {
		return nil, "", err
	}
	found, err := tenants.List(ctx, s.cfg.Records, core.Installation, "", string(after), limit)
	if err != nil {
		return nil, "", err
	}
	var all []Org
	for _, t := range found {
		o, err := recent(ctx, s, orgs, core.OrgID(t.ID), t.ID)
		if core.CodeOf(err) == core.NotFound {
			continue // it is gone
		}
		if err != nil {
			return nil, "", err
		}
		all = append(all, orgOf(o, ""))
	}
	if len(found) < limit {
		return all, "", nil
	}
	return all, core.OrgID(found[len(found)-1].ID), nil
}

// RenameOrg changes the name of the credential's org.
func (s *Service) RenameOrg(ctx context.Context, p Principal, name string) (Org, error) {
	if err := p.May(OrgWrite); err != nil {
		return Org{}, err
	}
	name, err := normalName(name, "an org")
	if err != nil {
		return Org{}, err
	}
	var o store.Doc[orgDoc]
	err = again(func() error {
		if o, err = orgs.Get(ctx, s.cfg.Records, p.Scope.Org, string(p.Scope.Org)); err != nil {
			return absent(err, "org")
		}
		o.Data.Name = name
		return s.write(ctx, p.Scope.Org, orgs.Put(o))
	})
	if err == nil {
		s.note(ctx, p, "org.rename", o.ID)
	}
	return orgOf(o, p.Role), err
}
