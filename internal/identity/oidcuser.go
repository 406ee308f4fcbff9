package identity

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// foreigner is a person as an issuer tells.
type foreigner struct {
	subject string
	email   string // "" unless the issuer has verified it and owns its domain
	name    string
	groups  []string
}

// claimSet is what an ID token says that has been checked.
type claimSet map[string]json.RawMessage

// text returns a claim that is one, or "".
func (c claimSet) text(name string) string {
	var s string
	if json.Unmarshal(c[name], &s) != nil {
		return ""
	}
	return s
}

// is reports whether a claim says yes, in one of the ways that issuers do.
func (c claimSet) is(name string) bool {
	switch string(c[name]) {
	case `true`, `"true"`, `1`, `"1"`:
		return true
	}
	return false
}

// read takes what concerns us from claims. denied: they don't say what the person's groups
// are, and no groups would take all roles away.
func (p *provider) read(subject string, said claimSet) (foreigner, error) {
	who := foreigner{subject: subject, name: said.text("name")}
	if email, err := normalEmail(said.text("email")); err == nil && p.verifies(said, email) && p.owns(email) {
		who.email = email
	}
	if len(p.Groups) == 0 {
		return who, nil
	}
	raw, told := said[p.GroupsClaim]
	if said.elsewhere(p.GroupsClaim) || !told && said.is("hasgroups") {
		return who, core.E(core.Denied, "oidc", "the issuer names too many groups to be in a token").
			WithHint("have it send only the groups that are assigned to this application")
	}
	if told && json.Unmarshal(raw, &who.groups) != nil {
		one := said.text(p.GroupsClaim)
		if one == "" {
			return who, core.E(core.Denied, "oidc", "the issuer's groups can't be read").WithHint("have it send their names or ids, as texts")
		}
		who.groups = []string{one}
	}
	return who, nil
}

// elsewhere reports whether a claim is to be asked for elsewhere (OpenID Connect Core,
// 5.6.2). Entra ID does so beyond 200 groups, or has hasgroups say that there are some.
func (c claimSet) elsewhere(claim string) bool {
	var names map[string]json.RawMessage
	raw, ok := c["_claim_names"]
	return ok && (json.Unmarshal(raw, &names) != nil || names[claim] != nil)
}

// googleIssuer verifies addresses of every domain: whoever has once read mail there has an
// account with it. Only hd says that the domain's owner manages the account.
const googleIssuer = "https://accounts.google.com"

// verifies reports whether the issuer says that the person has the address now. Entra ID
// doesn't have email_verified, but can be told to send xms_edov: that the address's domain
// is the tenant's own.
func (p *provider) verifies(said claimSet, email string) bool {
	_, domain, _ := strings.Cut(email, "@")
	if p.Issuer == googleIssuer && !strings.EqualFold(said.text("hd"), domain) {
		return false
	}
	return said.is("email_verified") || said.is("xms_edov")
}

// owns reports whether addresses of this one's domain are the issuer's to give.
func (p *provider) owns(email string) bool {
	_, domain, _ := strings.Cut(email, "@")
	return slices.ContainsFunc(p.Domains, func(d string) bool { return strings.EqualFold(d, domain) })
}

// oidcUser returns the user who a person is: the one who came by this issuer and subject
// before; else the one with the address that the issuer owns; else a new one. A subject is
// the only thing that an issuer never gives to another person.
func (s *Service) oidcUser(ctx context.Context, p *provider, who foreigner) (store.Doc[userDoc], error) {
	name := nameOf(p.Issuer, who.subject)
	var u store.Doc[userDoc]
	err := again(func() error {
		known, err := subjects.Find(ctx, s.cfg.Records, core.Installation, name)
		if err != nil {
			return err
		}
		if known.Version > 0 {
			u, err = users.Get(ctx, s.cfg.Records, core.Installation, string(known.Data.User))
			return refused(err)
		}
		if who.email != "" {
			if u, err = s.userByEmail(ctx, who.email); err != nil {
				return err
			}
			if u.Version > 0 {
				u, err = s.link(ctx, u, name)
				return err
			}
		}
		if !p.Create {
			return core.E(core.Denied, "oidc", "the person is no user here").WithHint("ask an admin of an org for an invitation")
		}
		u, err = s.naturalise(ctx, who, name)
		return err
	})
	if err == nil && u.Data.Disabled {
		err = unknown()
	}
	return u, err
}

