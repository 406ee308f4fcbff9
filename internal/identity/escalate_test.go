package identity_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// stage is an installation with the people whom a principal could use or become.
type stage struct {
	*rig
	project core.ProjectID
	eve     identity.Tokens // a viewer who is in league with him
	acme    identity.Tokens // the owner of another org
	chief   core.UserID     // an owner of the installation
	gone    core.UserID     // an owner of DefaultOrg who was disabled
	bot     core.UserID     // a service that owns DefaultOrg
}

func newStage(t *testing.T) *stage {
	t.Helper()
	r := newRig(t, onSQLite)
	w := &stage{rig: r, eve: r.member("eve", core.Viewer), acme: r.org("acme"), chief: r.owner.User, gone: r.member("gone", core.Owner).User}
	prj, err := r.CreateProject(t.Context(), r.owner.Principal, "one")
	ok(t, err)
	bot, err := r.CreateService(t.Context(), r.owner.Principal, identity.NewService{Name: "bot", Role: core.Owner})
	ok(t, err)
	w.project, w.bot = prj.ID, bot.ID
	ok(t, r.DisableUser(t.Context(), r.operator(), w.gone))
	return w
}

// person is somebody with a role in an org.
func (w *stage) person(org core.OrgID, role core.Role, held ...core.ProjectID) identity.Principal {
	w.t.Helper()
	p := w.member("him", core.Viewer)
	if org == core.DefaultOrg {
		ok(w.t, w.SetRole(w.t.Context(), w.owner.Principal, identity.NewMember{User: p.User, Role: role, Projects: held}))
	} else {
		ok(w.t, w.AddMember(w.t.Context(), w.operator(), org, identity.NewMember{User: p.User, Role: role, Projects: held}))
		ok(w.t, w.RemoveMember(w.t.Context(), w.owner.Principal, p.User))
	}
	return w.signIn("him@example.org", org).Principal
}

// in returns who comes in by a password, if he does.
func (w *stage) in(email, pass string, org core.OrgID) []identity.Principal {
	t, err := w.SignIn(w.t.Context(), identity.SignIn{Email: email, Password: pass, Org: org, Address: home})
	if err != nil {
		return nil
	}
	return []identity.Principal{t.Principal}
}

// byText returns whom a key stands for, if it does.
func (w *stage) byText(text string, err error) []identity.Principal {
	if err != nil {
		return nil
	}
	p, err := bearer(w.t.Context(), w.Service, text)
	ok(w.t, err)
	return []identity.Principal{p}
}

// everyScope is of a key that may all that keys may.
func everyScope(of core.UserID, role core.Role) identity.NewKey {
	return identity.NewKey{Name: "k", User: of, Role: role, Scopes: identity.Scopes()}
}

