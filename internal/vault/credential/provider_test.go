package credential_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-proxy/mockoidc"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// TestKnownProviders are complete by their kind.
func TestKnownProviders(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		for _, c := range []struct {
			provider credential.Provider
			at       string
			with     url.Values
		}{
			{credential.Provider{Kind: "github"}, "https://github.com/login/oauth/authorize", nil},
			{credential.Provider{Kind: "github", Base: "https://git.corp.example/"}, "https://git.corp.example/login/oauth/authorize", nil},
			{credential.Provider{Kind: "gitlab"}, "https://gitlab.com/oauth/authorize", nil},
			{credential.Provider{Kind: "gitlab", Base: "https://lab.example"}, "https://lab.example/oauth/authorize", nil},
			{credential.Provider{Kind: "google"}, "https://accounts.google.com/o/oauth2/v2/auth", url.Values{"access_type": {"offline"}, "prompt": {"consent"}}},
			{credential.Provider{Kind: "entra", Tenant: "corp.example"}, "https://login.microsoftonline.com/corp.example/oauth2/v2.0/authorize", url.Values{"scope": {"s offline_access"}}},
			{credential.Provider{AuthURL: "https://a.example/x?y=1", TokenURL: "https://a.example/t"}, "https://a.example/x", url.Values{"y": {"1"}}},
		} {
			p := c.provider
			p.Name, p.ClientID, p.ClientSecret, p.Scopes = "one", "id", credential.NewSecret(marker), []string{"s"}
			s := r.node(t, func(cfg *credential.Config) { cfg.Providers = []credential.Provider{p} })
			at, err := s.Begin(t.Context(), ann(orgA), session, credential.Begin{Provider: "one"})
			ok(t, err)
			u, err := url.Parse(at)
			ok(t, err)
			q := u.Query()
			u.RawQuery = ""
			if u.String() != c.at || q.Get("code_challenge_method") != "S256" || q.Get("redirect_uri") != redirect || q.Get("client_id") != "id" || len(q.Get("state")) != 52 {
				t.Errorf("%s: %s", p.Kind, at)
			}
			for name, want := range c.with {
				if !slices.Equal(q[name], want) {
					t.Errorf("%s: %s is %q", p.Kind, name, q[name])
				}
			}
			if strings.Contains(at, marker) || q.Has("code_verifier") {
				t.Errorf("%s: a secret is in %s", p.Kind, at)
			}
		}
	})
}

// TestAConfigurationThatCantBe is found before anything runs.
func TestAConfigurationThatCantBe(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		for name, change := range map[string]func(c *credential.Config, p *credential.Provider){
			"no store":              func(c *credential.Config, _ *credential.Provider) { c.Records = nil },
			"no terms":              func(c *credential.Config, _ *credential.Provider) { c.Terms = nil },
			"no way out":            func(c *credential.Config, _ *credential.Provider) { c.HTTP = nil },
			"no way back":           func(c *credential.Config, _ *credential.Provider) { c.Redirect = "" },
			"a way back in clear":   func(c *credential.Config, _ *credential.Provider) { c.Redirect = "http://isekai.example/x" },
			"no name":               func(_ *credential.Config, p *credential.Provider) { p.Name = "" },
			"a name with a slash":   func(_ *credential.Config, p *credential.Provider) { p.Name = "a/b" },
			"no client":             func(_ *credential.Config, p *credential.Provider) { p.ClientID = "" },
			"another kind":          func(_ *credential.Config, p *credential.Provider) { p.Kind = "other" },
			"no endpoint":           func(_ *credential.Config, p *credential.Provider) { p.TokenURL = "" },
			"an endpoint in clear":  func(_ *credential.Config, p *credential.Provider) { p.TokenURL = "http://p.example/token" },
			"a revocation in clear": func(_ *credential.Config, p *credential.Provider) { p.RevokeURL = "http://p.example/revoke" },
			"two of a name": func(c *credential.Config, _ *credential.Provider) {
				c.Providers = append(c.Providers, r.authority.provider())
			},
		} {
			cfg := credential.Config{
				Records: r.sealed, Terms: r.sealed, HTTP: http.DefaultClient, Redirect: redirect, Providers: []credential.Provider{r.authority.provider()},
			}
			change(&cfg, &cfg.Providers[0])
			_, err := credential.New(cfg)
			if core.CodeOf(err) != core.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err := credential.New(credential.Config{Records: r.sealed, Terms: r.sealed})
		ok(t, err)
	})
}

// hub speaks as GitHub does: forms for answers, a yes for a no, and its own way to revoke.
type hub struct {
	*httptest.Server
	mu      sync.Mutex
	revoked []string
	refuse  bool
}

