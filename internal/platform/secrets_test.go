package platform

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oauth2-proxy/mockoidc"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
)

// TestAConnectionGoesOutAsOperatorsAllow: an issuer on loopback is refused, by a node as it
// is, until the operator names its address and port.
func TestAConnectionGoesOutAsOperatorsAllow(t *testing.T) {
	t.Parallel()
	issuer := must(mockoidc.Run())(t)
	t.Cleanup(func() { _ = issuer.Shutdown() })
	at := must(url.Parse(issuer.Issuer()))(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(issuer.ClientSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for allow, want := range map[string]core.Code{
		"":                           core.Denied,
		"127.0.0.0/8":                core.Denied, // at the ports of the web
		"10.0.0.0/8, 192.168.0.0/16": core.Denied,
		"localhost:" + at.Port():     core.Denied, // the issuer says 127.0.0.1
		at.Host:                      "",
		"127.0.0.0/8:" + at.Port():   "",
		" 10.0.0.0/8 ,, " + at.Host:  "",
	} {
		t.Run(allow, func(t *testing.T) {
			t.Parallel()
			in := testInstance(t)
			in.cfg.Egress.Allow = allow
			in.cfg.Connections.Providers = []OAuthProvider{{Name: "forge", Issuer: issuer.Issuer(), ClientID: issuer.ClientID, ClientSecretFile: secret, SecretInBody: true, Scopes: []string{"openid"}}}
			if err := in.cfg.check(); err != nil {
				t.Fatal(err)
			}
			conn := must(in.Connect(t.Context(), cli.Serving))(t)
			defer conn.Close()
			to, err := conn.Client.BeginConnection(t.Context(), client.NewConnection{Provider: "forge", Port: 4711})
			if core.CodeOf(err) != want {
				t.Fatalf("%v, want %q", err, want)
			}
			if want != "" {
				if !strings.Contains(core.HintOf(err), "egress.allow") {
					t.Errorf("%v has the hint %q", err, core.HintOf(err))
				}
				return
			}
			back := agree(t, to.URL)
			if back.Host != strings.TrimPrefix(conn.URL, "http://") || back.Path != httpapi.ConnectionCallback {
				t.Fatalf("the provider sends the browser to %s", back)
			}
			q := back.Query()
			s, err := conn.Client.FinishConnection(t.Context(), client.ConnectionAnswer{State: q.Get("state"), Code: q.Get("code")})
			if err != nil || s.Connection == nil || s.Connection.Provider != "forge" {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// agree is a browser whose person says yes, and returns where it is sent back to.
func agree(t *testing.T, authURL string) *url.URL {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res := must(c.Get(authURL))(t)
	_ = res.Body.Close()
	return must(res.Location())(t)
}

// TestAServerWithoutItsClientsSecret doesn't start, and doesn't show what is in the file.
func TestAServerWithoutItsClientsSecret(t *testing.T) {
	t.Parallel()
	two := filepath.Join(t.TempDir(), "two")
	if err := os.WriteFile(two, []byte("s3cret\ns3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{two, filepath.Join(t.TempDir(), "none"), os.DevNull} {
		in := testInstance(t)
		in.cfg.Connections.Providers = []OAuthProvider{{Name: "forge", Kind: "github", ClientID: "x", ClientSecretFile: file}}
		_, err := in.Connect(t.Context(), cli.Serving)
		if core.CodeOf(err) != core.Invalid || !strings.Contains(err.Error(), "forge") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestCommandsWithoutAServerKnowTheProviders, too: they delete connections.
func TestCommandsWithoutAServerKnowTheProviders(t *testing.T) {
	t.Parallel()
	in := testInstance(t)
	in.cfg.Connections.Providers = []OAuthProvider{{Name: "forge", Kind: "github", ClientID: "x"}}
	for _, mode := range []cli.Mode{cli.Direct, cli.Working} {
		conn := must(in.Connect(t.Context(), mode))(t)
		all, err := conn.Client.Providers(t.Context())
		if err != nil || len(all) != 1 || all[0].Name != "forge" {
			t.Errorf("%+v, %v", all, err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}
