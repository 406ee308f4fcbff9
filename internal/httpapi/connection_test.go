package httpapi_test

import (
	"encoding/json"
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

// connected is a town before a provider that people connect to.
func connected(t *testing.T) *town {
	t.Helper()
	m := must(mockoidc.Run())(t)
	t.Cleanup(func() { _ = m.Shutdown() })
	return newTown(t, func(_ *httpapi.Config, _ *identity.Config, c *credential.Config) {
		c.HTTP, c.Redirect = &http.Client{}, publicURL+httpapi.ConnectionCallback
		c.Providers = []credential.Provider{{
			Name: "forge", ClientID: m.ClientID, ClientSecret: credential.NewSecret(m.ClientSecret), AuthURL: m.AuthorizationEndpoint(), TokenURL: m.TokenEndpoint(),
			Scopes: []string{"openid", "email"}, Post: true,
		}}
	})
}

// browse signs in with a browser and returns its cookie.
func (w *town) browse(t *testing.T, email string) string {
	t.Helper()
	res := w.open("POST", "/v1/session", `{"email":"`+email+`","password":"`+password+`","cookie":true}`, "Authorization", "")
	defer res.Body.Close()
	if len(res.Cookies()) != 1 {
		t.Fatalf("%s %s", res.Status, w.get(res))
	}
	return "isekai=" + res.Cookies()[0].Value
}

// TestConnection: the session that begins it finishes it, and no other. What is shown of it
// has no token in it.
func TestConnection(t *testing.T) {
	t.Parallel()
	w := connected(t)
	cookie := w.browse(t, "olga@example.org")
	other := w.browse(t, "olga@example.org") // the same person elsewhere
	begin := func(body string) answer {
		return w.do("POST", "/v1/connections", body, "Authorization", "", "Cookie", cookie)
	}
	if a := begin(`{"provider":"none"}`); a.status != 404 {
		t.Errorf("%d %s", a.status, a.body)
	}
	key := must(w.olga.CreateKey(t.Context(), client.NewKey{Name: "k", Scopes: keyScopes()}, ""))(t)
	if a := w.do("POST", "/v1/connections", `{"provider":"forge"}`, "Authorization", "Bearer "+key.Text); a.status != 403 { // no session to come back with
		t.Errorf("%d %s", a.status, a.body)
	}
	if all := must(w.olga.Providers(t.Context()))(t); len(all) != 1 || all[0].Name != "forge" {
		t.Errorf("the providers are %+v", all)
	}
	a := begin(`{"provider":"forge","note":"for reviews"}`)
	var to client.Redirect
	if err := json.Unmarshal([]byte(a.body), &to); err != nil || a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	back := must(url.Parse(w.visit(t, to.URL, "").Header.Get("Location")))(t)
	if back.Scheme+"://"+back.Host+back.Path != publicURL+httpapi.ConnectionCallback {
		t.Fatalf("the provider sends the browser to %s", back)
	}
	q := back.Query()
	finish := string(must(json.Marshal(client.ConnectionAnswer{State: q.Get("state"), Code: q.Get("code")}))(t))
	if a := w.do("POST", "/v1/connections/finish", finish, "Authorization", "", "Cookie", other); a.status != 403 {
		t.Errorf("another session: %d %s", a.status, a.body)
	}
	done := w.do("POST", "/v1/connections/finish", finish, "Authorization", "", "Cookie", cookie)
	if done.status != 200 || !strings.Contains(done.body, `"provider":"forge"`) || !strings.Contains(done.body, `"kind":"oauth"`) {
		t.Fatalf("%d %s", done.status, done.body)
	}
	if a := w.do("POST", "/v1/connections/finish", finish, "Authorization", "", "Cookie", cookie); a.status != 403 {
		t.Errorf("a second time: %d %s", a.status, a.body)
	}
	s := must(w.olga.Secret(t.Context(), "forge"))(t)
	if s.Connection == nil || s.Connection.Broken || s.Note != "for reviews" {
		t.Errorf("%+v", s)
	}
	for _, secret := range []string{"eyJ", q.Get("code")} { // the provider's tokens are JWTs
		if strings.Contains(done.body, secret) || strings.Contains(w.log.String(), secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	refused(t, "a deletion in another org", second(0, w.olga.DeleteSecret(t.Context(), "forge", true, "")), core.NotFound)
	if err := w.olga.DeleteSecret(t.Context(), "forge", false, s.ETag); err != nil {
		t.Error(err)
	}
}

// TestAConnectionByAProgram: the page hands the answer to the program on the browser's own
// machine that began, and the owner of the data directory may be who began.
func TestAConnectionByAProgram(t *testing.T) {
	t.Parallel()
	w := connected(t)
	for name, c := range map[string]*client.Client{"signed in": w.olga, "the owner of the data directory": w.local} {
		to := must(c.BeginConnection(t.Context(), client.NewConnection{Provider: "forge", Port: 8976}))(t)
		back := must(url.Parse(w.visit(t, to.URL, "").Header.Get("Location")))(t)
		q := back.Query()
		if !strings.HasSuffix(q.Get("state"), ".8976") {
			t.Fatalf("%s: the state doesn't say where to: %s", name, q.Get("state"))
		}
		page := w.do("GET", httpapi.ConnectionCallback+"?"+back.RawQuery, "", "Authorization", "")
		if page.status != 200 || strings.Contains(page.body, q.Get("code")) || !strings.Contains(page.body, `"http://127.0.0.1:"`) {
			t.Errorf("%s: %d %s", name, page.status, page.body)
		}
		other := w.as(w.access("olga"))
		_, err := other.FinishConnection(t.Context(), client.ConnectionAnswer{State: q.Get("state"), Code: q.Get("code")})
		refused(t, name+": another session", err, core.Denied)
		s := must(c.FinishConnection(t.Context(), client.ConnectionAnswer{State: q.Get("state"), Code: q.Get("code")}))(t)
		if s.Connection == nil || s.Connection.Provider != "forge" {
			t.Errorf("%s: %+v", name, s)
		}
	}
	for _, port := range []int{1, 80, 65536} {
		_, err := w.olga.BeginConnection(t.Context(), client.NewConnection{Provider: "forge", Port: port})
		refused(t, "a port that isn't a program's", err, core.Invalid)
	}
}
