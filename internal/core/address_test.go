package core

import (
	"net/netip"
	"testing"
)

func TestLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		address string
		bits    int
		want    string
	}{
		{"192.0.2.1", 64, "192.0.2.1"}, {"::ffff:192.0.2.1", 64, "192.0.2.1"}, {"192.0.2.1", 48, "192.0.2.1"},
		{"2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::/64"}, {"2001:db8:1:2::1%eth0", 64, "2001:db8:1:2::/64"},
		{"2001:db8:1:2ff::1", 56, "2001:db8:1:200::/56"}, {"2001:db8:1:2ff::1", 48, "2001:db8:1::/48"},
	} {
		if got := Line(netip.MustParseAddr(c.address), c.bits); got != c.want {
			t.Errorf("%s, %d: %s, want %s", c.address, c.bits, got, c.want)
		}
	}
	if got := Line(netip.Addr{}, 64); got != "invalid IP" {
		t.Errorf("none: %s", got)
	}
}
