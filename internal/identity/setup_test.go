package identity_test

import (
	"context"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

func TestTheFirstStartMakesAnOwner(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := bare(t, on)
		ctx := t.Context()
		first, needed, err := r.Setup(ctx)
		ok(t, err)
		want(t, "needed", needed, true)
		other := r.node()
		second, _, err := other.Setup(ctx) // another node, or another start
		ok(t, err)
		needed, err = other.NeedsSetup(ctx)
		ok(t, err)
		want(t, "needed there", needed, true)
		_, err = r.FinishSetup(ctx, first, identity.NewUser{Email: "olga@example.org", Name: "Olga", Password: "short"})
		wantCode(t, "a bad password", err, core.Invalid)
		_, err = r.FinishSetup(ctx, "ist_"+second[4:10], identity.NewUser{Email: "olga@example.org", Name: "Olga", Password: password})
		wantCode(t, "a made-up link", err, core.Unauthenticated)

		invite, err := r.InviteUser(ctx, identity.Local(), identity.Invite{Email: "eve@example.org", Role: core.Viewer})
		ok(t, err)
		_, err = r.FinishSetup(ctx, invite, identity.NewUser{Email: "eve@example.org", Name: "Eve", Password: password})
		wantCode(t, "an invitation", err, core.Unauthenticated)

		var wait sync.WaitGroup
		tokens := make([]identity.Tokens, 8)
		errs := make([]error, len(tokens))
		for i := range tokens {
			link := []string{first, second}[i%2]
			wait.Go(func() {
				tokens[i], errs[i] = r.FinishSetup(ctx, link, identity.NewUser{Email: "olga@example.org", Name: "Olga", Password: password})
			})
		}
		wait.Wait()
		won := 0
		for i, err := range errs {
			if err == nil {
				won++
				want(t, "org", tokens[i].Scope.Org, core.DefaultOrg)
				want(t, "role", tokens[i].Role, core.Owner)
			} else {
				wantCode(t, "who came second", err, core.Unauthenticated)
			}
		}
		want(t, "first users", won, 1)
		ok(t, r.signIn("olga@example.org", core.Installation).May(identity.Operate))
		_, needed, err = r.Setup(ctx)
		ok(t, err)
		want(t, "needed after it", needed, false)
		all, err := r.Users(ctx, identity.Local(), "", 10)
		ok(t, err)
		want(t, "users", len(all), 1)
		for _, node := range []*identity.Service{r.Service, r.node(), other} { // one that was there before, and one that starts now
			needed, err := node.NeedsSetup(ctx)
			ok(t, err)
			want(t, "needed on a node", needed, false)
			for _, link := range []string{first, second} {
				_, err = node.FinishSetup(ctx, link, identity.NewUser{Email: "eve@example.org", Name: "Eve", Password: password})
				wantCode(t, "a link after it", err, core.Unauthenticated)
			}
		}
	})
}

func TestASetupLinkExpires(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := bare(t, on)
		link, _, err := r.Setup(t.Context())
		ok(t, err)
		r.clock.Advance(identity.SetupLife)
		_, err = r.FinishSetup(t.Context(), link, identity.NewUser{Email: "olga@example.org", Name: "Olga", Password: password})
		wantCode(t, "too late", err, core.Unauthenticated)
	})
}

// Wherever the process dies in it, the first start can be repeated.
func TestTheFirstStartCanBeRepeated(t *testing.T) {
	t.Parallel()
	for after := range 20 {
		r := bare(t, onSQLite)
		failing := &failingRecords{backend: r.store, left: after}
		cfg := r.cfg
		cfg.Records = failing
		broken, err := identity.New(cfg)
		ok(t, err)
		n := identity.NewUser{Email: "olga@example.org", Name: "Olga", Password: password}
		link, _, err := broken.Setup(t.Context())
		if err == nil {
			_, err = broken.FinishSetup(t.Context(), link, n)
		}
		if err == nil {
			if after < 12 {
				t.Fatalf("only %d writes", after)
			}
			return
		}
		wantCode(t, "the failure", err, core.Unavailable)
		link, needed, err := r.Setup(t.Context())
		ok(t, err)
		if needed {
			_, err = r.FinishSetup(t.Context(), link, n)
			ok(t, err)
		}
		want(t, "role", r.signIn("olga@example.org", core.DefaultOrg).Role, core.Owner)
		want(t, "operator's role", r.signIn("olga@example.org", core.Installation).Role, core.Owner)
	}
	t.Fatal("it never came to an end")
}

