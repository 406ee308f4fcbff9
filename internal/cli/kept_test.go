package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// issuer is a server that replaces refresh tokens, each once.
type issuer struct {
	*httptest.Server
	refreshed atomic.Int32
	life      time.Duration
	ended     atomic.Bool
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{life: 5 * time.Minute}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Refresh string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		n := int(i.refreshed.Add(1))
		if in.Refresh != "r"+strconv.Itoa(n) || i.ended.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"code":"unauthenticated","detail":"the credential isn't valid"}`))
			return
		}
		_ = json.NewEncoder(w).Encode(client.Tokens{Access: "a" + strconv.Itoa(n), Expires: time.Now().Add(i.life), Refresh: "r" + strconv.Itoa(n+1)})
	}))
	t.Cleanup(i.Close)
	return i
}

func keepAccount(t *testing.T, a account) kept {
	t.Helper()
	k := kept{filepath.Join(t.TempDir(), "isekai")}
	if _, err := k.change(t.Context(), func(was *account) error { *was = a; return nil }); err != nil {
		t.Fatal(err)
	}
	return k
}

// TestManyCommandsRefreshOnce: of those that run at the same time one gets new tokens, and
// all have them.
func TestManyCommandsRefreshOnce(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	k := keepAccount(t, account{Server: i.URL, Access: "a0", Expires: time.Now().Add(early / 2), Refresh: "r1"})
	var done sync.WaitGroup
	for range 20 {
		done.Go(func() {
			got, err := kept{k.dir}.source(i.URL)(t.Context(), "")
			if err != nil || got != "a1" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	done.Wait()
	if n := i.refreshed.Load(); n != 1 {
		t.Errorf("%d refreshes", n)
	}
	for name, want := range map[string]os.FileMode{accountName: 0o600, lockName: 0o600, "": 0o700} {
		if info, err := os.Stat(filepath.Join(k.dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v", name, info.Mode(), err)
		}
	}
	if left, err := os.ReadDir(k.dir); err != nil || len(left) != 2 {
		t.Errorf("%v, %v", left, err)
	}
}

// TestSource: which token is sent where, and what is said when there is none.
func TestSource(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	later := time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		account account
		refused string
		ended   bool
		want    string
		code    core.Code
	}{
		"a good one":            {account: account{Server: i.URL, Access: "a0", Expires: later, Refresh: "r1"}, want: "a0"},
		"one that is refused":   {account: account{Server: i.URL, Access: "a0", Expires: later, Refresh: "r1"}, refused: "a0", want: "a1"},
		"a key":                 {account: account{Server: i.URL, Key: "k"}, want: "k"},
		"a key that is refused": {account: account{Server: i.URL, Key: "k"}, refused: "k", want: "k"},
		"an ended session":      {account: account{Server: i.URL, Access: "a0", Refresh: "r1"}, ended: true, code: core.Unauthenticated},
		"another server's":      {account: account{Server: "https://other.example", Access: "a0", Expires: later, Refresh: "r1"}, code: core.Unauthenticated},
		"nobody's":              {code: core.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			i.refreshed.Store(0)
			i.ended.Store(c.ended)
			got, err := keepAccount(t, c.account).source(i.URL)(t.Context(), c.refused)
			if core.CodeOf(err) != c.code || c.code == "" && got != c.want || c.code != "" && !strings.Contains(core.HintOf(err), "isekai login") {
				t.Errorf("%q, %v (%s)", got, err, core.HintOf(err))
			}
		})
	}
}

// TestAnAccountThatCantBeRead says how to go on.
func TestAnAccountThatCantBeRead(t *testing.T) {
	t.Parallel()
	h := newHost(t, everything())
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, accountName), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	run := func(args ...string) int {
		out.Reset()
		errs.Reset()
		return Main(t.Context(), h, IO{In: strings.NewReader(""), Out: &out, Err: &errs, Home: home}, args)
	}
	if code := run("task", "list"); code != 2 || !strings.Contains(errs.String(), "isekai login") {
		t.Errorf("%d %s", code, errs.String())
	}
	if code := run("task", "list", "--data-dir", "/d"); code != 0 {
		t.Errorf("%d %s", code, errs.String())
	}
}

// TestLockEnds with its context.
func TestLockEnds(t *testing.T) {
	t.Parallel()
	k := keepAccount(t, account{Server: "x"})
	unlock, err := k.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := k.lock(ctx); core.CodeOf(err) != core.Canceled {
		t.Errorf("%v", err)
	}
}

// TestServers: a password goes to none that somebody could listen to.
func TestServers(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"https://a.example/": "https://a.example", "http://localhost:1": "http://localhost:1", "http://127.0.0.1:1": "http://127.0.0.1:1", "http://[::1]:1": "http://[::1]:1",
		"http://a.example": "", "http://10.0.0.1": "", "http://localhost.example": "", "a.example": "", "": "", "ftp://a.example": "", "https://u:p@a.example": "",
		"https://a.example?x": "", "https://a.example#x": "", "http://127.0.0.1.example": "",
	} {
		got, err := checkServer(s)
		if got != want || (err == nil) != (want != "") || err != nil && core.HintOf(err) == "" {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for s, want := range map[string]string{
		"90d": "2027-02-20T10:00:00Z", "12h": "2026-11-22T22:00:00Z", "2027-01-31": "2027-01-31T00:00:00Z", "2026-11-22T11:00:00Z": "2026-11-22T11:00:00Z",
		"x": "", "0d": "", "-1d": "", "2026-11-21": "", "99999999d": "", "-5m": "",
	} {
		at, err := parseExpiry(s, now)
		switch {
		case want == "" && (core.CodeOf(err) != core.Invalid || core.HintOf(err) == ""):
			t.Errorf("%s: %v, %v", s, at, err)
		case want != "" && (err != nil || at.Format(time.RFC3339) != want):
			t.Errorf("%s: %v, %v", s, at, err)
		}
	}
	if at, err := parseExpiry("", now); at != nil || err != nil {
		t.Errorf("%v, %v", at, err)
	}
}

// TestHelp: every command about accounts, credits, records and secrets shows an example,
// and none takes a secret as a flag.
func TestHelp(t *testing.T) {
	t.Parallel()
	ours := map[string]bool{"login": true, "logout": true, "whoami": true, "user": true, "org": true, "project": true, "key": true, "credit": true, "audit": true, "secret": true, "redact": true}
	seen := 0
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		if c.HasSubCommands() {
			for _, sub := range c.Commands() {
				look(sub)
			}
			return
		}
		seen++
		if !strings.Contains(c.Example, c.CommandPath()) || c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: %q, %q", c.CommandPath(), c.Short, c.Example)
		}
		for _, name := range []string{"password", "token", "value", "code", "passphrase"} {
			if c.Flags().Lookup(name) != nil {
				t.Errorf("%s takes --%s", c.CommandPath(), name)
			}
		}
	}
	sh := &shell{}
	for _, c := range sh.root().Commands() {
		if ours[c.Name()] {
			look(c)
		}
	}
	if seen < 60 {
		t.Errorf("only %d commands", seen)
	}
}
