package platform

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// TLS says whence the certificate comes with which this server shows who it is: from
// files, or from an authority by ACME.
type TLS struct {
	CertFile      string `koanf:"cert_file" json:"cert_file"` // PEM, with the chain; read again when it changes
	KeyFile       string `koanf:"key_file" json:"key_file"`
	ACME          bool   `koanf:"acme" json:"acme"`                     // which agrees to the authority's terms; it must reach this server at port 443
	ACMEEmail     string `koanf:"acme_email" json:"acme_email"`         // for the authority to write to; may be empty
	ACMEDirectory string `koanf:"acme_directory" json:"acme_directory"` // the authority's URL
	ACMECA        string `koanf:"acme_ca_file" json:"acme_ca_file"`     // PEM, for a private authority; empty: the system's
}

func (t TLS) on() bool { return t.ACME || t.CertFile != "" }

func (t TLS) check() error {
	const op = "config"
	switch {
	case (t.CertFile == "") != (t.KeyFile == ""):
		return core.E(core.Invalid, op, "tls.cert_file and tls.key_file need each other").WithHint(configHint)
	case t.ACME && t.CertFile != "":
		return core.E(core.Invalid, op, "tls.acme and tls.cert_file exclude each other").WithHint("there is one certificate")
	case !t.ACME && (t.ACMEEmail != "" || t.ACMECA != ""):
		return core.E(core.Invalid, op, "tls.acme_email and tls.acme_ca_file are of no use without tls.acme").WithHint("set tls.acme to true")
	}
	return nil
}

// serverTLS returns what browsers and programs are served with, or nil if it is another
// who ends TLS. By ACME, apps have certificates, too. pair is the certificate, if it is from
// files: somebody has to watch its end.
func (c Config) serverTLS(dir *DataDir, apps appNames, log *slog.Logger) (t *tls.Config, pair *certificate, err error) {
	t = &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	switch {
	case c.TLS.ACME:
		return t, nil, c.acme(t, dir.Join("acme"), apps, log)
	case c.TLS.CertFile != "":
		if pair, err = newCertificate(c.TLS.CertFile, c.TLS.KeyFile, log); err != nil {
			return nil, nil, err
		}
		t.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.now(), nil }
		return t, pair, nil
	}
	return nil, nil, nil
}

// certificate is a certificate from files, which it reads again when they change: no
// connection is lost, and none waits. Safe for concurrent use.
type certificate struct {
	cert, key string
	log       *slog.Logger
	clock     func() time.Time

	mu      sync.Mutex
	pair    *tls.Certificate
	made    [2]fileMark // of what pair was read from
	looked  time.Time
	refused [2]fileMark // what was read last and is of no use, so that it is told once
	warned  time.Time   // that it ends soon
}

// fileMark tells one content of a file from the next.
type fileMark struct {
	at   time.Time
	size int64
}

// lookFiles is how long a certificate is used before a look at its files.
const lookFiles = 5 * time.Second

// newCertificate reads a certificate. invalid: it can't be used.
func newCertificate(cert, key string, log *slog.Logger) (*certificate, error) {
	c := &certificate{cert: cert, key: key, log: log, clock: time.Now}
	marks, err := c.marks()
	if err == nil {
		c.pair, err = c.read()
	}
	if err != nil {
		return nil, err
	}
	c.made, c.looked = marks, c.clock()
	return c, nil
}

// now returns the certificate as it is in the files. While what is there is of no use, as
// in the middle of a change, it is the one before.
func (c *certificate) now() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.clock(); now.Sub(c.looked) >= lookFiles {
		c.looked = now
		c.renew()
	}
	return c.pair
}

func (c *certificate) renew() {
	marks, err := c.marks()
	if err == nil && (marks == c.made || marks == c.refused) {
		return
	}
	var pair *tls.Certificate
	if err == nil {
		pair, err = c.read()
	}
	if err != nil {
		c.refused = marks
		c.log.Error("the certificate stays the old one", "err", err)
		return
	}
	c.pair, c.made = pair, marks
	c.log.Info("a new certificate is in use", "file", c.cert, "until", pair.Leaf.NotAfter)
}

func (c *certificate) marks() (marks [2]fileMark, err error) {
	for i, path := range []string{c.cert, c.key} {
		info, err := os.Stat(path)
		if err != nil {
			return marks, unreadable(path, err)
		}
		marks[i] = fileMark{info.ModTime(), info.Size()}
	}
	return marks, nil
}

func (c *certificate) read() (*tls.Certificate, error) {
	const op = "tls"
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	var missing *fs.PathError
	switch {
	case errors.As(err, &missing):
		return nil, unreadable(missing.Path, err)
	case err != nil:
		return nil, core.E(core.Invalid, op, c.cert+" and "+c.key+" aren't a certificate and its key").Because(err).WithHint("both are PEM, and the certificate's chain follows it in the file")
	case c.clock().After(pair.Leaf.NotAfter):
		return nil, core.E(core.Invalid, op, "the certificate in "+c.cert+" has expired").WithHint("renew it: it was good until " + pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	return &pair, nil
}

func unreadable(path string, err error) error {
	return core.E(core.Invalid, "tls", "can't read "+path).Because(err).WithHint("it must be there, and this user's to read")
}

// readPool reads the certificates of authorities.
func readPool(path string) (*x509.CertPool, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, core.E(core.Invalid, "tls", path+" has no certificate of an authority").WithHint("it is PEM")
	}
	return pool, nil
}
