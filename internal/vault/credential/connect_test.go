package credential_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

func TestAConnectionGivesTokensThatWork(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		c := r.connect(t, ann(orgA))
		if c.Kind != credential.OAuth || c.Connection.Provider != "strict" || c.Connection.Broken || !slices.Equal(c.Connection.Scopes, []string{"read", "write"}) ||
			c.Connection.By.ID != "usr_ann" {
			t.Errorf("got %+v, %+v", c, c.Connection)
		}
		v := use(t, r.Service, credential.For{})
		r.wantGood(t, v)
		if v.Version != 1 || !v.Until.Equal(r.clock.Now().Add(time.Hour)) {
			t.Errorf("got token %d until %v", v.Version, v.Until)
		}
		_, err := r.Use(t.Context(), ann(orgB), "strict", credential.For{})
		wantCode(t, "another org", err, core.NotFound)
		_, err = r.Use(t.Context(), in(ann(orgA), "prj_two"), "strict", credential.For{})
		wantCode(t, "another project", err, core.NotFound)
		_, err = r.Put(t.Context(), ann(orgA), credential.Put{Name: "strict", Kind: credential.Token, Content: tokenOf("x")})
		wantCode(t, "a token of a connection's name", err, core.Conflict)
		_, err = r.Put(t.Context(), ann(orgA), credential.Put{Name: "strict", Kind: credential.OAuth, Content: tokenOf("x")})
		wantCode(t, "a connection that is put", err, core.Invalid)
		if done := r.book.of("connection.connect"); len(done) != 1 || done[0].Target != c.ID || done[0].Detail["scopes"] != "read write" {
			t.Errorf("the audit log has %+v", done)
		}
	})
}

// TestANameStaysWithItsProvider, for what one gave must not be sent to another.
func TestANameStaysWithItsProvider(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		two := r.node(t, func(c *credential.Config) {
			p := r.authority.provider()
			p.Name = "other"
			c.Providers = append(c.Providers, p)
		})
		begin := credential.Begin{Provider: "other", Name: "strict"}
		at, err := two.Begin(t.Context(), ann(orgA), session, begin)
		ok(t, err)
		r.connect(t, ann(orgA)) // in the meantime
		_, err = two.Finish(t.Context(), ann(orgA), session, agree(t, at))
		wantCode(t, "the end of what was begun", err, core.Conflict)
		_, err = two.Begin(t.Context(), ann(orgA), session, begin)
		wantCode(t, "a beginning", err, core.Conflict)
		r.wantGood(t, use(t, two, credential.For{}))
	})
}

// TestScopesAreOfTheConfiguration asks for fewer, and for others.
func TestScopesAreOfTheConfiguration(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		at, err := r.Begin(t.Context(), ann(orgA), session, credential.Begin{Provider: "strict", Scopes: []string{"read"}})
		ok(t, err)
		u, err := url.Parse(at)
		ok(t, err)
		if got := u.Query().Get("scope"); got != "read" {
			t.Errorf("it asks for %q", got)
		}
		c, err := r.Finish(t.Context(), ann(orgA), session, agree(t, at))
		ok(t, err)
		if !slices.Equal(c.Connection.Scopes, []string{"read"}) {
			t.Errorf("it has %q", c.Connection.Scopes)
		}
		_, err = r.Begin(t.Context(), ann(orgA), session, credential.Begin{Provider: "strict", Scopes: []string{"admin"}})
		wantCode(t, "a scope that isn't configured", err, core.Invalid)
		_, err = r.Begin(t.Context(), ann(orgA), session, credential.Begin{Provider: "other"})
		wantCode(t, "a provider that isn't configured", err, core.NotFound)
		_, err = r.Begin(t.Context(), ann(orgA), "", credential.Begin{Provider: "strict"})
		wantCode(t, "no session", err, core.Denied)
	})
}

// TestOnlyWhoBeganFinishes has everybody else try, and then the one who may, once.
func TestOnlyWhoBeganFinishes(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		at, err := r.Begin(t.Context(), ann(orgA), session, credential.Begin{Provider: "strict"})
		ok(t, err)
		good := agree(t, at)
		other := ann(orgA)
		other.Actor.ID = "usr_eve"
		with := func(change func(*credential.Answer)) credential.Answer {
			a := good
			change(&a)
			return a
		}
		for name, c := range map[string]struct {
			scope   core.Scope
			session string
			answer  credential.Answer
		}{
			"another session":   {ann(orgA), "ses_eve", good},
			"no session":        {ann(orgA), "", good},
			"another user":      {other, session, good},
			"another project":   {in(ann(orgA), "prj_two"), session, good},
			"another org":       {ann(orgB), session, good},
			"a made-up state":   {ann(orgA), session, with(func(a *credential.Answer) { a.State = credential.NewSecret(strings.Repeat("A", 52)) })},
			"no state":          {ann(orgA), session, with(func(a *credential.Answer) { a.State = credential.Secret{} })},
			"nothing in it":     {ann(orgA), session, credential.Answer{}},
			"a state in pieces": {ann(orgA), session, with(func(a *credential.Answer) { a.State = credential.NewSecret(a.State.Reveal()[:20]) })},
		} {
			_, err := r.Finish(t.Context(), c.scope, c.session, c.answer)
			wantCode(t, name, err, core.Denied)
		}
		if asked, _, _, _ := r.authority.count(); asked != 0 {
			t.Fatalf("the provider was asked %d times", asked)
		}
		_, err = r.Finish(t.Context(), ann(orgA), session, good)
		ok(t, err)
		_, err = r.Finish(t.Context(), ann(orgA), session, good)
		wantCode(t, "the same again", err, core.Denied)
		if r.authority.left() != 1 {
			t.Error("the code was used twice")
		}
	})
}

