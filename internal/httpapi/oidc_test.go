package httpapi_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-proxy/mockoidc"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// get reads an answer's body.
func (r *rig) get(res *http.Response) string {
	r.t.Helper()
	return string(must(io.ReadAll(res.Body))(r.t))
}

// TestSignInAtAnIssuer: the browser that began comes back with a session; no other does.
func TestSignInAtAnIssuer(t *testing.T) {
	t.Parallel()
	m := must(mockoidc.Run())(t)
	t.Cleanup(func() { _ = m.Shutdown() })
	w := newTown(t, func(_ *httpapi.Config, c *identity.Config, _ *credential.Config) {
		c.OIDC = []identity.OIDCConfig{{
			Name: "corp", Issuer: m.Issuer(), ClientID: m.ClientID, ClientSecret: m.ClientSecret, Scopes: []string{"groups"}, Create: true,
			Groups: []identity.GroupGrant{{Group: "engineering", Org: core.DefaultOrg, Role: core.Member}},
		}}
	})
	if names := must(w.anon().Issuers(t.Context()))(t); len(names) != 1 || names[0] != "corp" {
		t.Errorf("%v", names)
	}
	if a := w.do("POST", "/v1/oidc/none", "", "Authorization", ""); a.status != 404 {
		t.Errorf("%d", a.status)
	}
	back, cookie := w.throughIssuer(t)

	if a := w.do("GET", back, "", "Authorization", ""); a.status != 401 {
		t.Errorf("another browser comes back: %d %s", a.status, a.body)
	}
	res := w.visit(t, back+"&session_state=x&iss=y", cookie)
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/" {
		t.Fatalf("%s %s", res.Status, w.get(res))
	}
	var session string
	for _, c := range res.Cookies() {
		if c.Name == "isekai" {
			session = c.Name + "=" + c.Value
		} else if c.MaxAge >= 0 {
			t.Errorf("the state stays: %+v", c)
		}
	}
	a := w.do("GET", "/v1/me", "", "Authorization", "", "Cookie", session)
	if a.status != 200 || !strings.Contains(a.body, `"role":"member"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if res := w.visit(t, back, cookie); res.StatusCode != 401 {
		t.Errorf("a second time: %s", res.Status)
	}
	if a := w.do("GET", "/v1/oidc/callback?error=access_denied&error_description=x", "", "Authorization", ""); a.status != 401 {
		t.Errorf("a refusal of nobody's sign-in: %d", a.status)
	}
	back, cookie = w.throughIssuer(t)
	state := must(url.Parse(back))(t).Query().Get("state")
	if res := w.visit(t, "/v1/oidc/callback?error=access_denied&error_description=x&state="+state, cookie); res.StatusCode != 403 {
		t.Errorf("a refusal: %d", res.StatusCode)
	}
}

// throughIssuer goes to the issuer and returns where it sends the browser, and the cookie
// that this one has.
func (w *town) throughIssuer(t testing.TB) (back, cookie string) {
	t.Helper()
	res := w.open("POST", "/v1/oidc/corp", "", "Authorization", "")
	defer res.Body.Close()
	body, cookies := w.get(res), res.Cookies()
	_, to, _ := strings.Cut(body, `"url":"`)
	to, _, _ = strings.Cut(to, `"`)
	to = strings.ReplaceAll(to, `\u0026`, "&")
	if res.StatusCode != 200 || len(cookies) != 1 || cookies[0].SameSite != http.SameSiteLaxMode || !cookies[0].HttpOnly || time.Until(cookies[0].Expires) > time.Hour {
		t.Fatalf("%s %s %v", res.Status, body, cookies)
	}
	at := w.visit(t, to, "")
	u := must(url.Parse(at.Header.Get("Location")))(t)
	if u.Scheme+"://"+u.Host != publicURL {
		t.Fatalf("the issuer sends the browser to %s", u)
	}
	return u.RequestURI(), cookies[0].Name + "=" + cookies[0].Value
}

// visit is what a browser does that follows nothing.
func (w *town) visit(t testing.TB, to, cookie string) *http.Response {
	t.Helper()
	if strings.HasPrefix(to, "/") {
		to = w.url + to
	}
	req := must(http.NewRequestWithContext(t.Context(), "GET", to, nil))(t)
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res := must(c.Do(req))(t)
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// TestJWKS: anybody may check our tokens.
func TestJWKS(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	a := w.do("GET", "/.well-known/jwks.json", "", "Authorization", "")
	if a.status != 200 || !strings.Contains(a.body, `"EdDSA"`) || strings.Contains(a.body, `"d"`) || !strings.Contains(a.header.Get("Cache-Control"), "max-age") {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
}
