package identity_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// invite asks somebody into DefaultOrg.
func (r *rig) invite(p identity.Principal, email string, role core.Role) string {
	r.t.Helper()
	token, err := r.InviteUser(r.t.Context(), p, identity.Invite{Email: email, Role: role})
	ok(r.t, err)
	return token
}

// pending returns the invitations of DefaultOrg.
func (r *rig) pending() []identity.Invite {
	r.t.Helper()
	var all []identity.Invite
	after := ""
	for {
		page, next, err := r.Invitations(r.t.Context(), r.owner.Principal, after, 2)
		ok(r.t, err)
		all = append(all, page...)
		if after = next; after == "" {
			return all
		}
	}
}

// invited returns the invitation of an address into DefaultOrg.
func (r *rig) invited(email string) identity.Invite {
	r.t.Helper()
	for _, in := range r.pending() {
		if in.Email == email {
			return in
		}
	}
	r.t.Fatalf("%s isn't invited", email)
	return identity.Invite{}
}

func TestInvitationsAreListedUntilSomebodyAcceptsThem(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		ctx := t.Context()
		acme := r.org("acme")
		token := r.invite(r.owner.Principal, "Mia@example.org", core.Member)
		r.invite(r.owner.Principal, "max@example.org", core.Viewer)
		ann := r.invite(r.owner.Principal, "acme@example.com", core.Admin)
		all := r.pending()
		want(t, "invitations", len(all), 3)
		first := r.invited("mia@example.org")
		want(t, "the first", fmt.Sprint(first.Email, " ", first.Role, " ", first.By, " ", first.Void), "mia@example.org member "+string(r.owner.User)+" false")
		want(t, "its end", first.Expires, r.clock.Now().Add(identity.InviteLife))
		theirs, _, err := r.Invitations(ctx, acme.Principal, "", 10)
		ok(t, err)
		want(t, "another org's", len(theirs), 0)

		_, err = r.Accept(ctx, token, identity.NewUser{Name: "Mia", Password: password, Address: home})
		ok(t, err)
		_, err = r.AcceptAs(ctx, acme.Principal, ann)
		ok(t, err)
		all = r.pending()
		want(t, "invitations then", len(all), 1)
		want(t, "whose", all[0].Email, "max@example.org")
		r.clock.Advance(identity.InviteLife)
		want(t, "after their time", len(r.pending()), 0)
	})
}

func TestAnInvitationIsWithdrawn(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		ctx := t.Context()
		acme, adam := r.org("acme"), r.member("adam", core.Admin)
		token := r.invite(r.owner.Principal, "mia@example.org", core.Owner)
		as := r.invite(r.owner.Principal, "acme@example.com", core.Member)
		owner := r.invited("mia@example.org")
		wantCode(t, "another org's", r.Withdraw(ctx, acme.Principal, owner.ID), core.NotFound)
		wantCode(t, "of an owner to be, by an admin", r.Withdraw(ctx, adam.Principal, owner.ID), core.Denied)
		for _, in := range r.pending() {
			ok(t, r.Withdraw(ctx, r.owner.Principal, in.ID))
			wantCode(t, "again", r.Withdraw(ctx, r.owner.Principal, in.ID), core.NotFound)
		}
		_, err := r.Invitation(ctx, token)
		wantCode(t, "showing it", err, core.Unauthenticated)
		_, err = r.Accept(ctx, token, identity.NewUser{Name: "Mia", Password: password})
		wantCode(t, "accepting it", err, core.Unauthenticated)
		_, err = r.AcceptAs(ctx, acme.Principal, as)
		wantCode(t, "accepting it as a user", err, core.Unauthenticated)
		want(t, "told", r.heard("invitation.withdraw", "ok"), 2)
	})
}

// Withdrawing and accepting at once: either it was withdrawn and there is no member, or it
// was accepted and there is one.
func TestAnInvitationIsWithdrawnOrAccepted(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		nodes := []*identity.Service{r.Service, r.node()}
		for i := range 8 {
			email := fmt.Sprintf("p%d@example.org", i)
			token := r.invite(r.owner.Principal, email, core.Member)
			id := r.pending()[0].ID
			var wait sync.WaitGroup
			var accepted, withdrawn error
			wait.Go(func() {
				_, accepted = nodes[0].Accept(t.Context(), token, identity.NewUser{Name: "P", Password: password, Address: home})
			})
			wait.Go(func() { withdrawn = nodes[1].Withdraw(t.Context(), r.owner.Principal, id) })
			wait.Wait()
			member := false
			list, _, err := r.Members(t.Context(), r.owner.Principal, "", 100)
			ok(t, err)
			for _, m := range list {
				member = member || m.User.Email == email
			}
			if member != (accepted == nil) || member == (withdrawn == nil) {
				t.Fatalf("a member: %v; accepting: %v; withdrawing: %v", member, accepted, withdrawn)
			}
			want(t, "invitations left", len(r.pending()), 0)
		}
	})
}

