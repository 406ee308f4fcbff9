package httpapi_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/store"
)

// ask sends a request as it comes from a peer, over TLS or not.
func (r *rig) ask(method, path, peer string, secure bool, headers ...string) answer {
	r.t.Helper()
	req := httptest.NewRequest(method, path, nil)
	req.RemoteAddr = peer
	if secure {
		req.TLS = &tls.ConnectionState{}
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	r.api.ServeHTTP(w, req)
	return answer{status: w.Code, header: w.Header(), body: w.Body.String()}
}

const here, there = "127.0.0.1:5", "192.0.2.1:5"

// TestEveryAnswerIsHardened: pages, data, errors and what isn't there.
func TestEveryAnswerIsHardened(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, path := range []string{"/docs", "/docs.css", "/openapi.json", "/v1/tasks", "/v1/none", "/healthz", "/"} {
		for _, secure := range []bool{true, false} {
			a := r.ask("GET", path, there, secure)
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Frame-Options": "DENY",
				"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
				"Strict-Transport-Security": map[bool]string{true: "max-age=31536000"}[secure],
			} {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s, TLS %t: %s is %q", path, secure, name, got)
				}
			}
			policy := a.header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
				if !strings.Contains(policy, part) {
					t.Errorf("%s: %s", path, policy)
				}
			}
			if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || a.header.Get("Permissions-Policy") == "" || a.header.Get("Server") != "" {
				t.Errorf("%s: %v", path, a.header)
			}
		}
	}
}

// TestAPageHasItsOwnNonce: another with each answer, on all that it may load.
func TestAPageHasItsOwnNonce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	nonce := regexp.MustCompile(`'nonce-([A-Za-z0-9]{20,})'`)
	seen := map[string]bool{}
	for range 5 {
		a := r.ask("GET", "/docs", there, true)
		found := nonce.FindStringSubmatch(a.header.Get("Content-Security-Policy"))
		if found == nil || seen[found[1]] {
			t.Fatalf("%q", a.header.Get("Content-Security-Policy"))
		}
		seen[found[1]] = true
		loaded := regexp.MustCompile(`<(link rel="stylesheet"|script|style)[^>]*>`).FindAllString(a.body, -1)
		for _, tag := range loaded {
			if !strings.Contains(tag, `nonce="`+found[1]+`"`) {
				t.Errorf("without the nonce: %s", tag)
			}
		}
		if len(loaded) == 0 || strings.Contains(a.body, "{nonce}") || regexp.MustCompile(` (on[a-z]+|style)=`).MatchString(a.body) {
			t.Errorf("the page: %.600s", a.body)
		}
	}
}

