package identity_test

import (
	"context"
	"strings"
	"testing"

	"github.com/oauth2-proxy/mockoidc"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

// certified is a configuration for the issuer at an address.
func certified(at string, groups ...identity.GroupGrant) identity.OIDCConfig {
	return identity.OIDCConfig{
		Name: "node", Issuer: at, ClientID: "isekai-ES256", ClientSecret: "a secret & a half", Scopes: []string{"groups"},
		Domains: []string{"example.org"}, Create: true, Groups: groups,
	}
}

// comeAs signs somebody with an account at the certified issuer in, by the whole way.
func comeAs(t *testing.T, s *identity.Service, account string) (identity.Tokens, error) {
	t.Helper()
	authURL, state, err := s.BeginOIDC(t.Context(), "node", back, "", nil)
	ok(t, err)
	q := browse(t, as(t, authURL, account))
	if q.Get("error") != "" {
		t.Fatalf("the issuer says %v", q)
	}
	return finish(t, s, q.Get("state"), q.Get("code"), state)
}

// Two issuers at once, each with groups of its own: a person who comes by both is one user,
// a state of one isn't the other's, and neither takes what the other has given.
func TestTwoIssuersAtOnce(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes node")
	}
	at := issuer(t, map[string]any{
		"ann": map[string]any{"email": "ann@example.org", "email_verified": true, "name": "Ann", "groups": []string{"staff"}},
	})
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		acme := r.org("acme")
		m, mocked := mock(t)
		mocked.Groups = []identity.GroupGrant{
			{Group: "staff", Org: core.DefaultOrg, Role: core.Owner}, {Group: "acme", Org: acme.Scope.Org, Role: core.Member},
		}
		s := with(r, mocked, certified(at, identity.GroupGrant{Group: "staff", Org: core.DefaultOrg, Role: core.Viewer}))
		want(t, "issuers", strings.Join(s.Providers(), " "), "mock node")
		first, err := comeAs(t, s, "ann")
		ok(t, err)
		want(t, "role", first.Role, core.Viewer)

		m.QueueUser(ann("acme"))
		second, err := come(t, s, "mock")
		ok(t, err)
		want(t, "user", second.User, first.User)
		want(t, "orgs", r.roles(s, second.Principal), "acme member, Default viewer")
		m.QueueUser(ann("staff")) // a word that both use means what each one's configuration says
		second, err = come(t, s, "mock")
		ok(t, err)
		want(t, "what the one gives stays", r.roles(s, second.Principal), "Default viewer")
		_, err = comeAs(t, s, "ann")
		ok(t, err)

		// A code of the one isn't redeemed at the other.
		authURL, _, err := s.BeginOIDC(t.Context(), "node", back, "", nil)
		ok(t, err)
		code := browse(t, as(t, authURL, "ann")).Get("code")
		m.QueueUser(ann("acme"))
		_, state, err := s.BeginOIDC(t.Context(), "mock", back, "", nil)
		ok(t, err)
		_, err = finish(t, s, state, code, state)
		wantCode(t, "the other's code", err, core.Unauthenticated)
	})
}

// roles are what somebody is in his orgs.
func (r *rig) roles(s *identity.Service, p identity.Principal) string {
	r.t.Helper()
	mine, err := s.Orgs(r.t.Context(), p)
	ok(r.t, err)
	var all []string
	for _, o := range mine {
		all = append(all, o.Name+" "+string(o.Role))
	}
	return strings.Join(all, ", ")
}

// reading has something happen before a record of a kind is read, once, when so many were.
type reading struct {
	backend
	kind  string
	after int
	hook  func()
}

func (h *reading) Record(ctx context.Context, org core.OrgID, kind, id string) (store.Record, error) {
	if f := h.hook; f != nil && kind == h.kind {
		if h.after--; h.after < 0 {
			h.hook = nil
			f()
		}
	}
	return h.backend.Record(ctx, org, kind, id)
}

// An admin who says meanwhile what somebody is goes before groups, and nothing is told of
// what they didn't change.
func TestAnAdminIsQuickerThanGroups(t *testing.T) {
	t.Parallel()
	for name, groups := range map[string][]string{"raised": {"builders"}, "taken": nil} {
		r := newRig(t, onSQLite)
		m, c := mock(t)
		c.Create = true
		c.Groups = []identity.GroupGrant{{Group: "staff", Org: core.DefaultOrg, Role: core.Viewer}, {Group: "builders", Org: core.DefaultOrg, Role: core.Member}}
		m.QueueUser(ann("staff"))
		first, err := come(t, with(r, c), "mock")
		ok(t, err)
		r.cfg.Records = &reading{backend: r.store, kind: "org", hook: func() {
			ok(t, r.SetRole(t.Context(), r.owner.Principal, identity.NewMember{User: first.User, Role: core.Admin}))
		}}
		m.QueueUser(ann(groups...))
		then, err := come(t, with(r, c), "mock")
		ok(t, err)
		want(t, name, then.Role, core.Admin)
		want(t, "told", r.heard("member.sync", "ok"), 1)
	}
}

