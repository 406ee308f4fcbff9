package egress_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
)

// TestURLs is what may be asked for before anything is resolved, and in which form.
func TestURLs(t *testing.T) {
	t.Parallel()
	g := newGuard(t, egress.Config{Allow: []string{"192.168.7.0/24:8080", "ollama.lan:11434", "*.corp.example:8443", "[fd12::1]:9000"}})
	for raw, want := range map[string]string{
		"https://example.com":                    "https://example.com",
		"HTTPS://EXAMPLE.com:443/a/../b?q=%2e#x": "https://example.com/a/../b?q=%2e",
		"http://example.com.:80/":                "http://example.com/",
		"http://8.8.8.8/":                        "http://8.8.8.8/",
		"http://[2606:4700:0::1111]/":            "http://[2606:4700::1111]/",
		"http://[::ffff:8.8.8.8]/":               "http://8.8.8.8/",
		"https://bücher.example/":                "https://xn--bcher-kva.example/",
		"https://xn--bcher-kva.example/":         "https://xn--bcher-kva.example/",
		"https://ｅｘａｍｐｌｅ。com/":                   "https://example.com/",
		"https://my_host.example/":               "https://my_host.example/",
		"http://192.168.7.9:8080/":               "http://192.168.7.9:8080/",
		"http://ollama.lan:11434/v1":             "http://ollama.lan:11434/v1",
		"http://OLLAMA.lan.:11434/v1":            "http://ollama.lan:11434/v1",
		"https://a.b.corp.example:8443/":         "https://a.b.corp.example:8443/",
		"http://[fd12:0::1]:9000/":               "http://[fd12::1]:9000/",
		"https://1password.com/":                 "https://1password.com/",
		"https://127.0.0.1.nip.example/":         "https://127.0.0.1.nip.example/", // what it stands for is seen when it is dialed
	} {
		u, err := g.CheckURL(raw)
		if err != nil || u.String() != want {
			t.Errorf("%s: %v, %v; want %s", raw, u, err, want)
		}
	}
	for code, all := range map[core.Code][]string{
		core.Denied: {
			// loopback, in all its guises
			"http://127.0.0.1/", "http://127.255.255.254", "http://127.0.0.1./", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/",
			"http://[0:0:0:0:0:ffff:127.0.0.1]/", "http://１２７.0.0.1/", "http://127。0。0。1/", "http://①②⑦.0.0.1/", "http://[::127.0.0.1]/", "http://[::]/", "http://0.0.0.0/",
			// private, shared, link-local, metadata
			"http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.0.1/", "http://100.64.0.1/", "http://100.100.100.200/",
			"http://169.254.169.254/latest/meta-data/", "http://169.254.169.254./", "http://[fd00:ec2::254]/", "http://[fe80::1]/", "http://[fc00::1]/", "http://168.63.129.16/",
			// IPv4 within IPv6
			"http://[64:ff9b::a9fe:a9fe]/", "http://[64:ff9b:1::1]/", "http://[2002:7f00:1::]/", "http://[2001:0:1::1]/", "http://[::ffff:169.254.169.254]/", "http://[::ffff:0:127.0.0.1]/",
			// what isn't given out
			"http://192.0.2.1/", "http://198.51.100.1/", "http://203.0.113.1/", "http://198.18.0.1/", "http://192.0.0.192/", "http://224.0.0.1/", "http://240.0.0.1/",
			"http://255.255.255.255/", "http://[2001:db8::1]/", "http://[3fff::1]/", "http://[ff02::1]/", "http://[100::1]/", "http://[5f00::1]/", "http://[fec0::1]/",
			// ports
			"http://example.com:22/", "http://example.com:8081/", "https://8.8.8.8:6379/", "http://192.168.7.9/", "http://192.168.8.9:8080/", "http://ollama.lan:11435/",
			"https://corp.example:8443/", "https://evilcorp.example:8443/", "http://ollama.lan.evil.example:11434/",
		},
		core.Invalid: {
			"", "/", "//example.com/", "example.com", "http:example.com", "http:///x", "http://", "https://:443/",
			"ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "javascript:alert(1)", "data:text/plain,x", "unix:/run/docker.sock", "ws://example.com/",
			// numbers that some take for an address
			"http://2130706433/", "http://0x7f000001/", "http://0X7F.1/", "http://017700000001/", "http://0177.0.0.1/", "http://127.1/", "http://127.0.1/", "http://0x7f.0.0.0x1/", "http://0/",
			"http://127.0.0.1.1/", "http://256.0.0.1/", "http://0x/", "http://example.0x7f/", "http://127.0.0.01/",
			// users, and what only looks like one
			"http://example.com@127.0.0.1/", "http://user:pass@example.com/", "http://@example.com/", "http://127.0.0.1\\@example.com/", "http://example.com\\.evil/",
			"http://exa mple.com/", "http://example.com:80:80/", "http://example.com:/", "http://example.com:0/", "http://example.com:65536/", "http://example.com:+80/",
			"http://[fe80::1%25eth0]/", "http://[::1%25lo]/", "http://[::1", "http://::1/", "http://[127.0.0.1]/", "http://%31%32%37.0.0.1/", "http://127%2e0.0.1/",
			"http://exam%00ple.com/", "http://a..b/", "http://.example.com/", "http://example.com../", "http://a\tb/", "http://xn--zzzzzzzzzz9999/", "http://exam\u00adple\u200d.com/", "http://[v1.fe80]/",
			"http://" + strings.Repeat("a", 64) + ".example/", "http://" + strings.Repeat("a.", 127) + "example/",
		},
	} {
		for _, raw := range all {
			if u, err := g.CheckURL(raw); core.CodeOf(err) != code || core.HintOf(err) == "" {
				t.Errorf("%q: %v, %v; want %s with a hint", raw, u, err, code)
			}
		}
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", "*", "*.", ":80", "host:", "host:0", "host:99999", "10.0.0.0/33", "10.0.0.300", "fe80::1%eth0", "http://host", "host/path", "a..b", "[::1", "0x7f.1", "user@host", "fd12::/48:80", "[10.0.0.0/8]:80", "[10.0.0.1]:80", "*.10.0.0.1",
	} {
		if _, err := egress.New(egress.Config{Allow: []string{bad}}); core.CodeOf(err) != core.Invalid {
			t.Errorf("%q is taken for a rule: %v", bad, err)
		}
	}
	for rule, urls := range map[string][2]string{ // what it opens, and what it doesn't
		"127.0.0.1":           {"http://127.0.0.1/", "http://127.0.0.2/"},
		"127.0.0.1:81":        {"http://127.0.0.1:81/", "http://127.0.0.1/"},
		"10.0.0.0/8":          {"https://10.9.8.7/", "https://10.9.8.7:444/"},
		"10.0.0.0/8:8443":     {"https://10.9.8.7:8443/", "https://11.9.8.7:8443/"},
		"::1":                 {"http://[::1]/", "http://127.0.0.1/"},
		"[::1]:81":            {"http://[::1]:81/", "http://[::1]/"},
		"fd00::/8":            {"http://[fd00::254]/", "http://[fd00:ec2::254]/"},
		"fd00:ec2::254":       {"http://[fd00:ec2::254]/", "http://[fd00:ec2::253]/"},
		"[fd00::/8]:8443":     {"http://[fd00::1]:8443/", "http://[fd00::1]/"},
		"::ffff:127.0.0.1":    {"http://127.0.0.1/", "http://127.0.0.2/"},
		"8.8.8.8:8080":        {"http://8.8.8.8:8080/", "http://8.8.4.4:8080/"},
		"example.com:8080":    {"http://example.com:8080/", "http://www.example.com:8080/"},
		"*.Example.com:8080":  {"http://www.example.com:8080/", "http://example.com:8080/"},
		"Bücher.example:8080": {"http://xn--bcher-kva.example:8080/", "http://bucher.example:8080/"},
	} {
		g := newGuard(t, egress.Config{Allow: []string{rule}})
		if _, err := g.CheckURL(urls[0]); err != nil {
			t.Errorf("%s doesn't open %s: %v", rule, urls[0], err)
		}
		if _, err := g.CheckURL(urls[1]); core.CodeOf(err) != core.Denied {
			t.Errorf("%s opens %s: %v", rule, urls[1], err)
		}
	}
}

