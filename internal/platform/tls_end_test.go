package platform

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"
)

// TestTheEndOfACertificateIsTold once a day from two weeks before, until there is another.
func TestTheEndOfACertificateIsTold(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now()
	cert, key := writeCertificate(t, dir, 1, now.Add(20*24*time.Hour))
	var log bytes.Buffer
	c, err := newCertificate(cert, key, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	c.clock = func() time.Time { return now }
	for _, step := range []struct {
		what  string
		after time.Duration
		says  string // "": nothing
	}{
		{"long before", 0, ""},
		{"two weeks before", 6*24*time.Hour + time.Minute, "ends soon"},
		{"an hour later", time.Hour, ""},
		{"a day later", 23 * time.Hour, "ends soon"},
		{"after its end", 14 * 24 * time.Hour, "has expired"},
	} {
		now = now.Add(step.after)
		log.Reset()
		c.warn()
		if said := log.String(); (step.says == "") != (said == "") || !strings.Contains(said, step.says) || step.says != "" && !strings.Contains(said, cert) {
			t.Errorf("%s: %q", step.what, said)
		}
	}
	writeCertificate(t, dir, 2, now.Add(60*24*time.Hour))
	now = now.Add(warnEvery)
	log.Reset()
	if c.warn(); strings.Contains(log.String(), "expired") || !strings.Contains(log.String(), "a new certificate is in use") {
		t.Errorf("with another: %q", log.String())
	}
}

// TestTheDoctorLooksAtTheCertificate: at its files, at its end, and at what the server
// shows.
func TestTheDoctorLooksAtTheCertificate(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now()
	cert, key := writeCertificate(t, dir, 1, now.Add(23*time.Hour)) // in use from here on
	used, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Listen: "127.0.0.1:1", TLS: TLS{CertFile: cert, KeyFile: key}, Public: Public{URL: "https://localhost"}}
	want := func(what string, ok bool, says string) {
		t.Helper()
		checks := c.certificateCheck(t.Context(), now)
		if len(checks) != 1 || checks[0].OK != ok || !strings.Contains(checks[0].Detail, says) || !ok && checks[0].Hint == "" {
			t.Errorf("%s: %+v", what, checks)
		}
	}
	want("near its end", false, "good until")
	now = now.Add(-20 * 24 * time.Hour)
	want("long before its end", true, "good until")
	c.Listen = serveTLS(t, &tls.Config{Certificates: []tls.Certificate{used}}).Listener.Addr().String()
	want("in use", true, "good until")
	writeCertificate(t, dir, 2, now.Add(30*24*time.Hour))
	want("another than in use", false, "uses another")
	if err := os.WriteFile(key, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	want("with a key that doesn't fit", false, "aren't a certificate and its key")
	want("with a key that doesn't fit, while a server runs", false, "the server still uses the one before, good until ")
	if checks := (Config{}).certificateCheck(t.Context(), now); len(checks) > 0 {
		t.Errorf("without TLS: %+v", checks)
	}
}