// ways are all commands by which a credential comes to be, or comes to do more. Each
// returns what is to be had by it with a role.
var ways = map[string]func(w *stage, p identity.Principal, role core.Role) []identity.Principal{
	"an invitation": func(w *stage, p identity.Principal, role core.Role) []identity.Principal {
		token, err := w.InviteUser(w.t.Context(), p, identity.Invite{Email: "new-" + string(role) + "@example.org", Role: role})
		if err != nil {
			return nil
		}
		t, err := w.Accept(w.t.Context(), token, identity.NewUser{Name: "New", Password: password, Address: home})
		ok(w.t, err)
		return []identity.Principal{t.Principal}
	},
	"an invitation of a user": func(w *stage, p identity.Principal, role core.Role) []identity.Principal {
		token, err := w.InviteUser(w.t.Context(), p, identity.Invite{Email: "acme@example.com", Role: role})
		if err != nil {
			return nil
		}
		org, err := w.AcceptAs(w.t.Context(), w.acme.Principal, token)
		if err != nil {
			return nil
		}
		return w.in("acme@example.com", password, org)
	},
	"a service": func(w *stage, p identity.Principal, role core.Role) []identity.Principal {
		u, err := w.CreateService(w.t.Context(), p, identity.NewService{Name: "bot", Role: role})
		if err != nil {
			return nil
		}
		_, text, err := w.CreateKey(w.t.Context(), p, everyScope(u.ID, role))
		return w.byText(text, err)
	},
	"a key": func(w *stage, p identity.Principal, role core.Role) []identity.Principal {
		_, text, err := w.CreateKey(w.t.Context(), p, everyScope("", role))
		return w.byText(text, err)
	},
	"a key of another": func(w *stage, p identity.Principal, role core.Role) []identity.Principal {
		_, text, err := w.CreateKey(w.t.Context(), p, everyScope(w.chief, role))
		return w.byText(text, err)
	},
	"a key of a service": func(w *stage, p identity.Principal, role core.Role) []identity.Principal {
		_, text, err := w.CreateKey(w.t.Context(), p, everyScope(w.bot, role))
		return w.byText(text, err)
	},
	"a role for an accomplice": func(w *stage, p identity.Principal, role core.Role) []identity.Principal {
		if w.SetRole(w.t.Context(), p, identity.NewMember{User: w.eve.User, Role: role}) != nil {
			return nil
		}
		return w.in("eve@example.org", password, core.DefaultOrg)
	},
	"a role for himself": func(w *stage, p identity.Principal, role core.Role) []identity.Principal {
		if p.Role.Covers(role) || w.SetRole(w.t.Context(), p, identity.NewMember{User: p.User, Role: role}) != nil {
			return nil
		}
		return w.in("him@example.org", password, p.Scope.Org)
	},
	"a place for an accomplice": func(w *stage, p identity.Principal, role core.Role) (all []identity.Principal) {
		for _, org := range []core.OrgID{core.Installation, w.acme.Scope.Org} {
			if w.AddMember(w.t.Context(), p, org, identity.NewMember{User: w.eve.User, Role: role}) == nil {
				all = append(all, w.in("eve@example.org", password, org)...)
			}
		}
		return all
	},
	"an org": func(w *stage, p identity.Principal, _ core.Role) []identity.Principal {
		o, _, err := w.CreateOrg(w.t.Context(), p, identity.NewOrg{Name: "x", Owner: w.eve.User})
		if err != nil {
			return nil
		}
		return w.in("eve@example.org", password, o.ID)
	},
	"an org by invitation": func(w *stage, p identity.Principal, role core.Role) []identity.Principal {
		_, token, err := w.CreateOrg(w.t.Context(), p, identity.NewOrg{Name: "x", Invite: "boss-" + string(role) + "@example.org"})
		if err != nil {
			return nil
		}
		t, err := w.Accept(w.t.Context(), token, identity.NewUser{Name: "Boss", Password: password, Address: home})
		ok(w.t, err)
		return []identity.Principal{t.Principal}
	},
	"a user": func(w *stage, p identity.Principal, role core.Role) []identity.Principal {
		_, err := w.CreateUser(w.t.Context(), p, identity.NewUser{Email: "made-" + string(role) + "@example.org", Name: "M", Password: password})
		if err == nil && p.May(identity.OperatePeople) != nil {
			w.t.Errorf("a user, whose address is vouched for, by %s", nameOf(p))
		}
		return nil
	},
	"a user who was disabled": func(w *stage, p identity.Principal, _ core.Role) []identity.Principal {
		if w.EnableUser(w.t.Context(), p, w.gone) != nil {
			return nil
		}
		return w.in("gone@example.org", password, core.DefaultOrg)
	},
	"another's address": func(w *stage, p identity.Principal, _ core.Role) []identity.Principal {
		if _, err := w.SetEmail(w.t.Context(), p, w.chief, "chief@example.org"); err != nil {
			return nil
		}
		return append(w.in("chief@example.org", password, core.DefaultOrg), w.in("chief@example.org", password, core.Installation)...)
	},
	"another's password": func(w *stage, p identity.Principal, _ core.Role) (all []identity.Principal) {
		for email, who := range map[string]core.UserID{"owner@example.org": w.chief, "chief@example.org": w.chief, "acme@example.com": w.acme.User} {
			link, err := w.ResetPassword(w.t.Context(), p, who)
			if err != nil {
				continue
			}
			_ = w.FinishReset(w.t.Context(), link, "another good password", home)
			for _, org := range []core.OrgID{core.DefaultOrg, core.Installation, w.acme.Scope.Org} {
				all = append(all, w.in(email, "another good password", org)...)
			}
		}
		return all
	},
}

