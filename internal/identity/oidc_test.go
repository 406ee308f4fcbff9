package identity_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-proxy/mockoidc"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

const back = "http://localhost:8080/v1/auth/callback"

// mock runs mockoidc, and returns it with a configuration for it.
func mock(t *testing.T) (*mockoidc.MockOIDC, identity.OIDCConfig) {
	t.Helper()
	m, err := mockoidc.Run()
	ok(t, err)
	t.Cleanup(func() { ok(t, m.Shutdown()) })
	return m, identity.OIDCConfig{
		Name: "mock", Issuer: m.Issuer(), ClientID: m.ClientID, ClientSecret: m.ClientSecret,
		Scopes: []string{"groups"}, Domains: []string{"example.org"},
	}
}

// with starts a node with these issuers, whose clock is the real one.
func with(r *rig, all ...identity.OIDCConfig) *identity.Service {
	r.t.Helper()
	r.clock.Set(time.Now())
	r.cfg.OIDC = all
	return r.node()
}

// browse follows an issuer's redirects to the way back, with the query that it gives.
func browse(t *testing.T, authURL string) url.Values {
	t.Helper()
	jar, err := cookiejar.New(nil)
	ok(t, err)
	var found url.Values
	c := &http.Client{Jar: jar, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(req.URL.String(), back) {
			found = req.URL.Query()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	resp, err := c.Get(authURL)
	ok(t, err)
	ok(t, resp.Body.Close())
	if found == nil {
		t.Fatalf("the issuer answers %s to %s", resp.Status, resp.Request.URL)
	}
	return found
}

// come signs a person in at the issuer, by the whole way.
func come(t *testing.T, s *identity.Service, name string) (identity.Tokens, error) {
	t.Helper()
	return comeTo(t, s, name, "")
}

// comeTo is come to one of the person's orgs.
func comeTo(t *testing.T, s *identity.Service, name string, org core.OrgID) (identity.Tokens, error) {
	t.Helper()
	authURL, state, err := s.BeginOIDC(t.Context(), name, back, org, nil)
	ok(t, err)
	q := browse(t, authURL)
	return finish(t, s, q.Get("state"), q.Get("code"), state)
}

// finish is the browser that comes back.
func finish(t *testing.T, s *identity.Service, state, code, cookie string) (identity.Tokens, error) {
	t.Helper()
	a, err := s.FinishOIDC(t.Context(), identity.Return{State: state, Code: code, Cookie: cookie, Address: home})
	return a.Tokens, err
}

func ann(groups ...string) *mockoidc.MockUser {
	return &mockoidc.MockUser{Subject: "subject-of-ann", Email: "ann@example.org", EmailVerified: true, Groups: groups}
}

func TestAPersonSignsInByAnIssuer(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	m, c := mock(t)
	s := with(r, c)
	want(t, "issuers", strings.Join(s.Providers(), " "), "mock")
	u, err := s.CreateUser(t.Context(), r.operator(), identity.NewUser{Email: "ann@example.org", Name: "Ann", Password: password})
	ok(t, err)
	ok(t, s.AddMember(t.Context(), r.operator(), core.DefaultOrg, identity.NewMember{User: u.ID, Role: core.Member}))
	m.QueueUser(ann())
	tokens, err := come(t, s, "mock")
	ok(t, err)
	want(t, "user", tokens.User, u.ID)
	p, err := bearer(t.Context(), s, tokens.Access)
	ok(t, err)
	want(t, "role", p.Role, core.Member)

	// From now on the subject counts, and not the address.
	m.QueueUser(&mockoidc.MockUser{Subject: "subject-of-ann", Email: "owner@example.org", EmailVerified: true})
	tokens, err = come(t, s, "mock")
	ok(t, err)
	want(t, "user", tokens.User, u.ID)
	mine, err := s.Sessions(t.Context(), tokens.Principal)
	ok(t, err)
	want(t, "by", mine[0].By, "mock")
}

func TestWhoIsNoUserHere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		user *mockoidc.MockUser
		edit func(*identity.OIDCConfig)
	}{
		"unknown":               {ann(), func(*identity.OIDCConfig) {}},
		"an unverified address": {&mockoidc.MockUser{Subject: "x", Email: "owner@example.org"}, func(*identity.OIDCConfig) {}},
		"an address not the issuer's": {
			&mockoidc.MockUser{Subject: "x", Email: "owner@example.org", EmailVerified: true},
			func(c *identity.OIDCConfig) { c.Domains = nil },
		},
		"of a domain that ends alike": {
			&mockoidc.MockUser{Subject: "x", Email: "owner@notexample.org", EmailVerified: true}, func(*identity.OIDCConfig) {},
		},
		"of no org": {ann(), func(c *identity.OIDCConfig) { c.Create = true }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, onSQLite)
			m, cfg := mock(t)
			c.edit(&cfg)
			s := with(r, cfg)
			m.QueueUser(c.user)
			_, err := come(t, s, "mock")
			wantCode(t, name, err, core.Denied)
			want(t, "refused sign-ins", r.heard("sign_in", "refused"), 1)
		})
	}
}