// FuzzCheckURL sees that what passes is in one form, which passes again and means the same,
// and that no address passes that isn't public.
func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{
		"https://example.com/", "http://127.0.0.1./", "http://[::ffff:127.0.0.1]:80/", "http://0x7f.1/", "http://a@b:1/", "http://１２７.0.0.1/", "https://bücher.example:443/?a#b",
		"http://[fe80::1%25eth0]/", "http://example.com\\@127.0.0.1/", "http://xn--bcher-kva.example", "http://100.64.0.1", "HTTP://EXAMPLE.COM.:080/", "http://2130706433", "http://0\x91",
	} {
		f.Add(s)
	}
	g, err := egress.New(egress.Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := g.CheckURL(raw)
		if err != nil {
			if c := core.CodeOf(err); c != core.Invalid && c != core.Denied {
				t.Fatal(err)
			}
			return
		}
		if u.User != nil || u.Scheme != "http" && u.Scheme != "https" || u.Port() != "" && u.Port() != "80" && u.Port() != "443" {
			t.Fatalf("%q passes as %q", raw, u)
		}
		host := u.Hostname()
		if a, err := netip.ParseAddr(host); err == nil {
			if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || a.Is4In6() || !a.IsGlobalUnicast() {
				t.Fatalf("%q passes as %q", raw, u)
			}
		} else if strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || strings.Trim(host[strings.LastIndexByte(host, '.')+1:], "0123456789") == "" {
			t.Fatalf("%q passes as %q", raw, u)
		}
		again, err := g.CheckURL(u.String())
		if err != nil || again.String() != u.String() {
			t.Fatalf("%q passes as %q, and that as %q: %v", raw, u, again, err)
		}
	})
}
