package httpapi

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

var ourProxies = Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/64")}

// TestWhoseWordIsTaken: of the proxies that are listed, and of nobody else.
func TestWhoseWordIsTaken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		peer        string
		tls         bool
		from, proto []string
		want        string
		secure      bool
	}{
		"no proxy":                        {"192.0.2.1:5", false, nil, nil, "192.0.2.1", false},
		"no proxy, TLS":                   {"192.0.2.1:5", true, nil, nil, "192.0.2.1", true},
		"a stranger's word":               {"192.0.2.1:5", false, []string{"127.0.0.1"}, []string{"https"}, "192.0.2.1", false},
		"a neighbour's word":              {"127.0.0.1:5", false, []string{"192.0.2.9"}, []string{"https"}, "127.0.0.1", false},
		"a proxy's":                       {"10.0.0.1:5", false, []string{"192.0.2.9"}, []string{"https"}, "192.0.2.9", true},
		"a proxy's, in clear":             {"10.0.0.1:5", false, []string{"192.0.2.9"}, []string{"http"}, "192.0.2.9", false},
		"a proxy that says nothing":       {"10.0.0.1:5", false, nil, nil, "10.0.0.1", false},
		"TLS to a proxy, which had none":  {"10.0.0.1:5", true, []string{"192.0.2.9"}, []string{"http"}, "192.0.2.9", false},
		"what the client had sent":        {"10.0.0.1:5", false, []string{"127.0.0.1, 192.0.2.9"}, []string{"https"}, "192.0.2.9", true},
		"in a line of its own":            {"10.0.0.1:5", false, []string{"127.0.0.1", "192.0.2.9"}, []string{"https"}, "192.0.2.9", true},
		"two proxies":                     {"10.0.0.1:5", false, []string{"192.0.2.9, 10.9.9.9"}, []string{"https, https"}, "192.0.2.9", true},
		"two, one of them in clear":       {"10.0.0.1:5", false, []string{"192.0.2.9, 10.9.9.9"}, []string{"https,http"}, "192.0.2.9", false},
		"the client is inside":            {"10.0.0.1:5", false, []string{"10.1.1.1"}, []string{"https"}, "10.1.1.1", true},
		"nonsense":                        {"10.0.0.1:5", false, []string{"unknown"}, []string{"https"}, "10.0.0.1", true},
		"nonsense before a proxy":         {"10.0.0.1:5", false, []string{"x, 10.2.2.2"}, []string{"https"}, "10.2.2.2", true},
		"with a port":                     {"10.0.0.1:5", false, []string{"192.0.2.9:1234"}, []string{"HTTPS"}, "192.0.2.9", true},
		"of six":                          {"[2001:db8::1]:5", false, []string{"2001:db8:1::7"}, []string{"https"}, "2001:db8:1::7", true},
		"of six with a port":              {"[2001:db8::1]:5", false, []string{"[2001:db8:1::7]:80"}, []string{"https"}, "2001:db8:1::7", true},
		"of four in six":                  {"[::ffff:10.0.0.1]:5", false, []string{"::ffff:192.0.2.9"}, []string{"https"}, "192.0.2.9", true},
		"of six in brackets":              {"10.0.0.1:5", false, []string{"[2001:db8:1::7]"}, []string{"https"}, "2001:db8:1::7", true},
		"more hops than there are":        {"10.0.0.1:5", false, []string{"192.0.2.9" + strings.Repeat(",10.3.3.3", 20)}, []string{"https"}, "10.3.3.3", true},
		"within this process":             {"pipe", false, []string{"192.0.2.9"}, []string{"https"}, "invalid IP", false},
		"a socket's name":                 {"@", false, nil, nil, "invalid IP", false},
		"an empty word":                   {"10.0.0.1:5", false, []string{""}, []string{""}, "10.0.0.1", false},
		"another way to say it's secure?": {"10.0.0.1:5", false, []string{"192.0.2.9"}, []string{"https", "ws"}, "192.0.2.9", false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"] = c.from, c.proto
		r.Header.Set("X-Real-Ip", "127.0.0.1")
		r.Header.Set("Forwarded", "for=127.0.0.1;proto=https")
		r.Header.Set("X-Forwarded-Host", "evil.example")
		r.Header.Set("Accept", "x")
		var got *http.Request
		ourProxies.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r })).ServeHTTP(nil, r)
		if a := arrivalOf(got); a.from.String() != c.want || a.secure != c.secure {
			t.Errorf("%s: %+v", name, a)
		}
		if len(got.Header) != 1 || r.Header.Get("X-Real-Ip") == "" {
			t.Errorf("%s: passed on %v", name, got.Header)
		}
		if c.want != "invalid IP" && direct(got).from.String() != c.want {
			t.Errorf("%s: RemoteAddr %s", name, got.RemoteAddr)
		}
	}
}

// FuzzForwarded: whatever a stranger sends is nothing; whatever a client sends through a
// proxy, the address that the proxy has added is the last word.
func FuzzForwarded(f *testing.F) {
	f.Add("127.0.0.1", "https")
	f.Add("10.0.0.1, 10.0.0.2", "http")
	f.Add("[::1]:80,,\"", "https,https")
	f.Add("::ffff:10.0.0.1%eth0", "")
	f.Fuzz(func(t *testing.T, from, proto string) {
		ask := func(peer string, from, proto []string) arrival {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = peer
			r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Proto"] = from, proto
			var a arrival
			ourProxies.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { a = arrivalOf(r) })).ServeHTTP(nil, r)
			return a
		}
		if a := ask("192.0.2.1:5", []string{from}, []string{proto}); a.from != mustAddr("192.0.2.1") || a.secure {
			t.Errorf("a stranger is %+v", a)
		}
		if a := ask("10.0.0.1:5", []string{from, "192.0.2.9"}, []string{proto, "http"}); a.from != mustAddr("192.0.2.9") || a.secure {
			t.Errorf("behind a proxy: %+v", a)
		}
		if a := ask("10.0.0.1:5", []string{from}, []string{proto}); !a.from.IsValid() || a.from.Is4In6() || a.from.Zone() != "" {
			t.Errorf("the address is %+v", a)
		}
	})
}

// FuzzCookie: no header makes another cookie, or a part of one, the session's; two are
// none.
func FuzzCookie(f *testing.F) {
	f.Add("isekai=a")
	f.Add("isekai=a; isekai=b")
	f.Add("isekai-flow=x; __Host-isekai=y")
	f.Add(`isekai="a b"; ISEKAI=c`)
	f.Add("isekai")
	f.Add("isekai =0")
	f.Add("isekai =0; isekai=1")
	f.Fuzz(func(t *testing.T, line string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Cookie"] = []string{line}
		for _, name := range []string{plainCookie, secureCookie, plainCookie + flowSuffix} {
			value := readCookie(r, name)
			if value != "" && (!strings.Contains(line, name+"=") || strings.ContainsAny(value, ";\r\n\x00")) {
				t.Errorf("%q has %s %q", line, name, value)
			}
			r.Header["Cookie"] = []string{line, name + "=mine"}
			if got := readCookie(r, name); got != "mine" && got != "" {
				t.Errorf("%q hides it: %q", line, got)
			}
			if strings.Contains(line, name) == false && readCookie(r, name) != "mine" {
				t.Errorf("%q takes it away", line)
			}
			r.Header["Cookie"] = []string{line, name + "=mine", name + "=theirs"}
			if got := readCookie(r, name); got != "" {
				t.Errorf("of two, %q", got)
			}
			r.Header["Cookie"] = []string{line}
		}
	})
}
