package platform

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// issue issues a node, and returns what the node is configured with.
func issue(t *testing.T, folder, name string, now time.Time) Nodes {
	t.Helper()
	until, err := issueNode(folder, name, []string{"127.0.0.1", "localhost", name + ".internal.example.com"}, false, now)
	if err != nil || !until.Equal(now.Add(nodeLife)) {
		t.Fatalf("until %s, %v", until, err)
	}
	return Nodes{
		Listen: "127.0.0.1:7780", Address: "localhost:7780",
		CAFile: filepath.Join(folder, authorityCert), CertFile: filepath.Join(folder, name+".crt"), KeyFile: filepath.Join(folder, name+".key"),
	}
}

// TestNodesKnowEachOther, and nobody else, in both directions.
func TestNodesKnowEachOther(t *testing.T) {
	t.Parallel()
	folder, elsewhere, now := t.TempDir(), t.TempDir(), time.Now()
	one, two, stranger := issue(t, folder, "one", now), issue(t, folder, "two", now), issue(t, elsewhere, "one", now)
	server, _, err := one.tls(silent)
	if err != nil {
		t.Fatal(err)
	}
	s := serveTLS(t, server)
	ask := func(c *tls.Config, host string) error {
		transport := &http.Transport{TLSClientConfig: c}
		defer transport.CloseIdleConnections()
		_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
		res, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get("https://" + host + ":" + port)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		_, err = io.ReadAll(res.Body)
		return err
	}
	client := func(n Nodes) *tls.Config {
		t.Helper()
		_, c, err := n.tls(silent)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if err := ask(client(two), "127.0.0.1"); err != nil {
		t.Errorf("a node of ours: %v", err)
	}
	trusting := client(stranger)
	trusting.RootCAs = client(two).RootCAs
	unnamed := client(two)
	unnamed.GetClientCertificate = nil
	old := client(two)
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	other := client(two)
	other.ServerName = "three.internal.example.com"
	for what, c := range map[string]*tls.Config{
		"a node of another installation": trusting, "nobody": unnamed, "a server of another installation": client(stranger),
		"an old TLS": old, "a node at another's host": other,
	} {
		if err := ask(c, "127.0.0.1"); err == nil {
			t.Errorf("%s is taken for one", what)
		}
	}
}

// TestIssueNode: the authority is made once, keys are their owner's alone, and a
// certificate is replaced only when that is said.
func TestIssueNode(t *testing.T) {
	t.Parallel()
	folder, now := filepath.Join(t.TempDir(), "nodes"), time.Now()
	issue(t, folder, "one", now)
	authority, err := os.ReadFile(filepath.Join(folder, authorityCert))
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"ca.key": 0o600, "one.key": 0o600, "ca.crt": 0o644, "one.crt": 0o644} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	if _, err := issueNode(folder, "one", []string{"localhost"}, false, now); core.CodeOf(err) != core.Conflict || core.HintOf(err) == "" {
		t.Errorf("again: %v", err)
	}
	if _, err := issueNode(folder, "one", []string{"localhost"}, true, now); err != nil {
		t.Errorf("again, as is said: %v", err)
	}
	if now, err := os.ReadFile(filepath.Join(folder, authorityCert)); err != nil || string(now) != string(authority) {
		t.Errorf("another authority: %v", err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "one.crt"), filepath.Join(folder, "one.key"))
	if err != nil || pair.Leaf.IsCA || pair.Leaf.KeyUsage&x509.KeyUsageCertSign != 0 || pair.Leaf.Subject.CommonName != "one" {
		t.Errorf("%+v %v", pair.Leaf, err)
	}
	for what, c := range map[string]struct {
		name  string
		hosts []string
	}{
		"no name": {"", []string{"localhost"}}, "the authority's": {"ca", []string{"localhost"}}, "a dot": {"a.b", []string{"localhost"}}, "a path": {"../x", []string{"localhost"}}, "capitals": {"One", []string{"localhost"}},
		"no hosts": {"two", nil}, "a URL": {"two", []string{"https://x.example.com"}}, "a star": {"two", []string{"*.example.com"}},
	} {
		if _, err := issueNode(folder, c.name, c.hosts, false, now); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if until, err := issueNode(folder, "late", []string{"localhost"}, false, now.Add(authorityLife-24*time.Hour)); err != nil || until.After(now.Add(authorityLife)) {
		t.Errorf("longer than its authority: %s %v", until, err)
	}
	if _, err := issueNode(folder, "later", []string{"localhost"}, false, now.Add(authorityLife+24*time.Hour)); core.CodeOf(err) != core.Invalid {
		t.Errorf("by an authority that has expired: %v", err)
	}
	if err := os.Remove(filepath.Join(folder, authorityKey)); err != nil {
		t.Fatal(err)
	}
	if _, err := issueNode(folder, "two", []string{"localhost"}, false, now); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
		t.Errorf("without the authority's key: %v", err)
	}
}
