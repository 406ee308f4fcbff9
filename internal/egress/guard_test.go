package egress_test

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
)

// TestRebinding has a name stand for an address that may be reached when it is looked at,
// and for one that may not from then on: by a resolver, and by a DNS server on loopback.
func TestRebinding(t *testing.T) {
	t.Parallel()
	for name, resolver := range map[string]func(*names, testing.TB) egress.Resolver{
		"resolver":   func(n *names, _ testing.TB) egress.Resolver { return n },
		"DNS server": func(n *names, t testing.TB) egress.Resolver { return n.dns(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := serve(t, "0.0.0.0", hello)
			n := &names{answers: map[string][]string{
				"good-first.example": {"127.0.0.2", "127.0.0.1"},
				"bad-first.example":  {"127.0.0.1", "127.0.0.2"},
			}}
			g := newGuard(t, egress.Config{Allow: []string{at("127.0.0.2", port)}, Resolver: resolver(n, t)})
			good := "http://" + at("good-first.example", port)
			if text, err := get(t, g, good); err != nil || text != "hello from "+at("127.0.0.2", port) {
				t.Fatalf("%q, %v: what was checked isn't what was dialed", text, err)
			}
			if looks := n.count("good-first.example"); looks != 1 {
				t.Fatalf("it was looked up %d times for one connection", looks)
			}
			g.Close() // the next request connects anew
			_, err := get(t, g, good)
			wantCode(t, "after it has changed", err, core.Denied)
			_, err = get(t, g, "http://"+at("bad-first.example", port))
			wantCode(t, "before it has changed", err, core.Denied)
			_, err = get(t, g, "http://"+at("nowhere.example", port))
			wantCode(t, "a name that isn't there", err, core.NotFound)
		})
	}
}

// TestEveryAddressCounts sees that a good address doesn't hide a bad one.
func TestEveryAddressCounts(t *testing.T) {
	t.Parallel()
	port := serve(t, "0.0.0.0", hello)
	many := ""
	for i := range 40 {
		many += " 127.0.1." + strconv.Itoa(i)
	}
	n := &names{answers: map[string][]string{
		"one-bad.example": {"127.0.1.1 169.254.169.254"}, "bad-first.example": {"127.0.0.1 127.0.1.1"}, "bad-v6.example": {"127.0.1.1 ::1"},
		"mapped.example": {"::ffff:127.0.0.1"}, "mapped-good.example": {"::ffff:127.0.1.1"}, "nat64.example": {"64:ff9b::7f00:101"},
		"many.example": {many}, "none.example": {""}, "zone.example": {"fe80::1%lo"},
	}}
	g := newGuard(t, egress.Config{Allow: []string{"127.0.1.0/24:" + strconv.Itoa(port)}, Resolver: n})
	for host, code := range map[string]core.Code{
		"one-bad.example": core.Denied, "bad-first.example": core.Denied, "bad-v6.example": core.Denied, "mapped.example": core.Denied, "nat64.example": core.Denied,
		"many.example": core.Denied, "none.example": core.NotFound, "zone.example": core.Denied,
	} {
		_, err := get(t, g, "http://"+at(host, port))
		wantCode(t, host, err, code)
		if core.HintOf(err) == "" {
			t.Errorf("%s: %v has no hint", host, err)
		}
	}
	if text, err := get(t, g, "http://"+at("mapped-good.example", port)); err != nil || text != "hello from "+at("127.0.1.1", port) {
		t.Errorf("%q, %v", text, err)
	}
}

// TestAHostThatIsAllowed may be at a private address, but not at the cloud's.
func TestAHostThatIsAllowed(t *testing.T) {
	t.Parallel()
	port := serve(t, "127.0.0.1", hello)
	n := &names{answers: map[string][]string{
		"ollama.lan": {"127.0.0.1", "169.254.169.254", "fd00:ec2::254", "0.0.0.0", "100.100.100.200"}, "other.lan": {"127.0.0.1"},
	}}
	g := newGuard(t, egress.Config{Allow: []string{at("ollama.lan", port)}, Resolver: n})
	if text, err := get(t, g, "http://"+at("ollama.lan", port)); err != nil || !strings.HasPrefix(text, "hello") {
		t.Fatalf("%q, %v", text, err)
	}
	for range 4 {
		g.Close()
		_, err := get(t, g, "http://"+at("ollama.lan", port))
		wantCode(t, "the host at the cloud's address", err, core.Denied)
	}
	_, err := get(t, g, "http://"+at("other.lan", port))
	wantCode(t, "another host", err, core.Denied)
	_, err = get(t, g, "http://"+at("127.0.0.1", port))
	wantCode(t, "the host's address", err, core.Denied)
}

