package e2e

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/oauth2-proxy/mockoidc"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

var programURL = regexp.MustCompile(`http://\S+/v1/oidc/corp/program\?\S+`)

// corp is a server whose people sign in at an issuer, and somebody's computer beside it.
type corp struct {
	*server
	t      *testing.T
	issuer *mockoidc.MockOIDC
	home   []string // environment
}

func newCorp(t *testing.T) *corp {
	t.Helper()
	m, err := mockoidc.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Shutdown() })
	dir := t.TempDir()
	file := filepath.Join(dir, "isekai.yaml")
	text := fmt.Sprintf(`
oidc:
  corp:
    issuer: %s
    client_id: %s
    scopes: [groups]
    create: true
    groups:
      - {group: staff, org: org_default, role: member}
`, m.Issuer(), m.ClientID)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &corp{t: t, issuer: m, home: cleanEnv("XDG_CONFIG_HOME=" + t.TempDir())}
	c.server = serve(t, filepath.Join(dir, "data"), cleanEnv("ISEKAI_CONFIG="+file, "ISEKAI_OIDC_CORP_CLIENT_SECRET="+m.ClientSecret, "ISEKAI_LOG_LEVEL=debug"))
	return c
}

// browse is a browser that goes to an address and follows it to the program's port; at sees
// the last address before it goes there.
func (c *corp) browse(to string, at func(*url.URL)) string {
	c.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Query().Get("state") != "" && r.URL.Path == "/" {
			at(r.URL)
		}
		return nil
	}}
	res, err := browser.Get(to)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Request.URL.Host, "127.0.0.1:") {
		c.t.Fatalf("the browser ends at %s with %s", res.Request.URL, res.Status)
	}
	return res.Request.URL.String()
}

// said waits for the address that the program prints.
func (c *corp) said(p *process) string {
	c.t.Helper()
	until(c.t, func() bool { return programURL.MatchString(p.errs.String()) || p.ended() }, p.said)
	to := programURL.FindString(p.errs.String())
	if to == "" {
		c.t.Fatalf("it prints no address: %s", p.said())
	}
	return to
}

// Somebody signs in at the issuer with a browser, and the command line is signed in. Who
// sees where the browser goes can do nothing with it.
func TestSignInByABrowser(t *testing.T) {
	t.Parallel()
	c := newCorp(t)
	p := begin(t, c.home, "login", c.url, "--oidc", "--no-browser")
	to := c.said(p)
	c.issuer.QueueUser(&mockoidc.MockUser{Subject: "ann", Email: "ann@example.org", EmailVerified: true, Groups: []string{"staff"}})
	last := c.browse(to, func(at *url.URL) {
		q := at.Query()
		other := *at
		other.RawQuery = url.Values{"state": {"another"}, "code": {q.Get("code")}}.Encode()
		res, err := http.Get(other.String())
		if err != nil || res.StatusCode != http.StatusNotFound {
			t.Errorf("another state: %v, %v", res, err)
		}
		anyone := client.New(c.url, "", nil)
		for _, verifier := range []string{"", q.Get("state"), "a guess"} {
			if _, err := anyone.RedeemOIDC(t.Context(), client.Redemption{Code: q.Get("code"), Verifier: verifier}); core.CodeOf(err) != core.Unauthenticated {
				t.Errorf("a thief with %q: %v", verifier, err)
			}
		}
		if strings.Contains(to, q.Get("code")) || q.Get("code") == "" {
			t.Errorf("the code is %q", q.Get("code"))
		}
	})
	if r := p.wait(t); r.code != 0 || !strings.Contains(r.out, "org_default, member") || strings.Contains(r.out+r.err, "isr_") {
		t.Fatalf("%+v", r)
	}
	if res, err := http.Get(last); err == nil {
		t.Errorf("the port is still open: %s", res.Status)
	}
	token, err := os.ReadFile(filepath.Join(c.dir, "setup-token"))
	if err != nil {
		t.Fatal(err)
	}
	for what, secret := range map[string]string{"the first token": strings.TrimSpace(string(token)), "the client's secret": c.issuer.ClientSecret} {
		if log := c.outs.String() + c.errs.String(); strings.Contains(log, secret) {
			t.Errorf("%s is in the log: %s", what, log)
		}
	}
	if r := isekai(t, c.home, "whoami"); r.code != 0 || !strings.Contains(r.out, "org_default, member") {
		t.Errorf("%+v", r)
	}
	if r := isekai(t, c.home, "user", "sessions"); r.code != 0 || !strings.Contains(r.out, "corp") || !strings.Contains(r.out, "127.0.0.1") {
		t.Errorf("%+v", r)
	}
}

// The command starts the system's browser with that address; and it learns of a refusal.
func TestSignInByABrowserIsRefused(t *testing.T) {
	t.Parallel()
	c := newCorp(t)
	dir := t.TempDir()
	shown := filepath.Join(dir, "shown")
	script := "#!/bin/sh\nprintf %s \"$1\" > " + shown + ".part && mv " + shown + ".part " + shown + "\n"
	if err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	p := begin(t, append(c.home, "PATH="+dir+":"+os.Getenv("PATH")), "login", c.url, "--oidc", "corp", "--json")
	var to string
	until(t, func() bool {
		b, err := os.ReadFile(shown)
		to = string(b)
		return err == nil || p.ended()
	}, p.said)
	if to == "" || to != c.said(p) {
		t.Fatalf("the browser goes to %q: %s", to, p.said())
	}
	c.issuer.QueueUser(&mockoidc.MockUser{Subject: "bob", Email: "bob@example.org", EmailVerified: true, Groups: []string{"guests"}})
	c.browse(to, func(at *url.URL) {
		if q := at.Query(); q.Get("code") == "" { // for the program, which learns more than a browser does
			t.Errorf("the program is told %v", q)
		}
	})
	if r := p.wait(t); r.code != 5 || !strings.Contains(r.err, `"code":"denied"`) || !strings.Contains(r.err, "org") {
		t.Errorf("%+v", r)
	}
	if r := isekai(t, c.home, "login", c.url, "--oidc", "other"); r.code != 3 || !strings.Contains(r.err, "there are corp") {
		t.Errorf("%+v", r)
	}
	stopped := begin(t, c.home, "login", c.url, "--oidc", "--no-browser")
	c.said(stopped)
	stopped.interrupt()
	if r := stopped.wait(t); r.code != 130 {
		t.Errorf("Ctrl-C: %+v", r)
	}
}
