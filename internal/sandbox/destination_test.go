package sandbox_test

import (
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

func TestParseDestination(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"api.example.com": "api.example.com:443", "API.Example.COM.": "api.example.com:443", "a.example:8443": "a.example:8443",
		"*.example.org": "*.example.org:443", "*.example.org:80": "*.example.org:80", "localhost:80": "localhost:80", "xn--bcher-kva.example": "xn--bcher-kva.example:443",
		"192.0.2.7": "192.0.2.7:443", "192.0.2.7:80": "192.0.2.7:80", "2001:DB8::7": "[2001:db8::7]:443", "[2001:db8:0::7]:80": "[2001:db8::7]:80", "[::ffff:192.0.2.7]:80": "192.0.2.7:80",
	} {
		d, err := sandbox.ParseDestination(s)
		if err != nil || d.String() != want {
			t.Errorf("%s reads as %v, %v", s, d, err)
			continue
		}
		if again, err := sandbox.ParseDestination(d.String()); err != nil || again != d {
			t.Errorf("%s reads as %v, %v, and not as itself", d, again, err)
		}
	}
	for _, s := range []string{
		"", "*", "*.", "*.com", "*.*.example.com", "a.*.example.com", "*example.com", "*.192.0.2.7", "*.2.7", "a b.example", "a.example:0", "a.example:65536", "a.example:", "a.example:+80", "a.example:080",
		"https://a.example", "a.example/x", "a@a.example", "10.0.0.0/8", "fe80::1%eth0", "[fe80::1%eth0]:80", "2130706433", "0x7f.1", "0x7f000001", "127.1", "1.2.3.4.5", "bücher.example", "a..example", ".example.com",
		strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 200) + "example", "a.example:80:80", "a\x00.example",
	} {
		if d, err := sandbox.ParseDestination(s); core.CodeOf(err) != core.Invalid {
			t.Errorf("%q reads as %v, %v", s, d, err)
		}
	}
}

func TestDestinationCovers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		allow, host string
		port        uint16
		want        bool
	}{
		{"a.example.com", "a.example.com", 443, true},
		{"a.example.com", "a.example.com", 80, false},
		{"a.example.com", "b.a.example.com", 443, false},
		{"a.example.com", "xa.example.com", 443, false},
		{"*.example.com", "a.example.com", 443, true},
		{"*.example.com", "b.a.example.com", 443, true},
		{"*.example.com", "example.com", 443, false},
		{"*.example.com", "badexample.com", 443, false},
		{"*.example.com", "a.example.com.evil.example", 443, false},
		{"192.0.2.7", "192.0.2.7", 443, true},
		{"192.0.2.7", "192.0.2.8", 443, false},
	} {
		d, err := sandbox.ParseDestination(c.allow)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Covers(c.host, c.port); got != c.want {
			t.Errorf("%s covers %s:%d: %v", c.allow, c.host, c.port, got)
		}
	}
	if (sandbox.Destination{}).Covers("", 0) {
		t.Error("the zero Destination covers something")
	}
}

// FuzzNormalHost: what is normal stays as it is, and can't be told apart from itself.
func FuzzNormalHost(f *testing.F) {
	for _, s := range []string{"A.example.", "::ffff:7f00:1", "0x7f.1", "127.0.0.1.", "a_b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, host string) {
		n, ok := sandbox.NormalHost(host)
		if !ok {
			return
		}
		if again, ok := sandbox.NormalHost(n); !ok || again != n {
			t.Errorf("%q is %q and then %q, %v", host, n, again, ok)
		}
	})
}
