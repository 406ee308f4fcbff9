package e2e

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"regexp"
	"strconv"
	"sync"
	"testing"

	gosmtp "github.com/emersion/go-smtp"
)

// mailbox is a mail server on this machine that keeps the letters that it takes.
type mailbox struct {
	t    *testing.T
	port int
	mu   sync.Mutex
	had  []string // their plain texts
}

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	m := &mailbox{t: t}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.port = l.Addr().(*net.TCPAddr).Port
	s := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) { return delivery{m}, nil }))
	s.Domain, s.ReadTimeout, s.WriteTimeout = "localhost", patience, patience
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close(); <-served })
	return m
}

// env has an installation send its e-mail there.
func (m *mailbox) env() []string {
	return []string{"ISEKAI_SMTP_HOST=127.0.0.1", "ISEKAI_SMTP_PORT=" + strconv.Itoa(m.port), "ISEKAI_SMTP_TLS=none", "ISEKAI_SMTP_FROM=isekai@example.org"}
}

var answerLink = regexp.MustCompile(`http://\S+/v1/approvals/link/\S+`)

// link waits for the letter with a number, and returns the address in it at which is answered.
func (m *mailbox) link(number int) (address string) {
	m.t.Helper()
	until(m.t, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		if len(m.had) <= number {
			return false
		}
		address = answerLink.FindString(m.had[number])
		return true
	}, func() string { return "no letter " + strconv.Itoa(number) })
	if address == "" {
		m.t.Fatalf("the letter has no link: %s", m.had[number])
	}
	return address
}

// delivery is one connection of the mail server.
type delivery struct{ to *mailbox }

func (delivery) Mail(string, *gosmtp.MailOptions) error { return nil }
func (delivery) Rcpt(string, *gosmtp.RcptOptions) error { return nil }
func (delivery) Reset()                                 {}
func (delivery) Logout() error                          { return nil }

// Data implements gosmtp.Session.
func (d delivery) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	text, err := plainText(b)
	if err != nil {
		return err
	}
	d.to.mu.Lock()
	defer d.to.mu.Unlock()
	d.to.had = append(d.to.had, text)
	return nil
}

// plainText is the first part of a letter.
func plainText(letter []byte) (string, error) {
	m, err := mail.ReadMessage(bytes.NewReader(letter))
	if err != nil {
		return "", err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return "", err
	}
	part, err := multipart.NewReader(m.Body, params["boundary"]).NextPart()
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(part)
	return string(b), err
}
