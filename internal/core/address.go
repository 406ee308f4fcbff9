package core

import "net/netip"

// Line names the line by which an address is reached, for who counts by it: an IPv4 address
// itself, or the network of so many bits of an IPv6 one. 64 bits are the least that somebody
// has, all of whose addresses are his; providers give 56 or 48 to one line.
func Line(a netip.Addr, bits int) string {
	if a = a.Unmap().WithZone(""); a.Is6() {
		if p, err := a.Prefix(bits); err == nil {
			return p.String()
		}
	}
	return a.String()
}
