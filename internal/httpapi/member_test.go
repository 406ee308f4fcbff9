package httpapi_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oauth2-proxy/mockoidc"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// TestInvitations are listed for the org's members until somebody accepts them, and taken
// back by its admins.
func TestInvitations(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	bob := w.person(w.olga, "bob", client.Place{Role: core.Member})
	vera := w.person(w.olga, "vera", client.Place{Role: core.Viewer})
	_, paul := w.otherOrg("paul")
	link := must(w.olga.Invite(ctx, client.NewInvitation{Email: "c@example.org", Place: client.Place{Role: core.Admin}}, ""))(t)
	page := must(bob.Invitations(ctx, client.PageOptions{}))(t)
	if len(page.Items) != 1 || page.Items[0].Email != "c@example.org" || page.Items[0].Role != core.Admin || page.Items[0].By != w.me(w.olga).User || page.Items[0].Void {
		t.Fatalf("%+v", page)
	}
	id := page.Items[0].ID
	if strings.Contains(link.Token, strings.TrimPrefix(id, "inv_")) {
		t.Error("the list tells the token")
	}
	refused(t, "a viewer lists them", second(vera.Invitations(ctx, client.PageOptions{})), core.Denied)
	refused(t, "a member takes one back", bob.Withdraw(ctx, id), core.Denied)
	refused(t, "another org takes it back", paul.Withdraw(ctx, id), core.NotFound)
	if err := w.olga.Withdraw(ctx, id); err != nil {
		t.Fatal(err)
	}
	refused(t, "taking it back again", w.olga.Withdraw(ctx, id), core.NotFound)
	refused(t, "accepting it", second(w.anon().AcceptInvitation(ctx, client.Acceptance{Token: link.Token, Name: "C", Password: password})), core.Unauthenticated)
	if left := must(w.olga.Invitations(ctx, client.PageOptions{}))(t); len(left.Items) != 0 {
		t.Errorf("%+v", left)
	}
	if log := w.audited(core.DefaultOrg); !strings.HasPrefix(log, "invitation.withdraw user.invite") {
		t.Errorf("the audit log has %s", log)
	}
}

// TestEmail: people change their own address by their password, operators anyone's.
func TestEmail(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	bob := w.person(w.olga, "bob", client.Place{Role: core.Member})
	refused(t, "without the password", second(bob.ChangeEmail(ctx, "wrong password", "bob@example.net")), core.Unauthenticated)
	refused(t, "another's address", second(bob.ChangeEmail(ctx, password, "olga@example.org")), core.Conflict)
	if u := must(bob.ChangeEmail(ctx, password, "bob@example.net"))(t); u.Email != "bob@example.net" {
		t.Errorf("%+v", u)
	}
	if me := w.me(bob); me.Account.Email != "bob@example.net" { // the session goes on
		t.Errorf("%+v", me)
	}
	refused(t, "by the old name", second(w.anon().SignIn(ctx, client.Login{Email: "bob@example.org", Password: password})), core.Unauthenticated)
	must(w.anon().SignIn(ctx, client.Login{Email: "bob@example.net", Password: password}))(t)
	id := w.me(bob).User
	refused(t, "by an owner", second(w.olga.SetEmail(ctx, id, "x@example.org")), core.Denied)
	if u := must(w.local.SetEmail(ctx, id, "robert@example.org"))(t); u.Email != "robert@example.org" {
		t.Errorf("%+v", u)
	}
	must(w.anon().SignIn(ctx, client.Login{Email: "robert@example.org", Password: password}))(t)
}

