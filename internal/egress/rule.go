package egress

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
)

// rule opens what would be closed. It has a prefix or a host.
type rule struct {
	prefix netip.Prefix
	host   string // in the form of a URL's host; ".example.com": any below it
	port   uint16 // 0: the ports that are open anyway
}

// parseRule reads a rule as operators write them:
//
//	10.1.0.0/16      10.1.2.3:8080      [fd12::1]:443      fd12::/48      [fd12::/48]:443
//	ollama.lan       ollama.lan:11434   *.corp.example
func parseRule(s string) (rule, error) {
	bad := core.E(core.Invalid, "egress.allow", strconv.Quote(s)+" isn't a host, an address or a range, with or without a port").
		WithHint("as in 10.1.0.0/16, [fd12::1]:443, ollama.lan:11434 or *.corp.example")
	if p, err := netip.ParsePrefix(s); err == nil {
		return rule{prefix: p.Masked()}, nil
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return rule{prefix: netip.PrefixFrom(plain(a), plain(a).BitLen())}, nil
	}
	var r rule
	host := s
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		port, err := strconv.ParseUint(s[i+1:], 10, 16)
		if err != nil || port == 0 {
			return rule{}, bad.Because(err)
		}
		host, r.port = s[:i], uint16(port)
	}
	inner, bracketed := strings.CutPrefix(host, "[")
	inner = strings.TrimSuffix(inner, "]")
	if p, err := netip.ParsePrefix(inner); err == nil && p.Addr().Is6() == bracketed {
		r.prefix = p.Masked()
		return r, nil
	}
	if a, err := netip.ParseAddr(inner); err == nil && a.Zone() == "" && a.Is6() == bracketed {
		r.prefix = netip.PrefixFrom(plain(a), plain(a).BitLen())
		return r, nil
	}
	name, below := strings.CutPrefix(host, "*.")
	name, err := normalHost(name)
	if err != nil {
		return rule{}, bad.Because(err)
	}
	if _, err := netip.ParseAddr(name); err == nil { // below one, or in other digits
		return rule{}, bad
	}
	if below {
		name = "." + name
	}
	r.host = name
	return r, nil
}

// names reports whether the rule is about a host's name.
func (r rule) names(host string) bool {
	return r.host != "" && (host == r.host || r.host[0] == '.' && strings.HasSuffix(host, r.host))
}

// about reports whether the rule is about an address that a host has. Infrastructure is
// opened by its very address alone: whoever opens 169.254.0.0/16 or 0.0.0.0/0 means his
// machines, not the keys that his cloud gives to whoever asks from within.
func (r rule) about(host string, a netip.Addr) bool {
	if r.host != "" {
		return r.names(host) && !infrastructural(a)
	}
	return r.prefix.Contains(plain(a)) && (r.prefix.IsSingleIP() || !infrastructural(a))
}

// allows returns nil if an address that a host has may be reached at a port.
func (g *Guard) allows(host string, a netip.Addr, port uint16) error {
	why := refused(a)
	open := slices.Contains(g.ports, port)
	if why == "" && open {
		return nil
	}
	for _, r := range g.rules {
		if r.about(host, a) && (r.port == port || r.port == 0 && open) {
			return nil
		}
	}
	if why == "" {
		why = "at a port that isn't open: " + strconv.Itoa(int(port))
	}
	return denied(host + " is refused: its address " + a.String() + " is " + why)
}

// mayOpen returns nil if there is an address that could be reached at the port, as far as
// that can be said before the host is resolved.
func (g *Guard) mayOpen(host string, port uint16) error {
	if slices.Contains(g.ports, port) {
		return nil
	}
	for _, r := range g.rules {
		if r.port == port && (r.host == "" || r.names(host)) {
			return nil
		}
	}
	return denied(host + " is refused: port " + strconv.Itoa(int(port)) + " isn't open")
}

func denied(msg string) *core.Error {
	return core.E(core.Denied, "egress", msg).WithHint("only public addresses can be reached; an operator can open others with egress.allow")
}