func nameOf(p identity.Principal) string {
	return fmt.Sprint(p.Scope.Actor.Kind, " ", p.Role, " in ", p.Scope.Org, " held to ", p.Projects, " scopes ", p.Scopes)
}

// exceeds returns what q may and p may not, or the role that it has above p's. An operator may let people in anywhere but
// among the operators: the table says so of OperatePeople, on purpose.
func exceeds(p, q identity.Principal) (more []string) {
	operator := p.May(identity.OperatePeople) == nil
	if operator && q.Scope.Org != core.Installation {
		return nil
	}
	for _, a := range identity.Actions() {
		same := q.Scope.Org == p.Scope.Org || operator && p.Operates
		held := len(p.Projects) > 0 && (len(q.Projects) == 0 || slices.ContainsFunc(q.Projects, func(id core.ProjectID) bool { return !p.MayUse(id) }))
		if q.May(a) == nil && (p.May(a) != nil && !p.Operates || !same || held) {
			more = append(more, string(a))
		}
	}
	if !p.Operates && !p.Role.Covers(q.Role) {
		more = append(more, string(q.Role))
	}
	return more
}

// TestNoCredentialMakesAStrongerOne: whoever it is, with whatever role, scopes and projects,
// gets nothing by any command that may more than he does. What he gets is such a principal
// itself, so that no sequence of commands helps, either.
func TestNoCredentialMakesAStrongerOne(t *testing.T) {
	t.Parallel()
	type kind struct {
		org    core.OrgID
		role   core.Role
		held   bool
		scopes []string  // of a key; nil: a person
		least  core.Role // of the key; "": its user's
		local  bool
	}
	kinds := []kind{
		{local: true}, {org: core.DefaultOrg, role: core.Owner, scopes: identity.Scopes(), least: core.Viewer},
		{org: core.Installation, role: core.Owner, scopes: identity.Scopes(), least: core.Admin},
	}
	for _, org := range []core.OrgID{core.DefaultOrg, core.Installation} {
		for _, role := range core.Roles {
			kinds = append(kinds, kind{org: org, role: role}, kind{org: org, role: role, scopes: identity.Scopes()})
		}
		for _, scope := range identity.Scopes() {
			kinds = append(kinds, kind{org: org, role: core.Owner, scopes: []string{scope}})
		}
	}
	for _, role := range []core.Role{core.Viewer, core.Member} {
		kinds = append(kinds, kind{org: core.DefaultOrg, role: role, held: true}, kind{org: core.DefaultOrg, role: role, held: true, scopes: identity.Scopes()})
	}
	for _, k := range kinds {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			t.Parallel()
			w := newStage(t)
			p := identity.Local()
			if !k.local {
				var held []core.ProjectID
				if k.held {
					held = append(held, w.project)
				}
				p = w.person(k.org, k.role, held...)
			}
			if k.scopes != nil {
				_, text, err := w.CreateKey(t.Context(), p, identity.NewKey{Name: "his", Scopes: k.scopes, Role: k.least})
				p = w.byText(text, err)[0]
			}
			for _, name := range slices.Sorted(maps.Keys(ways)) {
				way := ways[name]
				for _, role := range slices.Backward(core.Roles) {
					for _, q := range way(w, p, role) {
						if more := exceeds(p, q); len(more) > 0 {
							t.Errorf("%s with %s gives %s, who may %v besides", name, role, nameOf(q), more)
						}
					}
				}
			}
		})
	}
}