// TestWhatPagesOfOtherOriginsMay is the table of CORS and CSRF.
func TestWhatPagesOfOtherOriginsMay(t *testing.T) {
	t.Parallel()
	const listed, evil, own = "https://console.example.com", "https://evil.example", "http://example.com" // httptest's host
	r := newRig(t, func(cfg *httpapi.Config) { cfg.Origins = []string{listed} })
	right := []string{"Authorization", "Bearer " + token}
	for name, c := range map[string]struct {
		method  string
		headers []string
		status  int
		allowed string
	}{
		"no page":                        {"GET", right, 200, ""},
		"a page of ours":                 {"GET", append(right, "Origin", own), 200, ""},
		"a listed page":                  {"GET", append(right, "Origin", listed), 200, listed},
		"any other page":                 {"GET", append(right, "Origin", evil), 200, ""},
		"no origin at all":               {"GET", append(right, "Origin", "null"), 200, ""},
		"one that begins like it":        {"GET", append(right, "Origin", listed+".evil.example"), 200, ""},
		"the same without TLS":           {"GET", append(right, "Origin", "http://console.example.com"), 200, ""},
		"in capitals":                    {"GET", append(right, "Origin", "https://CONSOLE.example.com"), 200, ""},
		"a local page":                   {"GET", append(right, "Origin", "http://localhost:5173"), 200, ""},
		"a listed page asks":             {"OPTIONS", []string{"Origin", listed, "Access-Control-Request-Method", "POST"}, 204, listed},
		"another asks":                   {"OPTIONS", []string{"Origin", evil, "Access-Control-Request-Method", "POST"}, 405, ""},
		"a local one asks":               {"OPTIONS", []string{"Origin", "http://localhost:5173", "Access-Control-Request-Method", "POST"}, 405, ""},
		"a listed page acts":             {"POST", append(right, "Origin", listed, "Sec-Fetch-Site", "cross-site"), 400, listed},
		"a page of ours acts":            {"POST", append(right, "Origin", own, "Sec-Fetch-Site", "same-origin"), 400, ""},
		"a program acts":                 {"POST", right, 400, ""},
		"another page acts":              {"POST", append(right, "Origin", evil, "Sec-Fetch-Site", "cross-site"), 403, ""},
		"a page of a preview acts":       {"POST", append(right, "Origin", "http://app.example.com", "Sec-Fetch-Site", "same-site"), 403, ""},
		"another page, an old browser":   {"POST", append(right, "Origin", evil), 403, ""},
		"no origin, from elsewhere":      {"POST", append(right, "Origin", "null", "Sec-Fetch-Site", "cross-site"), 403, ""},
		"without a credential, and evil": {"POST", []string{"Origin", evil, "Sec-Fetch-Site", "cross-site"}, 403, ""},
	} {
		a := r.ask(c.method, "/v1/tasks", here, false, c.headers...)
		credentials := map[bool]string{true: "true"}[c.allowed != ""]
		if a.status != c.status || a.header.Get("Access-Control-Allow-Origin") != c.allowed || a.header.Get("Access-Control-Allow-Credentials") != credentials || a.header.Get("Vary") != "Origin" {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
	}
	asks := r.ask("OPTIONS", "/v1/tasks", here, false, "Origin", listed, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
	if asks.header.Get("Access-Control-Allow-Methods") != "GET, HEAD, POST" || !strings.Contains(asks.header.Get("Access-Control-Allow-Headers"), "Idempotency-Key") {
		t.Errorf("%v", asks.header)
	}
}

// TestALocalServerIsNobodysPage: with nothing configured, no page of any origin reads or
// does anything, and nobody does without a credential.
func TestALocalServerIsNobodysPage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, origin := range []string{"https://evil.example", "http://localhost:3000", "http://127.0.0.1:8080", "null", "file://", "http://app.localhost"} {
		for _, path := range []string{"/v1/tasks", "/v1/health", "/openapi.json", "/healthz"} {
			a := r.ask("GET", path, here, false, "Origin", origin, "Authorization", "Bearer "+token)
			for name := range a.header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s reads %s: %s", origin, path, name)
				}
			}
		}
		if a := r.ask("POST", "/v1/tasks", here, false, "Origin", origin, "Authorization", "Bearer "+token); a.status != 403 {
			t.Errorf("%s acts: %d", origin, a.status)
		}
	}
}

func TestWrongOrigins(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string][2]bool{ // in production, in development
		"https://a.example.com": {true, true}, "https://a.example.com:8443": {true, true}, "http://a.example.com": {false, true},
		"http://localhost:5173": {false, true}, "http://127.0.0.1:1": {false, true}, "https://[::1]": {false, true}, "http://x.localhost": {false, true},
		"https://localhost.": {false, true}, "https://0.0.0.0": {false, true}, "https://[::ffff:127.0.0.1]": {false, true},
		"*": {}, "null": {}, "": {}, "https://*": {}, "https://*.example.com": {}, "https://a.example.com/": {}, "https://a.example.com/x": {},
		"HTTPS://a.example.com": {}, "https://A.example.com": {}, "https://u@a.example.com": {}, "https://a.example.com?x": {}, "ftp://a.example.com": {},
		"a.example.com": {}, "https://": {}, "https://a.example.com https://b.example.com": {}, "https://a.example.com#": {}, "file://": {},
	} {
		for i, development := range []bool{false, true} {
			if err := httpapi.CheckOrigin(origin, development); (err == nil) != want[i] || err != nil && (core.CodeOf(err) != core.Invalid || core.HintOf(err) == "") {
				t.Errorf("%q, development %t: %v", origin, development, err)
			}
		}
	}
	if _, err := httpapi.New(httpapi.Config{Origins: []string{"*"}, Stopping: t.Context()}); core.CodeOf(err) != core.Invalid {
		t.Errorf("every origin: %v", err)
	}
}

// TestTLSOnly: what comes from elsewhere in clear gets nowhere.
func TestTLSOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(cfg *httpapi.Config) { cfg.TLSOnly = true })
	for _, c := range []struct {
		peer   string
		secure bool
		status int
	}{{there, true, 200}, {there, false, 403}, {here, false, 200}, {"pipe", false, 200}} {
		if a := r.ask("GET", "/v1/tasks", c.peer, c.secure, "Authorization", "Bearer "+token); a.status != c.status {
			t.Errorf("%+v: %d %s", c, a.status, a.body)
		}
	}
}