// TestBudgetsGoWithTheirKeys, when these are revoked, and when their user is removed.
func TestBudgetsGoWithTheirKeys(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	bob := w.person(w.olga, "bob", client.Place{Role: core.Member})
	n := client.NewKey{Name: "k", Scopes: []string{"tasks:read"}, Budget: 5 * core.Credit}
	made := must(bob.CreateKey(ctx, n, ""))(t)
	must(bob.CreateKey(ctx, n, ""))(t)
	must(w.olga.CreateKey(ctx, n, ""))(t)
	if all := must(w.olga.Budgets(ctx))(t); len(all) != 3 {
		t.Fatalf("%+v", all)
	}
	if err := bob.RevokeKey(ctx, made.ID); err != nil {
		t.Fatal(err)
	}
	if all := must(w.olga.Budgets(ctx))(t); len(all) != 2 {
		t.Errorf("%+v", all)
	}
	if err := w.olga.RemoveMember(ctx, w.me(bob).User); err != nil {
		t.Fatal(err)
	}
	if all := must(w.olga.Budgets(ctx))(t); len(all) != 1 {
		t.Errorf("%+v", all)
	}
}

// TestAProgramSignsInByABrowser: the browser gets no session, and takes the program a code.
func TestAProgramSignsInByABrowser(t *testing.T) {
	t.Parallel()
	m := must(mockoidc.Run())(t)
	t.Cleanup(func() { _ = m.Shutdown() })
	w := newTown(t, func(_ *httpapi.Config, c *identity.Config, _ *credential.Config) {
		c.OIDC = []identity.OIDCConfig{{
			Name: "corp", Issuer: m.Issuer(), ClientID: m.ClientID, ClientSecret: m.ClientSecret, Scopes: []string{"groups"}, Create: true,
			Groups: []identity.GroupGrant{{Group: "engineering", Org: core.DefaultOrg, Role: core.Member}},
		}}
	})
	const verifier = "what only the program has"
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	fetch := func(refuse bool) url.Values {
		res := w.visit(t, w.anon().ProgramURL("corp", 49152, "s&t", challenge), "")
		cookies := res.Cookies()
		if res.StatusCode != http.StatusSeeOther || len(cookies) != 1 || !strings.HasSuffix(cookies[0].Name, "-flow") {
			t.Fatalf("%s %s %v", res.Status, w.get(res), cookies)
		}
		back := must(url.Parse(w.visit(t, res.Header.Get("Location"), "").Header.Get("Location")))(t)
		if refuse {
			back.RawQuery = url.Values{"state": {back.Query().Get("state")}, "error": {"access_denied"}}.Encode()
		}
		end := w.visit(t, back.RequestURI(), cookies[0].Name+"="+cookies[0].Value)
		for _, c := range end.Cookies() {
			if c.MaxAge >= 0 {
				t.Errorf("the browser gets %s", c.Name)
			}
		}
		to := must(url.Parse(end.Header.Get("Location")))(t)
		if end.StatusCode != http.StatusSeeOther || to.Scheme+to.Host+to.Path != "http127.0.0.1:49152/" || to.Query().Get("state") != "s&t" {
			t.Fatalf("%s to %s", end.Status, to)
		}
		return to.Query()
	}
	q := fetch(false)
	refused(t, "a thief", second(w.anon().RedeemOIDC(t.Context(), client.Redemption{Code: q.Get("code"), Verifier: challenge})), core.Unauthenticated)
	in := must(w.anon().RedeemOIDC(t.Context(), client.Redemption{Code: q.Get("code"), Verifier: verifier}))(t)
	if me := w.me(w.as(in.Access)); me.Role != core.Member || in.Refresh == "" {
		t.Errorf("%+v", me)
	}
	if q = fetch(true); q.Get("error") != "denied" || q.Has("code") {
		t.Errorf("%v", q)
	}
	for what, path := range map[string]string{
		"a host instead of a port": "/v1/oidc/corp/program?port=evil.example&state=s&challenge=" + challenge,
		"a system's port":          "/v1/oidc/corp/program?port=22&state=s&challenge=" + challenge,
		"no challenge":             "/v1/oidc/corp/program?port=49152&state=s",
	} {
		if a := w.do("GET", path, "", "Authorization", ""); a.status != 422 {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
}
