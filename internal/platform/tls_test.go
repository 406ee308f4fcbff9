package platform

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

var silent = slog.New(slog.DiscardHandler)

// writeCertificate writes a certificate that signs itself, for localhost, and returns the
// paths of it and its key.
func writeCertificate(t *testing.T, dir string, serial int64, until time.Time) (cert, key string) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, NotBefore: until.Add(-24 * time.Hour), NotAfter: until,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &own.PublicKey, own)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	if err := writePEM(cert, "CERTIFICATE", der, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writePEM(key, "PRIVATE KEY", secret, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{cert, key} { // a clock that is coarse
		if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Duration(serial)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// serveTLS serves hello with a TLS configuration.
func serveTLS(t *testing.T, c *tls.Config) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "hello "+r.Proto) }))
	s.Listener = tls.NewListener(s.Listener, c)
	s.Config.ErrorLog = slog.NewLogLogger(silent.Handler(), slog.LevelDebug)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// shown returns the number of the certificate that a server shows.
func shown(t *testing.T, s *httptest.Server) int64 {
	t.Helper()
	conn, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// TestACertificateIsReadAgain when its files change, and while connections are open; one
// that is of no use changes nothing.
func TestACertificateIsReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	soon := time.Now().Add(time.Hour)
	cert, key := writeCertificate(t, dir, 1, soon)
	c, err := newCertificate(cert, key, silent)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Now()
	c.clock = func() time.Time { return at }
	s := serveTLS(t, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.now(), nil }})
	want := func(what string, serial int64) {
		t.Helper()
		if got := shown(t, s); got != serial {
			t.Errorf("%s: certificate %d", what, got)
		}
	}
	want("at first", 1)
	writeCertificate(t, dir, 2, soon)
	want("before it looks", 1)
	at = at.Add(lookFiles)
	want("after it looks", 2)
	for what, spoil := range map[string]func() error{
		"a half":    func() error { return os.WriteFile(cert, []byte("-----BEGIN CERT"), 0o600) },
		"no key":    func() error { return os.Remove(key) },
		"no file":   func() error { return os.Remove(cert) },
		"old":       func() error { writeCertificate(t, dir, 3, time.Now().Add(-time.Hour)); return nil },
		"not a key": func() error { writeCertificate(t, dir, 4, soon); return os.WriteFile(key, []byte("x"), 0o600) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		at = at.Add(lookFiles)
		want(what, 2)
		writeCertificate(t, dir, 2, soon)
	}
	writeCertificate(t, dir, 5, soon)
	at = at.Add(lookFiles)
	want("after all that", 5)
}

func TestCertificatesThatAreOfNoUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := writeCertificate(t, dir, 1, time.Now().Add(-time.Minute))
	for what, files := range map[string][2]string{
		"expired": {cert, key}, "not there": {cert + "x", key}, "no key": {cert, key + "x"}, "the other way round": {key, cert},
	} {
		if _, err := newCertificate(files[0], files[1], silent); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestOldTLSIsRefused: 1.2 is the least, and HTTP/2 is spoken.
func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	cert, key := writeCertificate(t, t.TempDir(), 1, time.Now().Add(time.Hour))
	c, _, err := Config{TLS: TLS{CertFile: cert, KeyFile: key}}.serverTLS(nil, appNames{}, silent)
	if err != nil {
		t.Fatal(err)
	}
	s := serveTLS(t, c)
	for version, good := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		conn, err := tls.Dial("tcp", s.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		if (err == nil) != good {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			conn.Close()
		}
	}
	pool, err := readPool(cert)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Get("https://" + s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || string(b) != "hello HTTP/2.0" {
		t.Errorf("%s %v", b, err)
	}
	if c, _, err := (Config{}).serverTLS(nil, appNames{}, silent); c != nil || err != nil {
		t.Errorf("without TLS: %v %v", c, err)
	}
}
