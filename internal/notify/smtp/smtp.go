// Package smtp hands e-mail to a server by SMTP (RFC 5321): with TLS from the start, or after
// STARTTLS, or without on this machine alone.
//
// platform makes a Client of the configuration; package notify sends by it, one letter at a
// time to one person. It never sends a password or a letter in the clear to another machine,
// never takes a header from a text, and keeps no connection open.
package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	netmail "net/mail"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/notify"
)

// The ways to a server.
const (
	StartTLS = "starttls" // TLS is begun on the connection, or nothing is sent
	TLS      = "tls"      // from the first byte on
	None     = "none"     // to this machine alone
)

// Config says which server takes the mail, and who sends it.
type Config struct {
	Host     string
	Port     int            // 0: 587 with StartTLS, 465 with TLS, 25 with None
	TLS      string         // one of the ways; StartTLS if ""
	User     string         // "": nobody signs in
	Password string         //
	From     string         // "Isekai <isekai@example.com>"
	CA       *x509.CertPool // nil: the system's
	Timeout  time.Duration  // of a letter; 20 s
}

// Client sends letters. Safe for concurrent use.
type Client struct {
	cfg  Config
	from *netmail.Address
}

// New returns a Client, without asking the server. invalid: the configuration can't be right.
func New(cfg Config) (*Client, error) {
	const op = "config"
	if cfg.TLS == "" {
		cfg.TLS = StartTLS
	}
	if cfg.Port == 0 {
		cfg.Port = map[string]int{StartTLS: 587, TLS: 465, None: 25}[cfg.TLS]
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = 20 * time.Second
	}
	from, err := netmail.ParseAddress(cfg.From)
	switch {
	case err != nil || unsafe(cfg.From):
		return nil, core.E(core.Invalid, op, "smtp.from isn't an address").WithHint("as in Isekai <isekai@example.com>")
	case cfg.Host == "" || strings.ContainsFunc(cfg.Host, unicode.IsSpace):
		return nil, core.E(core.Invalid, op, "smtp.host isn't a host").WithHint("as in smtp.example.com")
	case cfg.Port < 1 || cfg.Port > 65535:
		return nil, core.E(core.Invalid, op, "smtp.port isn't a port").WithHint("587 for starttls, 465 for tls")
	case cfg.TLS != StartTLS && cfg.TLS != TLS && cfg.TLS != None:
		return nil, core.E(core.Invalid, op, "smtp.tls isn't starttls, tls or none").WithHint("use starttls, or tls for port 465")
	case cfg.TLS == None && !local(cfg.Host):
		return nil, core.E(core.Invalid, op, "smtp.tls: none is for a server on this machine alone").WithHint("use starttls or tls")
	case (cfg.User == "") != (cfg.Password == ""):
		return nil, core.E(core.Invalid, op, "smtp.user and smtp.password go together").WithHint("set both, or none")
	}
	return &Client{cfg, from}, nil
}

