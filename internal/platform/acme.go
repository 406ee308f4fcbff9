package platform

import (
	"context"
	"crypto/tls"
	"net/http"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/isekai-run/isekai/internal/core"
)

// acme has t show certificates that an authority gives for the public name, and for the
// previews that there are, each on its first use (RFC 8555; the authority looks for its
// proof at this very port, RFC 8737). They are kept in folder, and renewed before they end.
// Any other name is refused before the authority is asked: it gives only so many.
func (c Config) acme(t *tls.Config, folder string, knownApp func(name string) bool) error {
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
	m := &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(folder), Email: c.TLS.ACMEEmail, Client: client,
		HostPolicy: func(_ context.Context, asked string) error {
			app, ours := strings.CutSuffix(asked, "."+c.Public.Previews)
			if asked == c.Public.host() || c.Public.Previews != "" && ours && knownApp(app) {
				return nil
			}
			return core.E(core.Denied, "tls", "no such host here")
		},
	}
	t.GetCertificate = m.GetCertificate
	t.NextProtos = append(t.NextProtos, acme.ALPNProto)
	return nil
}
