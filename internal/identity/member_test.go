package identity_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

func TestNobodyGivesARoleAboveHisOwn(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		people := map[core.Role]identity.Tokens{}
		for _, role := range core.Roles {
			people[role] = r.member("one-"+string(role), role)
		}
		for giver, g := range people {
			for _, to := range core.Roles {
				for _, from := range core.Roles {
					name := fmt.Sprintf("%s makes %s of %s", giver, to, from)
					target := r.member(fmt.Sprintf("t-%s-%s-%s", giver, to, from), from)
					err := r.SetRole(t.Context(), g.Principal, identity.NewMember{User: target.User, Role: to})
					if giver.Covers(core.Admin) && giver.Covers(to) && giver.Covers(from) {
						ok(t, err)
					} else {
						wantCode(t, name, err, core.Denied)
					}
				}
				_, err := r.InviteUser(t.Context(), g.Principal, identity.Invite{Email: "x@example.org", Role: to})
				_, service := r.CreateService(t.Context(), g.Principal, identity.NewService{Name: "bot", Role: to})
				if giver.Covers(core.Admin) && giver.Covers(to) {
					ok(t, err)
					ok(t, service)
				} else {
					wantCode(t, "inviting", err, core.Denied)
					wantCode(t, "a service", service, core.Denied)
				}
			}
		}
		admin := people[core.Admin].Principal
		wantCode(t, "removing an owner", r.RemoveMember(t.Context(), admin, r.owner.User), core.Denied)
		wantCode(t, "no such role", r.SetRole(t.Context(), admin, identity.NewMember{User: people[core.Viewer].User, Role: "god"}), core.Invalid)
		wantCode(t, "nobody", r.SetRole(t.Context(), admin, identity.NewMember{User: "usr_nobody", Role: core.Viewer}), core.NotFound)
	})
}

func TestTheLastOwnerStays(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		me := r.owner.Principal
		wantCode(t, "leaving", r.RemoveMember(t.Context(), me, me.User), core.Conflict)
		wantCode(t, "becoming an admin", r.SetRole(t.Context(), me, identity.NewMember{User: me.User, Role: core.Admin}), core.Conflict)
		bot, err := r.CreateService(t.Context(), me, identity.NewService{Name: "bot", Role: core.Owner})
		ok(t, err)
		wantCode(t, "leaving a service alone", r.RemoveMember(t.Context(), me, me.User), core.Conflict)
		mia := r.member("mia", core.Owner)
		ok(t, r.DisableUser(t.Context(), r.operator(), mia.User))
		wantCode(t, "leaving one who can't sign in", r.RemoveMember(t.Context(), me, me.User), core.Conflict)
		ok(t, r.EnableUser(t.Context(), r.operator(), mia.User))
		ok(t, r.RemoveMember(t.Context(), me, me.User))
		ok(t, r.RemoveMember(t.Context(), r.signIn("mia@example.org", "").Principal, bot.ID))
	})
}

// Two owners who remove each other at once: one of them stays.
func TestTwoOwnersCanNotRemoveEachOther(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		for range 5 {
			r := newRig(t, on)
			mia := r.member("mia", core.Owner)
			nodes := []*identity.Service{r.Service, r.node()}
			var wait sync.WaitGroup
			errs := make([]error, 2)
			wait.Go(func() { errs[0] = nodes[0].RemoveMember(t.Context(), r.owner.Principal, mia.User) })
			wait.Go(func() { errs[1] = nodes[1].RemoveMember(t.Context(), mia.Principal, r.owner.User) })
			wait.Wait()
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Fatalf("both or none: %v, %v", errs[0], errs[1])
			}
		}
	})
}

// Two owners who make admins of each other at once: one of them stays an owner.
func TestTwoOwnersCanNotDemoteEachOther(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		mia := r.member("mia", core.Owner)
		// Both have read the members before either writes.
		m := &meeting{backend: r.store, both: make(chan struct{})}
		cfg := r.cfg
		cfg.Records = m
		var wait sync.WaitGroup
		errs := make([]error, 2)
		for i, who := range []struct {
			p    identity.Principal
			whom core.UserID
		}{{r.owner.Principal, mia.User}, {mia.Principal, r.owner.User}} {
			s, err := identity.New(cfg)
			ok(t, err)
			wait.Go(func() { errs[i] = s.SetRole(t.Context(), who.p, identity.NewMember{User: who.whom, Role: core.Admin}) })
		}
		wait.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("both or none: %v, %v", errs[0], errs[1])
		}
	})
}

// meeting has the first writes of two wait for each other.
type meeting struct {
	backend
	there atomic.Int32
	both  chan struct{}
}

func (m *meeting) Write(ctx context.Context, org core.OrgID, changes ...store.Change) error {
	if m.there.Add(1) == 2 {
		close(m.both)
	}
	select {
	case <-m.both:
	case <-ctx.Done():
	}
	return m.backend.Write(ctx, org, changes...)
}

