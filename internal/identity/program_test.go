package identity_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2-proxy/mockoidc"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

const verifier = "a-verifier-that-only-the-program-has-and-nobody-else"

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// fetch does what a browser does for a program, and returns what it takes there.
func fetch(t *testing.T, s *identity.Service, m *mockoidc.MockOIDC, user *mockoidc.MockUser) (identity.Arrival, error) {
	t.Helper()
	authURL, state, err := s.BeginOIDC(t.Context(), "mock", back, "", &identity.Program{Port: 49152, State: "its state", Challenge: challenge(verifier)})
	ok(t, err)
	u, err := url.Parse(authURL)
	ok(t, err)
	want(t, "the issuer asks who it is", u.Query().Get("prompt"), "login")
	m.QueueUser(user)
	q := browse(t, authURL)
	return s.FinishOIDC(t.Context(), identity.Return{State: q.Get("state"), Code: q.Get("code"), Cookie: state, Address: home})
}

func TestABrowserSignsAProgramIn(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		m, c := mock(t)
		s := with(r, c)
		acme := r.org("acme")
		mia := r.member("ann", core.Member)
		ok(t, r.AddMember(t.Context(), r.operator(), acme.Scope.Org, identity.NewMember{User: mia.User, Role: core.Viewer}))
		ok(t, r.RemoveMember(t.Context(), r.owner.Principal, mia.User))
		ok(t, r.AddMember(t.Context(), r.operator(), core.DefaultOrg, identity.NewMember{User: mia.User, Role: core.Viewer}))
		a, err := fetch(t, s, m, ann())
		ok(t, err)
		want(t, "the browser's session", a.Session+a.Access+a.Refresh, "")
		want(t, "port and state", *a.Program, identity.Program{Port: 49152, State: "its state", Challenge: challenge(verifier)})
		want(t, "sign-ins before", r.signedInBy("mock"), 0)

		// Whoever has seen the browser's address can't use it, nor use it up.
		for _, wrong := range []string{"", "another verifier", challenge(verifier), verifier + "x", strings.Repeat("x", 200)} {
			_, err = s.RedeemOIDC(t.Context(), identity.Redemption{Code: a.Code, Verifier: wrong, Address: elsewhere})
			wantCode(t, "by "+wrong, err, core.Unauthenticated)
		}
		tokens, err := s.RedeemOIDC(t.Context(), identity.Redemption{Code: a.Code, Verifier: verifier, Org: acme.Scope.Org, Address: elsewhere})
		ok(t, err)
		want(t, "org", tokens.Scope.Org, acme.Scope.Org)
		p, err := bearer(t.Context(), s, tokens.Access)
		ok(t, err)
		want(t, "user", p.User, mia.User)
		mine, err := s.Sessions(t.Context(), p)
		ok(t, err)
		last := mine[len(mine)-1]
		want(t, "by and whence", last.By+" "+last.Address, "mock "+elsewhere.String())
		want(t, "sign-ins", r.signedInBy("mock"), 1)
		_, err = s.RedeemOIDC(t.Context(), identity.Redemption{Code: a.Code, Verifier: verifier})
		wantCode(t, "a second time", err, core.Unauthenticated)

		a, err = fetch(t, s, m, ann())
		ok(t, err)
		_, err = s.RedeemOIDC(t.Context(), identity.Redemption{Code: a.Code, Verifier: verifier, Org: core.Installation})
		wantCode(t, "an org that isn't hers", err, core.NotFound)

		a, err = fetch(t, s, m, ann())
		ok(t, err)
		r.clock.Advance(2 * time.Minute)
		_, err = s.RedeemOIDC(t.Context(), identity.Redemption{Code: a.Code, Verifier: verifier})
		wantCode(t, "too late", err, core.Unauthenticated)
	})
}

// signedInBy counts good sign-ins by an issuer that the audit log was told of.
func (r *rig) signedInBy(issuer string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Action == "sign_in" && e.Outcome == "ok" && e.Detail["by"] == issuer {
			n++
		}
	}
	return n
}

func TestAProgramsCodeWorksOnceEvenAtTheSameTime(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, on kindOfStore) {
		r := newRig(t, on)
		m, c := mock(t)
		s := with(r, c)
		nodes := []*identity.Service{s, r.node()}
		r.member("ann", core.Member)
		a, err := fetch(t, s, m, ann())
		ok(t, err)
		var in atomic.Int32
		var wait sync.WaitGroup
		for i := range 10 {
			wait.Go(func() {
				if _, err := nodes[i%2].RedeemOIDC(t.Context(), identity.Redemption{Code: a.Code, Verifier: verifier, Org: core.DefaultOrg}); err == nil {
					in.Add(1)
				}
			})
		}
		wait.Wait()
		want(t, "sign-ins", in.Load(), 1)
	})
}

// What is refused in the browser gets to the program, too.
func TestAProgramLearnsOfARefusal(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	m, c := mock(t)
	s := with(r, c)
	a, err := fetch(t, s, m, ann()) // who is no user here
	wantCode(t, "no user", err, core.Denied)
	want(t, "code", a.Code, "")
	want(t, "port", a.Program.Port, 49152)
	_, state, err := s.BeginOIDC(t.Context(), "mock", back, "", &identity.Program{Port: 49152, State: "x", Challenge: challenge(verifier)})
	ok(t, err)
	a, err = s.FinishOIDC(t.Context(), identity.Return{State: state, Cookie: state, Refused: true})
	wantCode(t, "refused there", err, core.Denied)
	want(t, "port", a.Program.Port, 49152)
	a, err = s.FinishOIDC(t.Context(), identity.Return{State: state, Cookie: state, Code: "x"})
	wantCode(t, "once more", err, core.Unauthenticated)
	want(t, "whose", a.Program, nil)

	eve := r.member("ann", core.Member)
	a, err = fetch(t, s, m, ann())
	ok(t, err)
	ok(t, s.DisableUser(t.Context(), r.operator(), eve.User))
	_, err = s.RedeemOIDC(t.Context(), identity.Redemption{Code: a.Code, Verifier: verifier})
	wantCode(t, "disabled meanwhile", err, core.Unauthenticated)
}

func TestProgramsThatCanNotBe(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	_, c := mock(t)
	s := with(r, c)
	good := identity.Program{Port: 49152, State: "x", Challenge: challenge(verifier)}
	for name, edit := range map[string]func(*identity.Program){
		"no port":                func(p *identity.Program) { p.Port = 0 },
		"a system's port":        func(p *identity.Program) { p.Port = 80 },
		"no such port":           func(p *identity.Program) { p.Port = 70000 },
		"no state":               func(p *identity.Program) { p.State = "" },
		"a state without end":    func(p *identity.Program) { p.State = strings.Repeat("x", 129) },
		"no challenge":           func(p *identity.Program) { p.Challenge = "" },
		"a verifier instead":     func(p *identity.Program) { p.Challenge = verifier },
		"a challenge in base 64": func(p *identity.Program) { p.Challenge = strings.Repeat("+", 43) },
	} {
		p := good
		edit(&p)
		_, _, err := s.BeginOIDC(t.Context(), "mock", back, "", &p)
		wantCode(t, name, err, core.Invalid)
	}
}
