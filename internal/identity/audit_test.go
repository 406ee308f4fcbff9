package identity_test

import (
	"slices"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// Whatever somebody does who is signed in, the audit log is told whence.
func TestTheAuditLogIsToldWhence(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	ctx := t.Context()
	at := func(org core.OrgID) identity.Principal { // by a request from elsewhere
		p, err := r.Authenticate(ctx, identity.Credential{Cookie: r.signIn("owner@example.org", org).Session, Address: elsewhere})
		ok(t, err)
		return p
	}
	mia := r.member("mia", core.Member)
	p, op := at(core.DefaultOrg), at(core.Installation)
	other := at(core.DefaultOrg)
	r.mu.Lock()
	r.events = nil
	r.mu.Unlock()

	prj, err := r.CreateProject(ctx, p, "one")
	ok(t, err)
	_, err = r.RenameProject(ctx, p, prj.ID, "two")
	ok(t, err)
	_, err = r.ArchiveProject(ctx, p, prj.ID)
	ok(t, err)
	_, err = r.RestoreProject(ctx, p, prj.ID)
	ok(t, err)
	k, _, err := r.CreateKey(ctx, p, identity.NewKey{Name: "k", Scopes: []string{"tasks:read"}})
	ok(t, err)
	ok(t, r.RevokeKey(ctx, p, k.ID))
	_, err = r.CreateService(ctx, p, identity.NewService{Name: "bot", Role: core.Viewer})
	ok(t, err)
	ok(t, r.SetRole(ctx, p, identity.NewMember{User: mia.User, Role: core.Viewer}))
	ok(t, r.RemoveMember(ctx, p, mia.User))
	ok(t, r.AddMember(ctx, op, core.DefaultOrg, identity.NewMember{User: mia.User, Role: core.Viewer}))
	r.invite(p, "max@example.org", core.Viewer)
	invites, _, err := r.Invitations(ctx, p, "", 10)
	ok(t, err)
	ok(t, r.Withdraw(ctx, p, invites[0].ID))
	_, err = r.RenameOrg(ctx, p, "New")
	ok(t, err)
	o, token, err := r.CreateOrg(ctx, op, identity.NewOrg{Name: "x", Invite: "owner@example.org"})
	ok(t, err)
	_, err = r.AcceptAs(ctx, p, token)
	ok(t, err)
	u, err := r.CreateUser(ctx, op, identity.NewUser{Email: "u@example.org", Name: "U", Password: password})
	ok(t, err)
	_, err = r.SetEmail(ctx, op, u.ID, "v@example.org")
	ok(t, err)
	reset, err := r.ResetPassword(ctx, op, u.ID)
	ok(t, err)
	ok(t, r.FinishReset(ctx, reset, "another good password", elsewhere))
	ok(t, r.DisableUser(ctx, op, u.ID))
	ok(t, r.EnableUser(ctx, op, u.ID))
	ok(t, r.RotateSigning(ctx, op))
	_, err = r.ChangeEmail(ctx, p, password, "olga@example.org")
	ok(t, err)
	f, err := r.EnrolTOTP(ctx, p, password)
	ok(t, err)
	_, err = r.ConfirmTOTP(ctx, p, code(t, r, f.Secret))
	ok(t, err)
	ok(t, r.DisableTOTP(ctx, p, password))
	ok(t, r.Enter(ctx, p, o.ID))
	ok(t, r.RevokeSession(ctx, p, other.Session))
	ok(t, r.ChangePassword(ctx, p, password, "another good password"))
	ok(t, r.SignOut(ctx, p))

	r.mu.Lock()
	defer r.mu.Unlock()
	var told []string
	for _, e := range r.events {
		if e.Address != elsewhere.String() {
			t.Errorf("%s is told of without whence it came: %+v", e.Action, e)
		}
		if !slices.Contains(told, e.Action) {
			told = append(told, e.Action)
		}
	}
	if len(told) < 22 {
		t.Errorf("only %d actions were told of: %v", len(told), told)
	}
}