// TestAFlowEnds by time, by a no, by another provider's answer, and by a bad code.
func TestAFlowEnds(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		for name, c := range map[string]struct {
			change func(*credential.Answer)
			code   core.Code
		}{
			"a no":                      {func(a *credential.Answer) { a.Error, a.Code = "access_denied", credential.Secret{} }, core.Denied},
			"no code":                   {func(a *credential.Answer) { a.Code = credential.Secret{} }, core.Invalid},
			"another provider's answer": {func(a *credential.Answer) { a.Issuer = "https://evil.example" }, core.Denied},
			"another code":              {func(a *credential.Answer) { a.Code = credential.NewSecret("MARKER-stolen") }, core.Denied},
			"a late answer":             {func(*credential.Answer) { r.clock.Advance(11 * time.Minute) }, core.Denied},
		} {
			at, err := r.Begin(t.Context(), ann(orgA), session, credential.Begin{Provider: "strict"})
			ok(t, err)
			a := agree(t, at)
			right := a
			c.change(&a)
			_, err = r.Finish(t.Context(), ann(orgA), session, a)
			wantCode(t, name, err, c.code)
			_, err = r.Finish(t.Context(), ann(orgA), session, right)
			wantCode(t, name+", then the right one", err, core.Denied)
		}
		if all, err := r.List(t.Context(), ann(orgA)); err != nil || len(all) != 0 {
			t.Errorf("there are %+v (%v)", all, err)
		}
	})
}

// TestAStolenCodeIsOfNoUse has somebody bring the code of another's flow into his own: PKCE
// binds it to the flow that it was given for.
func TestAStolenCodeIsOfNoUse(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		eve := ann(orgA)
		eve.Actor.ID = "usr_eve"
		at, err := r.Begin(t.Context(), ann(orgA), session, credential.Begin{Provider: "strict"})
		ok(t, err)
		stolen := agree(t, at)
		at, err = r.Begin(t.Context(), eve, "ses_eve", credential.Begin{Provider: "strict"})
		ok(t, err)
		own := agree(t, at)
		own.Code = stolen.Code
		_, err = r.Finish(t.Context(), eve, "ses_eve", own)
		wantCode(t, "a stolen code", err, core.Denied)
	})
}

func TestDisconnectRevokes(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.connect(t, ann(orgA))
		ok(t, r.Delete(t.Context(), ann(orgA), "strict", false, 0))
		if _, _, _, revoked := r.authority.count(); r.authority.left() != 0 || revoked != 2 {
			t.Errorf("%d grants are left, %d tokens were revoked", r.authority.left(), revoked)
		}
		_, err := r.Use(t.Context(), ann(orgA), "strict", credential.For{})
		wantCode(t, "a use afterwards", err, core.NotFound)
		wantNoRecords(t, r)
	})
}

func TestAProviderThatIsDownRevokesLater(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.connect(t, ann(orgA))
		r.authority.set(func(a *authority) { a.down = true })
		ok(t, r.Delete(t.Context(), ann(orgA), "strict", false, 0))
		_, err := r.Use(t.Context(), ann(orgA), "strict", credential.For{})
		wantCode(t, "a use afterwards", err, core.NotFound)
		left, err := r.Revoke(t.Context(), orgA)
		wantCode(t, "a try while it is down", err, core.Unavailable)
		if left != 1 || r.authority.left() != 1 {
			t.Fatalf("%d are said to be left, and %d grants are", left, r.authority.left())
		}
		r.authority.set(func(a *authority) { a.down = false })
		left, err = r.Revoke(t.Context(), orgA)
		ok(t, err)
		if left != 0 || r.authority.left() != 0 {
			t.Errorf("%d are said to be left, and %d grants are", left, r.authority.left())
		}
		wantNoRecords(t, r)
	})
}

// wantNoRecords fails the test unless the org has no record left.
func wantNoRecords(t testing.TB, r *rig) {
	t.Helper()
	for _, kind := range []string{"credential", "credential_use", "credential_value", "credential_grant", "credential_flow", "credential_revocation"} {
		if n := r.count(t, orgA, kind); n != 0 {
			t.Errorf("%d records of the kind %s are left", n, kind)
		}
	}
}
