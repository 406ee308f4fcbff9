package smtp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/notify"
	"github.com/isekai-run/isekai/internal/notify/smtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a mail server on this machine.
type server struct {
	port int
	ca   *x509.CertPool

	mu      sync.Mutex
	letters []letter
	clear   int // commands that came without TLS and should have had it
}

type letter struct {
	from, to, user string
	data           string
}

// session is one connection.
type session struct {
	*server
	conn           *gosmtp.Conn
	from, to, user string
}

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != "secret" {
			return gosmtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *gosmtp.MailOptions) error { s.from = from; return nil }

func (s *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	switch s.to = to; {
	case strings.HasPrefix(to, "nobody@"):
		return &gosmtp.SMTPError{Code: 550, Message: "no such user"}
	case strings.HasPrefix(to, "busy@"):
		return &gosmtp.SMTPError{Code: 451, Message: "try later"}
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if strings.Contains(string(b), "REFUSED") {
		return &gosmtp.SMTPError{Code: 554, Message: "looks like spam"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, secure := s.conn.TLSConnectionState(); !secure {
		s.clear++
	}
	s.letters = append(s.letters, letter{s.from, s.to, s.user, string(b)})
	return nil
}

func (*session) Reset()        {}
func (*session) Logout() error { return nil }

// serve starts a server: with a certificate for 127.0.0.1, if certified.
func serve(t *testing.T, way string) *server {
	t.Helper()
	s := &server{}
	backend := gosmtp.BackendFunc(func(c *gosmtp.Conn) (gosmtp.Session, error) { return &session{server: s, conn: c}, nil })
	srv := gosmtp.NewServer(backend)
	srv.Domain, srv.ReadTimeout, srv.WriteTimeout = "localhost", 20*time.Second, 20*time.Second
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if way != smtp.None {
		srv.TLSConfig, s.ca = certified(t)
	}
	if way == smtp.TLS {
		l = tls.NewListener(l, srv.TLSConfig)
	}
	if way == smtp.None {
		srv.AllowInsecureAuth = true
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-served })
	return s
}

// certified makes a certificate of this machine's, and who trusts it.
func certified(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, pool
}

func (s *server) got() []letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.letters)
}

func newClient(t *testing.T, s *server, way string, change ...func(*smtp.Config)) *smtp.Client {
	t.Helper()
	cfg := smtp.Config{Host: "127.0.0.1", Port: s.port, TLS: way, From: "Isekai <isekai@example.org>", CA: s.ca, Timeout: 10 * time.Second}
	for _, f := range change {
		f(&cfg)
	}
	c, err := smtp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var hello = notify.Letter{
	ID: "msg_1", To: "ann@example.org", Subject: "[Isekai] Größe: done", Text: "It is done.\n", HTML: "<p>It is <b>done</b>.</p>", Unsubscribe: "https://isekai.test/v1/mute/x",
}

// TestSend: a letter arrives as it is, by each way, with and without signing in.
func TestSend(t *testing.T) {
	t.Parallel()
	for _, way := range []string{smtp.StartTLS, smtp.TLS, smtp.None} {
		for _, user := range []string{"", "isekai"} {
			t.Run(way+user, func(t *testing.T) {
				t.Parallel()
				s := serve(t, way)
				c := newClient(t, s, way, func(cfg *smtp.Config) {
					if user != "" {
						cfg.User, cfg.Password = user, "secret"
					}
				})
				if err := c.Send(t.Context(), hello); err != nil {
					t.Fatal(err)
				}
				all := s.got()
				if len(all) != 1 || all[0].from != "isekai@example.org" || all[0].to != "ann@example.org" || all[0].user != user || way != smtp.None && s.clear > 0 {
					t.Fatalf("%+v", all)
				}
				reads(t, all[0].data)
			})
		}
	}
}

// reads checks what a mail program makes of the letter.
func reads(t *testing.T, data string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || subject != hello.Subject {
		t.Errorf("%q, %v", subject, err)
	}
	for name, want := range map[string]string{
		"Message-Id": "<msg_1@example.org>", "List-Unsubscribe": "<https://isekai.test/v1/mute/x>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "Auto-Submitted": "auto-generated",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatal(kind, err)
	}
	parts, kinds := multipart.NewReader(m.Body, params["boundary"]), ""
	for p, err := parts.NextPart(); err == nil; p, err = parts.NextPart() {
		b, _ := io.ReadAll(p)
		kinds += strings.Split(p.Header.Get("Content-Type"), ";")[0] + " "
		if !strings.Contains(string(b), "done") {
			t.Errorf("%s", b)
		}
	}
	if kinds != "text/plain text/html " {
		t.Error(kinds)
	}
}

// TestRefused: what a server won't ever take is denied, and what it may take later isn't.
func TestRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, smtp.StartTLS)
	c := newClient(t, s, smtp.StartTLS)
	for to, want := range map[string]core.Code{"nobody@example.org": core.Denied, "busy@example.org": core.Unavailable} {
		l := hello
		l.To = to
		if err := c.Send(t.Context(), l); core.CodeOf(err) != want {
			t.Errorf("%s: %v", to, err)
		}
	}
	l := hello
	l.Text = "REFUSED"
	if err := c.Send(t.Context(), l); core.CodeOf(err) != core.Denied {
		t.Error(err)
	}
	if err := newClient(t, s, smtp.StartTLS, func(cfg *smtp.Config) { cfg.User, cfg.Password = "isekai", "wrong" }).Send(t.Context(), hello); core.CodeOf(err) != core.Unavailable {
		t.Errorf("a wrong password, which an operator can mend: %v", err)
	}
	if n := len(s.got()); n != 0 {
		t.Errorf("%d letters", n)
	}
}

