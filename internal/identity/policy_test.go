package identity_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

var update = flag.Bool("update", false, "write the golden files")

// in returns a principal of an org with a role.
func in(org core.OrgID, role core.Role) identity.Principal {
	return identity.Principal{
		Scope: core.Scope{Org: org, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_1"}},
		Role:  role, User: "usr_1", Session: "ses_1",
	}
}

// byKey is p by an API key.
func byKey(p identity.Principal, scopes ...string) identity.Principal {
	p.Key, p.Session, p.Scopes = "key_1", "", scopes
	p.Scope.Actor = core.Actor{Kind: core.ActorKey, ID: "key_1"}
	return p
}

// TestThePolicyIsThis holds the whole policy to a table that people read.
func TestThePolicyIsThis(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "action\tin an org\toperator\theld to a project\tkey scope")
	least := func(of func(core.Role) identity.Principal, a identity.Action) string {
		for _, role := range core.Roles {
			if of(role).May(a) == nil {
				return string(role)
			}
		}
		return "-"
	}
	for _, a := range identity.Actions() {
		scope := "-"
		for _, s := range identity.Scopes() {
			for _, org := range []core.OrgID{"org_a", core.Installation} {
				if byKey(in(org, core.Owner), s).May(a) == nil {
					scope = s
				}
			}
		}
		if byKey(in("org_a", core.Owner)).May(a) == nil {
			scope = "any"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", a,
			least(func(r core.Role) identity.Principal { return in("org_a", r) }, a),
			least(func(r core.Role) identity.Principal { return in(core.Installation, r) }, a),
			least(func(r core.Role) identity.Principal {
				p := in("org_a", r)
				p.Projects = []core.ProjectID{"prj_a"}
				return p
			}, a), scope)
	}
	_ = w.Flush()
	path := filepath.Join("testdata", "policy.golden")
	if *update {
		ok(t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	golden, err := os.ReadFile(path)
	ok(t, err)
	want(t, "the policy (-update writes it)", b.String(), string(golden))
}

// The laws of the policy, for every action, role, scope and place.
func TestThePolicyIsSound(t *testing.T) {
	t.Parallel()
	for _, org := range []core.OrgID{"org_a", core.DefaultOrg, core.Installation} {
		for _, a := range append(identity.Actions(), "", "task", "TASK.READ") {
			allowed := 0
			for _, role := range append([]core.Role{"", "god"}, core.Roles...) {
				p := in(org, role)
				may := p.May(a) == nil
				if may {
					allowed++
				} else if allowed > 0 {
					t.Errorf("%s may %s in %s not, but a lesser role may", role, a, org)
				}
				if may && role.Rank() == 0 {
					t.Errorf("the role %q may %s", role, a)
				}
				for _, scope := range append([]string{"", "*", "tasks"}, identity.Scopes()...) {
					if byKey(p, scope).May(a) == nil && !may {
						t.Errorf("a key with %s may %s in %s as %s, and its user may not", scope, a, org, role)
					}
				}
				if byKey(p).May(a) == nil && a != identity.HealthRead && a != identity.EventRead { // which shows what the scopes cover
					t.Errorf("a key without scopes may %s", a)
				}
				if byKey(p, identity.Scopes()...).May(a) == nil && (a == identity.Self || a == identity.KeyWrite) {
					t.Errorf("a key may %s", a)
				}
				p.Projects = []core.ProjectID{"prj_a"}
				if p.May(a) == nil && !may {
					t.Errorf("who is held to a project may %s, and who isn't may not", a)
				}
			}
		}
	}
	for _, a := range []identity.Action{"", "task", "everything"} {
		wantCode(t, string(a), identity.Local().May(a), core.Denied)
	}
	var nobody identity.Principal
	for _, a := range identity.Actions() {
		wantCode(t, string(a), nobody.May(a), core.Denied)
		if err := identity.Local().May(a); err != nil {
			t.Errorf("the owner of an embedded installation may not %s: %v", a, err)
		}
		if strings.HasPrefix(string(a), "operate") && in("org_a", core.Owner).May(a) == nil {
			t.Errorf("an org's owner may %s", a)
		}
	}
}

// Every command asks the policy before it reads anything: with a store that must not be
// touched, a principal who may nothing is denied.
func TestCommandsAskFirst(t *testing.T) {
	t.Parallel()
	s, err := identity.New(identity.Config{Records: untouchable{t: t}, Quotas: untouchable{t: t}, Hashing: cheap})
	ok(t, err)
	ctx, p := t.Context(), in("org_a", "")
	for name, err := range map[string]func() error{
		"AcceptAs":       func() error { _, err := s.AcceptAs(ctx, p, ""); return err },
		"AddMember":      func() error { return s.AddMember(ctx, p, p.Scope.Org, identity.NewMember{}) },
		"AllOrgs":        func() error { _, _, err := s.AllOrgs(ctx, p, "", 1); return err },
		"ArchiveProject": func() error { _, err := s.ArchiveProject(ctx, p, "prj_a"); return err },
		"ChangePassword": func() error { return s.ChangePassword(ctx, p, "", "") },
		"ConfirmTOTP":    func() error { _, err := s.ConfirmTOTP(ctx, p, ""); return err },
		"CreateKey":      func() error { _, _, err := s.CreateKey(ctx, p, identity.NewKey{}); return err },
		"CreateKey2":     func() error { _, _, err := s.CreateKey(ctx, p, identity.NewKey{User: "usr_2"}); return err },
		"CreateOrg":      func() error { _, _, err := s.CreateOrg(ctx, p, identity.NewOrg{}); return err },
		"CreateProject":  func() error { _, err := s.CreateProject(ctx, p, "x"); return err },
		"CreateService":  func() error { _, err := s.CreateService(ctx, p, identity.NewService{}); return err },
		"CreateUser":     func() error { _, err := s.CreateUser(ctx, p, identity.NewUser{}); return err },
		"DisableTOTP":    func() error { return s.DisableTOTP(ctx, p, "") },
		"DisableUser":    func() error { return s.DisableUser(ctx, p, "usr_2") },
		"EnableUser":     func() error { return s.EnableUser(ctx, p, "usr_2") },
		"EnrolTOTP":      func() error { _, err := s.EnrolTOTP(ctx, p, ""); return err },
		"Enter":          func() error { return s.Enter(ctx, p, "org_b") },
		"InviteUser":     func() error { _, err := s.InviteUser(ctx, p, identity.Invite{}); return err },
		"Keys":           func() error { _, _, err := s.Keys(ctx, p, "", "", 1); return err },
		"Members":        func() error { _, _, err := s.Members(ctx, p, "", 1); return err },
		"Org":            func() error { _, err := s.Org(ctx, p); return err },
		"Orgs":           func() error { _, err := s.Orgs(ctx, p); return err },
		"Project":        func() error { _, err := s.Project(ctx, p, "prj_a"); return err },
		"Projects":       func() error { _, _, err := s.Projects(ctx, p, "", 1); return err },
		"RemoveMember":   func() error { return s.RemoveMember(ctx, p, "usr_2") },
		"RenameOrg":      func() error { _, err := s.RenameOrg(ctx, p, "x"); return err },
		"RenameProject":  func() error { _, err := s.RenameProject(ctx, p, "prj_a", "x"); return err },
		"RenameUser":     func() error { _, err := s.RenameUser(ctx, p, "x"); return err },
		"ResetPassword":  func() error { _, err := s.ResetPassword(ctx, p, "usr_2"); return err },
		"RestoreProject": func() error { _, err := s.RestoreProject(ctx, p, "prj_a"); return err },
		"RevokeKey":      func() error { return s.RevokeKey(ctx, p, "key_1") },
		"RevokeSession":  func() error { return s.RevokeSession(ctx, p, "ses_1") },
		"RotateSigning":  func() error { return s.RotateSigning(ctx, p) },
		"Sessions":       func() error { _, err := s.Sessions(ctx, p); return err },
		"SetRole":        func() error { return s.SetRole(ctx, p, identity.NewMember{}) },
		"SignOut":        func() error { return s.SignOut(ctx, p) },
		"User":           func() error { _, err := s.User(ctx, p, "usr_2"); return err },
		"Users":          func() error { _, err := s.Users(ctx, p, "", 1); return err },
	} {
		wantCode(t, name, err(), core.Denied)
	}
}

// untouchable is a store that nobody may use.
type untouchable struct {
	backend
	t *testing.T
}

func (u untouchable) Record(context.Context, core.OrgID, string, string) (store.Record, error) {
	u.t.Error("a record was read")
	return store.Record{}, core.E(core.Internal, "test", "")
}

func (u untouchable) Records(context.Context, core.OrgID, string, string, string, int) ([]store.Record, error) {
	u.t.Error("records were read")
	return nil, core.E(core.Internal, "test", "")
}

func (u untouchable) Write(context.Context, core.OrgID, ...store.Change) error {
	u.t.Error("records were written")
	return core.E(core.Internal, "test", "")
}
