package identity_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

func TestAKeyMayWhatItsScopesAndItsUserMay(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		mia := r.member("mia", core.Viewer)
		text := r.key(mia.Principal, identity.NewKey{Scopes: []string{"tasks:write", "tasks:read", "org:write"}})
		if !strings.HasPrefix(text, "isk_") || strings.Count(text, "_") != 2 || len(text) < 80 {
			t.Fatalf("the text is %s", text)
		}
		p, err := bearer(t.Context(), r.Service, text)
		ok(t, err)
		want(t, "actor", p.Scope.Actor, core.Actor{Kind: core.ActorKey, ID: string(p.Key)})
		want(t, "user", p.User, mia.User)
		ok(t, p.May(identity.TaskRead))
		wantCode(t, "beyond the role", p.May(identity.TaskWrite), core.Denied)
		wantCode(t, "beyond the scopes", p.May(identity.AppRead), core.Denied)
		wantCode(t, "what no key may", p.May(identity.Self), core.Denied)

		// The user rises, and the key doesn't: it was made with less.
		ok(t, r.SetRole(t.Context(), r.owner.Principal, identity.NewMember{User: mia.User, Role: core.Owner}))
		p, err = bearer(t.Context(), r.Service, text)
		ok(t, err)
		want(t, "role", p.Role, core.Viewer)
	})
}

func TestAKeyOfAProjectStaysInIt(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		prj, err := r.CreateProject(t.Context(), r.owner.Principal, "one")
		ok(t, err)
		text := r.key(r.owner.Principal, identity.NewKey{Project: prj.ID, Scopes: identity.Scopes()})
		p, err := bearer(t.Context(), r.Service, text)
		ok(t, err)
		want(t, "project", p.Scope.Project, prj.ID)
		_, err = r.Authenticate(t.Context(), identity.Credential{Bearer: text, Project: core.DefaultProject})
		wantCode(t, "another project", err, core.NotFound)
		ok(t, p.May(identity.TaskWrite))
		for _, a := range []identity.Action{identity.MemberWrite, identity.OrgWrite, identity.ProjectWrite, identity.AuditRead, identity.SecretWrite} {
			wantCode(t, string(a), p.May(a), core.Denied)
		}
	})
}

func TestAKeyExpires(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		text := r.key(r.owner.Principal, identity.NewKey{Expires: r.clock.Now().Add(2 * time.Second)})
		_, err := bearer(t.Context(), r.Service, text)
		ok(t, err)
		r.clock.Advance(2 * time.Second) // less than what caches keep
		_, err = bearer(t.Context(), r.Service, text)
		wantCode(t, "after its time", err, core.Unauthenticated)
	})
}

func TestWhatNoKeyCanBe(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		mia := r.member("mia", core.Member)
		admin := r.member("adam", core.Admin)
		bot, err := r.CreateService(t.Context(), r.owner.Principal, identity.NewService{Name: "bot", Role: core.Owner})
		ok(t, err)
		scopes := []string{"tasks:read"}
		little, err := r.CreateService(t.Context(), r.owner.Principal, identity.NewService{Name: "little", Role: core.Viewer})
		ok(t, err)
		for name, c := range map[string]struct {
			by   identity.Principal
			key  identity.NewKey
			code core.Code
		}{
			"no name":            {mia.Principal, identity.NewKey{Scopes: scopes}, core.Invalid},
			"no scope":           {mia.Principal, identity.NewKey{Name: "k"}, core.Invalid},
			"unknown scope":      {mia.Principal, identity.NewKey{Name: "k", Scopes: []string{"everything"}}, core.Invalid},
			"past":               {mia.Principal, identity.NewKey{Name: "k", Scopes: scopes, Expires: r.clock.Now()}, core.Invalid},
			"negative budget":    {mia.Principal, identity.NewKey{Name: "k", Scopes: scopes, Budget: -1}, core.Invalid},
			"unknown role":       {mia.Principal, identity.NewKey{Name: "k", Scopes: scopes, Role: "god"}, core.Invalid},
			"a higher role":      {mia.Principal, identity.NewKey{Name: "k", Scopes: scopes, Role: core.Admin}, core.Denied},
			"for another person": {r.owner.Principal, identity.NewKey{Name: "k", Scopes: scopes, User: mia.User}, core.Denied},
			"for others":         {mia.Principal, identity.NewKey{Name: "k", Scopes: scopes, User: bot.ID}, core.Denied},
			"for a higher one":   {admin.Principal, identity.NewKey{Name: "k", Scopes: scopes, User: bot.ID}, core.Denied},
			"above its user's":   {r.owner.Principal, identity.NewKey{Name: "k", Scopes: scopes, User: little.ID, Role: core.Admin}, core.Denied},
			"for nobody":         {r.owner.Principal, identity.NewKey{Name: "k", Scopes: scopes, User: "usr_nobody"}, core.NotFound},
			"unknown project":    {mia.Principal, identity.NewKey{Name: "k", Scopes: scopes, Project: "prj_x"}, core.NotFound},
		} {
			_, text, err := r.CreateKey(t.Context(), c.by, c.key)
			wantCode(t, name, err, c.code)
			want(t, name, text, "")
		}
		byKey, err := bearer(t.Context(), r.Service, r.key(r.owner.Principal, identity.NewKey{Scopes: identity.Scopes()}))
		ok(t, err)
		_, _, err = r.CreateKey(t.Context(), byKey, identity.NewKey{Name: "k", Scopes: scopes})
		wantCode(t, "by a key", err, core.Denied)
	})
}

