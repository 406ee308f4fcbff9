package platform

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/store"
)

func TestByHost(t *testing.T) {
	t.Parallel()
	say := func(s string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) })
	}
	previews := func(base string) http.Handler { return say("below " + base) }
	const none, local, public = "no such host here\n", "below localhost", "below apps.example.net"
	for name, c := range map[string]struct {
		own    bool // at the owner's listener
		public Public
		want   map[string]string
	}{
		"loopback": {true, Public{}, map[string]string{
			"localhost": "api", "localhost:7777": "api", "LOCALHOST:1": "api", "127.0.0.1:7777": "api", "127.8.9.1": "api",
			"[::1]:7777": "api", "[::1]": "api", "[::ffff:127.0.0.1]:1": "api",
			"books.localhost": local, "books.localhost:7777": local, "BOOKS.LocalHost:1": local,
			"": none, "evil.example": none, "localhost.evil.example": none, "evillocalhost": none, "10.0.0.1": none, "[2001:db8::1]:1": none,
			"localhost.": none, "books.localhost.": none, "127.1": none, "2130706433": none, "0.0.0.0": none, "[::]": none,
			".": none, ".apps.example.net": none, "isekai.example.com": none,
		}},
		"public": {false, Public{URL: "https://isekai.example.com", Previews: "apps.example.net"}, map[string]string{
			"isekai.example.com": "api", "Isekai.Example.Com:443": "api", "books.apps.example.net": public, "BOOKS.apps.example.net:443": public,
			"": none, "example.com": none, "apps.example.net": none, "isekai.example.com.evil.example": none, "evilapps.example.net": none,
			"x.isekai.example.com": none, "10.0.0.1": none,
			"localhost": none, "localhost:1": none, "127.0.0.1": none, "[::1]:443": none, "books.localhost": none, "books.localhost:443": none,
		}},
		"the owner of a public one": {true, Public{URL: "https://isekai.example.com", Previews: "apps.example.net"}, map[string]string{
			"localhost:1": "api", "books.localhost": local, "isekai.example.com": none, "books.apps.example.net": none,
		}},
		"an address":  {false, Public{URL: "https://192.0.2.7:8443"}, map[string]string{"192.0.2.7:8443": "api", "192.0.2.8": none, "a.192.0.2.7": none}},
		"no previews": {false, Public{URL: "https://isekai.example.com"}, map[string]string{"isekai.example.com": "api", "x.": none, "x": none, "x.localhost": none}},
		"nothing":     {false, Public{}, map[string]string{"": none, "localhost": none, ".": none}},
	} {
		h := byListener(ownSite(say("api"), previews), publicSite(say("api"), previews, c.public))
		for host, want := range c.want {
			r := httptest.NewRequest("GET", "/", nil)
			r = r.WithContext(context.WithValue(r.Context(), ownKey{}, c.own))
			r.Host = host
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Body.String() != want || (want == none) != (w.Code == http.StatusMisdirectedRequest) {
				t.Errorf("%s: %q: %d %q, want %q", name, host, w.Code, w.Body, want)
			}
		}
	}
}

// TestWhereToListen is the table of what may be opened: other machines get nowhere, unless
// it is said how they do it safely.
func TestWhereToListen(t *testing.T) {
	t.Parallel()
	public := Public{URL: "https://isekai.example.com", Proxies: "10.0.0.1"}
	for _, c := range []struct {
		listen  string
		public  Public
		refused core.Code
	}{
		{"127.0.0.1:1", Public{}, ""},
		{"localhost:1", Public{}, ""},
		{"[::1]:1", Public{}, ""},
		{"7777", Public{}, core.Invalid},
		{"0.0.0.0:1", Public{}, core.Denied},
		{":1", Public{}, core.Denied},
		{"[::]:1", Public{}, core.Denied},
		{"example.com:1", Public{}, core.Denied},
		{"192.0.2.1:1", Public{}, core.Denied},
		{"192.0.2.1:1", public, ""},
		{":443", public, ""},
		{"127.0.0.1:1", public, ""},
	} {
		cfg := Config{Listen: c.listen, Public: c.public}
		if err := cfg.checkAddress(); core.CodeOf(err) != c.refused || err != nil && core.HintOf(err) == "" {
			t.Errorf("%s %+v: %v, want %q", c.listen, c.public, err, c.refused)
		}
	}
}

