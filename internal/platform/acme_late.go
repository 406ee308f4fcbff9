package platform

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
)

const acmeHint = "look whether this server reaches the authority, and the authority this server by that name at port 443"

// renewals tells the log of certificates that an authority fails to give or to renew, of
// each name once in warnEvery: autocert itself goes on trying, and is silent. It looks at
// what connections are shown, so that a name that nobody asks for is none of its concern.
// Safe for concurrent use.
type renewals struct {
	log   *slog.Logger
	names *certified
	clock func() time.Time

	mu   sync.Mutex
	told map[string]time.Time // by name; as many as may have certificates
}

// look sees what autocert answered to a connection.
func (r *renewals) look(hello *tls.ClientHelloInfo, pair *tls.Certificate, err error) {
	name := strings.TrimSuffix(strings.ToLower(hello.ServerName), ".")
	switch {
	case slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}): // it asks for a proof, or says so
	case err != nil && r.names.lets(name) && r.due(name):
		r.log.Warn("the authority gives no certificate", "name", name, "err", err, "hint", acmeHint)
	case err == nil && pair.Leaf != nil && overdue(pair.Leaf, r.clock()) && r.due(name):
		r.log.Warn("the certificate in use isn't renewed", "name", name, "until", pair.Leaf.NotAfter, "hint", acmeHint)
	}
}

// overdue reports whether a certificate should have been renewed: autocert tries from a
// third of its life before its end on, and from 30 days at the most; then a fifth of that
// has passed.
func overdue(leaf *x509.Certificate, now time.Time) bool {
	tries := min(leaf.NotAfter.Sub(leaf.NotBefore)/3, 30*24*time.Hour)
	return leaf.NotAfter.Sub(now) < tries*4/5
}

// due reports whether a name is to be told of, and takes it that it is.
func (r *renewals) due(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock()
	maps.DeleteFunc(r.told, func(_ string, at time.Time) bool { return now.Sub(at) >= warnEvery })
	if _, told := r.told[name]; told {
		return false
	}
	r.told[name] = now
	return true
}