func TestGroupsGiveRoles(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	acme := r.org("acme")
	m, c := mock(t)
	c.Create = true
	c.Groups = []identity.GroupGrant{
		{Group: "staff", Org: core.DefaultOrg, Role: core.Viewer},
		{Group: "builders", Org: core.DefaultOrg, Role: core.Member},
		{Group: "acme", Org: acme.Scope.Org, Role: core.Admin},
		{Group: "gone", Org: "org_gone", Role: core.Admin},
	}
	s := with(r, c)
	roles := func(groups ...string) string {
		m.QueueUser(ann(groups...))
		tokens, err := come(t, s, "mock")
		if err != nil {
			return string(core.CodeOf(err))
		}
		mine, err := s.Orgs(t.Context(), tokens.Principal)
		ok(t, err)
		var all []string
		for _, o := range mine {
			all = append(all, o.Name+" "+string(o.Role))
		}
		return strings.Join(all, ", ")
	}
	want(t, "none", roles("other"), "denied")
	want(t, "one", roles("staff"), "Default viewer")
	want(t, "the highest", roles("builders", "staff"), "Default member")
	want(t, "two orgs", roles("builders", "acme"), "acme admin, Default member")
	want(t, "taken away", roles("acme", "gone"), "acme admin")
	want(t, "all taken away", roles(), "denied")
	want(t, "given again", roles("staff"), "Default viewer")

	// What an admin says stays.
	list, _, err := s.Members(t.Context(), r.owner.Principal, "", 10)
	ok(t, err)
	for _, member := range list {
		if member.Source == "mock" {
			ok(t, s.SetRole(t.Context(), r.owner.Principal, identity.NewMember{User: member.User.ID, Role: core.Admin}))
		}
	}
	want(t, "set by an admin", roles("builders"), "Default admin")
	want(t, "still", roles(), "Default admin")
}

// An account that somebody made with another's address is that other's when he comes by an
// issuer who knows: what was set up before is worth nothing.
func TestAnAddressIsWhoseItIs(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	m, c := mock(t)
	s := with(r, c)
	eve := r.member("ann", core.Member) // who had the link, but not the mailbox
	key := r.key(eve.Principal, identity.NewKey{})
	m.QueueUser(ann())
	tokens, err := comeTo(t, s, "mock", core.DefaultOrg)
	ok(t, err)
	want(t, "user", tokens.User, eve.User)
	for name, cred := range map[string]identity.Credential{"token": {Bearer: eve.Access}, "cookie": {Cookie: eve.Session}, "key": {Bearer: key}} {
		_, err = s.Authenticate(t.Context(), cred)
		wantCode(t, name, err, core.Unauthenticated)
	}
	_, err = s.SignIn(t.Context(), identity.SignIn{Email: "ann@example.org", Password: password, Address: home})
	wantCode(t, "password", err, core.Unauthenticated)
	_, err = bearer(t.Context(), s, tokens.Access)
	ok(t, err)
}

func TestADisabledUserCanNotComeByAnIssuer(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	m, c := mock(t)
	s := with(r, c)
	mia := r.member("ann", core.Member)
	ok(t, s.DisableUser(t.Context(), r.operator(), mia.User))
	m.QueueUser(ann())
	_, err := come(t, s, "mock")
	wantCode(t, "disabled", err, core.Unauthenticated)
}

func TestASignInByAnIssuerIsBoundToItsBrowser(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	m, c := mock(t)
	s := with(r, c)
	r.member("ann", core.Member)
	begin := func() (code, state string) {
		m.QueueUser(ann())
		authURL, state, err := s.BeginOIDC(t.Context(), "mock", back, "", nil)
		ok(t, err)
		q := browse(t, authURL)
		want(t, "state", q.Get("state"), state)
		return q.Get("code"), state
	}
	for name, in := range map[string]func(code, state, other string) (string, string, string){
		"another browser":     func(code, state, _ string) (string, string, string) { return state, code, "" },
		"another's cookie":    func(code, state, other string) (string, string, string) { return state, code, other },
		"a made-up code":      func(_, state, _ string) (string, string, string) { return state, "nonsense", state },
		"another flow's code": func(code, _, other string) (string, string, string) { return other, code, other },
		"no state":            func(code, _, _ string) (string, string, string) { return "", code, "" },
		"a made-up state": func(code, _, _ string) (string, string, string) {
			made := "iss_" + strings.Repeat("a", 52)
			return made, code, made
		},
	} {
		code, state := begin()
		_, other := begin()
		state, code, inCookie := in(code, state, other)
		_, err := finish(t, s, state, code, inCookie)
		wantCode(t, name, err, core.Unauthenticated)
	}
	m.QueueUser(ann())
	_, err := comeTo(t, s, "mock", core.DefaultOrg) // her choice from now on
	ok(t, err)
	code, state := begin()
	_, err = finish(t, s, state, code, state)
	ok(t, err)
	_, err = finish(t, s, state, code, state)
	wantCode(t, "a second time", err, core.Unauthenticated)

	code, state = begin()
	r.clock.Advance(11 * time.Minute)
	_, err = finish(t, s, state, code, state)
	wantCode(t, "too late", err, core.Unauthenticated)
}

