package egress

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/isekai-run/isekai/internal/core"
)

// check returns the URL with its host in normal form: lower case, ASCII, without a port that
// the scheme implies. What is checked is then what is used, whoever parses it again. Errors:
// invalid for what isn't an absolute URL of HTTP, denied for a host or a port that can't be
// reached. It resolves nothing: a URL that passes may still be refused when it is dialed.
func (g *Guard) check(u *url.URL) (*url.URL, error) {
	scheme := strings.ToLower(u.Scheme)
	port := uint16(80)
	switch {
	case scheme == "https":
		port = 443
	case scheme != "http":
		return nil, badURL("it isn't http or https")
	}
	switch {
	case u.Opaque != "" || u.Host == "":
		return nil, badURL("it has no host")
	case u.User != nil:
		return nil, badURL("it has a user or a password in it")
	}
	host, err := normalHost(u.Hostname())
	if err != nil {
		return nil, err
	}
	implied := port
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return nil, badURL("its port is out of range")
		}
		port = uint16(n)
	} else if strings.HasSuffix(u.Host, ":") {
		return nil, badURL("its port is missing")
	}
	if a, err := netip.ParseAddr(host); err == nil {
		err = g.allows(host, a, port)
		if err != nil {
			return nil, err
		}
	} else if err := g.mayOpen(host, port); err != nil {
		return nil, err
	}
	out := *u
	out.Scheme, out.Host, out.Fragment, out.RawFragment = scheme, host, "", ""
	if strings.Contains(host, ":") {
		out.Host = "[" + host + "]"
	}
	if port != implied {
		out.Host += ":" + strconv.Itoa(int(port))
	}
	return &out, nil
}

// normalHost returns a host as it is resolved and compared: an address in its one form, or a
// name in lower-case ASCII without the dot at its end. invalid: it is neither, or some
// parsers would take it for an address that others don't see.
func normalHost(host string) (string, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" {
			return "", badURL("its address has a zone")
		}
		return plain(a).String(), nil
	}
	if strings.ContainsAny(host, ":[]%") {
		return "", badURL("its host isn't one")
	}
	name := strings.ToLower(host)
	if strings.Contains(name, "xn--") || strings.ContainsFunc(name, func(r rune) bool { return r > 0x7f }) {
		var err error
		if name, err = idna.Lookup.ToASCII(host); err == nil && utf8.ValidString(host) {
			_, err = idna.Lookup.ToASCII(name) // it doesn't take all that it gives
		}
		if err != nil || !utf8.ValidString(host) {
			return "", badURL("its host isn't a name")
		}
	}
	name = strings.TrimSuffix(name, ".")
	if a, err := netip.ParseAddr(name); err == nil { // written in other digits, or with a dot
		return plain(a).String(), nil
	}
	labels := strings.Split(name, ".")
	if len(name) > 253 {
		return "", badURL("its host is too long")
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", badURL("its host isn't a name")
		}
	}
	if number(labels[len(labels)-1]) {
		return "", badURL("its host is a number that isn't an address in its usual form")
	}
	return name, nil
}

// number reports whether a host's last label makes it an IPv4 address in the eyes of a
// browser or of C's inet_aton (https://url.spec.whatwg.org/#ends-in-a-number-checker):
// 2130706433, 0x7f000001, 0177.1.
func number(label string) bool {
	if strings.Trim(label, "0123456789") == "" {
		return true
	}
	hex, ok := strings.CutPrefix(label, "0x")
	return ok && strings.Trim(hex, "0123456789abcdef") == ""
}

// badURL doesn't quote the URL, which may hold a secret.
func badURL(why string) *core.Error {
	return core.E(core.Invalid, "egress", "the URL can't be used: "+why).WithHint("as in https://example.com/path")
}
