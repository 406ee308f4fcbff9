package identity_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// issuer runs oidc-provider with a client for each way to sign ID tokens, and accounts.
func issuer(t *testing.T, accounts map[string]any) string {
	t.Helper()
	modules, err := issuerModules()
	ok(t, err)
	dir := t.TempDir()
	script, err := os.ReadFile("testdata/oidc/issuer.mjs")
	ok(t, err)
	ok(t, os.WriteFile(filepath.Join(dir, "issuer.mjs"), script, 0o600))
	ok(t, os.Symlink(modules, filepath.Join(dir, "node_modules")))
	var clients []map[string]any
	for _, alg := range []string{"RS256", "ES256"} {
		clients = append(clients, map[string]any{
			"client_id": "isekai-" + alg, "client_secret": "a secret & a half", "redirect_uris": []string{back},
			"id_token_signed_response_alg": alg, "scope": "openid email profile groups",
		})
	}
	arg, err := json.Marshal(map[string]any{"clients": clients, "accounts": accounts})
	ok(t, err)
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join(dir, "issuer.mjs"), string(arg))
	var said strings.Builder
	cmd.Stderr = &said
	stdin, err := cmd.StdinPipe()
	ok(t, err)
	stdout, err := cmd.StdoutPipe()
	ok(t, err)
	ok(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close() // it ends by itself then
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the issuer doesn't start: %v\n%s", err, said.String())
	}
	return strings.TrimSpace(line)
}

// tell gives an issuer other accounts.
func tell(t *testing.T, at string, accounts map[string]any) {
	t.Helper()
	b, err := json.Marshal(accounts)
	ok(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, at+"/accounts", bytes.NewReader(b))
	ok(t, err)
	res, err := http.DefaultClient.Do(req)
	ok(t, err)
	ok(t, res.Body.Close())
	want(t, "the issuer takes its accounts", res.StatusCode, http.StatusOK)
}

// issuerModules installs what the issuer needs into a cache, once, and returns the folder.
var issuerModules = sync.OnceValues(func() (string, error) {
	lock, err := os.ReadFile("testdata/oidc/package-lock.json")
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(lock)
	dir := filepath.Join(cache, "isekai", "oidc-provider-"+hex.EncodeToString(sum[:6]))
	modules := filepath.Join(dir, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	part, err := os.MkdirTemp(filepath.Dir(dir), "oidc-provider-*")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(part) }()
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join("testdata/oidc", name))
		if err == nil {
			err = os.WriteFile(filepath.Join(part, name), text, 0o600)
		}
		if err != nil {
			return "", err
		}
	}
	cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error")
	cmd.Dir = part
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", core.E(core.Unavailable, "npm ci", string(out)).WithHint("make setup installs node and npm").Because(err)
	}
	if err := os.Rename(part, dir); err != nil && !os.IsExist(err) {
		if _, there := os.Stat(modules); there != nil { // another test run was quicker
			return "", err
		}
	}
	return modules, nil
})

// as is an authorization URL for the person with this account.
func as(t *testing.T, authURL, account string) string {
	t.Helper()
	u, err := url.Parse(authURL)
	ok(t, err)
	q := u.Query()
	q.Set("login_hint", account)
	u.RawQuery = q.Encode()
	return u.String()
}

// A certified implementation of OpenID Connect, as strict as it comes: PKCE is required,
// and ID tokens are signed in the two usual ways.
func TestPeopleSignInByACertifiedIssuer(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes node")
	}
	at := issuer(t, map[string]any{
		"ann":  map[string]any{"email": "ann@example.org", "email_verified": true, "name": "Ann", "groups": []string{"staff", "admins"}},
		"bob":  map[string]any{"email": "owner@example.org", "email_verified": false, "name": "Bob", "groups": "staff"},
		"many": map[string]any{"email": "many@example.org", "email_verified": "true", "name": "M\x00y", "groups": []string{}},
	})
	for _, alg := range []string{"RS256", "ES256"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, onSQLite)
			s := with(r, identity.OIDCConfig{
				Name: "node", Issuer: at, ClientID: "isekai-" + alg, ClientSecret: "a secret & a half", Scopes: []string{"groups"},
				Domains: []string{"Example.org"}, Create: true,
				Groups: []identity.GroupGrant{
					{Group: "staff", Org: core.DefaultOrg, Role: core.Member}, {Group: "admins", Org: core.DefaultOrg, Role: core.Admin},
				},
			})
			enter := func(account string) (identity.Tokens, error) {
				authURL, state, err := s.BeginOIDC(t.Context(), "node", back, "", nil)
				ok(t, err)
				q := browse(t, as(t, authURL, account))
				if q.Get("error") != "" {
					t.Fatalf("the issuer says %v", q)
				}
				want(t, "issuer", q.Get("iss"), at)
				return finish(t, s, q.Get("state"), q.Get("code"), state)
			}
			tokens, err := enter("ann")
			ok(t, err)
			p, err := bearer(t.Context(), s, tokens.Access)
			ok(t, err)
			want(t, "role", p.Role, core.Admin)
			u, err := s.User(t.Context(), p, p.User)
			ok(t, err)
			want(t, "address", u.Email, "ann@example.org")
			want(t, "name", u.Name, "Ann")
			again, err := enter("ann")
			ok(t, err)
			want(t, "user", again.User, tokens.User)

			bob, err := enter("bob") // whose address nobody has verified: he isn't the owner
			ok(t, err)
			if bob.User == r.owner.User {
				t.Fatal("an unverified address makes him the owner")
			}
			want(t, "role", bob.Role, core.Member)
			u, err = s.User(t.Context(), bob.Principal, bob.User)
			ok(t, err)
			want(t, "address", u.Email, "")
			_, err = enter("many")
			wantCode(t, "of no group", err, core.Denied)

			// A code is redeemed only with the verifier of the sign-in that it is for.
			authURL, state, err := s.BeginOIDC(t.Context(), "node", back, "", nil)
			ok(t, err)
			code := browse(t, as(t, authURL, "ann")).Get("code")
			_, other, err := s.BeginOIDC(t.Context(), "node", back, "", nil)
			ok(t, err)
			_, err = finish(t, s, other, code, other)
			wantCode(t, "in another browser", err, core.Unauthenticated)
			_, err = finish(t, s, state, code, state)
			ok(t, err)
		})
	}
}