func TestPublicConfigurations(t *testing.T) {
	t.Parallel()
	const url, previews = "https://isekai.example.com", "apps.example.net"
	files := TLS{CertFile: "/c", KeyFile: "/k"}
	for name, c := range map[string]struct {
		public Public
		tls    TLS
		nodes  Nodes
		good   bool
	}{
		"nothing":                        {good: true},
		"files":                          {Public{URL: url, Previews: previews}, files, Nodes{}, true},
		"ACME":                           {Public{URL: url}, TLS{ACME: true, ACMEEmail: "ops@example.com"}, Nodes{}, true},
		"a proxy":                        {Public{URL: url, Proxies: "10.0.0.0/8, 2001:db8::1"}, TLS{}, Nodes{}, true},
		"files and a proxy":              {Public{URL: url, Proxies: "10.0.0.1"}, files, Nodes{}, true},
		"origins":                        {Public{URL: url, Origins: "https://a.example.com,https://b.example.com"}, files, Nodes{}, true},
		"an address with files":          {Public{URL: "https://192.0.2.1:8443"}, files, Nodes{}, true},
		"a developer's page":             {public: Public{Origins: "http://localhost:5173"}, good: true},
		"every page of a developer":      {public: Public{Origins: "*"}},
		"nodes without a key":            {nodes: Nodes{CAFile: "/ca", CertFile: "/c"}},
		"nobody ends TLS":                {Public{URL: url}, TLS{}, Nodes{}, false},
		"TLS without a URL":              {Public{}, files, Nodes{}, false},
		"plain HTTP":                     {Public{URL: "http://isekai.example.com"}, files, Nodes{}, false},
		"a path":                         {Public{URL: url + "/x"}, files, Nodes{}, false},
		"a slash":                        {Public{URL: url + "/"}, files, Nodes{}, false},
		"a user":                         {Public{URL: "https://u@isekai.example.com"}, files, Nodes{}, false},
		"capitals":                       {Public{URL: "https://Isekai.example.com"}, files, Nodes{}, false},
		"no name":                        {Public{URL: "https://"}, files, Nodes{}, false},
		"one label":                      {Public{URL: "https://isekai"}, files, Nodes{}, false},
		"previews without a URL":         {Public{Previews: previews}, TLS{}, Nodes{}, false},
		"previews with a star":           {Public{URL: url, Previews: "*." + previews}, files, Nodes{}, false},
		"the API among previews":         {Public{URL: url, Previews: "example.com"}, files, Nodes{}, false},
		"the API's own name as previews": {Public{URL: url, Previews: "isekai.example.com"}, files, Nodes{}, false},
		"every proxy":                    {Public{URL: url, Proxies: "0.0.0.0/0"}, TLS{}, Nodes{}, false},
		"every proxy of six":             {Public{URL: url, Proxies: "::/0"}, TLS{}, Nodes{}, false},
		"a proxy's name":                 {Public{URL: url, Proxies: "proxy"}, TLS{}, Nodes{}, false},
		"every origin":                   {Public{URL: url, Origins: "*"}, files, Nodes{}, false},
		"any origin below":               {Public{URL: url, Origins: "https://*.example.com"}, files, Nodes{}, false},
		"a null origin":                  {Public{URL: url, Origins: "null"}, files, Nodes{}, false},
		"a local origin":                 {Public{URL: url, Origins: "http://localhost:5173"}, files, Nodes{}, false},
		"a local origin with TLS":        {Public{URL: url, Origins: "https://127.0.0.1"}, files, Nodes{}, false},
		"a plain origin":                 {Public{URL: url, Origins: "http://a.example.com"}, files, Nodes{}, false},
		"a certificate without a key":    {Public{URL: url}, TLS{CertFile: "/c"}, Nodes{}, false},
		"a key without a certificate":    {Public{URL: url, Proxies: "10.0.0.1"}, TLS{KeyFile: "/k"}, Nodes{}, false},
		"files and ACME":                 {Public{URL: url}, TLS{CertFile: "/c", KeyFile: "/k", ACME: true}, Nodes{}, false},
		"an e-mail without ACME":         {Public{URL: url}, TLS{CertFile: "/c", KeyFile: "/k", ACMEEmail: "a@b"}, Nodes{}, false},
		"ACME for an address":            {Public{URL: "https://192.0.2.1"}, TLS{ACME: true}, Nodes{}, false},
	} {
		err := Config{Public: c.public, TLS: c.tls, Nodes: c.nodes}.checkPublic()
		if (err == nil) != c.good || err != nil && (core.CodeOf(err) != core.Invalid || core.HintOf(err) == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRates: each is of a minute, and what is 0 has its default.
func TestRates(t *testing.T) {
	t.Parallel()
	minute := func(n int) store.Rate { return store.Rate{Burst: n, Per: time.Minute} }
	want := httpapi.Rates{Address: minute(1), SignIn: minute(2), Preview: minute(3), User: minute(4), Admin: minute(5), Key: minute(6), Project: minute(8), Org: minute(9)}
	if got := (Rates{1, 2, 3, 4, 5, 6, 8, 9}).rates(); got != want {
		t.Errorf("%+v", got)
	}
	if got := (Rates{}).rates(); got != (httpapi.Rates{}) {
		t.Errorf("%+v", got)
	}
	for _, r := range []Rates{{Address: -1}, {Preview: -1}, {Org: mostInAMinute + 1}, {User: 3001}, {Project: 4799}, {Org: 4799}, {User: 10000, Project: 20000}} {
		if err := (Config{Rates: r}).checkPublic(); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

// TestAPreviewHasItsTime: what the API allows itself to answer in isn't what an app has,
// though both may be asked for over one connection.
func TestAPreviewHasItsTime(t *testing.T) {
	t.Parallel()
	w := &timed{ResponseWriter: httptest.NewRecorder(), until: time.Now()}
	unhurried(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if !w.until.IsZero() {
		t.Errorf("it ends at %s", w.until)
	}
}

// timed is a connection whose answer has a time.
type timed struct {
	http.ResponseWriter
	until time.Time
}

func (t *timed) SetWriteDeadline(until time.Time) error { t.until = until; return nil }

// TestPreviewsHaveADomainOfTheirOwn, which nobody else has registered.
func TestPreviewsHaveADomainOfTheirOwn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ url, previews, shared string }{
		"none":                      {"https://isekai.example.com", "", ""},
		"its own":                   {"https://isekai.example.com", "apps.example.net", ""},
		"beside the API":            {"https://isekai.example.com", "apps.example.com", "example.com"},
		"below the API":             {"https://isekai.example.com", "apps.isekai.example.com", "example.com"},
		"of a country's registry":   {"https://isekai.co.uk", "apps.co.uk", ""},
		"of one company in one":     {"https://isekai.example.co.uk:8443", "apps.example.co.uk", "example.co.uk"},
		"of a host of others' apps": {"https://isekai.github.io", "apps.github.io", ""},
		"an address":                {"https://192.0.2.1", "apps.example.net", ""},
		"a whole registry's":        {"https://isekai.example.com", "com", ""},
		"of a network of one's own": {"https://isekai.corp.internal", "apps.corp.internal", "corp.internal"},
	} {
		p := Public{URL: c.url, Previews: c.previews}
		if got := p.shared(); got != c.shared {
			t.Errorf("%s: %q, want %q", name, got, c.shared)
		}
		checks := p.domainCheck()
		if len(checks) > 0 != (c.previews != "") || len(checks) > 0 && (checks[0].OK != (c.shared == "") || !checks[0].OK && checks[0].Hint == "") {
			t.Errorf("%s: %+v", name, checks)
		}
	}
}
