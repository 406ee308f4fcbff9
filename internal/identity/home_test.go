package identity_test

import (
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// Who was made a user by a stranger's invitation, before the issuer vouched for the
// address, doesn't begin in the stranger's org, by whatever way he comes later; it is still
// there if he names it.
func TestAStrangersInvitationIsNobodysHome(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	m, c := mock(t)
	c.Groups = []identity.GroupGrant{{Group: "staff", Org: core.DefaultOrg, Role: core.Member}}
	s := with(r, c)
	evil := r.org("mallory")
	token, err := s.InviteUser(t.Context(), evil.Principal, identity.Invite{Email: "ann@example.org", Role: core.Member})
	ok(t, err)
	_, err = s.Accept(t.Context(), token, identity.NewUser{Name: "Ann", Password: password})
	ok(t, err)
	m.QueueUser(ann())
	_, err = come(t, s, "mock")
	wantCode(t, "nowhere of her own", err, core.Denied)
	want(t, "what she is told", core.HintOf(err), "name one of "+string(evil.Scope.Org))
	m.QueueUser(ann("staff"))
	tokens, err := come(t, s, "mock")
	ok(t, err)
	want(t, "with a place in her company's", tokens.Scope.Org, core.DefaultOrg)
	m.QueueUser(ann("staff"))
	tokens, err = comeTo(t, s, "mock", evil.Scope.Org)
	ok(t, err)
	want(t, "the one that she names", tokens.Scope.Org, evil.Scope.Org)
	m.QueueUser(ann("staff"))
	tokens, err = come(t, s, "mock")
	ok(t, err)
	want(t, "her home stays", tokens.Scope.Org, core.DefaultOrg)
	m.QueueUser(ann("staff"))
	_, err = comeTo(t, s, "mock", "org_elsewhere")
	wantCode(t, "one that isn't hers", err, core.NotFound)
}

// Whatever the stranger does while the owner of the address takes the user over, or after
// it where that isn't known yet, he chooses nothing for her.
func TestAStrangerChoosesNothingForWhoTakesOver(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		kind  string
		after int
	}{"before": {"invite", 0}, "when he has proved who he is": {"seat", 0}, "when his home is known": {"member", 1}, "when there is his place": {"org", 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, onSQLite)
			m, c := mock(t)
			s := with(r, c)
			evil := r.org("mallory")
			stranger := r.member("ann", core.Viewer)
			token, err := s.InviteUser(t.Context(), evil.Principal, identity.Invite{Email: "ann@example.org", Role: core.Member})
			ok(t, err)
			ok(t, s.RemoveMember(t.Context(), r.owner.Principal, stranger.User))
			cfg := r.cfg
			cfg.Records = &reading{backend: r.store, kind: at.kind, after: at.after, hook: func() {
				m.QueueUser(ann())
				_, err := come(t, s, "mock")
				wantCode(t, "she takes it over", err, core.Denied)
			}}
			other, err := identity.New(cfg)
			ok(t, err)
			_, _ = other.AcceptAs(t.Context(), stranger.Principal, token)
			_ = other.Enter(t.Context(), stranger.Principal, evil.Scope.Org)
			m.QueueUser(ann())
			_, err = come(t, s, "mock")
			wantCode(t, "she begins in no org", err, core.Denied)
		})
	}
}

// A user whom an operator made is at home where he was put first; then where he chooses.
func TestWhereAUserIsAtHome(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		ctx, op := t.Context(), r.operator()
		u, err := r.CreateUser(ctx, op, identity.NewUser{Email: "erin@example.org", Name: "Erin", Password: password})
		ok(t, err)
		wantCode(t, "in no org", try(r, "erin@example.org", password, home), core.Denied)
		add := func(org core.OrgID) {
			ok(t, r.AddMember(ctx, op, org, identity.NewMember{User: u.ID, Role: core.Member}))
		}
		begins := func() core.OrgID { return r.signIn("erin@example.org", "").Scope.Org }

		acme, zebra := r.org("acme"), r.org("zebra")
		add(zebra.Scope.Org)
		add(acme.Scope.Org)
		want(t, "at first", begins(), zebra.Scope.Org)
		own, _, err := r.CreateOrg(ctx, op, identity.NewOrg{Name: "own", Owner: u.ID})
		ok(t, err)
		want(t, "with another one", begins(), zebra.Scope.Org)
		ok(t, r.RemoveMember(ctx, zebra.Principal, u.ID))
		wantCode(t, "with two that she never chose", try(r, "erin@example.org", password, home), core.Denied)
		add(core.DefaultOrg)
		want(t, "given a home again", begins(), core.DefaultOrg)
		ok(t, r.Enter(ctx, r.signIn("erin@example.org", "").Principal, own.ID)) // a choice, too
		ok(t, r.RemoveMember(ctx, r.owner.Principal, u.ID))
		want(t, "what she has chosen", begins(), own.ID)

		o, _, err := r.CreateOrg(ctx, op, identity.NewOrg{Name: "first", Owner: r.userWithoutOrg("nora")})
		ok(t, err)
		want(t, "the owner of an org", r.signIn("nora@example.org", "").Scope.Org, o.ID)
		token, err := r.InviteUser(ctx, acme.Principal, identity.Invite{Email: "ned@example.org", Role: core.Viewer})
		ok(t, err)
		ned := r.member("ned", core.Viewer)
		_, err = r.AcceptAs(ctx, ned.Principal, token)
		ok(t, err)
		ok(t, r.RemoveMember(ctx, r.owner.Principal, ned.User))
		want(t, "who has accepted", r.signIn("ned@example.org", "").Scope.Org, acme.Scope.Org)
	})
}

