package platform

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"time"

	"github.com/isekai-run/isekai/internal/client"
)

const (
	// watchEvery is how often a certificate's files are looked at when nobody connects.
	watchEvery = time.Hour
	// warnEvery is how often the log has that a certificate ends soon.
	warnEvery = 24 * time.Hour

	renewHint = "put the next one and its key into tls.cert_file and tls.key_file; a server that runs takes them up by itself"
)

// watch warns of the certificate's end, until ctx ends.
func (c *certificate) watch(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		c.warn()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// warn says in the log that the certificate in use ends soon or has ended, once a day.
func (c *certificate) warn() {
	until := c.now().Leaf.NotAfter
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock()
	left := until.Sub(now)
	if left > renewBefore || now.Sub(c.warned) < warnEvery {
		return
	}
	c.warned = now
	if left <= 0 {
		c.log.Error("the certificate in use has expired", "file", c.cert, "until", until, "hint", renewHint)
		return
	}
	c.log.Warn("the certificate in use ends soon", "file", c.cert, "until", until, "hint", renewHint)
}

// certificateCheck looks at the certificate in the files: whether it can be used, how long,
// and whether the server that runs here uses it; nothing without files.
func (c Config) certificateCheck(ctx context.Context, now time.Time) []client.HealthCheck {
	if c.TLS.CertFile == "" {
		return nil
	}
	const name = "certificate"
	found := &certificate{cert: c.TLS.CertFile, key: c.TLS.KeyFile, clock: func() time.Time { return now }}
	pair, err := found.read()
	used := c.shownCertificate(ctx)
	if err != nil {
		one := check(name, "", err)
		if used != nil {
			one.Detail += fmt.Sprintf("; the server still uses the one before, good until %s, and won't start with this one", used.NotAfter.Format(time.DateOnly))
		}
		return []client.HealthCheck{one}
	}
	leaf := pair.Leaf
	bad := func(detail, hint string) []client.HealthCheck {
		return []client.HealthCheck{{Name: name, Detail: detail, Hint: hint}}
	}
	until := "good until " + leaf.NotAfter.Format(time.DateOnly)
	switch {
	case used != nil && !used.Equal(leaf):
		return bad("the server uses another certificate than "+c.TLS.CertFile+" has, good until "+used.NotAfter.Format(time.DateOnly),
			"it takes up a new one within seconds of the next connection: look again, and then at its log and its configuration")
	case leaf.NotAfter.Sub(now) <= renewBefore:
		return bad(until, renewHint)
	}
	return []client.HealthCheck{check(name, until, nil)}
}

// shownCertificate returns what the server at the configured address shows; nil if none
// answers. It is looked at, not trusted.
func (c Config) shownCertificate(ctx context.Context) *x509.Certificate {
	ctx, cancel := context.WithTimeout(ctx, peerLook)
	defer cancel()
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: c.Public.host()}}).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0] // every server shows one
}