// What the groups give is raised, lowered and taken with the next sign-in, for what is
// signed in already, too; and the audit log is told each time.
func TestAnIssuersGroupsChange(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes node")
	}
	groups := func(of ...string) map[string]any {
		return map[string]any{"email": "ann@example.org", "email_verified": true, "name": "Ann", "groups": of}
	}
	grants := []identity.GroupGrant{
		{Group: "staff", Org: core.DefaultOrg, Role: core.Viewer}, {Group: "admins", Org: core.DefaultOrg, Role: core.Admin},
	}
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		accounts := map[string]any{"ann": groups("staff")}
		at := issuer(t, accounts)
		s := with(r, certified(at, grants...))
		first, err := comeAs(t, s, "ann")
		ok(t, err)
		text := r.key(first.Principal, identity.NewKey{})
		for _, step := range []struct {
			name   string
			groups []string
			role   core.Role
		}{
			{"raised", []string{"staff", "admins"}, core.Admin}, {"lowered", []string{"staff"}, core.Viewer}, {"the same", []string{"staff", "other"}, core.Viewer},
		} {
			accounts["ann"] = groups(step.groups...)
			tell(t, at, accounts)
			_, err := comeAs(t, s, "ann")
			ok(t, err)
			p, err := bearer(t.Context(), s, first.Access)
			ok(t, err)
			want(t, step.name, p.Role, step.role)
		}
		accounts["ann"] = groups("other")
		tell(t, at, accounts)
		_, err = comeAs(t, s, "ann")
		wantCode(t, "removed", err, core.Denied)
		for name, c := range map[string]identity.Credential{"token": {Bearer: first.Access}, "cookie": {Cookie: first.Session}, "key": {Bearer: text}} {
			_, err = s.Authenticate(t.Context(), c)
			wantCode(t, "the "+name+" of before", err, core.Unauthenticated)
		}
		_, err = s.Refresh(t.Context(), first.Refresh, home)
		wantCode(t, "its refresh", err, core.Unauthenticated)
		want(t, "told", r.heard("member.sync", "ok"), 4)
	})
}

// Entra ID leaves the groups out if there are too many. Nobody knows then what the person
// is: no role is given and none is taken, the sign-in is refused, and an operator is told.
func TestGroupsThatAreNotTold(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes node")
	}
	person := func(more map[string]any) map[string]any {
		all := map[string]any{"email": "ann@example.org", "email_verified": true, "name": "Ann"}
		for k, v := range more {
			all[k] = v
		}
		return all
	}
	accounts := map[string]any{"ann": person(map[string]any{"groups": []string{"staff"}})}
	at := issuer(t, accounts)
	for name, said := range map[string]map[string]any{
		"elsewhere":      {"_claim_names": map[string]any{"groups": "src1"}, "_claim_sources": map[string]any{"src1": map[string]any{"endpoint": "https://graph.windows.net/x"}}},
		"that there are": {"hasgroups": true},
	} {
		accounts[name] = person(said)
	}
	tell(t, at, accounts)
	for name := range accounts {
		if name == "ann" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, onSQLite)
			s := with(r, certified(at, identity.GroupGrant{Group: "staff", Org: core.DefaultOrg, Role: core.Member}))
			before, err := comeAs(t, s, "ann")
			ok(t, err)
			_, err = comeAs(t, s, name)
			wantCode(t, name, err, core.Denied)
			p, err := bearer(t.Context(), s, before.Access)
			ok(t, err)
			want(t, "the role of before", p.Role, core.Member)
			r.mu.Lock()
			defer r.mu.Unlock()
			last := r.events[len(r.events)-1]
			want(t, "told", last.Action+" "+last.Outcome+" "+last.Detail["reason"], "sign_in refused oidc: the issuer names too many groups to be in a token")
			want(t, "of whom", last.Detail["subject"], name)
			want(t, "whence", last.Address, home.String())
		})
	}
}

// The last owner stays, whatever his groups say; and that is told.
func TestGroupsDoNotTakeTheLastOwner(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	_, link, err := r.CreateOrg(t.Context(), r.operator(), identity.NewOrg{Name: "hers", Invite: "x@example.org"})
	ok(t, err)
	in, err := r.Invitation(t.Context(), link)
	ok(t, err)
	m, c := mock(t)
	c.Create = true
	c.Groups = []identity.GroupGrant{{Group: "owners", Org: in.Org, Role: core.Owner}}
	s := with(r, c)
	m.QueueUser(ann("owners"))
	_, err = come(t, s, "mock")
	ok(t, err)
	m.QueueUser(&mockoidc.MockUser{Subject: "subject-of-ann", Email: "ann@example.org", EmailVerified: true})
	tokens, err := come(t, s, "mock")
	ok(t, err)
	want(t, "role", tokens.Role, core.Owner)
	want(t, "told", r.heard("member.sync", "refused"), 1)
}
