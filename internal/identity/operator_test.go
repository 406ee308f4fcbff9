package identity_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

// operatorOf makes somebody an operator, and returns him there.
func (r *rig) operatorOf(name string, role core.Role) identity.Principal {
	r.t.Helper()
	u := r.member(name, core.Viewer).User
	ok(r.t, r.AddMember(r.t.Context(), r.operator(), core.Installation, identity.NewMember{User: u, Role: role}))
	return r.signIn(name+"@example.org", core.Installation).Principal
}

func TestNobodyBecomesAnOperatorAboveHimself(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	ctx := t.Context()
	adam := r.operatorOf("adam", core.Admin)
	owner, mia := r.owner.User, r.member("mia", core.Owner).User
	for name, f := range map[string]func(core.UserID) error{
		"reset":   func(u core.UserID) error { _, err := r.ResetPassword(ctx, adam, u); return err },
		"address": func(u core.UserID) error { _, err := r.SetEmail(ctx, adam, u, "new@example.org"); return err },
		"disable": func(u core.UserID) error { return r.DisableUser(ctx, adam, u) },
		"enable":  func(u core.UserID) error { return r.EnableUser(ctx, adam, u) },
	} {
		wantCode(t, name, f(owner), core.Denied)
		ok(t, f(mia)) // a tenant's owner
	}
	_, err := r.ResetPassword(ctx, r.operator(), adam.User)
	ok(t, err)
	_, err = r.ResetPassword(ctx, identity.Local(), owner)
	ok(t, err)
}

// An operator finds a user by the address that he signs in by, however it is written.
func TestAUserIsFoundByAddress(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	ctx, mia := r.t.Context(), r.member("mia", core.Owner)
	found, err := r.UserByEmail(ctx, r.operator(), " Mia@Example.org")
	ok(t, err)
	if found.ID != mia.User || found.Email != "mia@example.org" {
		t.Errorf("%+v", found)
	}
	for what, code := range map[string]core.Code{"nobody@example.org": core.NotFound, "mia": core.Invalid} {
		_, err := r.UserByEmail(ctx, r.operator(), what)
		wantCode(t, what, err, code)
	}
	_, err = r.UserByEmail(ctx, mia.Principal, "mia@example.org")
	wantCode(t, "a tenant's owner", err, core.Denied)
}

// A link to set a password ends with the rights of the one who made it.
func TestALinkEndsWithTheRightsOfItsMaker(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(r *rig, adam, mia core.UserID) error{
		"he is removed":  func(r *rig, adam, _ core.UserID) error { return r.RemoveMember(r.t.Context(), r.operator(), adam) },
		"he is disabled": func(r *rig, adam, _ core.UserID) error { return r.DisableUser(r.t.Context(), r.operator(), adam) },
		"he is demoted": func(r *rig, adam, _ core.UserID) error {
			return r.SetRole(r.t.Context(), r.operator(), identity.NewMember{User: adam, Role: core.Member})
		},
		"the user rises above him": func(r *rig, _, mia core.UserID) error {
			return r.AddMember(r.t.Context(), r.operator(), core.Installation, identity.NewMember{User: mia, Role: core.Owner})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, onSQLite)
			adam, mia := r.operatorOf("adam", core.Admin), r.member("mia", core.Member).User
			link, err := r.ResetPassword(t.Context(), adam, mia)
			ok(t, err)
			_, invitation, err := r.CreateOrg(t.Context(), adam, identity.NewOrg{Name: "x", Invite: "zoe@example.org"})
			ok(t, err)
			ok(t, f(r, adam.User, mia))
			wantCode(t, "the link", r.FinishReset(t.Context(), link, "another good password", home), core.Unauthenticated)
			r.signIn("mia@example.org", "")
			_, err = r.Invitation(t.Context(), invitation)
			if name == "the user rises above him" {
				ok(t, err)
			} else {
				wantCode(t, "the invitation", err, core.Unauthenticated)
			}
		})
	}
}

// told returns the audit entries of an action, as the orgs' logs have them.
func (r *rig) told(action string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var orgs []string
	for _, e := range r.events {
		if e.Action == action {
			orgs = append(orgs, string(e.Org))
		}
	}
	slices.Sort(orgs)
	return strings.Join(orgs, " ")
}

func (r *rig) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = nil
}