// userWithoutOrg is a user whom an operator has just made.
func (r *rig) userWithoutOrg(name string) core.UserID {
	r.t.Helper()
	u, err := r.CreateUser(r.t.Context(), r.operator(), identity.NewUser{Email: name + "@example.org", Name: name, Password: password})
	ok(r.t, err)
	return u.ID
}

// Who is held to a project that is archived can do nothing in the org, and all that is
// about himself: end his sessions, change his password, leave, go elsewhere.
func TestAnArchivedProjectKeepsNobodyFromHimself(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	ctx := t.Context()
	prj, err := r.CreateProject(ctx, r.owner.Principal, "one")
	ok(t, err)
	acme, erin := r.org("acme"), r.member("erin", core.Member, prj.ID)
	key := r.key(erin.Principal, identity.NewKey{Scopes: []string{"tasks:read", "org:read"}})
	ok(t, r.AddMember(ctx, r.operator(), acme.Scope.Org, identity.NewMember{User: erin.User, Role: core.Viewer}))
	_, err = r.ArchiveProject(ctx, r.owner.Principal, prj.ID)
	ok(t, err)
	for name, c := range map[string]identity.Credential{"token": {Bearer: erin.Access}, "cookie": {Cookie: erin.Session}, "key": {Bearer: key}} {
		p, err := r.Authenticate(ctx, c)
		ok(t, err)
		for _, a := range []identity.Action{identity.TaskRead, identity.AppRead, identity.UsageRead} {
			if name != "key" || a == identity.TaskRead {
				wantCode(t, name+" "+string(a), p.May(a), core.NotFound)
			}
		}
		for _, a := range []identity.Action{identity.HealthRead, identity.OrgRead, identity.Self} {
			if name != "key" || a != identity.Self {
				ok(t, p.May(a))
			}
		}
	}
	p, err := cookie(ctx, r.Service, erin.Session)
	ok(t, err)
	mine, err := r.Sessions(ctx, p)
	ok(t, err)
	want(t, "sessions", len(mine), 1)
	ok(t, r.ChangePassword(ctx, p, password, "another good password"))
	_, err = r.Orgs(ctx, p)
	ok(t, err)
	ok(t, r.RemoveMember(ctx, p, p.User))
	ok(t, r.Enter(ctx, p, acme.Scope.Org))
	p, err = cookie(ctx, r.Service, erin.Session)
	ok(t, err)
	ok(t, p.May(identity.TaskRead))
	ok(t, r.SignOut(ctx, p))
}

// Who of the others has a second factor is told to admins, and who has a password to
// operators.
func TestWhatMembersAreToldOfEachOther(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	ctx := t.Context()
	f, err := r.EnrolTOTP(ctx, r.owner.Principal, password)
	ok(t, err)
	_, err = r.ConfirmTOTP(ctx, r.owner.Principal, code(t, r, f.Secret))
	ok(t, err)
	mia, adam := r.member("mia", core.Member), r.member("adam", core.Admin)
	for _, c := range []struct {
		p                identity.Principal
		factor, password bool
	}{{mia.Principal, false, false}, {adam.Principal, true, false}, {r.owner.Principal, true, true}, {identity.Local(), true, true}} {
		list, _, err := r.Members(ctx, c.p, "", 10)
		ok(t, err)
		for _, m := range list {
			if m.User.ID == r.owner.User {
				want(t, string(c.p.Role)+" is told of the second factor", m.User.SecondFactor, c.factor)
				want(t, string(c.p.Role)+" is told of the password", m.User.HasPassword, c.password)
			}
			if m.User.ID == c.p.User {
				want(t, "of oneself", m.User.HasPassword, true)
			}
		}
	}
}
