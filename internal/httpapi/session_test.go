package httpapi_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// TestTokens: what a sign-in gives works, is replaced once, and ends with its session.
func TestTokens(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	in := must(w.anon().SignIn(ctx, client.Login{Email: " Olga@Example.org", Password: password}))(t)
	if in.Access == "" || in.Refresh == "" || in.Org != core.DefaultOrg || in.Role != core.Owner || time.Until(in.Expires) < time.Minute {
		t.Fatalf("%+v", in)
	}
	me := w.me(w.as(in.Access))
	if me.User != in.User || me.Account == nil || me.Account.Email != "olga@example.org" || me.Operates {
		t.Errorf("%+v", me)
	}
	next := must(w.anon().Refresh(ctx, in.Refresh))(t)
	last := must(w.anon().Refresh(ctx, next.Refresh))(t)
	if all := must(w.as(last.Access).Sessions(ctx))(t); len(all) != 2 || !all[0].Current && !all[1].Current {
		t.Errorf("sessions: %+v", all)
	}
	_, err := w.anon().Refresh(ctx, in.Refresh) // two have it: the session ends
	refused(t, "an old refresh token", err, core.Unauthenticated)
	_, err = w.as(last.Access).Me(ctx)
	refused(t, "a token of a session that has ended", err, core.Unauthenticated)
	if err := w.olga.SignOut(ctx); err != nil {
		t.Error(err)
	}
	_, err = w.olga.Me(ctx)
	refused(t, "a token after signing out", err, core.Unauthenticated)
}

// TestSignInTellsNobody whether there is such a user.
func TestSignInTellsNobody(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a := w.do("POST", "/v1/session", `{"email":"olga@example.org","password":"wrong password"}`, "Authorization", "")
	b := w.do("POST", "/v1/session", `{"email":"nobody@example.org","password":"wrong password"}`, "Authorization", "")
	a.problem.RequestID, b.problem.RequestID = "", ""
	if a.status != 401 || a.problem != b.problem || strings.Contains(a.body, "olga") {
		t.Errorf("%s and %s", a.body, b.body)
	}
	for _, c := range []answer{a, b} {
		if c.header.Get("Cache-Control") != "no-store" {
			t.Errorf("Cache-Control: %s", c.header.Get("Cache-Control"))
		}
	}
}

// TestCookie: a browser's session is in a cookie that scripts don't see, and no token is
// in the answer.
func TestCookie(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	res := w.open("POST", "/v1/session", `{"email":"olga@example.org","password":"`+password+`","cookie":true}`, "Authorization", "")
	defer res.Body.Close()
	cookies := res.Cookies()
	if res.StatusCode != 200 || len(cookies) != 1 {
		t.Fatalf("%s, %v", res.Status, cookies)
	}
	c := cookies[0]
	if c.Name != "isekai" || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || time.Until(c.Expires) < time.Hour {
		t.Errorf("%+v", c)
	}
	sent := c.Name + "=" + c.Value
	a := w.do("GET", "/v1/me", "", "Authorization", "", "Cookie", sent)
	if a.status != 200 || !strings.Contains(a.body, "olga@example.org") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if b := w.do("POST", "/v1/session", `{"email":"olga@example.org","password":"`+password+`","cookie":true}`, "Authorization", ""); strings.Contains(b.body, `"access"`) || strings.Contains(b.body, `"refresh"`) || strings.Contains(b.body, c.Value) {
		t.Errorf("a script sees %s", b.body)
	}
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		if a := w.do("DELETE", "/v1/session", "", "Authorization", "", "Cookie", sent, name, value); a.status != 403 {
			t.Errorf("a page of %s signs out: %d", value, a.status)
		}
	}
	out := w.open("DELETE", "/v1/session", "", "Authorization", "", "Cookie", sent)
	defer out.Body.Close()
	if gone := out.Cookies(); out.StatusCode != 204 || len(gone) != 1 || gone[0].Value != "" || gone[0].MaxAge >= 0 {
		t.Errorf("%s %v", out.Status, gone)
	}
	if a := w.do("GET", "/v1/me", "", "Authorization", "", "Cookie", sent); a.status != 401 {
		t.Errorf("after signing out: %d", a.status)
	}
}

