package sandbox

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// Destination is a host and a port that boxes may reach, or every host below a name.
type Destination struct {
	host  string // a name in lower-case ASCII, or an address in its one form
	below bool   // every name below host, and not host itself
	port  uint16
}

// MaxDestination bounds what a Destination is written as, in bytes.
const MaxDestination = 270

// ParseDestination reads HOST, HOST:PORT or *.HOST, with or without a port; without one it is
// 443. An address has to be written as such, and nothing stands for many of them:
//
//	api.example.com   api.example.com:8443   *.example.org   192.0.2.7:443   [2001:db8::7]:443
//
// invalid: it is something else, or a star for a whole top-level domain.
func ParseDestination(s string) (Destination, error) {
	bad := core.E(core.Invalid, "sandbox.egress", strconv.Quote(s[:min(len(s), MaxDestination)])+" isn't a host that boxes can be allowed").
		WithHint("as in api.example.com, api.example.com:8443, *.example.org or [2001:db8::7]:443; names in ASCII (xn--)")
	if len(s) > MaxDestination {
		return Destination{}, bad
	}
	host, port := s, uint16(443)
	if _, err := netip.ParseAddr(s); err != nil && strings.Contains(s, ":") {
		if host, port, err = SplitHostPort(s); err != nil {
			return Destination{}, bad.Because(err)
		}
	}
	d := Destination{port: port}
	host, d.below = strings.CutPrefix(host, "*.")
	var ok bool
	if d.host, ok = NormalHost(host); !ok {
		return Destination{}, bad
	}
	_, err := netip.ParseAddr(d.host)
	if d.below && (err == nil || !strings.Contains(d.host, ".")) {
		return Destination{}, bad
	}
	return d, nil
}

// Covers reports whether a host in its normal form, and a port, are what d allows.
func (d Destination) Covers(host string, port uint16) bool {
	if d.port != port || d.host == "" {
		return false
	}
	if d.below {
		_, err := netip.ParseAddr(host)
		return err != nil && strings.HasSuffix(host, "."+d.host)
	}
	return host == d.host
}

// String returns what ParseDestination reads, with its port.
func (d Destination) String() string {
	host := d.host
	if d.below {
		host = "*." + host
	}
	return net.JoinHostPort(host, strconv.Itoa(int(d.port)))
}

// SplitHostPort is net.SplitHostPort with a port that is a number, from 1.
func SplitHostPort(s string) (host string, port uint16, err error) {
	host, text, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err == nil && (n == 0 || text[0] == '0' || text[0] == '+') {
		err = strconv.ErrSyntax
	}
	return host, uint16(n), err
}

// NormalHost returns a host as it is compared and resolved: a name in lower case without the
// dot at its end, or an address in its one form. It takes ASCII alone, no zone of an address,
// and no number that some parsers take for an address (0x7f.1, 2130706433).
func NormalHost(host string) (string, bool) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().String(), a.Zone() == ""
	}
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if len(name) > 253 {
		return "", false
	}
	last := ""
	for l := range strings.SplitSeq(name, ".") {
		if l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", false
		}
		last = l
	}
	return name, last[0] < '0' || last[0] > '9'
}