func TestMembersAreListed(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		for i := range 5 {
			r.member(fmt.Sprintf("m%d", i), core.Viewer)
		}
		r.org("acme")
		var all []string
		var after core.UserID
		for {
			page, next, err := r.Members(t.Context(), r.owner.Principal, after, 4)
			ok(t, err)
			for _, m := range page {
				all = append(all, m.User.Email)
			}
			if next == "" {
				break
			}
			after = next
		}
		want(t, "members", fmt.Sprint(all), "[owner@example.org m0@example.org m1@example.org m2@example.org m3@example.org m4@example.org]")
	})
}

// Whatever one org's owner says about another org's things, they aren't there.
func TestOrgsAreApart(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		ctx, theirs := t.Context(), r.org("acme")
		mia := r.member("mia", core.Member)
		prj, err := r.CreateProject(ctx, r.owner.Principal, "secret")
		ok(t, err)
		key, _, err := r.CreateKey(ctx, r.owner.Principal, identity.NewKey{Name: "k", Scopes: []string{"tasks:read"}})
		ok(t, err)
		bot, err := r.CreateService(ctx, r.owner.Principal, identity.NewService{Name: "bot", Role: core.Viewer})
		ok(t, err)
		p := theirs.Principal
		for name, f := range map[string]func() error{
			"set role":      func() error { return r.SetRole(ctx, p, identity.NewMember{User: mia.User, Role: core.Viewer}) },
			"remove member": func() error { return r.RemoveMember(ctx, p, mia.User) },
			"hold to project": func() error {
				return r.SetRole(ctx, p, identity.NewMember{User: p.User, Role: core.Member, Projects: []core.ProjectID{prj.ID}})
			},
			"read project":    func() error { _, err := r.Project(ctx, p, prj.ID); return err },
			"rename project":  func() error { _, err := r.RenameProject(ctx, p, prj.ID, "x"); return err },
			"archive project": func() error { _, err := r.ArchiveProject(ctx, p, prj.ID); return err },
			"revoke key":      func() error { return r.RevokeKey(ctx, p, key.ID) },
			"key of service": func() error {
				_, _, err := r.CreateKey(ctx, p, identity.NewKey{Name: "k", User: bot.ID, Scopes: []string{"tasks:read"}})
				return err
			},
			"key in project": func() error {
				_, _, err := r.CreateKey(ctx, p, identity.NewKey{Name: "k", Project: prj.ID, Scopes: []string{"tasks:read"}})
				return err
			},
			"use project": func() error {
				_, err := r.Authenticate(ctx, identity.Credential{Bearer: theirs.Access, Project: prj.ID})
				return err
			},
			"enter": func() error { return r.Enter(ctx, p, core.DefaultOrg) },
		} {
			wantCode(t, name, f(), core.NotFound)
		}
		for name, f := range map[string]func() error{
			"users":    func() error { _, err := r.Users(ctx, p, "", 10); return err },
			"user":     func() error { _, err := r.User(ctx, p, mia.User); return err },
			"all orgs": func() error { _, _, err := r.AllOrgs(ctx, p, "", 10); return err },
			"disable":  func() error { return r.DisableUser(ctx, p, mia.User) },
			"reset":    func() error { _, err := r.ResetPassword(ctx, p, mia.User); return err },
			"add": func() error {
				return r.AddMember(ctx, p, p.Scope.Org, identity.NewMember{User: mia.User, Role: core.Viewer})
			},
			"org":    func() error { _, _, err := r.CreateOrg(ctx, p, identity.NewOrg{Name: "x"}); return err },
			"rotate": func() error { return r.RotateSigning(ctx, p) },
		} {
			wantCode(t, name, f(), core.Denied)
		}
		found, _, err := r.Members(ctx, p, "", 100)
		ok(t, err)
		want(t, "their members", len(found), 1)
		list, _, err := r.Keys(ctx, p, "", "", 100)
		ok(t, err)
		want(t, "their keys", len(list), 0)
		mine, err := r.Orgs(ctx, p)
		ok(t, err)
		want(t, "their orgs", len(mine), 1)
	})
}

