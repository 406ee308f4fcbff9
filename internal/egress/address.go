package egress

import "net/netip"

// block is a range of addresses that nobody may reach without being told so, and why.
type block struct {
	prefix netip.Prefix
	why    string
}

// closed are the blocks of IPv4, and those within the global unicast range of IPv6 (the rest
// of IPv6 is closed as a whole), from IANA's registries of special-purpose addresses.
var closed = []block{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by a carrier (CGNAT)"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local, where clouds keep their metadata"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "kept for protocols"},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a relay of 6to4"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("168.63.129.16/32"), "the host of a machine in Azure"},

	{netip.MustParsePrefix("2001::/23"), "kept for protocols, Teredo among them"},
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation"},
	{netip.MustParsePrefix("2002::/16"), "6to4, which hides an IPv4 address"},
	{netip.MustParsePrefix("3fff::/20"), "for documentation"},

	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("64:ff9b::/96"), "NAT64, which hides an IPv4 address"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "NAT64, which hides an IPv4 address"},
	{netip.MustParsePrefix("fc00::/7"), "private"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

// global is the part of IPv6 that is given out for public use.
var global = netip.MustParsePrefix("2000::/3")

// infrastructure are the blocks that no host's name and no range opens, but only the very
// address: a name that an operator trusts may still be made to point there, and a range is
// easily wider than what was meant.
var infrastructure = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("100.100.100.200/32"), netip.MustParsePrefix("168.63.129.16/32"),
	netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/128"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff00::/8"),
	netip.MustParsePrefix("fd00:ec2::/32"), netip.MustParsePrefix("fd20:ce::/32"), // metadata of AWS and of Google
}

// plain returns the address without what only hides it: IPv4 within IPv6.
func plain(a netip.Addr) netip.Addr { return a.Unmap() }

// infrastructural reports whether an address is infrastructure's, also within one that only
// translates it: who opens a NAT64 range reaches the addresses of IPv4 by it.
func infrastructural(a netip.Addr) bool {
	a = plain(a)
	if within(a, infrastructure) {
		return true
	}
	if !a.Is6() {
		return false
	}
	b := a.As16()
	at := func(n ...int) netip.Addr { return netip.AddrFrom4([4]byte{b[n[0]], b[n[1]], b[n[2]], b[n[3]]}) }
	switch {
	case nat64[0].Contains(a), compatible.Contains(a):
		return within(at(12, 13, 14, 15), infrastructure)
	case nat64[1].Contains(a): // with a prefix of 96 or of 48 bits (RFC 6052, section 2.2)
		return within(at(12, 13, 14, 15), infrastructure) || within(at(6, 7, 9, 10), infrastructure)
	case sixToFour.Contains(a):
		return within(at(2, 3, 4, 5), infrastructure)
	}
	return false
}

// The ranges of IPv6 whose addresses have one of IPv4 within.
var (
	nat64      = [2]netip.Prefix{netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48")}
	sixToFour  = netip.MustParsePrefix("2002::/16")
	compatible = netip.MustParsePrefix("::/96")
)

// refused says why an address isn't public; "" for one that is.
func refused(a netip.Addr) string {
	a = plain(a)
	if !a.IsValid() || a.Zone() != "" {
		return "no address of the internet"
	}
	for _, b := range closed {
		if b.prefix.Contains(a) {
			return b.why
		}
	}
	if a.Is6() && !global.Contains(a) {
		return "not given out for public use"
	}
	return ""
}

func within(a netip.Addr, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(plain(a)) {
			return true
		}
	}
	return false
}