// Who made it may not any more: he was demoted, removed, removed and came back, disabled.
func TestAnInvitationOfWhoMayNotAnyMoreIsVoid(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(r *rig, adam identity.Tokens) error{
		"demoted": func(r *rig, adam identity.Tokens) error {
			return r.SetRole(r.t.Context(), r.owner.Principal, identity.NewMember{User: adam.User, Role: core.Member})
		},
		"removed": func(r *rig, adam identity.Tokens) error {
			return r.RemoveMember(r.t.Context(), r.owner.Principal, adam.User)
		},
		"removed, and back": func(r *rig, adam identity.Tokens) error {
			ok(r.t, r.RemoveMember(r.t.Context(), r.owner.Principal, adam.User))
			return r.AddMember(r.t.Context(), r.operator(), core.DefaultOrg, identity.NewMember{User: adam.User, Role: core.Admin})
		},
		"disabled": func(r *rig, adam identity.Tokens) error {
			return r.DisableUser(r.t.Context(), r.operator(), adam.User)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, onSQLite)
			adam := r.member("adam", core.Admin)
			token := r.invite(adam.Principal, "mia@example.org", core.Viewer)
			want(t, "void before", r.pending()[0].Void, false)
			ok(t, f(r, adam))
			_, err := r.Accept(t.Context(), token, identity.NewUser{Name: "Mia", Password: password})
			wantCode(t, "accepting it", err, core.Unauthenticated)
			want(t, "void", r.pending()[0].Void, true)
			ok(t, r.Withdraw(t.Context(), r.owner.Principal, r.pending()[0].ID))
		})
	}
}

// An invitation of a member, which he couldn't use as one, doesn't bring him back when he
// was removed, nor when he has left; others stay.
func TestAnUnusedInvitationEndsWithItsMember(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		ctx := t.Context()
		mia := r.member("mia", core.Member)
		acme := r.org("acme")
		ok(t, r.AddMember(ctx, r.operator(), acme.Scope.Org, identity.NewMember{User: mia.User, Role: core.Viewer}))
		in := r.signIn("mia@example.org", acme.Scope.Org).Principal
		for name, remove := range map[string]func() error{
			"removed": func() error { return r.RemoveMember(ctx, r.owner.Principal, mia.User) },
			"gone":    func() error { return r.RemoveMember(ctx, mia.Principal, mia.User) },
		} {
			r.invite(r.owner.Principal, "max@example.org", core.Viewer)
			var tokens []string
			for range 3 {
				tokens = append(tokens, r.invite(r.owner.Principal, "mia@example.org", core.Admin))
			}
			_, err := r.AcceptAs(ctx, in, tokens[0])
			wantCode(t, "as a member", err, core.Conflict)
			ok(t, remove())
			for _, token := range tokens {
				_, err = r.AcceptAs(ctx, in, token)
				wantCode(t, name, err, core.Unauthenticated)
			}
			for _, i := range r.pending() {
				want(t, "who is still invited", i.Email, "max@example.org")
			}
			_, err = r.AcceptAs(ctx, in, r.invite(r.owner.Principal, "mia@example.org", core.Member))
			ok(t, err)
		}
	})
}

// However many there are of one address.
func TestManyInvitationsEndWithTheirMember(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	mia := r.member("mia", core.Member)
	for range 120 {
		r.invite(r.owner.Principal, "mia@example.org", core.Admin)
	}
	ok(t, r.RemoveMember(t.Context(), r.owner.Principal, mia.User))
	want(t, "invitations left", len(r.pending()), 0)
}

// An owner's invitation to be an owner is void when he is an admin.
func TestAnInvitationGivesNoMoreThanItsMakerHas(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	co := r.member("co", core.Owner)
	token := r.invite(co.Principal, "x@example.org", core.Owner)
	ok(t, r.SetRole(t.Context(), r.owner.Principal, identity.NewMember{User: co.User, Role: core.Admin}))
	_, err := r.Accept(t.Context(), token, identity.NewUser{Name: "X", Password: password})
	wantCode(t, "accepting it", err, core.Unauthenticated)
	want(t, "void", r.pending()[0].Void, true)
}