func TestAMemberIsHeldToProjects(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		ctx := t.Context()
		one, err := r.CreateProject(ctx, r.owner.Principal, "one")
		ok(t, err)
		two, err := r.CreateProject(ctx, r.owner.Principal, "two")
		ok(t, err)
		mia := r.member("mia", core.Member, one.ID)
		want(t, "by default", mia.Scope.Project, one.ID)
		for _, c := range []identity.Credential{{Bearer: mia.Access}, {Cookie: mia.Session}, {Bearer: r.key(mia.Principal, identity.NewKey{})}} {
			p, err := r.Authenticate(ctx, c)
			ok(t, err)
			want(t, "project", p.Scope.Project, one.ID)
			for _, no := range []core.ProjectID{two.ID, core.DefaultProject, "prj_nothing"} {
				c.Project = no
				_, err = r.Authenticate(ctx, c)
				wantCode(t, string(no), err, core.NotFound)
			}
			list, _, err := r.Projects(ctx, mia.Principal, "", 100)
			ok(t, err)
			want(t, "projects", len(list), 1)
		}
		_, _, err = r.CreateKey(ctx, mia.Principal, identity.NewKey{Name: "k", Project: two.ID, Scopes: []string{"tasks:read"}})
		wantCode(t, "a key for another project", err, core.NotFound)

		key := r.key(mia.Principal, identity.NewKey{Project: one.ID})
		ok(t, r.SetRole(ctx, r.owner.Principal, identity.NewMember{User: mia.User, Role: core.Member, Projects: []core.ProjectID{two.ID}}))
		lost, err := bearer(ctx, r.Service, key)
		ok(t, err)
		for _, a := range identity.Actions() {
			if err := lost.May(a); err == nil && a != identity.HealthRead {
				t.Errorf("by a key for a project that he lost he may %s", a)
			}
		}
		wantCode(t, "a key for a project that he lost", lost.May(identity.TaskRead), core.NotFound)
		err = r.SetRole(ctx, r.owner.Principal, identity.NewMember{User: mia.User, Role: core.Admin, Projects: []core.ProjectID{two.ID}})
		wantCode(t, "an admin of a project", err, core.Invalid)
	})
}

func TestAnArchivedProjectCanNotBeUsed(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		ctx := t.Context()
		prj, err := r.CreateProject(ctx, r.owner.Principal, "  old one ")
		ok(t, err)
		want(t, "name", prj.Name, "old one")
		use := func() error {
			_, err := r.Authenticate(ctx, identity.Credential{Cookie: r.owner.Session, Project: prj.ID})
			return err
		}
		ok(t, use())
		_, err = r.ArchiveProject(ctx, r.owner.Principal, prj.ID)
		ok(t, err)
		wantCode(t, "archived", use(), core.NotFound)
		_, err = r.RestoreProject(ctx, r.owner.Principal, prj.ID)
		ok(t, err)
		ok(t, use())
		_, err = r.ArchiveProject(ctx, r.owner.Principal, core.DefaultProject)
		wantCode(t, "the default one", err, core.Invalid)
		renamed, err := r.RenameProject(ctx, r.owner.Principal, core.DefaultProject, "Main")
		ok(t, err)
		want(t, "renamed", renamed.Name, "Main")
		for _, bad := range []string{"", "a\nb", "\x00", string(make([]rune, 101))} {
			_, err = r.CreateProject(ctx, r.owner.Principal, bad)
			wantCode(t, fmt.Sprintf("%q", bad), err, core.Invalid)
		}
	})
}

func TestOrgsAreMadeByOperatorsOrByEveryone(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		ctx := t.Context()
		mia := r.member("mia", core.Member)
		_, _, err := r.CreateOrg(ctx, mia.Principal, identity.NewOrg{Name: "mine"})
		wantCode(t, "not an operator", err, core.Denied)
		o, _, err := r.CreateOrg(ctx, r.operator(), identity.NewOrg{Name: "hers", Owner: mia.User})
		ok(t, err)
		want(t, "her role", r.signIn("mia@example.org", o.ID).Role, core.Owner)
		_, _, err = r.CreateOrg(ctx, r.operator(), identity.NewOrg{Name: "nobody's"})
		wantCode(t, "without an owner", err, core.Invalid)
		_, token, err := r.CreateOrg(ctx, identity.Local(), identity.NewOrg{Name: "local", Invite: "zoe@example.org"})
		ok(t, err)
		zoe, err := r.Accept(ctx, token, identity.NewUser{Name: "Zoe", Password: password})
		ok(t, err)
		want(t, "the invited one's role", zoe.Role, core.Owner)

		r.cfg.OpenOrgs = true
		r.Service = r.node()
		o, _, err = r.CreateOrg(ctx, mia.Principal, identity.NewOrg{Name: "open", Owner: r.owner.User, Invite: "x@example.org"})
		ok(t, err)
		want(t, "the maker's role", o.Role, core.Owner)
		mine, err := r.Orgs(ctx, mia.Principal)
		ok(t, err)
		want(t, "her orgs", len(mine), 3)
		key, err := bearer(ctx, r.Service, r.key(mia.Principal, identity.NewKey{Scopes: []string{"org:read"}}))
		ok(t, err)
		mine, err = r.Orgs(ctx, key)
		ok(t, err)
		want(t, "her key's orgs", len(mine), 1)
		_, _, err = r.CreateOrg(ctx, key, identity.NewOrg{Name: "by key"})
		wantCode(t, "by a key", err, core.Denied)
		all, _, err := r.AllOrgs(ctx, r.operator(), "", 100)
		ok(t, err)
		want(t, "all orgs", len(all), 5)
		renamed, err := r.RenameOrg(ctx, r.owner.Principal, "Renamed")
		ok(t, err)
		want(t, "renamed", renamed.Name, "Renamed")
	})
}
