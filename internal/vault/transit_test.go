package vault_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/vault"
)

// newTransit returns a Transit at s, by TLS as it has to be.
func newTransit(t testing.TB, s http.Handler, change func(*vault.TransitConfig)) *vault.Transit {
	t.Helper()
	server := httptest.NewTLSServer(s)
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	ok(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	cfg := vault.TransitConfig{
		Address: server.URL, CAFile: ca, Backoff: time.Microsecond,
		Token: func() (string, error) { return transitToken, nil },
	}
	if change != nil {
		change(&cfg)
	}
	m, err := vault.NewTransit(cfg)
	ok(t, err)
	t.Cleanup(m.Close)
	return m
}

func TestTransitWrapsAndUnwraps(t *testing.T) {
	t.Parallel()
	s := newTransitServer()
	m := newTransit(t, s, nil)
	secret, place := []byte("the keys"), []byte("org_a")
	wrapped, err := m.Wrap(t.Context(), secret, place)
	if err != nil || !bytes.HasPrefix(wrapped, []byte("transit:transit/isekai:vault:v1:")) {
		t.Fatalf("%s, %v", wrapped, err)
	}
	for name, c := range map[string]struct {
		wrapped, place []byte
		code           core.Code
	}{
		"as it was":          {wrapped, place, ""},
		"another place":      {wrapped, []byte("org_b"), core.Invalid},
		"no place":           {wrapped, nil, core.Invalid},
		"damaged":            {append(bytes.Clone(wrapped), "AAAA"...), place, core.Invalid},
		"nothing":            {nil, place, core.Invalid},
		"an unknown version": {[]byte("transit:transit/isekai:vault:v9:AAAA"), place, core.Invalid},
		"no version":         {[]byte("transit:transit/isekai:AAAA"), place, core.Invalid},
		"another key's":      {bytes.Replace(wrapped, []byte("/isekai"), []byte("/other"), 1), place, core.Invalid},
	} {
		got, err := m.Unwrap(t.Context(), c.wrapped, c.place)
		wantCode(t, name, err, c.code)
		if (err == nil) != bytes.Equal(got, secret) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestTransitRotates with the key's own rotation: what was wrapped before is stale, opens
// until it is wrapped anew, and is useless when the engine forgets the old version.
func TestTransitRotates(t *testing.T) {
	t.Parallel()
	s := newTransitServer()
	r, m := newRig(t), newTransit(t, s, nil)
	p := r.start(t, m)
	for _, org := range []core.OrgID{orgA, orgB} {
		appendTo(t, p.store, org, "tsk_1", 0, "one")
	}
	old, err := r.inner.Keyset(t.Context(), orgA)
	ok(t, err)
	s.rotate()
	if stale, err := m.Stale(t.Context(), old.Wrapped); err != nil || !stale {
		t.Errorf("stale: %v, %v", stale, err)
	}
	wantTexts(t, r.start(t, m).store, orgA, "tsk_1", "one")
	if n, err := p.vault.RotateMaster(t.Context(), m); err != nil || n != 2 {
		t.Errorf("wrapped %d anew, %v", n, err)
	}
	s.forget(2)
	fresh := r.start(t, m)
	wantTexts(t, fresh.store, orgA, "tsk_1", "one")
	ok(t, fresh.vault.Check(t.Context()))
	_, err = m.Unwrap(t.Context(), old.Wrapped, nil)
	wantCode(t, "unwrap what is too old", err, core.Invalid)
}

// TestTheMasterMovesToTransit from a file, and a process that has both opens all.
func TestTheMasterMovesToTransit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	appendTo(t, r.store, orgA, "tsk_1", 0, "one")
	m := newTransit(t, newTransitServer(), nil)
	both := r.start(t, vault.Either(m, openMaster(t, r.master)))
	wantTexts(t, both.store, orgA, "tsk_1", "one")
	wantCode(t, "check with the new one alone", r.start(t, m).vault.Check(t.Context()), core.Invalid)
	if n, err := both.vault.RotateMaster(t.Context(), m); err != nil || n != 1 {
		t.Errorf("wrapped %d anew, %v", n, err)
	}
	wantTexts(t, r.start(t, m).store, orgA, "tsk_1", "one")
	wantCode(t, "check with the old one", r.vault.Check(t.Context()), core.Invalid)
	wantTexts(t, r.start(t, vault.Either(openMaster(t, r.master), m)).store, orgA, "tsk_1", "one")
}

// TestTransitFailures sees each refusal as what it is, and repeats what may pass.
func TestTransitFailures(t *testing.T) {
	t.Parallel()
	raw := func(status int, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = w.Write([]byte(body)) }
	}
	hangUp := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		code   core.Code
		calls  int
	}{
		"denied":           {refuse(403, "1 error occurred:\n\t* permission denied\n\n"), core.Denied, 1},
		"unauthorized":     {refuse(401), core.Denied, 1},
		"no such engine":   {refuse(404, "no handler for route"), core.Denied, 1},
		"unfit key":        {refuse(400, "associated data is not supported"), core.Invalid, 1},
		"sealed":           {refuse(503, "Vault is sealed"), core.Unavailable, 4},
		"broken":           {refuse(500, "internal error"), core.Unavailable, 4},
		"too many":         {refuse(429, "request path \"transit/encrypt/isekai\": rate limit quota exceeded"), core.Unavailable, 4},
		"not replicated":   {refuse(412, "required index state not present"), core.Unavailable, 4},
		"hangs up":         {hangUp, core.Unavailable, 4},
		"no words":         {raw(502, "<html>bad gateway</html>"), core.Unavailable, 4},
		"another server":   {raw(200, "<html>hello</html>"), core.Internal, 1},
		"no ciphertext":    {raw(200, `{"data":{}}`), core.Internal, 1},
		"other ciphertext": {raw(200, `{"data":{"ciphertext":"plain"}}`), core.Internal, 1},
		"an endless one":   {raw(200, `{"data":{"ciphertext":"`+strings.Repeat("x", 5<<20)), core.Internal, 1},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/v1/transit/encrypt/isekai", http.StatusTemporaryRedirect)
		}, core.Denied, 1},
		"teapot": {raw(418, ""), core.Internal, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTransitServer()
			m := newTransit(t, s, nil)
			s.instead(c.answer, c.answer, c.answer, c.answer)
			_, err := m.Wrap(t.Context(), []byte("the keys"), nil)
			wantCode(t, "wrap", err, c.code)
			if s.called() != c.calls || strings.Contains(err.Error(), transitToken) || len(err.Error()) > 500 {
				t.Errorf("%d calls, want %d: %v", s.called(), c.calls, err)
			}
			if c.code == core.Unavailable { // and one that passes does
				s.instead(c.answer, c.answer)
				wrapped, err := m.Wrap(t.Context(), []byte("the keys"), nil)
				if err != nil || len(wrapped) == 0 || s.called() != 3 {
					t.Errorf("after two failures: %v, %d calls", err, s.called())
				}
			}
		})
	}
}

