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
		return elsewhere(op, "an admin of the org says which hosts it may be sent to")
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

func elsewhere(op, hint string) error {
	return core.E(core.Denied, op, "the credential isn't for this host").WithHint(hint)
}

// refuses says what an admin can do so that a credential may be used for this, if it should. A
// value is given again for more hosts than it has, and needn't for the first that it names.
func (f For) refuses(d credentialDoc) error {
	set := f.command(d.Name)
	if set == "" || d.Kind == OAuth { // whose hosts are its provider's
		return elsewhere("credential.use", "an admin of the org says which hosts it may be sent to")
	}
	switch {
	case d.Kind == Basic && len(d.Hosts) > 0:
		set += " --kind basic --user USER"
	case d.Kind == Header && len(d.Hosts) > 0:
		set += " --kind header --header HEADER"
	case d.Kind != Token:
		set += " --kind " + string(d.Kind)
	}
	if d.Project == "" {
		set += " --shared"
	}
	for _, h := range d.Hosts {
		set += " --host " + h
	}
	if len(d.Hosts) == 0 {
		set += " --keep"
	}
	return elsewhere("credential.use", "if it may be sent there, an admin says so: "+set)
}

// lacks says that there is no credential of the name, and how there comes to be one for the host.
func (f For) lacks(name string) error {
	set := f.command(name)
	if set == "" {
		return missing()
	}
	return core.E(core.NotFound, "credential.use", "the project has no credential "+name).WithHint("an admin keeps one: " + set)
}

// command is that by which a credential comes to be for the host; "" if one of the two can't be
// in it. Both may be a model's words, which are to be safe in a person's shell.
func (f For) command(name string) string {
	at := Place(f.Host)
	if checkName(name) != nil || at == "" || len(at) > 270 || strings.Trim(at, "abcdefghijklmnopqrstuvwxyz0123456789.:-/") != "" {
		return ""
	}
	return "isekai secret set " + name + " --host " + at
}
