package credential_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// authority is an OAuth provider with the manners of a strict one: PKCE by S256 alone, exact
// redirects, codes that work once, refresh tokens that rotate, and a grant that ends when one
// of either is used again. Its clock is its own.
type authority struct {
	*httptest.Server
	redirect string

	mu       sync.Mutex
	now      func() time.Time
	lifetime time.Duration
	leeway   bool // a refresh token that was used works again
	keep     bool // refresh tokens don't rotate
	down     bool // answers 503
	mute     bool // does what it is asked, and doesn't answer
	stuck    chan struct{}
	refuse   string                                         // an error for every refresh
	document string                                         // of its endpoints, in which URL is its own; "": it has none
	clients  map[string]string                              // their secrets, by id
	register func(asked map[string]any, got map[string]any) // changes what is answered to who wants to be a client; nil: nobody can
	resource string                                         // that all has to be for; "": it doesn't look
	asked    []map[string]any                               // by who wanted to be a client
	codes    map[string]*code
	tokens   map[string]*token
	seen     struct{ asked, refreshes, reuses, revoked int }
}

type code struct {
	challenge, redirect, scope string
	grant                      *grant
	used                       bool
}

type grant struct{ ended bool }

type token struct {
	grant         *grant
	refresh, used bool
	until         time.Time
}

const clientID, clientSecret = "client-1", "MARKER-client-secret"