// TestCookies: a session's goes nowhere but here, to no script and no other site; where
// there is TLS its name says so, and the name without isn't looked at.
func TestCookies(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	signIn := func(secure bool) *http.Cookie {
		req := httptest.NewRequest("POST", "/v1/session", strings.NewReader(`{"email":"olga@example.org","password":"`+password+`","cookie":true}`))
		req.RemoteAddr = here
		req.Header.Set("Content-Type", "application/json")
		if secure {
			req.TLS = &tls.ConnectionState{}
		}
		rec := httptest.NewRecorder()
		w.api.ServeHTTP(rec, req)
		if rec.Code != 200 || len(rec.Result().Cookies()) != 1 || strings.Contains(rec.Body.String(), "isr_") {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		return rec.Result().Cookies()[0]
	}
	for secure, name := range map[bool]string{true: "__Host-isekai", false: "isekai"} {
		c := signIn(secure)
		if c.Name != name || c.Secure != secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || time.Until(c.Expires) < time.Hour {
			t.Errorf("TLS %t: %s", secure, c)
		}
		for what, x := range map[string]struct {
			secure bool
			cookie string
			status int
		}{
			"as it came":         {secure, c.Name + "=" + c.Value, 200},
			"beside others":      {secure, "a=b; " + c.Name + "=" + c.Value + "; isekai-flow=x", 200},
			"by the other name":  {secure, map[bool]string{true: "isekai", false: "__Host-isekai"}[secure] + "=" + c.Value, 401},
			"the other way":      {!secure, c.Name + "=" + c.Value, 401},
			"beside another one": {secure, c.Name + "=isc_x; " + c.Name + "=" + c.Value, 401},
		} {
			if a := w.ask("GET", "/v1/me", here, x.secure, "Cookie", x.cookie); a.status != x.status {
				t.Errorf("TLS %t, %s: %d %s", secure, what, a.status, a.body)
			}
		}
		// A bearer token that isn't good isn't made good by a cookie.
		if a := w.ask("GET", "/v1/me", here, secure, "Cookie", c.Name+"="+c.Value, "Authorization", "Bearer x"); a.status != 401 {
			t.Errorf("with a bad token: %d", a.status)
		}
		if a := w.ask("GET", "/v1/me", here, secure, "Cookie", c.Name+"="+c.Value, "Authorization", "Basic x"); a.status != 401 {
			t.Errorf("with another scheme: %d", a.status)
		}
	}
}

// TestLimits: each request counts for all that it comes under, and is told how it is with
// the nearest to its end.
func TestLimits(t *testing.T) {
	t.Parallel()
	few := func(n int) store.Rate { return store.Rate{Burst: n, Per: time.Hour} }
	for name, c := range map[string]struct {
		rates   httpapi.Rates
		path    string
		method  string
		peer    string
		who     identity.Principal
		through int // of 40
	}{
		"address":             {httpapi.Rates{Address: few(10)}, "/v1/tasks", "GET", there, ours, 10},
		"address, unknown":    {httpapi.Rates{Address: few(10)}, "/v1/none", "GET", there, ours, 10},
		"address, of its own": {httpapi.Rates{Address: few(10)}, "/v1/tasks", "GET", here, ours, 40},
		"address, alive":      {httpapi.Rates{Address: few(10)}, "/healthz", "GET", there, ours, 40},
		"user":                {httpapi.Rates{User: few(10)}, "/v1/tasks", "GET", here, ours, 10},
		"key":                 {httpapi.Rates{Key: few(10)}, "/v1/tasks", "GET", here, keyed(ours), 10},
		"user, with a key":    {httpapi.Rates{User: few(10)}, "/v1/tasks", "GET", here, keyed(ours), 10},
		"project":             {httpapi.Rates{Project: few(10)}, "/v1/tasks", "GET", here, ours, 10},
		"org":                 {httpapi.Rates{Org: few(10)}, "/v1/tasks", "GET", here, ours, 10},
		"admin":               {httpapi.Rates{Admin: few(10)}, "/v1/projects", "POST", here, ours, 10},
		"admin, not for all":  {httpapi.Rates{Admin: few(10)}, "/v1/tasks", "GET", here, ours, 40},
		"an embedded owner":   {httpapi.Rates{User: few(10), Org: few(10)}, "/v1/tasks", "GET", here, identity.Local(), 40},
		"sign-in":             {httpapi.Rates{SignIn: few(10)}, "/v1/session", "POST", here, ours, 10},
	} {
		r := newRig(t, func(cfg *httpapi.Config) {
			cfg.Quotas, cfg.Rates = cfg.Events.(store.Quotas), c.rates
			cfg.Authenticate = known(map[string]identity.Principal{token: c.who})
		})
		passed := 0
		for range 40 {
			a := r.ask(c.method, c.path, c.peer, false, "Authorization", "Bearer "+token)
			policy, left := a.header.Get("RateLimit-Policy"), a.header.Get("RateLimit")
			if a.status != 429 {
				passed++
				continue
			}
			kind, _, _ := strings.Cut(name, ",")
			if policy != `"`+kind+`";q=10;w=3600` || left != `"`+kind+`";r=0;t=3600` || a.header.Get("Retry-After") != "360" || !strings.Contains(a.body, `"code":"exhausted"`) {
				t.Errorf("%s: %q %q %v %s", name, policy, left, a.header, a.body)
			}
		}
		if passed != c.through {
			t.Errorf("%s: %d were let through", name, passed)
		}
	}
}

func keyed(p identity.Principal) identity.Principal {
	p.Key, p.Session, p.Scopes = "key_a", "", identity.Scopes()
	p.Scope.Actor = core.Actor{Kind: core.ActorKey, ID: "key_a"}
	return p
}

// TestHowManyAreLeft is said with every answer.
func TestHowManyAreLeft(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(cfg *httpapi.Config) { cfg.Quotas = cfg.Events.(store.Quotas) })
	for _, want := range []string{`"user";r=2399;t=1`, `"user";r=2398;t=1`} {
		if a := r.ask("GET", "/v1/tasks", here, false, "Authorization", "Bearer "+token); a.header.Get("RateLimit") != want || a.header.Get("RateLimit-Policy") != `"user";q=2400;w=60` {
			t.Errorf("%v", a.header)
		}
	}
}

