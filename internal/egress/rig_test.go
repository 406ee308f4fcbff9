package egress_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newGuard(t testing.TB, cfg egress.Config) *egress.Guard {
	t.Helper()
	g, err := egress.New(cfg)
	ok(t, err)
	t.Cleanup(g.Close)
	return g
}

// serve starts a server on an address of loopback and returns its port.
func serve(t testing.TB, ip string, h http.HandlerFunc) (port int) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	_ = s.Listener.Close()
	var err error
	s.Listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(ip, "0"))
	ok(t, err)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().(*net.TCPAddr).Port
}

// hello answers with its own address.
func hello(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "hello from "+r.Context().Value(http.LocalAddrContextKey).(net.Addr).String())
}

// get returns the text of an answer.
func get(t testing.TB, g *egress.Guard, url string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := g.Client().Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func at(ip string, port int) string { return net.JoinHostPort(ip, strconv.Itoa(port)) }

// names is a resolver that gives each look-up of a host its next answer, the last for ever.
type names struct {
	mu      sync.Mutex
	answers map[string][]string // the addresses of one answer are parted by spaces
	looks   map[string]int
}

func (n *names) next(host string) (addresses []netip.Addr, found bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	host = strings.TrimSuffix(host, ".")
	all := n.answers[host]
	if len(all) == 0 {
		return nil, false
	}
	if n.looks == nil {
		n.looks = map[string]int{}
	}
	for _, a := range strings.Fields(all[min(n.looks[host], len(all)-1)]) {
		addresses = append(addresses, netip.MustParseAddr(a))
	}
	n.looks[host]++
	return addresses, true
}

func (n *names) count(host string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.looks[host]
}

// LookupNetIP implements egress.Resolver.
func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	a, found := n.next(host)
	if !found {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return a, nil
}

// dns serves the names over UDP on loopback, with answers that are good for no time, and
// returns a resolver that asks there.
func (n *names) dns(t testing.TB) *net.Resolver {
	t.Helper()
	conn, err := (&net.ListenConfig{}).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	ok(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			size, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply := n.reply(buf[:size]); reply != nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// reply answers a question for A records; there are no others.
func (n *names) reply(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	if q.Type == dnsmessage.TypeA {
		addresses, found := n.next(q.Name.String())
		if !found {
			m.RCode = dnsmessage.RCodeNameError
		}
		for _, a := range addresses {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class}, Body: &dnsmessage.AResource{A: a.As4()},
			})
		}
	}
	b, err := m.Pack()
	if err != nil {
		return nil
	}
	return b
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, what string, err error, code core.Code) {
	t.Helper()
	if core.CodeOf(err) != code || err == nil {
		t.Errorf("%s: error %v has code %q, want %q", what, err, core.CodeOf(err), code)
	}
}