func newAuthority(t testing.TB, redirect string) *authority {
	t.Helper()
	a := &authority{redirect: redirect, now: time.Now, lifetime: time.Hour, clients: map[string]string{clientID: clientSecret}, codes: map[string]*code{}, tokens: map[string]*token{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", a.authorize)
	mux.HandleFunc("POST /token", a.token)
	mux.HandleFunc("POST /revoke", a.revoke)
	mux.HandleFunc("POST /register", a.enroll)
	mux.HandleFunc("GET /api", a.api)
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", a.describe)
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	return a
}

// provider is how it is configured.
func (a *authority) provider() credential.Provider {
	return credential.Provider{
		Name: "strict", ClientID: clientID, ClientSecret: credential.NewSecret(clientSecret), Issuer: a.URL,
		AuthURL: a.URL + "/authorize", TokenURL: a.URL + "/token", RevokeURL: a.URL + "/revoke", Scopes: []string{"read", "write"},
	}
}

// set changes how it behaves.
func (a *authority) set(f func(a *authority)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(a)
}

func (a *authority) count() (asked, refreshes, reuses, revoked int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen.asked, a.seen.refreshes, a.seen.reuses, a.seen.revoked
}

// describe is its document (RFC 8414).
func (a *authority) describe(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.document == "" {
		http.NotFound(w, r)
		return
	}
	_, _ = io.WriteString(w, strings.ReplaceAll(a.document, "URL", a.URL))
}

// authorize is what its page does when the person says yes.
func (a *authority) authorize(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := r.URL.Query()
	if _, known := a.clients[q.Get("client_id")]; !known || a.resource != "" && q.Get("resource") != a.resource || q.Get("redirect_uri") != a.redirect || q.Get("response_type") != "code" ||
		q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("state")) < 32 {
		http.Error(w, "a request that isn't right", http.StatusBadRequest)
		return
	}
	name := "MARKER-code-" + core.NewID("c")
	a.codes[name] = &code{challenge: q.Get("code_challenge"), redirect: q.Get("redirect_uri"), scope: q.Get("scope"), grant: &grant{}}
	http.Redirect(w, r, a.redirect+"?"+url.Values{"code": {name}, "state": {q.Get("state")}, "iss": {a.URL}}.Encode(), http.StatusFound)
}

func (a *authority) token(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.seen.asked++
	stuck := a.stuck
	a.mu.Unlock()
	if stuck != nil {
		<-stuck
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.down {
		http.Error(w, "down for MARKER-echo "+r.FormValue("refresh_token"), http.StatusServiceUnavailable)
		return
	}
	if !a.known(r) {
		fail(w, "invalid_client")
		return
	}
	g, scope, problem := a.granted(r)
	if problem != "" {
		fail(w, problem)
		return
	}
	said := map[string]any{"access_token": a.issue(g, false), "token_type": "bearer", "scope": scope}
	if a.lifetime > 0 {
		said["expires_in"] = int(a.lifetime.Seconds())
	}
	if r.FormValue("grant_type") == "authorization_code" || !a.keep {
		said["refresh_token"] = a.issue(g, true)
	}
	if a.mute {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(said)
}

// known reports whether a request is a client's.
func (a *authority) known(r *http.Request) bool {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	is, known := a.clients[id]
	return known && secret == is
}

// enroll registers a client (RFC 7591).
func (a *authority) enroll(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var asked map[string]any
	if a.register == nil || json.NewDecoder(r.Body).Decode(&asked) != nil {
		fail(w, "invalid_client_metadata")
		return
	}
	a.asked = append(a.asked, asked)
	id := "registered-" + strconv.Itoa(len(a.asked))
	got := map[string]any{"client_id": id, "client_secret": "MARKER-secret-of-" + id, "client_secret_expires_at": 0}
	for k, v := range asked {
		got[k] = v
	}
	a.register(asked, got)
	if problem, ok := got["error"].(string); ok {
		fail(w, problem)
		return
	}
	secret, _ := got["client_secret"].(string)
	a.clients[id] = secret
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(got)
}

// granted returns the grant of what was sent, which is used up.
func (a *authority) granted(r *http.Request) (g *grant, scope, problem string) {
	if a.resource != "" && r.FormValue("resource") != a.resource {
		return nil, "", "invalid_target"
	}
	switch r.FormValue("grant_type") {
	case "authorization_code":
		c := a.codes[r.FormValue("code")]
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		switch {
		case c == nil || c.redirect != r.FormValue("redirect_uri") || base64.RawURLEncoding.EncodeToString(sum[:]) != c.challenge:
			return nil, "", "invalid_grant"
		case c.used:
			c.grant.ended = true
			return nil, "", "invalid_grant"
		}
		c.used = true
		return c.grant, c.scope, ""
	case "refresh_token":
		a.seen.refreshes++
		if a.refuse != "" {
			return nil, "", a.refuse
		}
		t := a.tokens[r.FormValue("refresh_token")]
		if t == nil || !t.refresh || t.grant.ended {
			return nil, "", "invalid_grant"
		}
		if t.used && !a.leeway {
			a.seen.reuses++
			t.grant.ended = true
			return nil, "", "invalid_grant"
		}
		t.used = !a.keep
		return t.grant, "", ""
	}
	return nil, "", "unsupported_grant_type"
}

// issue makes a token. A refresh gives one access token, and ends those before.
func (a *authority) issue(g *grant, refresh bool) string {
	if !refresh {
		for _, t := range a.tokens {
			if t.grant == g && !t.refresh {
				t.until = time.Time{}
			}
		}
	}
	name := "MARKER-token-" + core.NewID("t")
	life := a.lifetime
	if life == 0 {
		life = 1000 * time.Hour
	}
	a.tokens[name] = &token{grant: g, refresh: refresh, until: a.now().Add(life)}
	return name
}

func (a *authority) revoke(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.down:
		http.Error(w, "down", http.StatusServiceUnavailable)
	case !a.known(r):
		fail(w, "invalid_client")
	default:
		if t := a.tokens[r.FormValue("token")]; t != nil {
			t.grant.ended = true
			a.seen.revoked++
		}
	}
}

// api is what tokens are for.
func (a *authority) api(w http.ResponseWriter, r *http.Request) {
	name, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !a.good(name) {
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// good reports whether an access token works, by the authority's clock.
func (a *authority) good(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.tokens[name]
	return t != nil && !t.refresh && !t.grant.ended && a.now().Before(t.until)
}

// end is what a person does in the provider's settings.
func (a *authority) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range a.tokens {
		t.grant.ended = true
	}
}

// left is how many grants work.
func (a *authority) left() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	alive := map[*grant]bool{}
	for _, t := range a.tokens {
		if !t.grant.ended {
			alive[t.grant] = true
		}
	}
	return len(alive)
}

func fail(w http.ResponseWriter, problem string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": problem, "error_description": "MARKER-echo"})
}

// agree is a browser whose person says yes at the provider.
func agree(t testing.TB, authURL string) credential.Answer {
	t.Helper()
	c := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := c.Get(authURL)
	ok(t, err)
	ok(t, resp.Body.Close())
	back, err := resp.Location()
	if err != nil {
		t.Fatalf("the provider answers %s: %v", resp.Status, err)
	}
	q := back.Query()
	return credential.Answer{State: credential.NewSecret(q.Get("state")), Code: credential.NewSecret(q.Get("code")), Issuer: q.Get("iss")}
}