// An invitation and a reset, each once and in time.
func TestLinksWorkOnceAndExpire(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		ctx := t.Context()
		invite := func() string {
			token, err := r.InviteUser(ctx, r.owner.Principal, identity.Invite{Email: "Mia@Example.org", Role: core.Member})
			ok(t, err)
			return token
		}
		n := identity.NewUser{Email: "somebody.else@example.org", Name: "Mia", Password: password}
		late := invite()
		r.clock.Advance(identity.InviteLife)
		_, err := r.Accept(ctx, late, n)
		wantCode(t, "too late", err, core.Unauthenticated)
		token := invite()
		about, err := r.Invitation(ctx, token)
		ok(t, err)
		want(t, "address", about.Email, "mia@example.org")
		want(t, "org", about.OrgName, "Default")
		wantCode(t, "for something else", r.FinishReset(ctx, token, password, home), core.Unauthenticated)
		mia, err := r.Accept(ctx, token, n)
		ok(t, err)
		r.signIn("mia@example.org", "") // by the address that was invited, whatever was typed
		_, err = r.Accept(ctx, token, n)
		wantCode(t, "again", err, core.Unauthenticated)

		again := invite()
		_, err = r.Accept(ctx, again, n)
		wantCode(t, "as another new user", err, core.Conflict)
		members, _, err := r.Members(ctx, r.owner.Principal, "", 10)
		ok(t, err)
		want(t, "members", len(members), 2)
		_, err = r.AcceptAs(ctx, mia.Principal, again)
		wantCode(t, "as a member", err, core.Conflict)

		older, err := r.ResetPassword(ctx, r.operator(), mia.User)
		ok(t, err)
		reset, err := r.ResetPassword(ctx, r.operator(), mia.User)
		ok(t, err)
		ok(t, r.FinishReset(ctx, reset, "quite another one", home))
		wantCode(t, "an older link", r.FinishReset(ctx, older, "and another one", home), core.Unauthenticated)
		wantCode(t, "a reset again", r.FinishReset(ctx, reset, "and another one", home), core.Unauthenticated)
		_, err = r.SignIn(ctx, identity.SignIn{Email: "mia@example.org", Password: "quite another one", Address: home})
		ok(t, err)
	})
}

func TestAnInvitationEndsWithTheRightsOfItsMaker(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		ctx := t.Context()
		admin := r.member("adam", core.Admin)
		token, err := r.InviteUser(ctx, admin.Principal, identity.Invite{Email: "mia@example.org", Role: core.Admin})
		ok(t, err)
		acme := r.org("acme")
		zoe, err := r.InviteUser(ctx, acme.Principal, identity.Invite{Email: "adam@example.org", Role: core.Viewer})
		ok(t, err)
		_, err = r.AcceptAs(ctx, r.owner.Principal, zoe)
		wantCode(t, "another's", err, core.Denied)
		org, err := r.AcceptAs(ctx, admin.Principal, zoe)
		ok(t, err)
		want(t, "org", org, acme.Scope.Org)

		ok(t, r.SetRole(ctx, r.owner.Principal, identity.NewMember{User: admin.User, Role: core.Member}))
		_, err = r.Accept(ctx, token, identity.NewUser{Name: "Mia", Password: password})
		wantCode(t, "of one who is no admin any more", err, core.Unauthenticated)
	})
}

func TestUsersAreMadeByOperators(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		ctx := t.Context()
		u, err := r.CreateUser(ctx, r.operator(), identity.NewUser{Email: " Mia@Example.ORG", Name: "Mia", Password: password})
		ok(t, err)
		want(t, "address", u.Email, "mia@example.org")
		_, err = r.CreateUser(ctx, r.operator(), identity.NewUser{Email: "mia@example.org", Name: "Mia", Password: password})
		wantCode(t, "again", err, core.Conflict)
		_, err = r.CreateUser(ctx, r.owner.Principal, identity.NewUser{Email: "max@example.org", Name: "Max", Password: password})
		wantCode(t, "by an owner", err, core.Denied)
		for _, bad := range []string{"", "mia", "mia@", "@example.org", "Mia <mia@example.org>", "mia@example.org\n", "a b@example.org", "mia@example.org,max@example.org"} {
			if bad == "mia@example.org\n" {
				bad = "mia@exa\nmple.org"
			}
			_, err = r.CreateUser(ctx, r.operator(), identity.NewUser{Email: bad, Name: "Mia", Password: password})
			wantCode(t, bad, err, core.Invalid)
		}
		me, err := r.RenameUser(ctx, r.owner.Principal, "Olga II")
		ok(t, err)
		want(t, "name", me.Name, "Olga II")
		me, err = r.User(ctx, r.owner.Principal, r.owner.User)
		ok(t, err)
		want(t, "name", me.Name, "Olga II")
		_, err = r.User(ctx, r.owner.Principal, u.ID)
		wantCode(t, "another", err, core.Denied)
	})
}

// failingRecords takes so many writes, and then none.
type failingRecords struct {
	backend
	mu   sync.Mutex
	left int
}

func (f *failingRecords) Write(ctx context.Context, org core.OrgID, changes ...store.Change) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left == 0 {
		return core.E(core.Unavailable, "store.write", "it is down")
	}
	f.left--
	return f.backend.Write(ctx, org, changes...)
}