func TestAServiceActsByKeys(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		bot, err := r.CreateService(t.Context(), r.owner.Principal, identity.NewService{Name: "bot", Role: core.Member})
		ok(t, err)
		admin := r.member("adam", core.Admin)
		text := r.key(admin.Principal, identity.NewKey{User: bot.ID, Budget: 5 * core.Credit})
		p, err := bearer(t.Context(), r.Service, text)
		ok(t, err)
		want(t, "user", p.User, bot.ID)
		list, _, err := r.Keys(t.Context(), admin.Principal, bot.ID, "", 10)
		ok(t, err)
		want(t, "keys", len(list), 1)
		want(t, "budget", list[0].Budget, 5*core.Credit)
		_, err = r.ResetPassword(t.Context(), r.operator(), bot.ID)
		wantCode(t, "a service's password", err, core.Invalid)
		ok(t, r.RemoveMember(t.Context(), r.owner.Principal, bot.ID))
		_, err = bearer(t.Context(), r.Service, text)
		wantCode(t, "a removed service's key", err, core.Unauthenticated)
		_, err = r.User(t.Context(), r.operator(), bot.ID)
		wantCode(t, "a removed service", err, core.NotFound)
	})
}

func TestKeysAreListedAndRevoked(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		mia, max := r.member("mia", core.Member), r.member("max", core.Member)
		ids := map[string]core.KeyID{}
		for i := range 3 {
			k, _, err := r.CreateKey(t.Context(), mia.Principal, identity.NewKey{Name: fmt.Sprint(i), Scopes: []string{"tasks:read"}})
			ok(t, err)
			ids[k.Name] = k.ID
		}
		page, next, err := r.Keys(t.Context(), mia.Principal, mia.User, "", 2)
		ok(t, err)
		rest, end, err := r.Keys(t.Context(), mia.Principal, mia.User, next, 2)
		ok(t, err)
		want(t, "keys", len(page)+len(rest), 3)
		want(t, "end", end, "")
		_, _, err = r.Keys(t.Context(), max.Principal, mia.User, "", 10)
		wantCode(t, "another's", err, core.Denied)
		_, _, err = r.Keys(t.Context(), max.Principal, "", "", 10)
		wantCode(t, "everybody's", err, core.Denied)
		wantCode(t, "revoking another's", r.RevokeKey(t.Context(), max.Principal, ids["0"]), core.NotFound)
		ok(t, r.RevokeKey(t.Context(), mia.Principal, ids["0"]))
		ok(t, r.RevokeKey(t.Context(), r.owner.Principal, ids["1"]))
		all, _, err := r.Keys(t.Context(), r.owner.Principal, "", "", 10)
		ok(t, err)
		want(t, "keys left", len(all), 1)
	})
}