// link has a subject stand for a user from now on. If nobody vouched for the user's
// address so far, somebody else may have taken it, and loses what he has set up: password,
// second factor, sessions, keys, and what orgs he chose. The user stays a member of these,
// and goes on there if he names them.
func (s *Service) link(ctx context.Context, u store.Doc[userDoc], subject string) (store.Doc[userDoc], error) {
	if !u.Data.Verified {
		if u.Data.Foreign { // and goes on coming by his issuer
			return u, core.E(core.Denied, "oidc", "a user has taken this e-mail address, and nobody knows whose it is").WithHint("ask an operator")
		}
		u.Data.Verified = true
		u.Data.Password, u.Data.Factor = "", nil
		u.Data.SessionEpoch++
		u.Data.KeyEpoch++ // and with it the claim
		u.Data.Home = ""
	}
	u.Data.Foreign = true
	return u, s.write(ctx, core.Installation, users.Put(u), create(subjects, subject, ownerDoc{core.UserID(u.ID)}))
}

// naturalise makes a user.
func (s *Service) naturalise(ctx context.Context, who foreigner, subject string) (store.Doc[userDoc], error) {
	name, err := normalName(who.name, "a user")
	if err != nil {
		name = "Unnamed"
	}
	u := store.Doc[userDoc]{ID: s.cfg.IDs("usr"), Data: userDoc{Name: name, Foreign: true, Created: s.cfg.Now()}}
	changes := []store.Change{create(subjects, subject, ownerDoc{core.UserID(u.ID)})}
	if who.email != "" {
		u.Data.Email, u.Data.Verified = who.email, true
		changes = append(changes, create(emails, nameOf(who.email), ownerDoc{core.UserID(u.ID)}))
	}
	return u, s.write(ctx, core.Installation, append(changes, users.Put(u))...)
}

// syncGroups gives a user what his groups give, and takes what they gave and don't any more.
func (s *Service) syncGroups(ctx context.Context, p *provider, user core.UserID, groups []string) error {
	granted := map[core.OrgID]core.Role{}
	for _, g := range p.Groups {
		best := granted[g.Org] // "" has no rank
		if slices.Contains(groups, g.Group) && g.Role.Rank() > best.Rank() {
			best = g.Role
		}
		granted[g.Org] = best
	}
	for org, role := range granted {
		err := s.syncMember(ctx, p, org, user, role)
		if core.CodeOf(err) == core.Conflict || core.CodeOf(err) == core.NotFound { // the last owner; no such org
			s.cfg.Log.WarnContext(ctx, "a group's role can't be applied", "issuer", p.Name, "org", org, "user", user, "error", err)
			if core.CodeOf(err) == core.Conflict {
				s.tellSync(ctx, p, org, user, role, "refused")
			}
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// syncMember has a user be what his groups say in an org; role "" is no member.
func (s *Service) syncMember(ctx context.Context, p *provider, org core.OrgID, user core.UserID, role core.Role) error {
	m, err := members.Find(ctx, s.cfg.Records, org, string(user))
	switch {
	case err != nil:
		return err
	case m.Version == 0 && role == "", m.Version > 0 && (m.Data.Source != p.Name || m.Data.Role == role):
		return nil
	case m.Version == 0:
		err = s.join(ctx, org, user, memberDoc{Role: role, Source: p.Name})
	default:
		changed := false
		err = s.changeMember(ctx, org, user, func(now *memberDoc) (*memberDoc, error) {
			if changed = now != nil && now.Source == p.Name; !changed { // an admin was quicker
				return now, nil
			}
			if role == "" {
				return nil, nil
			}
			now.Role = role
			return now, nil
		})
		if err == nil && !changed {
			return nil
		}
		if err == nil && role == "" {
			s.tidy(ctx, org, user)
		}
	}
	if err != nil {
		return err
	}
	s.tellSync(ctx, p, org, user, role, "ok")
	return nil
}

// tellSync tells the audit log what groups have made of a user; role "" is no member.
func (s *Service) tellSync(ctx context.Context, p *provider, org core.OrgID, user core.UserID, role core.Role, outcome string) {
	s.tell(ctx, Event{
		Action: "member.sync", Actor: core.Actor{Kind: core.ActorSystem, ID: p.Name}, Org: org, Target: string(user), Outcome: outcome,
	}, none, "role", string(role))
}
