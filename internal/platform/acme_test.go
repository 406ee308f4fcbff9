package platform

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/isekai-run/isekai/internal/core"
)

// names answers every question for an address with this machine's, over TCP.
func names(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for answerName(conn) == nil {
				}
			}()
		}
	}()
	return l.Addr().String()
}

// answerName answers one question (RFC 1035, section 4.2.2).
func answerName(conn net.Conn) error {
	size := make([]byte, 2)
	if _, err := io.ReadFull(conn, size); err != nil {
		return err
	}
	asked := make([]byte, int(size[0])<<8|int(size[1]))
	if _, err := io.ReadFull(conn, asked); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(asked); err != nil {
		return err
	}
	m.Response, m.Additionals = true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	answer, err := m.Pack()
	if err != nil {
		return err
	}
	_, err = conn.Write(append([]byte{byte(len(answer) >> 8), byte(len(answer))}, answer...))
	return err
}

// authority runs Pebble, the ACME server with which Let's Encrypt tests clients. It looks
// for proofs at tlsPort. It returns its directory's URL, the file of the certificate that
// it is served with, and the address where its root is.
func authority(t *testing.T, tlsPort int) (directory, ca, root string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "pebble")
	build := exec.Command("go", "build", "-o", program, "github.com/letsencrypt/pebble/v2/cmd/pebble")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as most of it is built already
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cert, key := writeCertificate(t, dir, 1, time.Now().Add(time.Hour))
	at, manage := freeAddress(t), freeAddress(t)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": at, "managementListenAddress": manage, "certificate": cert, "privateKey": key, "tlsPort": tlsPort, "keyAlgorithm": "ecdsa",
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "config.json")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-config", file, "-dnsserver", names(t), "-strict")
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=20")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return "https://" + at + "/dir", cert, "https://" + manage + "/roots/0"
}

// freeAddress returns an address of this machine where nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// fetch reads a URL of a server that is starting.
func fetch(t *testing.T, ca, url string) []byte {
	t.Helper()
	pool, err := readPool(ca)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := (&http.Client{Transport: transport}).Do(req)
		if err == nil {
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s %v", url, res.Status, err)
			}
			return b
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", url, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// TestACME gets certificates from a real authority: for the public name and for a preview
// that there is, at the first connection, and for nothing else; and finds them again after
// a start.
func TestACME(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	directory, ca, rootURL := authority(t, l.Addr().(*net.TCPAddr).Port)
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, fetch(t, ca, rootURL), 0o600); err != nil {
		t.Fatal(err)
	}
	roots, err := readPool(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := &DataDir{Path: t.TempDir()}
	cfg := Config{
		Public: Public{URL: "https://isekai.example.com", Previews: "apps.example.net"},
		TLS:    TLS{ACME: true, ACMEEmail: "ops@example.com", ACMEDirectory: directory, ACMECA: ca},
	}
	if err := cfg.checkPublic(); err != nil {
		t.Fatal(err)
	}
	known := appNames{org: func(name string) (core.OrgID, bool) { return "org_a", name == "books" }}
	start := func(l net.Listener) *http.Server {
		c, _, err := cfg.serverTLS(dir, known, silent)
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: slog.NewLogLogger(silent.Handler(), slog.LevelDebug)}
		go func() { _ = s.Serve(tls.NewListener(l, c)) }() // until Close
		return s
	}
	ask := func(name string) (serial string, err error) {
		d := &tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: name}}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		conn, err := d.DialContext(ctx, "tcp", l.Addr().String())
		if err != nil {
			return "", err
		}
		defer conn.Close()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String(), nil
	}
	s := start(l)
	serials := map[string]string{}
	for _, name := range []string{"isekai.example.com", "books.apps.example.net"} {
		if serials[name], err = ask(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"evil.example", "none.apps.example.net", "apps.example.net", "a.books.apps.example.net", "x.isekai.example.com", ""} {
		if serial, err := ask(name); err == nil {
			t.Errorf("%q has a certificate: %s", name, serial)
		}
	}
	s.Close()
	kept, err := filepath.Glob(filepath.Join(dir.Path, "acme", "*"))
	if err != nil || !strings.Contains(strings.Join(kept, " "), "isekai.example.com") || strings.Contains(strings.Join(kept, " "), "none") {
		t.Errorf("%q %v", kept, err)
	}
	for _, file := range kept {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is for others to read: %v %v", file, info, err)
		}
	}
	if l, err = net.Listen("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	defer start(l).Close()
	if again, err := ask("isekai.example.com"); err != nil || again != serials["isekai.example.com"] {
		t.Errorf("after a start: %s %v", again, err)
	}
}