// local reports whether a host is this machine, by any resolver.
func local(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

// unsafe reports whether a text could be more than one line of a header.
func unsafe(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }

// Send implements notify.Mailer.
func (c *Client) Send(ctx context.Context, l notify.Letter) error {
	m, err := c.compose(l)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, c.cfg.Timeout)
	defer stop()
	policy := mail.NoTLS // by dial, or none at all
	if c.cfg.TLS == StartTLS {
		policy = mail.TLSMandatory
	}
	options := []mail.Option{
		mail.WithPort(c.cfg.Port), mail.WithTimeout(c.cfg.Timeout), mail.WithTLSConfig(c.tls()), mail.WithDialContextFunc(c.dial(ctx)),
		mail.WithTLSPolicy(policy), mail.WithoutNoop(), mail.WithoutRset(), // one letter is all
	}
	client, err := mail.NewClient(c.cfg.Host, options...)
	if err != nil {
		return core.E(core.Internal, "smtp", "the client can't be made").Because(err)
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err == nil {
		err = c.signIn(conn)
	}
	if err != nil {
		return core.E(core.Unavailable, "smtp", "the mail server can't be used").Because(err)
	}
	err = client.SendWithSMTPClient(conn, m)
	_ = client.CloseWithSMTPClient(conn) // it has the letter, or not
	return verdict(err)
}

// signIn signs in by the best way that the server has. The connection has TLS by now, unless it
// is to this machine.
func (c *Client) signIn(conn *smtp.Client) error {
	if c.cfg.User == "" {
		return nil
	}
	_, has := conn.Extension("AUTH")
	for _, way := range []struct {
		name string
		auth smtp.Auth
	}{
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(c.cfg.User, c.cfg.Password)},
		{"PLAIN", smtp.PlainAuth("", c.cfg.User, c.cfg.Password, c.cfg.Host, false)},
		{"LOGIN", smtp.LoginAuth(c.cfg.User, c.cfg.Password, c.cfg.Host, false)},
	} {
		if slices.Contains(strings.Fields(has), way.name) {
			return conn.Auth(way.auth)
		}
	}
	return errors.New("it has no way to sign in that is known here: SCRAM-SHA-256, PLAIN or LOGIN")
}

func (c *Client) tls() *tls.Config {
	return &tls.Config{ServerName: c.cfg.Host, MinVersion: tls.VersionTLS12, RootCAs: c.cfg.CA}
}

// dial connects for one letter: the connection ends with ctx, whatever is waited for.
func (c *Client) dial(sending context.Context) mail.DialContextFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		var d interface {
			DialContext(ctx context.Context, network, address string) (net.Conn, error)
		} = &net.Dialer{}
		if c.cfg.TLS == TLS {
			d = &tls.Dialer{Config: c.tls()}
		}
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(sending, func() { _ = conn.Close() })
		return conn, nil
	}
}

// verdict says whether a letter that wasn't taken may be later.
func verdict(err error) error {
	if err == nil {
		return nil
	}
	var s *mail.SendError
	if errors.As(err, &s) && !s.IsTemp() {
		switch s.Reason {
		case mail.ErrSMTPRcptTo, mail.ErrSMTPData, mail.ErrSMTPDataClose:
			if code := s.ErrorCode(); code >= 500 && code < 600 {
				return core.E(core.Denied, "smtp", "the mail server refuses the letter with "+strconv.Itoa(code)).Because(err)
			}
		}
	}
	return core.E(core.Unavailable, "smtp", "the mail server didn't take the letter").Because(err)
}

// compose writes a letter. invalid: its receiver is no address, or something in it that is to
// be in a header can't be.
func (c *Client) compose(l notify.Letter) (*mail.Msg, error) {
	to, err := netmail.ParseAddress(l.To)
	if err != nil || to.Address != l.To || unsafe(l.To) { // one, without a name
		return nil, core.E(core.Invalid, "smtp", "the receiver isn't an address")
	}
	if unsafe(l.Subject) || unsafe(l.ID) || unsafe(l.Unsubscribe) || strings.ContainsAny(l.ID+l.Unsubscribe, "<> ") {
		return nil, core.E(core.Invalid, "smtp", "a header that would be two")
	}
	m := mail.NewMsg()
	m.FromMailAddress(c.from)
	m.ToMailAddress(&netmail.Address{Address: to.Address})
	m.Subject(l.Subject)
	m.SetUserAgent("isekai")
	m.SetDate()
	_, domain, _ := strings.Cut(c.from.Address, "@")
	m.SetMessageIDWithValue(l.ID + "@" + domain)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's absence is answered to us
	if l.Unsubscribe != "" {
		m.SetListUnsubscribe(l.Unsubscribe)
		if strings.HasPrefix(l.Unsubscribe, "https://") {
			m.SetListUnsubscribePost()
		}
	}
	m.SetBodyString(mail.TypeTextPlain, l.Text)
	if l.HTML != "" {
		m.AddAlternativeString(mail.TypeTextHTML, l.HTML)
	}
	return m, nil
}
