package credential

import (
	"cmp"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/tool"
)

// Value is a credential's value, for the tool that asked.
type Value struct {
	Kind    Kind
	Version int64     // of the credential; of a connection, the number of its access token
	Until   time.Time // when it ends, as far as is known; zero: it isn't
	Content
	hosts    []string
	resource string // of a connection: see Connection
}

// Authorize adds the value to a request. denied: the credential isn't for this host, or the
// request would show it to whoever listens; unsupported: it is nothing for HTTP.
func (v Value) Authorize(r *http.Request) error {
	const op = "credential.authorize"
	if !allowed(v.hosts, r.URL.Scheme+"://"+r.URL.Host) || v.resource != "" && !tool.Within(v.resource, r.URL.String()) {
		return elsewhere(op)
	}
	if !private(r.URL) {
		return core.E(core.Denied, op, "a credential isn't sent without TLS").WithHint("use https")
	}
	switch v.Kind {
	case Token, OAuth:
		r.Header.Set("Authorization", "Bearer "+v.Secret.Reveal())
	case Basic:
		r.SetBasicAuth(v.User, v.Secret.Reveal())
	case Header:
		r.Header.Set(v.Header, v.Secret.Reveal())
	default:
		return core.E(core.Unsupported, op, "a credential of the kind "+string(v.Kind)+" can't be sent with a request")
	}
	return nil
}

// private reports whether nobody listens on the way to u: TLS, or within this machine.
func private(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	a, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && (err == nil && a.Unmap().IsLoopback() || u.Hostname() == "localhost")
}

// allowed reports whether a value for these hosts may go to one; none are all.
func allowed(hosts []string, to string) bool {
	return len(hosts) == 0 || slices.Contains(hosts, Place(to))
}

// Place returns where a value may be sent, in the one way to write it: a host is by TLS and at its
// usual port, HOST:PORT at another, and http://HOST or http://HOST:PORT in the clear. What else a
// host serves may be somebody else's. address may have https:// before it. It is "" for none.
func Place(address string) string {
	scheme, host, is := strings.Cut(strings.ToLower(address), "://")
	if !is {
		scheme, host = "https", scheme
	}
	u := url.URL{Host: host}
	name, port := strings.TrimSuffix(u.Hostname(), "."), u.Port()
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if port != "" && port != map[string]string{"https": "443", "http": "80"}[scheme] {
		name += ":" + port
	}
	if scheme != "https" && name != "" {
		name = scheme + "://" + name
	}
	return name
}

// isPlace reports whether somebody names a place.
func isPlace(s string) bool {
	u, err := url.Parse("//" + strings.TrimPrefix(s, "http://"))
	if err != nil || len(s) > 270 || u.Hostname() == "" || u.Host != strings.TrimPrefix(s, "http://") || strings.ContainsAny(s, "@* %") {
		return false
	}
	port, err := strconv.ParseUint(cmp.Or(u.Port(), "1"), 10, 16)
	return err == nil && port > 0 && !strings.HasSuffix(s, ":")
}

// fits reports whether a value for these hosts may be used for this.
func (f For) fits(hosts []string) bool {
	return (len(hosts) > 0 || !f.Listed) && allowed(hosts, f.Host)
}

func elsewhere(op string) error {
	return core.E(core.Denied, op, "the credential isn't for this host").WithHint("an admin of the org says which hosts it may be sent to")
}