// A code that an attacker got for his own sign-in is no good in another's: PKCE and nonce.
func TestACodeOfAnotherSignInIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	m, c := mock(t)
	s := with(r, c)
	r.member("ann", core.Member)
	for name, edit := range map[string]func(url.Values){
		"by PKCE":      func(url.Values) {},
		"by the nonce": func(q url.Values) { q.Del("code_challenge"); q.Del("code_challenge_method") }, // then mockoidc asks for no verifier
	} {
		m.QueueUser(ann())
		his, _, err := s.BeginOIDC(t.Context(), "mock", back, "", nil)
		ok(t, err)
		u, err := url.Parse(his)
		ok(t, err)
		q := u.Query()
		edit(q)
		u.RawQuery = q.Encode()
		code := browse(t, u.String()).Get("code")
		m.QueueUser(ann())
		_, mine, err := s.BeginOIDC(t.Context(), "mock", back, "", nil)
		ok(t, err)
		_, err = finish(t, s, mine, code, mine)
		wantCode(t, name, err, core.Unauthenticated)
		if name == "by the nonce" && !strings.Contains(err.Error(), "another question") {
			t.Fatalf("it was refused for %v", err)
		}
	}
}

func TestWhereASignInMayComeBackTo(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	_, c := mock(t)
	s := with(r, c)
	for _, bad := range []string{"http://evil.example/", "https://localhost:8080/", "http://localhost:80801/", "http://x@localhost:8080/", "//localhost:8080/", "/callback", ":"} {
		_, _, err := s.BeginOIDC(t.Context(), "mock", bad, "", nil)
		wantCode(t, bad, err, core.Invalid)
	}
	_, _, err := s.BeginOIDC(t.Context(), "other", back, "", nil)
	wantCode(t, "another issuer", err, core.NotFound)
}

func TestAnIssuerThatIsAway(t *testing.T) {
	t.Parallel()
	r := newRig(t, onSQLite)
	m, c := mock(t)
	s := with(r, c)
	issuer := c.Issuer
	c.Issuer = "http://127.0.0.1:1/"
	_, _, err := with(r, c).BeginOIDC(t.Context(), "mock", back, "", nil)
	wantCode(t, "not there", err, core.Unavailable)
	c.Issuer = issuer + "/"
	_, _, err = with(r, c).BeginOIDC(t.Context(), "mock", back, "", nil)
	wantCode(t, "another one there", err, core.Unavailable)
	m.QueueError(&mockoidc.ServerError{Code: http.StatusInternalServerError, Error: "server_error"})
	_, _, err = s.BeginOIDC(t.Context(), "mock", back, "", nil)
	wantCode(t, "it fails, and then doesn't", err, core.Unavailable)
	_, _, err = s.BeginOIDC(t.Context(), "mock", back, "", nil)
	ok(t, err)
}

func TestIssuersThatCanNotBe(t *testing.T) {
	t.Parallel()
	r := bare(t, onSQLite)
	good := identity.OIDCConfig{Name: "a", Issuer: "https://a.example", ClientID: "x"}
	for name, edit := range map[string]func(*identity.OIDCConfig){
		"no name":    func(c *identity.OIDCConfig) { c.Name = "" },
		"a path":     func(c *identity.OIDCConfig) { c.Name = "../x" },
		"no issuer":  func(c *identity.OIDCConfig) { c.Issuer = "" },
		"no client":  func(c *identity.OIDCConfig) { c.ClientID = "" },
		"no role":    func(c *identity.OIDCConfig) { c.Groups = []identity.GroupGrant{{Group: "g", Org: "org_a"}} },
		"no org":     func(c *identity.OIDCConfig) { c.Groups = []identity.GroupGrant{{Group: "g", Role: core.Viewer}} },
		"name twice": func(*identity.OIDCConfig) {},
	} {
		bad := good
		edit(&bad)
		cfg := r.cfg
		cfg.OIDC = []identity.OIDCConfig{bad}
		if name == "name twice" {
			cfg.OIDC = append(cfg.OIDC, good)
		}
		_, err := identity.New(cfg)
		wantCode(t, name, err, core.Invalid)
	}
}