func newHub(t testing.TB) *hub {
	h := &hub{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login/oauth/access_token", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
		h.mu.Lock()
		defer h.mu.Unlock()
		said := url.Values{"access_token": {"ghu_" + r.FormValue("grant_type")}, "refresh_token": {"ghr_2"}, "expires_in": {"28800"}, "scope": {"repo,gist"}, "token_type": {"bearer"}}
		if h.refuse || r.FormValue("client_id") != "id" || r.FormValue("client_secret") != "s" || r.FormValue("grant_type") == "authorization_code" && len(r.FormValue("code_verifier")) < 43 {
			said = url.Values{"error": {"bad_refresh_token"}, "error_description": {"MARKER"}}
		}
		_, _ = w.Write([]byte(said.Encode()))
	})
	mux.HandleFunc("DELETE /api/v3/applications/id/grant", func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		var said map[string]string
		if err := json.NewDecoder(r.Body).Decode(&said); err != nil || id != "id" || secret != "s" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.revoked = append(h.revoked, said["access_token"])
		w.WriteHeader(http.StatusNoContent)
	})
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Close)
	return h
}

func TestGitHubsWays(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		h := newHub(t)
		s := r.node(t, func(c *credential.Config) {
			c.Providers = []credential.Provider{{Name: "strict", Kind: "github", Base: h.URL, ClientID: "id", ClientSecret: credential.NewSecret("s"), Scopes: []string{"repo"}}}
		})
		connect := func() credential.Credential {
			at, err := s.Begin(t.Context(), ann(orgA), session, credential.Begin{Provider: "strict"})
			ok(t, err)
			u, err := url.Parse(at)
			ok(t, err)
			c, err := s.Finish(t.Context(), ann(orgA), session, credential.Answer{State: credential.NewSecret(u.Query().Get("state")), Code: credential.NewSecret("c")})
			ok(t, err)
			return c
		}
		if c := connect(); !slices.Equal(c.Connection.Scopes, []string{"gist", "repo"}) {
			t.Errorf("the scopes are %q", c.Connection.Scopes)
		}
		v := use(t, s, credential.For{})
		if left := v.Until.Sub(r.clock.Now()); v.Secret.Reveal() != "ghu_authorization_code" || left > 8*time.Hour || left < 8*time.Hour-time.Minute {
			t.Errorf("got %s for %v", v.Secret.Reveal(), left)
		}
		r.clock.Advance(9 * time.Hour)
		if v := use(t, s, credential.For{}); v.Secret.Reveal() != "ghu_refresh_token" {
			t.Errorf("got %s", v.Secret.Reveal())
		}
		r.clock.Advance(9 * time.Hour)
		h.mu.Lock()
		h.refuse = true
		h.mu.Unlock()
		_, err := s.Use(t.Context(), ann(orgA), "strict", credential.For{})
		wantCode(t, "a no that is answered 200", err, core.Denied)
		h.mu.Lock()
		h.refuse = false
		h.mu.Unlock()
		connect()
		ok(t, s.Delete(t.Context(), ann(orgA), "strict", false, 0))
		h.mu.Lock()
		defer h.mu.Unlock()
		if !slices.Equal(h.revoked, []string{"ghu_authorization_code"}) {
			t.Errorf("revoked are %q", h.revoked)
		}
	})
}

// TestARedirectIsNoAnswer: what is sent to a provider goes nowhere else.
func TestARedirectIsNoAnswer(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.connect(t, ann(orgA))
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the secret went along") }))
		t.Cleanup(elsewhere.Close)
		moved := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
		t.Cleanup(moved.Close)
		s := r.node(t, func(c *credential.Config) { c.Providers[0].TokenURL = moved.URL })
		r.clock.Advance(2 * time.Hour)
		_, err := s.Use(t.Context(), ann(orgA), "strict", credential.For{})
		wantCode(t, "a redirect", err, core.Unavailable)
	})
}

// TestAnotherProvidersServer connects to a server that isn't ours, with its tokens (JWTs).
func TestAnotherProvidersServer(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		m, err := mockoidc.Run()
		ok(t, err)
		t.Cleanup(func() { _ = m.Shutdown() })
		s := r.node(t, func(c *credential.Config) {
			c.Providers = []credential.Provider{{
				Name: "strict", ClientID: m.ClientID, ClientSecret: credential.NewSecret(m.ClientSecret), Post: true, Scopes: []string{"openid", "email"},
				AuthURL: m.AuthorizationEndpoint(), TokenURL: m.TokenEndpoint(),
			}}
		})
		at, err := s.Begin(t.Context(), ann(orgA), session, credential.Begin{Provider: "strict"})
		ok(t, err)
		_, err = s.Finish(t.Context(), ann(orgA), session, agree(t, at))
		ok(t, err)
		first := use(t, s, credential.For{})
		r.clock.Advance(time.Minute)
		second := use(t, s, credential.For{Refused: first.Version}) // it gives lifetimes in nanoseconds, so nothing else ends a token
		if first.Version != 1 || second.Version != 2 {
			t.Errorf("got tokens %d and %d", first.Version, second.Version)
		}
		if _, err := m.Keypair.VerifyJWT(second.Secret.Reveal(), time.Now); err != nil {
			t.Errorf("the token isn't the server's: %v", err)
		}
		ok(t, s.Delete(t.Context(), ann(orgA), "strict", false, 0))
		wantNoRecords(t, r)
	})
}