// TestTheNextAddressIsTried when one doesn't answer.
func TestTheNextAddressIsTried(t *testing.T) {
	t.Parallel()
	port := serve(t, "127.0.0.3", hello)
	n := &names{answers: map[string][]string{"two.example": {"127.0.0.2 127.0.0.3"}, "dead.example": {"127.0.0.2"}}}
	g := newGuard(t, egress.Config{Allow: []string{"127.0.0.0/8:" + strconv.Itoa(port)}, Resolver: n})
	if text, err := get(t, g, "http://"+at("two.example", port)); err != nil || text != "hello from "+at("127.0.0.3", port) {
		t.Errorf("%q, %v", text, err)
	}
	_, err := get(t, g, "http://"+at("dead.example", port))
	wantCode(t, "nobody answers", err, core.Unavailable)
}

func TestIPv6(t *testing.T) {
	t.Parallel()
	port := serve(t, "::1", hello)
	g := newGuard(t, egress.Config{Resolver: &names{answers: map[string][]string{"six.example": {"::1"}}}, Ports: []int{80, port}})
	for _, host := range []string{"::1", "six.example", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"} {
		_, err := get(t, g, "http://"+at(host, port))
		wantCode(t, host, err, core.Denied)
	}
	g = newGuard(t, egress.Config{Resolver: &names{answers: map[string][]string{"six.example": {"::1"}}}, Allow: []string{at("::1", port)}})
	for _, host := range []string{"::1", "six.example"} {
		if text, err := get(t, g, "http://"+at(host, port)); err != nil || text != "hello from "+at("::1", port) {
			t.Errorf("%s: %q, %v", host, text, err)
		}
	}
}

func TestDialContext(t *testing.T) {
	t.Parallel()
	port := serve(t, "127.0.0.1", hello)
	g := newGuard(t, egress.Config{Allow: []string{at("127.0.0.1", port)}})
	conn, err := g.DialContext(t.Context(), "tcp", at("127.0.0.1", port))
	ok(t, err)
	ok(t, conn.Close())
	for address, code := range map[string]core.Code{
		at("127.0.0.2", port): core.Denied, "127.0.0.1:22": core.Denied, "127.0.0.1": core.Invalid, "127.0.0.1:http": core.Invalid, "127.1:80": core.Invalid, ":80": core.Invalid,
		at("127.0.0.1.", port+1): core.Denied,
	} {
		_, err := g.DialContext(t.Context(), "tcp", address)
		wantCode(t, address, err, code)
	}
	_, err = g.DialContext(t.Context(), "udp", at("127.0.0.1", port))
	wantCode(t, "udp", err, core.Unsupported)
	_, err = egress.New(egress.Config{Ports: []int{70000}})
	wantCode(t, "a port", err, core.Invalid)
	broken := newGuard(t, egress.Config{Resolver: &net.Resolver{PreferGo: true, Dial: refuse}})
	_, err = broken.DialContext(t.Context(), "tcp", "example.com:80")
	wantCode(t, "a resolver that is down", err, core.Unavailable)
}

var errDown = errors.New("down")

// TestARangeDoesntOpenTheCloud: metadata and other infrastructure is reached by no range,
// however wide, nor by what translates its addresses; only by a rule of the very address.
func TestARangeDoesntOpenTheCloud(t *testing.T) {
	t.Parallel()
	wide := []string{
		"0.0.0.0/0", "::/0", "169.254.0.0/16", "169.254.169.254/31", "100.64.0.0/10", "168.63.129.0/24", "192.0.0.0/24", "fd00::/8", "fd00:ec2::/32", "fe80::/10",
		"64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "[::/0]:80", "0.0.0.0/0:80",
	}
	g := newGuard(t, egress.Config{Allow: wide})
	for _, a := range []string{
		"169.254.169.254", "169.254.170.2", "169.254.0.23", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254", "fe80::1",
		"::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::", "2002:a9fe:a9fe::1", "::a9fe:a9fe", "0.0.0.0", "224.0.0.1",
	} {
		_, err := get(t, g, "http://"+net.JoinHostPort(a, "80"))
		wantCode(t, a, err, core.Denied)
	}
	// The very address: it is tried, and nobody is there.
	g = newGuard(t, egress.Config{Allow: []string{"169.254.169.254"}, Connect: time.Millisecond})
	if _, err := get(t, g, "http://169.254.169.254"); core.CodeOf(err) == core.Denied {
		t.Errorf("named as it is: %v", err)
	}
}
