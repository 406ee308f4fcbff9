package platform

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/isekai-run/isekai/internal/core"
)

// keep writes a certificate of a name as autocert keeps it.
func keep(t *testing.T, folder, name string, from, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: until, DNSNames: []string{name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	both := slices.Concat(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	if err := os.WriteFile(filepath.Join(folder, name), both, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestWhatAnAuthorityFailsToGiveIsTold once, of names that may have a certificate: one that
// isn't renewed although connections are still shown it, and one that was never given. What
// strangers ask for isn't told, nor a certificate that isn't due.
func TestWhatAnAuthorityFailsToGiveIsTold(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	folder, now := t.TempDir(), time.Now()
	keep(t, folder, "late.apps.example.net", now.Add(-80*day), now.Add(10*day))
	keep(t, folder, "good.apps.example.net", now.Add(-40*day), now.Add(50*day))
	cfg := Config{
		Public: Public{URL: "https://isekai.example.com", Previews: "apps.example.net"},
		TLS:    TLS{ACME: true, ACMEDirectory: "https://" + freeAddress(t) + "/dir"}, // where nobody is
	}
	if err := cfg.checkPublic(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	served := &tls.Config{}
	known := appNames{org: func(name string) (core.OrgID, bool) { return "org_a", name != "none" }}
	if err := cfg.acme(served, folder, known, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		protos []string
		shown  bool
		says   string // "": nothing
	}{
		{"good.apps.example.net", nil, true, ""},
		{"late.apps.example.net", nil, true, "isn't renewed"},
		{"LATE.apps.example.net", nil, true, ""}, // again
		{"isekai.example.com", []string{acme.ALPNProto}, false, ""},
		{"Isekai.example.com", nil, false, "gives no certificate"},
		{"isekai.example.com", nil, false, ""},
		{"new.apps.example.net", nil, false, "gives no certificate"},
		{"none.apps.example.net", nil, false, ""},
		{"evil.example", nil, false, ""},
		{"", nil, false, ""},
	} {
		log.Reset()
		_, err := served.GetCertificate(&tls.ClientHelloInfo{ServerName: c.name, SupportedProtos: c.protos})
		said := log.String()
		if (err == nil) != c.shown || (c.says == "") != (said == "") || !strings.Contains(said, c.says) || !strings.Contains(said, strings.ToLower(c.name)) && said != "" {
			t.Errorf("%q: %v %q", c.name, err, said)
		}
	}
}

// TestWhenACertificateIsOverdue: some time after autocert began to try.
func TestWhenACertificateIsOverdue(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	now := time.Now()
	for _, c := range []struct {
		life, left time.Duration
		want       bool
	}{
		{90 * day, 31 * day, false},
		{90 * day, 25 * day, false}, // it tries since five days
		{90 * day, 23 * day, true},
		{365 * day, 25 * day, false},
		{365 * day, 23 * day, true},
		{6 * day, 40 * time.Hour, false},
		{6 * day, 38 * time.Hour, true},
		{90 * day, -day, true},
	} {
		leaf := &x509.Certificate{NotBefore: now.Add(c.left - c.life), NotAfter: now.Add(c.left)}
		if got := overdue(leaf, now); got != c.want {
			t.Errorf("of %v, with %v left: %t", c.life, c.left, got)
		}
	}
	r := &renewals{clock: func() time.Time { return now }, told: map[string]time.Time{}}
	first, again := r.due("a"), r.due("a")
	now = now.Add(warnEvery)
	if !first || again || !r.due("a") || len(r.told) != 1 {
		t.Errorf("%t %t %v", first, again, r.told)
	}
}
