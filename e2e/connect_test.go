package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/oauth2-proxy/mockoidc"

	"github.com/isekai-run/isekai/internal/client"
)

// address is what a person is to open.
var address = regexp.MustCompile(`(?m)^  (http://\S+)$`)

// connecting begins a connection, and returns the address at which its person agrees.
func (d data) connecting(args ...string) (*process, string) {
	d.t.Helper()
	p := d.begin(append([]string{"secret", "connect"}, args...)...)
	until(d.t, func() bool { return address.MatchString(p.errs.String()) || p.ended() }, p.said)
	at := address.FindStringSubmatch(p.errs.String())
	if at == nil {
		d.t.Fatalf("no address to go to: %s", p.said())
	}
	return p, at[1]
}

// TestConnectFromTheCommandLine: a person with a browser on the same machine agrees at a
// real issuer, and the command that waits has the connection. What it waits for is bounded,
// and Ctrl-C says how to go on.
func TestConnectFromTheCommandLine(t *testing.T) {
	t.Parallel()
	issuer, err := mockoidc.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = issuer.Shutdown() })
	at, err := url.Parse(issuer.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	d := newData(t)
	config := filepath.Join(t.TempDir(), "isekai.yaml")
	text := fmt.Sprintf("egress:\n  allow: %s\nconnections:\n  providers:\n  - name: forge\n    issuer: %s\n    client_id: %s\n    client_secret: %s\n    secret_in_body: true\n    scopes: [openid, email]\n",
		at.Host, issuer.Issuer(), issuer.ClientID, issuer.ClientSecret)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d.env = append(d.env, "ISEKAI_CONFIG="+config)
	if r := d.run("secret", "connect", "forge"); r.code != 7 || !strings.Contains(r.err, "isekai serve") {
		t.Errorf("without a server: %d %s", r.code, r.err)
	}
	serve(t, d.dir, d.env)
	if out := d.does("secret", "providers"); out != "forge\n" {
		t.Errorf("the providers are %q", out)
	}
	if r := d.run("secret", "connect", "none"); r.code != 3 || !strings.Contains(r.err, "forge") {
		t.Errorf("an unknown provider: %d %s", r.code, r.err)
	}

	p, there := d.connecting("forge", "deploys", "--note", "for deploys", "--json")
	if !strings.Contains(there, "code_challenge_method=S256") || !strings.Contains(there, "state=") {
		t.Errorf("the address is %s", there)
	}
	browse(t, there).until(`document.body.innerText.includes("Connected: deploys")`)
	r := p.wait(t)
	made := lines[client.Secret](t, r.out)
	if r.code != 0 || len(made) != 1 || made[0].Connection == nil || made[0].Connection.Provider != "forge" || made[0].Note != "for deploys" {
		t.Fatalf("%d %s%s", r.code, r.out, r.err)
	}
	if out := d.does("secret", "list"); !strings.Contains(out, "deploys") || !strings.Contains(out, "forge") {
		t.Errorf("the list is %s", out)
	}
	if out := d.does("audit", "list", "--action", "connection."); !strings.Contains(out, "connection.connect") {
		t.Errorf("the audit log has %s", out)
	}

	p, _ = d.connecting("forge", "another")
	p.interrupt()
	if r := p.wait(t); r.code != 130 || !strings.Contains(r.err, "isekai secret connect forge begins again") {
		t.Errorf("Ctrl-C: %d %s", r.code, r.err)
	}
	p, _ = d.connecting("forge", "another", "--wait", "50ms")
	if r := p.wait(t); r.code != 7 || !strings.Contains(r.err, "nobody agreed within 50ms") {
		t.Errorf("nobody comes: %d %s", r.code, r.err)
	}
	if out := d.does("secret", "list"); strings.Contains(out, "another") {
		t.Errorf("the list is %s", out)
	}
}
