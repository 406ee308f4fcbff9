//go:build linux

package command_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
	"github.com/isekai-run/isekai/internal/tool"
	"github.com/isekai-run/isekai/internal/tool/command"
	"github.com/isekai-run/isekai/internal/tool/tooltest"
)

// policy is a project's, which remembers what it was told.
type policy struct {
	hosts []sandbox.Destination
	mu    sync.Mutex
	told  []sandbox.Reach
}

func (p *policy) Hosts(context.Context, core.Scope) ([]sandbox.Destination, error) {
	return p.hosts, nil
}

func (p *policy) Reached(_ context.Context, _ tool.Call, all []sandbox.Reach) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = append(p.told, all...)
}

// onlineBoxes are boxes for which every name is the server's.
func onlineBoxes(t *testing.T) sandbox.Driver {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("from " + r.Host))
	}))
	t.Cleanup(s.Close)
	d, err := ns.New(ns.Config{RunDir: t.TempDir(), Outlet: func(ctx context.Context, _ string, _ uint16) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", s.Listener.Addr().String())
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func get(urls ...string) string {
	const script = `import sys,urllib.request as u
for url in sys.argv[1:]:
    try: print(u.urlopen(url, timeout=20).read().decode())
    except Exception as e: print(e)`
	b, err := json.Marshal(map[string]any{"argv": append([]string{"python3", "-c", script}, urls...)})
	if err != nil {
		panic(err)
	}
	return string(b)
}

// many are more hosts than are told apart.
func many() (urls []string) {
	for i := range 2 * 30 {
		urls = append(urls, fmt.Sprintf("http://h%d.example/", i))
	}
	return urls
}

func TestRunOnline(t *testing.T) {
	t.Parallel()
	d, err := sandbox.ParseDestination("*.example.com:80")
	if err != nil {
		t.Fatal(err)
	}
	p := &policy{hosts: []sandbox.Destination{d}}
	online := command.NewOnline(onlineBoxes(t), p)
	t.Run("suite", func(t *testing.T) { // whose cases are parallel
		tooltest.Run(t, online,
			tooltest.Case{Name: "reaches what is allowed", Args: get("http://a.example.com/", "http://b.example.com/", "http://other.example/"),
				Output: []string{"from a.example.com\nfrom b.example.com\nHTTP Error 403: Forbidden\n[exit code 0 after ", "\n[network: a.example.com:80 1 connections, ", "; other.example:80 1 refused: not allowed]"},
				Check: func(t *testing.T, r tool.Result) {
					var data struct{ Network []sandbox.Reach }
					if err := json.Unmarshal(r.Data, &data); err != nil || len(data.Network) != 3 || data.Network[0].Received == 0 || data.Network[0].Sent == 0 || data.Network[2].Refused != 1 {
						t.Errorf("data %s, %v", r.Data, err)
					}
				}},
			tooltest.Case{Name: "needs none", Args: sh("echo x > out"), After: map[string]string{"out": "x\n"}, Output: []string{"[it asked for no host]"}},
			tooltest.Case{Name: "asks for many", Args: get(many()...), Output: []string{"and 23 hosts more]"}},
			tooltest.Case{Name: "never ends", Args: sh("trap '' TERM; while :; do sleep 1; done"), Slow: true},
		)
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.told) < 3+31 {
		t.Errorf("told of %+v", p.told)
	}
}

// A project that allows nothing gets a command that isn't run, and is told what can be done.
func TestRunOnlineWithoutHosts(t *testing.T) {
	t.Parallel()
	r, err := command.NewOnline(boxes(t), &policy{}).Call(t.Context(), tooltest.Call(t.TempDir(), sh("echo x")))
	if err != nil || !r.Failed || !strings.Contains(r.Output, "isekai sandbox egress allow") || r.Evidence == nil || r.Evidence.OK {
		t.Errorf("%+v, %v", r, err)
	}
}