// TestTransitConnections: who isn't trusted, isn't there or doesn't answer.
func TestTransitConnections(t *testing.T) {
	t.Parallel()
	s := newTransitServer()
	hanging := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then is it seen that the caller went
		<-r.Context().Done()
	})
	gone := httptest.NewServer(s)
	gone.Close()
	tokenFile := filepath.Join(t.TempDir(), "token")
	ok(t, os.WriteFile(tokenFile, []byte(transitToken+"\n"), 0o600))
	for name, c := range map[string]struct {
		server http.Handler
		change func(*vault.TransitConfig)
		code   core.Code
	}{
		"a token in a file":     {s, func(c *vault.TransitConfig) { c.Token = vault.TokenFile(tokenFile) }, ""},
		"no token file":         {s, func(c *vault.TransitConfig) { c.Token = vault.TokenFile(tokenFile + "x") }, core.Denied},
		"an empty token":        {s, func(c *vault.TransitConfig) { c.Token = func() (string, error) { return "", nil } }, core.Denied},
		"an expired token":      {s, func(c *vault.TransitConfig) { c.Token = func() (string, error) { return "old", nil } }, core.Denied},
		"an untrusted server":   {s, func(c *vault.TransitConfig) { c.CAFile = "" }, core.Denied},
		"a server that is gone": {s, func(c *vault.TransitConfig) { c.Address, c.CAFile = gone.URL, "" }, core.Unavailable},
		"a server that hangs":   {hanging, func(c *vault.TransitConfig) { c.Timeout = 20 * time.Millisecond }, core.Unavailable},
		"another mount":         {s, func(c *vault.TransitConfig) { c.Mount = "other/transit/" }, core.Denied},
		"another namespace":     {s, func(c *vault.TransitConfig) { c.Namespace = "team" }, core.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			m := newTransit(t, c.server, c.change)
			_, err := m.Wrap(t.Context(), []byte("the keys"), nil)
			wantCode(t, "wrap", err, c.code)
			if c.code != "" && core.HintOf(err) == "" {
				t.Errorf("%v has no hint", err)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newTransit(t, s, nil).Wrap(ctx, []byte("the keys"), nil)
	wantCode(t, "canceled", err, core.Canceled)
}

func TestTransitConfigurations(t *testing.T) {
	t.Parallel()
	token := func() (string, error) { return transitToken, nil }
	noPEM := filepath.Join(t.TempDir(), "ca.pem")
	ok(t, os.WriteFile(noPEM, []byte("x"), 0o600))
	for name, c := range map[string]struct {
		cfg  vault.TransitConfig
		code core.Code
	}{
		"https":              {vault.TransitConfig{Address: "https://vault.example:8200", Token: token}, ""},
		"http on loopback":   {vault.TransitConfig{Address: "http://127.0.0.1:8200/", Token: token}, ""},
		"http elsewhere":     {vault.TransitConfig{Address: "http://vault.example:8200", Token: token}, core.Invalid},
		"nothing":            {vault.TransitConfig{Token: token}, core.Invalid},
		"no scheme":          {vault.TransitConfig{Address: "vault.example:8200", Token: token}, core.Invalid},
		"a path":             {vault.TransitConfig{Address: "https://vault.example/v1", Token: token}, core.Invalid},
		"a password":         {vault.TransitConfig{Address: "https://u:p@vault.example", Token: token}, core.Invalid},
		"no token":           {vault.TransitConfig{Address: "https://vault.example"}, core.Invalid},
		"a key with a path":  {vault.TransitConfig{Address: "https://vault.example", Token: token, Key: "../x"}, core.Invalid},
		"a mount with a way": {vault.TransitConfig{Address: "https://vault.example", Token: token, Mount: "a/../b"}, core.Invalid},
		"no such authority":  {vault.TransitConfig{Address: "https://vault.example", Token: token, CAFile: noPEM + "x"}, core.Invalid},
		"no authority":       {vault.TransitConfig{Address: "https://vault.example", Token: token, CAFile: noPEM}, core.Invalid},
	} {
		_, err := vault.NewTransit(c.cfg)
		wantCode(t, name, err, c.code)
	}
}