// TestWaits: what a module says of how long to wait is said to programs.
func TestWaits(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(cfg *httpapi.Config) {
		cfg.Model = func(context.Context, core.OrgID, string) (string, error) {
			return "", core.E(core.Exhausted, "x", "wait").Because(&identity.WaitError{Wait: 1500 * time.Millisecond})
		}
	})
	if a := r.do("POST", "/v1/tasks", wish); a.status != 429 || a.header.Get("Retry-After") != "2" {
		t.Errorf("%d %v", a.status, a.header)
	}
}

// TestEveryRouteIsBounded: the document says how, and it is kept.
func TestEveryRouteIsBounded(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	access := "Bearer " + w.access("olga")
	for _, o := range w.document().routes {
		if o.Bounds == nil {
			t.Errorf("%s has no bounds", o.ID)
			continue
		}
		_, stream := o.Responses["200"].Content["text/event-stream"]
		most := int64(1 << 20)
		if o.Dialect != "" {
			most = 32 << 20 // pictures are in it
		}
		if o.ID == "add-skill" {
			most = 3 << 20 // an archive is in it
		}
		if o.ID == "add-document" || o.ID == "send-message" {
			most = 12 << 20
		}
		if o.ID == "put-mcp-files" {
			most = 32 << 20
		}
		if b := *o.Bounds; b.Body > most || b.Seconds < 0 || b.Seconds > 6*3600 || (b.Seconds == 0) != stream || (b.Body > 0) != (o.Body != nil) {
			t.Errorf("%s: %+v", o.ID, b)
		}
		if o.Body == nil {
			continue
		}
		who := access
		if strings.HasPrefix(string(o.Action), "operate") {
			who = "Bearer " + token
		}
		long := `{"x":"` + string(bytes.Repeat([]byte("x"), int(o.Bounds.Body))) + `"}`
		if a := w.do(o.method, o.named(map[string]string{"version": "1"}), long, "Authorization", who); a.status != 413 {
			t.Errorf("%s takes %d bytes: %d %.200s", o.ID, len(long), a.status, a.body)
		}
	}
}

// TestARequestHasItsTime: what it asks for knows when that is over.
func TestARequestHasItsTime(t *testing.T) {
	t.Parallel()
	var until time.Time
	r := newRig(t, func(cfg *httpapi.Config) {
		first := cfg.Authenticate
		cfg.Authenticate = func(ctx context.Context, c identity.Credential) (identity.Principal, error) {
			until, _ = ctx.Deadline()
			return first(ctx, c)
		}
	})
	for path, want := range map[string]time.Duration{"/v1/tasks": 30 * time.Second, "/v1/apps/x/versions/1/export": 10 * time.Minute} {
		r.do("GET", path, "")
		if left := time.Until(until); left > want || left < want-10*time.Second {
			t.Errorf("%s: %s", path, left)
		}
	}
	until = time.Time{}
	if r.do("GET", "/v1/tasks/tsk_none/events", ""); !until.IsZero() {
		t.Errorf("a stream ends at %s", until)
	}
}