// An operator's invitation into an org that isn't his ends with his being one.
func TestAnOperatorsInvitationEndsWithHisRights(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	ctx := t.Context()
	oscar := r.member("oscar", core.Viewer)
	ok(t, r.AddMember(ctx, r.operator(), core.Installation, identity.NewMember{User: oscar.User, Role: core.Admin}))
	_, token, err := r.CreateOrg(ctx, r.signIn("oscar@example.org", core.Installation).Principal, identity.NewOrg{Name: "x", Invite: "zoe@example.org"})
	ok(t, err)
	_, err = r.Invitation(ctx, token)
	ok(t, err)
	ok(t, r.RemoveMember(ctx, r.operator(), oscar.User))
	_, err = r.Accept(ctx, token, identity.NewUser{Name: "Zoe", Password: password})
	wantCode(t, "of no operator any more", err, core.Unauthenticated)
}

// Wherever the process dies in it, an invitation can be accepted again, and is accepted once.
func TestAcceptingCanBeRepeated(t *testing.T) {
	t.Parallel()
	for after := range 20 {
		r := newRig(t, onSQLite)
		token := r.invite(r.owner.Principal, "mia@example.org", core.Member)
		cfg := r.cfg
		cfg.Records = &failingRecords{backend: r.store, left: after}
		broken, err := identity.New(cfg)
		ok(t, err)
		n := identity.NewUser{Name: "Mia", Password: password, Address: home}
		_, failure := broken.Accept(t.Context(), token, n)
		if failure != nil {
			wantCode(t, "the failure", failure, core.Unavailable)
		}
		if _, again := r.Accept(t.Context(), token, n); again != nil {
			wantCode(t, "a repeat of what was done", again, core.Unauthenticated)
		}
		want(t, "role", r.signIn("mia@example.org", "").Role, core.Member)
		list, _, err := r.Members(t.Context(), r.owner.Principal, "", 10)
		ok(t, err)
		want(t, "members", len(list), 2)
		if failure == nil {
			if after < 5 {
				t.Fatalf("only %d writes", after)
			}
			return
		}
	}
	t.Fatal("it never came to an end")
}

func TestOnlyOperatorsAddMembers(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	ctx := t.Context()
	acme, mia := r.org("acme"), r.member("mia", core.Member)
	wantCode(t, "by an owner", r.AddMember(ctx, acme.Principal, acme.Scope.Org, identity.NewMember{User: mia.User, Role: core.Viewer}), core.Denied)
	op := r.operator()
	wantCode(t, "nobody", r.AddMember(ctx, op, acme.Scope.Org, identity.NewMember{User: "usr_nobody", Role: core.Viewer}), core.NotFound)
	wantCode(t, "nowhere", r.AddMember(ctx, op, "org_nowhere", identity.NewMember{User: mia.User, Role: core.Viewer}), core.NotFound)
	wantCode(t, "no role", r.AddMember(ctx, op, acme.Scope.Org, identity.NewMember{User: mia.User, Role: "god"}), core.Invalid)
	bot, err := r.CreateService(ctx, r.owner.Principal, identity.NewService{Name: "bot", Role: core.Viewer})
	ok(t, err)
	wantCode(t, "another org's service", r.AddMember(ctx, op, acme.Scope.Org, identity.NewMember{User: bot.ID, Role: core.Viewer}), core.NotFound)
	ok(t, r.AddMember(ctx, op, acme.Scope.Org, identity.NewMember{User: mia.User, Role: core.Owner}))
	want(t, "role", r.signIn("mia@example.org", acme.Scope.Org).Role, core.Owner)
	wantCode(t, "again", r.AddMember(ctx, op, acme.Scope.Org, identity.NewMember{User: mia.User, Role: core.Owner}), core.Conflict)

	ok(t, r.AddMember(ctx, op, core.Installation, identity.NewMember{User: mia.User, Role: core.Admin}))
	admin := r.signIn("mia@example.org", core.Installation).Principal
	max := r.member("max", core.Viewer)
	wantCode(t, "above himself among operators", r.AddMember(ctx, admin, core.Installation, identity.NewMember{User: max.User, Role: core.Owner}), core.Denied)
	var told []string
	for _, e := range r.events {
		if e.Action == "member.add" {
			told = append(told, string(e.Org)+" "+e.Target)
		}
	}
	at := func(org core.OrgID) string { return string(org) + " " + string(mia.User) }
	want(t, "told", strings.Join(told, ", "), strings.Join([]string{at(core.Installation), at(acme.Scope.Org), at(core.Installation)}, ", "))
}
