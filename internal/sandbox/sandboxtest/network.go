package sandboxtest

import (
	"net"
	"testing"

	"github.com/isekai-run/isekai/internal/sandbox"
)

func networkTests() tests {
	return tests{
		"reach the host and beyond": outward,
		"find a way out":            routes,
		"type into a terminal":      terminal,
	}
}

// outward dials servers of the host that the test starts, on each of its
// addresses and on both kinds of unix socket; and, from the box alone, the
// metadata address and others.
func outward(t *testing.T, g rig) {
	var targets []string
	for _, address := range hostAddresses(t) {
		l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		targets = append(targets, "tcp", l.Addr().String())
	}
	for _, path := range []string{folder(t) + "/s", "@isekai-host-" + t.Name()} {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		targets = append(targets, "unix", path)
	}
	all := g.attackOutside(t, false, append([]string{"dial"}, targets...)...)
	for _, f := range all {
		if !f.Done {
			t.Errorf("the control outside: %v", f)
		}
	}
	targets = append(targets, "tcp", "169.254.169.254:80", "tcp", "[fd00:ec2::254]:80", "tcp", "198.51.100.1:53", "tcp", "[2001:db8::1]:53", "tcp", "10.0.0.1:80")
	wantRefused(t, attackIn(t, g.box(t, sandbox.Spec{}), append([]string{"dial"}, targets...)...))
}

// hostAddresses are those of this machine that can be listened on as they are.
func hostAddresses(t *testing.T) []string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, a := range addresses {
		if ip, isNet := a.(*net.IPNet); isNet && !ip.IP.IsLinkLocalUnicast() {
			all = append(all, ip.IP.String())
		}
	}
	return all
}

// routes asks for routes, which sends nothing. The control asks for that to an
// address of the host's own.
func routes(t *testing.T, g rig) {
	var own []string
	for _, address := range hostAddresses(t) {
		own = append(own, net.JoinHostPort(address, "9"))
	}
	wantDone(t, g.attackOutside(t, false, append([]string{"route"}, own...)...))
	wantRefused(t, attackIn(t, g.box(t, sandbox.Spec{}), "route", "169.254.169.254:80", "[fd00:ec2::254]:80", "198.51.100.1:53", "[2001:db8::1]:53", "224.0.0.1:9", "255.255.255.255:9"))
}