// An org sees what operators do to its people, and who comes in; the installation sees what
// its operators do, wherever they are.
func TestWhoseAuditLogIsTold(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	ctx := t.Context()
	acme, mia := r.org("acme"), r.member("mia", core.Member)
	both := strings.Join(sorted(string(core.DefaultOrg), string(core.Installation), string(acme.Scope.Org)), " ")
	there := strings.Join(sorted(string(core.Installation), string(acme.Scope.Org)), " ")
	for _, op := range []identity.Principal{r.operator(), identity.Local()} {
		ok(t, r.AddMember(ctx, r.operator(), acme.Scope.Org, identity.NewMember{User: mia.User, Role: core.Viewer}))
		r.forget()
		u, err := r.CreateUser(ctx, op, identity.NewUser{Email: string(op.User[4:8]) + "@example.org", Name: "U", Password: password})
		ok(t, err)
		want(t, "a user", r.told("user.create"), string(core.Installation))
		ok(t, r.AddMember(ctx, op, acme.Scope.Org, identity.NewMember{User: u.ID, Role: core.Viewer}))
		want(t, "a member", r.told("member.add"), there)
		o, _, err := r.CreateOrg(ctx, op, identity.NewOrg{Name: "x", Owner: u.ID})
		ok(t, err)
		want(t, "an org", r.told("org.create"), strings.Join(sorted(string(core.Installation), string(o.ID)), " "))
		link, err := r.ResetPassword(ctx, op, mia.User)
		ok(t, err)
		want(t, "a reset", r.told("password.reset"), both)
		ok(t, r.FinishReset(ctx, link, password, elsewhere))
		want(t, "its end", r.told("password.set"), both)
		_, err = r.SetEmail(ctx, op, mia.User, "mia@example.org")
		ok(t, err)
		want(t, "an address", r.told("email.change"), both)
		ok(t, r.DisableUser(ctx, op, mia.User))
		want(t, "a disabling", r.told("user.disable"), both)
		ok(t, r.EnableUser(ctx, op, mia.User))
		want(t, "an enabling", r.told("user.enable"), both)
		ok(t, r.RotateSigning(ctx, op))
		want(t, "new keys", r.told("signing.rotate"), string(core.Installation))
		ok(t, r.RemoveMember(ctx, acme.Principal, mia.User))
	}

	in := r.signIn("mia@example.org", "").Principal
	token, err := r.InviteUser(ctx, acme.Principal, identity.Invite{Email: "mia@example.org", Role: core.Viewer})
	ok(t, err)
	r.forget()
	_, err = r.AcceptAs(ctx, in, token)
	ok(t, err)
	want(t, "who joins", r.told("user.accept"), string(acme.Scope.Org))
	ok(t, r.Enter(ctx, in, acme.Scope.Org))
	want(t, "who enters", r.told("session.enter"), string(acme.Scope.Org))
	r.invite(r.owner.Principal, "max@example.org", core.Viewer)
	for _, e := range r.events {
		if e.Action == "user.invite" {
			want(t, "whom", e.Detail["email"], "max@example.org")
		}
	}
}

func sorted(all ...string) []string { slices.Sort(all); return all }

// hooked has something happen between what a command reads and what it writes: before it
// takes from a bucket whose name begins so, once.
type hooked struct {
	backend
	bucket string
	hook   func()
}

func (h *hooked) Draw(ctx context.Context, org core.OrgID, bucket string, n int, rate store.Rate) (int, int, time.Duration, error) {
	if f := h.hook; f != nil && strings.HasPrefix(bucket, h.bucket) {
		h.hook = nil
		f()
	}
	return h.backend.Draw(ctx, org, bucket, n, rate)
}

// Who has only the old password, and proves it while the password is reset, changes nothing.
func TestAResetMeanwhileEndsWhatTheOldPasswordProves(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(s *identity.Service, r *rig, p identity.Principal) error{
		"password": func(s *identity.Service, r *rig, p identity.Principal) error {
			return s.ChangePassword(r.t.Context(), p, password, "the thief's own password")
		},
		"address": func(s *identity.Service, r *rig, p identity.Principal) error {
			_, err := s.ChangeEmail(r.t.Context(), p, password, "thief@example.org")
			return err
		},
		"a second factor": func(s *identity.Service, r *rig, p identity.Principal) error {
			_, err := s.EnrolTOTP(r.t.Context(), p, password)
			return err
		},
		"no second factor": func(s *identity.Service, r *rig, p identity.Principal) error {
			return s.DisableTOTP(r.t.Context(), p, password)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, onSQLite)
			mia := r.member("mia", core.Member)
			link, err := r.ResetPassword(t.Context(), r.operator(), mia.User)
			ok(t, err)
			cfg := r.cfg
			cfg.Quotas = &hooked{backend: r.store, bucket: "sign_in/address/", hook: func() { ok(t, r.FinishReset(t.Context(), link, "her new password", home)) }}
			s, err := identity.New(cfg)
			ok(t, err)
			wantCode(t, name, f(s, r, mia.Principal), core.Unauthenticated)
			_, err = bearer(t.Context(), r.Service, mia.Access)
			wantCode(t, "the thief's session", err, core.Unauthenticated)
			_, err = r.SignIn(t.Context(), identity.SignIn{Email: "mia@example.org", Password: "her new password", Address: home})
			ok(t, err)
		})
	}
}

// Nor does who is disabled meanwhile.
func TestADisabledUserMeanwhileChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	mia := r.member("mia", core.Member)
	cfg := r.cfg
	cfg.Quotas = &hooked{backend: r.store, bucket: "sign_in/address/", hook: func() { ok(t, r.DisableUser(t.Context(), r.operator(), mia.User)) }}
	s, err := identity.New(cfg)
	ok(t, err)
	wantCode(t, "a password", s.ChangePassword(t.Context(), mia.Principal, password, "another good password"), core.Unauthenticated)
}

// Nor does who signs in with it and with a code begin a session that outlives the change.
func TestAChangedPasswordMeanwhileEndsASignIn(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	mia := r.member("mia", core.Member)
	f, err := r.EnrolTOTP(t.Context(), mia.Principal, password)
	ok(t, err)
	_, err = r.ConfirmTOTP(t.Context(), mia.Principal, code(t, r, f.Secret))
	ok(t, err)
	r.clock.Advance(30 * time.Second)
	cfg := r.cfg
	cfg.Quotas = &hooked{backend: r.store, bucket: "sign_in/code/", hook: func() { ok(t, r.ChangePassword(t.Context(), mia.Principal, password, "her new password")) }}
	s, err := identity.New(cfg)
	ok(t, err)
	_, err = s.SignIn(t.Context(), identity.SignIn{Email: "mia@example.org", Password: password, Code: code(t, r, f.Secret), Address: elsewhere})
	wantCode(t, "with the old one", err, core.Unauthenticated)
}
