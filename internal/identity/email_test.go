package identity_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/oauth2-proxy/mockoidc"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

func TestAnAddressIsChangedByWhoKnowsThePassword(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		ctx, me := t.Context(), r.owner.Principal
		r.member("mia", core.Member)
		me.Address = home
		_, err := r.ChangeEmail(ctx, me, "wrong password", "olga@example.net")
		wantCode(t, "without it", err, core.Unauthenticated)
		_, err = r.ChangeEmail(ctx, me, password, "not an address")
		wantCode(t, "no address", err, core.Invalid)
		_, err = r.ChangeEmail(ctx, me, password, "Mia@Example.org")
		wantCode(t, "another's", err, core.Conflict)
		u, err := r.ChangeEmail(ctx, me, password, " Olga@Example.net ")
		ok(t, err)
		want(t, "address", u.Email, "olga@example.net")
		_, err = r.ChangeEmail(ctx, me, password, "olga@example.net")
		ok(t, err) // once more

		_, err = bearer(ctx, r.Service, r.owner.Access)
		ok(t, err)
		_, err = cookie(ctx, r.Service, r.owner.Session)
		ok(t, err)
		_, err = r.Refresh(ctx, r.owner.Refresh, home)
		ok(t, err)
		wantCode(t, "by the old name", try(r, "owner@example.org", password, home), core.Unauthenticated)
		r.signIn("olga@example.net", "")
		want(t, "told", r.heard("email.change", "ok"), 2)

		// The old name is free for others.
		_, err = r.CreateUser(ctx, identity.Local(), identity.NewUser{Email: "owner@example.org", Name: "Otto", Password: password})
		ok(t, err)
	})
}

// Two who want the same address at once: one gets it, and the other keeps his own.
func TestAnAddressIsOneUsers(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		nodes := []*identity.Service{r.Service, r.node()}
		const people = 6
		var wait sync.WaitGroup
		errs := make([]error, people)
		for i := range people {
			p := r.member(fmt.Sprint("m", i), core.Viewer)
			wait.Go(func() { _, errs[i] = nodes[i%2].ChangeEmail(t.Context(), p.Principal, password, "best@example.net") })
		}
		wait.Wait()
		won := 0
		for i, err := range errs {
			if err == nil {
				won++
				wantCode(t, "the winner's old name", try(r, fmt.Sprintf("m%d@example.org", i), password, home), core.Unauthenticated)
				continue
			}
			wantCode(t, "who came second", err, core.Conflict)
			r.signIn(fmt.Sprintf("m%d@example.org", i), "")
		}
		want(t, "winners", won, 1)
		r.signIn("best@example.net", "")
	})
}

func TestAnOperatorChangesAddresses(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	ctx := t.Context()
	mia := r.member("mia", core.Member)
	bot, err := r.CreateService(ctx, r.owner.Principal, identity.NewService{Name: "bot", Role: core.Viewer})
	ok(t, err)
	_, err = r.SetEmail(ctx, r.owner.Principal, mia.User, "mia@example.net")
	wantCode(t, "by an owner", err, core.Denied)
	_, err = r.SetEmail(ctx, r.operator(), bot.ID, "bot@example.net")
	wantCode(t, "a service's", err, core.Invalid)
	_, err = r.SetEmail(ctx, r.operator(), "usr_nobody", "no@example.net")
	wantCode(t, "nobody's", err, core.NotFound)
	_, err = r.SetEmail(ctx, r.operator(), mia.User, "owner@example.org")
	wantCode(t, "another's", err, core.Conflict)
	u, err := r.SetEmail(ctx, r.operator(), mia.User, "mia@example.net")
	ok(t, err)
	want(t, "address", u.Email, "mia@example.net")
	want(t, "user", r.signIn("mia@example.net", "").User, mia.User)
	_, err = bearer(ctx, r.Service, mia.Access)
	ok(t, err)
}

// Somebody who takes the address of a person who comes later by an issuer gets nothing of
// that: neither may he take one that the issuer gives, nor does a sign-in there find him.
func TestNobodyTakesTheAddressOfWhoComesLater(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	m, c := mock(t)
	c.Domains = []string{"example.org", "example.net"}
	s := with(r, c)
	eve := r.member("eve", core.Member)
	m.QueueUser(&mockoidc.MockUser{Subject: "subject-of-eve", Email: "eve@example.org", EmailVerified: true})
	_, err := comeTo(t, s, "mock", core.DefaultOrg) // from now on she comes by the issuer, too, and has no password
	ok(t, err)
	link, err := s.ResetPassword(t.Context(), r.operator(), eve.User)
	ok(t, err)
	ok(t, s.FinishReset(t.Context(), link, password, home))
	in := r.signIn("eve@example.org", "")
	_, err = s.ChangeEmail(t.Context(), in.Principal, password, "vic@example.net")
	wantCode(t, "an address that an issuer gives", err, core.Denied)

	c.Domains = []string{"example.org"} // an operator adds the other one later
	_, err = with(r, c).ChangeEmail(t.Context(), in.Principal, password, "vic@example.net")
	ok(t, err)
	c.Domains = []string{"example.org", "example.net"}
	s = with(r, c)
	m.QueueUser(&mockoidc.MockUser{Subject: "subject-of-vic", Email: "vic@example.net", EmailVerified: true})
	_, err = come(t, s, "mock")
	wantCode(t, "the one whose address it is", err, core.Denied)
	_, err = s.SetEmail(t.Context(), r.operator(), eve.User, "eve@example.org")
	ok(t, err)
	m.QueueUser(&mockoidc.MockUser{Subject: "subject-of-vic", Email: "vic@example.net", EmailVerified: true})
	_, err = come(t, s, "mock")
	wantCode(t, "still no user", err, core.Denied)
	want(t, "says so", err.Error(), "oidc: the person is no user here")
}
