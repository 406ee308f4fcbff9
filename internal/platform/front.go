package platform

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/url"

	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/web"
)

// front returns the listener at which others get here, with TLS if it is this server that
// ends it; nil in cli.Direct mode.
func (n *node) front() (net.Listener, error) {
	if n.listener == nil || n.owner == n.listener {
		return n.listener, nil
	}
	t, pair, err := n.cfg.serverTLS(n.dir, appNames{n.apps.Named, n.quotas()}, n.log)
	if err != nil || t == nil {
		return n.listener, err
	}
	if pair != nil {
		n.background("certificate", pair.watch)
	}
	return tls.NewListener(n.listener, t), nil
}

// previews serves the apps below a domain.
func (n *node) previews(base string) http.Handler {
	return &app.Proxy{Service: n.apps, Base: base, InUse: n.people.InUse}
}

// previewURL is where an app is reached by all who are shown it: below the public domain
// for previews, or on this machine if nobody comes from elsewhere. It is empty if this
// process serves none, and where only its owner gets to them: at NAME.localhost and his port.
func (n *node) previewURL(name string) string {
	switch domain := n.cfg.Public.Previews; {
	case n.listener == nil:
		return ""
	case n.owner == n.listener:
		return "http://" + withPort(name+".localhost", n.url)
	case domain == "":
		return ""
	default:
		return "https://" + withPort(name+"."+domain, n.cfg.Public.URL)
	}
}

// console is the one that this program was built with, which shows previews wherever they are.
func (n *node) console() (c httpapi.Console) {
	c.Files, _ = web.Console()
	if n.listener == nil {
		return c
	}
	c.Frames = []string{"http://" + withPort("*.localhost", n.url)}
	if domain := n.cfg.Public.Previews; domain != "" {
		c.Frames = append(c.Frames, "https://"+withPort("*."+domain, n.cfg.Public.URL))
	}
	return c
}

// withPort gives a host the port of an address, if that has one.
func withPort(host, address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Port() == "" {
		return host
	}
	return net.JoinHostPort(host, u.Port())
}
