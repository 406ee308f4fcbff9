package platform

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
)

// Public says how other machines reach this one. Without a URL it is reached by its own
// alone.
type Public struct {
	URL      string `koanf:"url" json:"url"`           // https://isekai.example.com
	Previews string `koanf:"previews" json:"previews"` // a domain whose every name leads here: apps.example.net
	Proxies  string `koanf:"proxies" json:"proxies"`   // of those that end TLS: addresses or networks, separated by commas
	Origins  string `koanf:"origins" json:"origins"`   // of other pages that may use the API, separated by commas
}

// hostName is a name that certificates and browsers take: labels of letters, digits and
// dashes, two at least.
var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// host is the name in the URL; "" without one.
func (p Public) host() string {
	u, err := url.Parse(p.URL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// checkPublic checks how the installation is reached.
func (c Config) checkPublic() error {
	const op = "config"
	for _, check := range []func() error{c.TLS.check, c.checkNodes, c.Rates.check, c.OIDC.check, c.Public.checkNames, c.checkOrigins} {
		if err := check(); err != nil {
			return err
		}
	}
	proxies, err := c.Public.proxies()
	switch {
	case err != nil:
		return err
	case c.TLS.on() && c.Public.URL == "":
		return core.E(core.Invalid, op, "with TLS public.url must be set").WithHint("it is the address that browsers use, as in https://isekai.example.com")
	case c.TLS.ACME && net.ParseIP(c.Public.host()) != nil:
		return core.E(core.Invalid, op, "tls.acme needs a name in public.url").WithHint("set tls.cert_file and tls.key_file for an address")
	case c.Public.URL != "" && !c.TLS.on() && len(proxies) == 0:
		return core.E(core.Invalid, op, "with public.url somebody must end TLS").
			WithHint("set tls.acme, or tls.cert_file and tls.key_file; or public.proxies to the addresses of the proxies that do")
	}
	return nil
}

func (p Public) checkNames() error {
	const op = "config"
	if p.URL == "" {
		if p.Previews+p.Proxies != "" {
			return core.E(core.Invalid, op, "public.previews and public.proxies are of no use without public.url").WithHint(configHint)
		}
		return nil
	}
	u, err := url.Parse(p.URL)
	if err != nil || u.Scheme != "https" || u.Scheme+"://"+u.Host != p.URL {
		return core.E(core.Invalid, op, "public.url isn't https://host").WithHint("as in https://isekai.example.com, without a path")
	}
	host := u.Hostname()
	switch {
	case !hostName.MatchString(host) && net.ParseIP(host) == nil:
		return core.E(core.Invalid, op, "public.url has no name or address that can be reached").WithHint("as in https://isekai.example.com, in small letters")
	case p.Previews != "" && !hostName.MatchString(p.Previews):
		return core.E(core.Invalid, op, "public.previews isn't a domain").WithHint("as in apps.example.net, without *. or a port")
	case p.Previews != "" && (host == p.Previews || strings.HasSuffix(host, "."+p.Previews)):
		return core.E(core.Invalid, op, "public.url is a name of public.previews").WithHint("give previews a domain of their own: apps there are written by others")
	}
	return nil
}

// shared returns the domain that somebody has registered and that both public.url and
// public.previews are in; "" if there is none. To a browser, what is below such a domain is
// one site: an app there can set cookies for public.url, by which its users are refused
// (more of them than a server reads), and its requests to public.url are no stranger's.
func (p Public) shared() string {
	if p.Previews == "" || net.ParseIP(p.host()) != nil {
		return ""
	}
	own, err := publicsuffix.EffectiveTLDPlusOne(p.host())
	if err != nil { // it is a public suffix itself
		return ""
	}
	if apps, err := publicsuffix.EffectiveTLDPlusOne(p.Previews); err != nil || apps != own {
		return ""
	}
	return own
}

const sharedHint = "give previews a domain of their own, as in apps.example.net: apps are written by others"

// domainCheck says whether previews have a domain of their own; nothing without them.
func (p Public) domainCheck() []client.HealthCheck {
	const name = "previews"
	if p.Previews == "" {
		return nil
	}
	if domain := p.shared(); domain != "" {
		return []client.HealthCheck{{Name: name, Detail: "public.previews and public.url are both in " + domain + ", which is one site to browsers: an app can keep its visitors from public.url", Hint: sharedHint}}
	}
	return []client.HealthCheck{check(name, "at a domain of their own", nil)}
}

// proxies reads the list of those that end TLS.
func (p Public) proxies() (httpapi.Proxies, error) {
	var all httpapi.Proxies
	for _, s := range commas(p.Proxies) {
		network, err := netip.ParsePrefix(s)
		if err != nil {
			a, aerr := netip.ParseAddr(s)
			network, err = netip.PrefixFrom(a, a.BitLen()), aerr
		}
		switch {
		case err != nil:
			return nil, core.E(core.Invalid, "config", "public.proxies: "+s+" is no address or network").WithHint("as in 10.0.0.0/8,192.0.2.7")
		case network.Bits() == 0:
			return nil, core.E(core.Invalid, "config", "public.proxies: "+s+" is everybody").WithHint("name the proxies: whoever is on the list can say whence a request came")
		}
		all = append(all, network.Masked())
	}
	return all, nil
}

// checkOrigins: where only this machine gets to is where people develop.
func (c Config) checkOrigins() error {
	for _, o := range commas(c.Public.Origins) {
		if err := httpapi.CheckOrigin(o, c.Public.URL == ""); err != nil {
			return err
		}
	}
	return nil
}

// commas splits a list.
func commas(list string) (all []string) {
	for s := range strings.SplitSeq(list, ",") {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// checkAddress refuses to listen where other machines get to, unless it is said how they
// do it safely.
func (c Config) checkAddress() error {
	const op = "listen"
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return core.E(core.Invalid, op, c.Listen+" isn't host:port").Because(err).WithHint("as in 127.0.0.1:7777")
	}
	ip := net.ParseIP(host)
	own := host == "localhost" || ip != nil && ip.IsLoopback()
	if !own && c.Public.URL == "" {
		return core.E(core.Denied, op, c.Listen+" is reachable from other machines, and nothing says how they do it safely").
			WithHint("listen at 127.0.0.1:PORT; or set public.url, and tls.acme, tls.cert_file or public.proxies")
	}
	return nil
}