// TestSecondFactor: with it the password alone is told apart from a wrong one, and isn't
// enough.
func TestSecondFactor(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	f := must(w.olga.EnrolTOTP(ctx, password))(t)
	code := must(totp.GenerateCode(f.Secret, time.Now()))(t)
	recovery := must(w.olga.ConfirmTOTP(ctx, code))(t)
	l := client.Login{Email: "olga@example.org", Password: password}
	_, err := w.anon().SignIn(ctx, l)
	if !errors.Is(err, client.ErrCodeNeeded) || core.CodeOf(err) != core.Unauthenticated {
		t.Errorf("without a code: %v", err)
	}
	l.Code = recovery.Codes[0]
	must(w.anon().SignIn(ctx, l))(t)
	_, err = w.anon().SignIn(ctx, l)
	if core.CodeOf(err) != core.Unauthenticated || errors.Is(err, client.ErrCodeNeeded) {
		t.Errorf("a recovery code again: %v", err)
	}
	if err := w.olga.DisableTOTP(ctx, "wrong password"); core.CodeOf(err) != core.Unauthenticated {
		t.Errorf("%v", err)
	}
	if err := w.olga.DisableTOTP(ctx, password); err != nil {
		t.Error(err)
	}
	must(w.anon().SignIn(ctx, client.Login{Email: l.Email, Password: password}))(t)
}

// TestPasswords are changed by who knows the old one, and set by link.
func TestPasswords(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	ctx := t.Context()
	ann := w.person(w.olga, "ann", client.Place{Role: core.Member})
	other := must(w.anon().SignIn(ctx, client.Login{Email: "ann@example.org", Password: password}))(t)
	refused(t, "a wrong old password", ann.ChangePassword(ctx, "wrong password", "another horse battery"), core.Unauthenticated)
	refused(t, "a short new password", ann.ChangePassword(ctx, password, "short"), core.Invalid)
	if err := ann.ChangePassword(ctx, password, "another horse battery"); err != nil {
		t.Fatal(err)
	}
	_, err := w.as(other.Access).Me(ctx)
	refused(t, "another session", err, core.Unauthenticated)
	id := w.me(ann).User
	link := must(w.local.ResetPassword(ctx, id))(t)
	if err := w.anon().FinishReset(ctx, link.Token, "a third horse battery"); err != nil {
		t.Fatal(err)
	}
	refused(t, "a link that was used", w.anon().FinishReset(ctx, link.Token, "a third horse battery"), core.Unauthenticated)
	must(w.anon().SignIn(ctx, client.Login{Email: "ann@example.org", Password: "a third horse battery"}))(t)
	if err := w.local.DisableUser(ctx, id); err != nil {
		t.Fatal(err)
	}
	_, err = w.anon().SignIn(ctx, client.Login{Email: "ann@example.org", Password: "a third horse battery"})
	refused(t, "a disabled user", err, core.Unauthenticated)
	if err := w.local.EnableUser(ctx, id); err != nil {
		t.Fatal(err)
	}
}

// TestGuessingWaits: who tries too often is told how long to wait.
func TestGuessingWaits(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	for i := range 20 {
		a := w.do("POST", "/v1/session", `{"email":"olga@example.org","password":"wrong password"}`, "Authorization", "")
		if a.status == 429 {
			if a.header.Get("Retry-After") == "" || a.problem.Code != core.Exhausted {
				t.Errorf("%v %s", a.header, a.body)
			}
			return
		}
		if a.status != 401 {
			t.Fatalf("try %d: %d", i, a.status)
		}
	}
	t.Error("nobody has to wait")
}

// TestSetUpOnce: the link of the first start works once.
func TestSetUpOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	if _, needed, err := w.ids.Setup(t.Context()); needed || err != nil {
		t.Errorf("needed again: %v, %v", needed, err)
	}
	_, err := w.anon().FinishSetup(t.Context(), "ist_made_up", client.NewUser{Email: "eve@example.org", Name: "Eve", Password: password})
	refused(t, "a made-up link", err, core.Unauthenticated)
}
