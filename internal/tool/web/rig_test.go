package web_test

import (
	"context"
	"encoding/json"
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

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
	"github.com/isekai-run/isekai/internal/tool/web"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// outside is tool.Outside by a guard of the real kind, with a project's tokens by name.
type outside struct {
	guard  *egress.Guard
	tokens map[string]string
}

func (o outside) Client() *http.Client { return o.guard.Client() }

func (o outside) Authorize(_ context.Context, _ tool.Call, _, name string, r *http.Request) error {
	if o.tokens[name] == "" {
		return core.E(core.NotFound, "credential", "there is no credential "+name)
	}
	r.Header.Set("X-Subscription-Token", o.tokens[name])
	return nil
}

func (o outside) Credential(context.Context, tool.Call, string, string, string) (tool.Credential, error) {
	return tool.Credential{}, core.E(core.NotFound, "credential", "there is none")
}

// reach returns a way out that reaches the addresses, and what the configuration says.
func reach(t testing.TB, cfg egress.Config, sites ...*site) outside {
	t.Helper()
	for _, s := range sites {
		cfg.Allow = append(cfg.Allow, s.host)
	}
	g, err := egress.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return outside{guard: g}
}

// site is a web server on loopback that counts what it is asked for.
type site struct {
	url, host string
	port      int
	mu        sync.Mutex
	asked     []*http.Request
}

// serve starts a site on an address of loopback. A path that pages doesn't have is answered by
// other, or with 404.
func serve(t testing.TB, ip string, pages map[string]string, other http.HandlerFunc) *site {
	t.Helper()
	s := &site{}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.Clone(context.Background()))
		s.mu.Unlock()
		page, ok := pages[r.URL.Path]
		switch {
		case ok:
			if strings.HasPrefix(page, "<") {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
			}
			_, _ = io.WriteString(w, page)
		case other != nil:
			other(w, r)
		default:
			http.NotFound(w, r)
		}
	})
	server := httptest.NewUnstartedServer(h)
	_ = server.Listener.Close()
	var err error
	if server.Listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(ip, "0")); err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(server.Close)
	s.port = server.Listener.Addr().(*net.TCPAddr).Port
	s.host = net.JoinHostPort(ip, strconv.Itoa(s.port))
	s.url = "http://" + s.host
	return s
}

// count returns how often a path was asked for.
func (s *site) count(path string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.asked {
		if r.URL.Path == path {
			n++
		}
	}
	return n
}

// last returns the last request.
func (s *site) last() *http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[len(s.asked)-1]
}

// names is a resolver that gives each look-up of a host its next answer, the last for ever.
type names struct {
	mu      sync.Mutex
	answers map[string][]string
}

// LookupNetIP implements egress.Resolver.
func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.answers[host]
	if len(all) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if len(all) > 1 {
		n.answers[host] = all[1:]
	}
	return []netip.Addr{netip.MustParseAddr(all[0])}, nil
}

// fetch calls web_fetch through the checks that every call goes through.
func fetch(t testing.TB, tl tool.Tool, args map[string]any) (tool.Result, error) {
	t.Helper()
	raw, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	checked, err := tool.Checked(tl, nil)
	if err != nil {
		t.Fatal(err)
	}
	return checked.Call(t.Context(), tooltest.Call("", string(raw)))
}

// told returns what the tool says of a page.
func told(t testing.TB, tl tool.Tool, url string) string {
	t.Helper()
	r, err := fetch(t, tl, map[string]any{"url": url})
	if err != nil || r.Failed {
		t.Fatalf("%s: %v\n%s", url, err, r.Output)
	}
	return r.Output
}

func fetcher(t testing.TB, cfg web.Config) tool.Tool { return web.NewFetch(web.NewFetcher(cfg), nil) }

func hold(t testing.TB, what, text string, wants ...string) {
	t.Helper()
	for _, w := range wants {
		if !strings.Contains(text, w) {
			t.Errorf("%s doesn't say %q:\n%.3000s", what, w, text)
		}
	}
}

func lack(t testing.TB, what, text string, nots ...string) {
	t.Helper()
	for _, w := range nots {
		if strings.Contains(text, w) {
			t.Errorf("%s says %q:\n%.3000s", what, w, text)
		}
	}
}
