package platform

import (
	"context"
	"crypto/tls"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
	"golang.org/x/sync/singleflight"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// What previews may get certificates for anew, counted by all nodes together. Let's Encrypt
// gives a registrable domain 50 in a week: these are at most 40 in one, so that public.url's
// own is never waited for, whoever makes apps.
var (
	newNames      = store.Rate{Burst: 5, Per: 24 * time.Hour}
	newNamesOfOrg = store.Rate{Burst: 2, Per: 24 * time.Hour}
)

// acme has t show certificates that an authority gives for the public name, and for the
// previews that there are, each on its first use (RFC 8555; the authority looks for its
// proof at this very port, RFC 8737). They are kept in folder, and renewed before they end.
// Any other name is refused before the authority is asked, and so are more new ones than
// newNames: it gives only so many. What it fails to give or to renew is told to log.
func (c Config) acme(t *tls.Config, folder string, apps appNames, log *slog.Logger) error {
	client := &acme.Client{DirectoryURL: c.TLS.ACMEDirectory}
	if c.TLS.ACMECA != "" {
		pool, err := readPool(c.TLS.ACMECA)
		if err != nil {
			return err
		}
		client.HTTPClient = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, Proxy: http.ProxyFromEnvironment,
		}}
	}
	kept := autocert.DirCache(folder)
	names := &certified{public: c.Public.host(), below: c.Public.Previews, apps: apps, kept: kept, let: map[string]time.Time{}}
	m := &autocert.Manager{Prompt: autocert.AcceptTOS, Cache: kept, Email: c.TLS.ACMEEmail, Client: client, HostPolicy: names.may}
	late := &renewals{log: log, names: names, clock: time.Now, told: map[string]time.Time{}}
	t.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := m.GetCertificate(modern(hello))
		late.look(hello, pair, err)
		return pair, err
	}
	t.NextProtos = append(t.NextProtos, acme.ALPNProto)
	return nil
}

// modern has autocert take a client for one that knows ECDSA, as all do that speak TLS 1.2:
// or a stranger's old one would have a second certificate made for each name.
func modern(hello *tls.ClientHelloInfo) *tls.ClientHelloInfo {
	own := *hello
	own.SignatureSchemes, own.SupportedCurves = nil, nil
	own.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	return &own
}

// appNames are those of previews, whose new ones are counted.
type appNames struct {
	org    func(name string) (core.OrgID, bool) // whose it is
	quotas store.Quotas                         // nil: they aren't counted
}

// certified are the names that certificates may be had for. Safe for concurrent use.
type certified struct {
	public, below string
	apps          appNames
	kept          autocert.Cache
	asking        singleflight.Group // by name: many connections come at once to a new one

	mu  sync.Mutex
	let map[string]time.Time // names that were let through, until when that holds
}

// may is autocert's HostPolicy.
func (c *certified) may(ctx context.Context, asked string) error {
	if asked == c.public {
		return nil
	}
	name, below := strings.CutSuffix(asked, "."+c.below)
	org, known := core.OrgID(""), false
	if c.below != "" && below {
		org, known = c.apps.org(name)
	}
	if !known {
		return core.E(core.Denied, "tls", "no such host here")
	}
	c.mu.Lock()
	until := c.let[asked]
	c.mu.Unlock()
	if time.Now().Before(until) {
		return nil
	}
	_, err, _ := c.asking.Do(asked, func() (any, error) { return nil, c.admit(ctx, asked, org) })
	return err
}

// lets reports whether a name may have a certificate, as far as that is known.
func (c *certified) lets(name string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, let := c.let[name]
	return let || name == c.public
}

// admit lets a name through until another day: one that has a certificate, or may get one.
func (c *certified) admit(ctx context.Context, asked string, org core.OrgID) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // others wait for the same
	defer stop()
	if _, err := c.kept.Get(ctx, asked); err != nil {
		if err := c.count(ctx, org); err != nil {
			return err
		}
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.let, func(_ string, until time.Time) bool { return now.After(until) })
	c.let[asked] = now.Add(newNames.Per)
	return nil
}

// count counts a new name of an org: its own first, so that it takes no more than its part.
func (c *certified) count(ctx context.Context, org core.OrgID) error {
	if c.apps.quotas == nil {
		return nil
	}
	for _, q := range []struct {
		org  core.OrgID
		rate store.Rate
	}{{org, newNamesOfOrg}, {core.Installation, newNames}} {
		got, _, wait, err := c.apps.quotas.Draw(ctx, q.org, "tls/new_names", 1, q.rate)
		if err == nil && got == 0 {
			err = core.E(core.Exhausted, "tls", "too many new names in a day: the next certificate is in "+wait.Round(time.Minute).String()).
				WithHint("give previews a certificate with a wildcard: tls.cert_file and tls.key_file")
		}
		if err != nil {
			return err
		}
	}
	return nil
}