// TestNothingInTheClear: a server without TLS, or with a certificate that nobody trusts, gets
// neither letter nor password.
func TestNothingInTheClear(t *testing.T) {
	t.Parallel()
	bare := serve(t, smtp.None)
	for name, c := range map[string]*smtp.Client{
		"no STARTTLS": newClient(t, bare, smtp.StartTLS, func(cfg *smtp.Config) { cfg.User, cfg.Password = "isekai", "secret" }),
		"no TLS":      newClient(t, bare, smtp.TLS),
	} {
		if err := c.Send(t.Context(), hello); core.CodeOf(err) != core.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, way := range []string{smtp.StartTLS, smtp.TLS} {
		s := serve(t, way)
		for name, change := range map[string]func(*smtp.Config){
			"a stranger's certificate": func(cfg *smtp.Config) { cfg.CA = x509.NewCertPool() },
			"another name's":           func(cfg *smtp.Config) { cfg.Host = "localhost" },
		} {
			if err := newClient(t, s, way, change).Send(t.Context(), hello); core.CodeOf(err) != core.Unavailable {
				t.Errorf("%s by %s: %v", name, way, err)
			}
		}
		if n := len(s.got()); n != 0 {
			t.Errorf("%d letters", n)
		}
	}
	if n := len(bare.got()); n != 0 {
		t.Errorf("%d letters", n)
	}
}

// TestHeaders: nothing in a letter becomes a header, or another receiver.
func TestHeaders(t *testing.T) {
	t.Parallel()
	s := serve(t, smtp.None)
	c := newClient(t, s, smtp.None)
	for _, evil := range []string{"x\r\nBcc: eve@example.org", "x\nBcc: eve@example.org", "x\rBcc: eve@example.org", "x\x00y", "x\u0085Bcc: eve@example.org"} {
		for name, l := range map[string]notify.Letter{
			"subject": {ID: "m", To: "ann@example.org", Subject: evil, Text: "x"}, "receiver": {ID: "m", To: "ann@example.org" + evil, Text: "x"},
			"id": {ID: evil, To: "ann@example.org", Text: "x"}, "link": {ID: "m", To: "ann@example.org", Text: "x", Unsubscribe: "https://x/" + evil},
		} {
			if err := c.Send(t.Context(), l); core.CodeOf(err) != core.Invalid {
				t.Errorf("%s %q: %v", name, evil, err)
			}
		}
	}
	for _, to := range []string{"", "x", "a@example.org, b@example.org", "a@example.org> RCPT TO:<b@example.org", "group: a@example.org;"} {
		if err := c.Send(t.Context(), notify.Letter{ID: "m", To: to, Text: "x"}); core.CodeOf(err) != core.Invalid {
			t.Errorf("to %q: %v", to, err)
		}
	}
	if err := c.Send(t.Context(), notify.Letter{ID: "m", To: "ann@example.org", Subject: "x", Text: "one\n.\nBcc: eve@example.org\n\r\n.\r\nMAIL FROM:<eve@example.org>\r\n"}); err != nil {
		t.Fatal(err)
	}
	if all := s.got(); len(all) != 1 || !strings.Contains(all[0].data, "MAIL FROM") {
		t.Errorf("%+v", all)
	}
}

// TestTime: a server that says nothing holds nobody up, and neither does one that isn't there.
func TestTime(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mute := &server{port: l.Addr().(*net.TCPAddr).Port}
	for _, way := range []string{smtp.StartTLS, smtp.TLS, smtp.None} {
		c := newClient(t, mute, way, func(cfg *smtp.Config) { cfg.Timeout = 50 * time.Millisecond })
		began := time.Now()
		if err := c.Send(context.Background(), hello); core.CodeOf(err) != core.Unavailable || time.Since(began) > 5*time.Second {
			t.Errorf("%s: %v after %s", way, err, time.Since(began))
		}
	}
	_ = l.Close()
	if err := newClient(t, mute, smtp.None).Send(context.Background(), hello); core.CodeOf(err) != core.Unavailable {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	good := smtp.Config{Host: "smtp.example.com", From: "Isekai <isekai@example.com>"}
	if _, err := smtp.New(good); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*smtp.Config){
		"no host": func(c *smtp.Config) { c.Host = "" }, "a bad host": func(c *smtp.Config) { c.Host = "a b" }, "no sender": func(c *smtp.Config) { c.From = "" },
		"a bad sender": func(c *smtp.Config) { c.From = "x" }, "a sender with a line break": func(c *smtp.Config) { c.From = "a@b.c\r\nBcc: x@y.z" },
		"a bad port": func(c *smtp.Config) { c.Port = 70000 }, "another way": func(c *smtp.Config) { c.TLS = "ssl" },
		"in the clear": func(c *smtp.Config) { c.TLS = smtp.None }, "a user alone": func(c *smtp.Config) { c.User = "x" }, "a password alone": func(c *smtp.Config) { c.Password = "x" },
	} {
		cfg := good
		change(&cfg)
		if _, err := smtp.New(cfg); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
