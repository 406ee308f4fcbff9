//go:build linux

package platform

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/egress"
	"github.com/isekai-run/isekai/internal/egress/hosts"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns"
	"github.com/isekai-run/isekai/internal/tool"
)

// answers is a resolver that gives each look-up of a name its next answer, the last for ever.
type answers struct {
	mu sync.Mutex
	of map[string][]string
}

func (a *answers) LookupNetIP(_ context.Context, _, host string) (found []netip.Addr, _ error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.of[host]
	if len(all) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if len(all) > 1 {
		a.of[host] = all[1:]
	}
	for _, s := range strings.Fields(all[0]) {
		found = append(found, netip.MustParseAddr(s))
	}
	return found, nil
}

// serveAt counts what comes to a server on an address of loopback, at a port (0: any).
func serveAt(t *testing.T, address string) (hits *atomic.Int64, at string) {
	t.Helper()
	hits = new(atomic.Int64)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		_, _ = io.WriteString(w, "reached")
	}))
	_ = s.Listener.Close()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return hits, l.Addr().String()
}

// TestSandboxesReachWhatTheGuardLetsOut: a project may list what it likes, and the guard
// looks at every address all the same.
func TestSandboxesReachWhatTheGuardLetsOut(t *testing.T) {
	t.Parallel()
	ours, at := serveAt(t, "127.0.0.2:0")
	_, port, err := net.SplitHostPort(at)
	if err != nil {
		t.Fatal(err)
	}
	secret, _ := serveAt(t, "127.0.0.1:"+port)
	guard, err := egress.New(egress.Config{
		Allow: []string{"127.0.0.2:" + port},
		Resolver: &answers{of: map[string][]string{
			"good.example": {"127.0.0.2"}, "loop.example": {"127.0.0.1"}, "meta.example": {"169.254.169.254"}, "six.example": {"::ffff:127.0.0.1"},
			"mixed.example": {"127.0.0.2 127.0.0.1"}, "rebound.example": {"127.0.0.2", "127.0.0.1"}, "private.example": {"10.0.0.1"}, "nat.example": {"64:ff9b::a9fe:a9fe"},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(guard.Close)
	var list []string
	codes := map[string]int{
		"good.example:" + port: 200, "loop.example:" + port: 403, "meta.example:80": 403, "six.example:" + port: 403, "mixed.example:" + port: 403, "private.example:443": 403, "nat.example:80": 403,
		"127.0.0.2:" + port: 200, "127.0.0.1:" + port: 403, "169.254.169.254:80": 403, "10.0.0.1:443": 403, "[::1]:" + port: 403, "[fd00:ec2::254]:80": 403, "[fe80::1]:80": 403, "[64:ff9b::a9fe:a9fe]:80": 403, "0.0.0.0:" + port: 403,
		"good.example:22": 403, "nobody.example:443": 502,
	}
	for to := range codes {
		list = append(list, to)
	}
	box := reachingBox(t, guard, append(list, "rebound.example:"+port)...)
	for to, want := range codes {
		if got := status(t, box, to); got != want {
			t.Errorf("%s is answered with %d, want %d", to, got, want)
		}
	}
	for i, want := range []int{200, 403} {
		if got := status(t, box, "rebound.example:"+port); got != want {
			t.Errorf("look %d of a name that changes its address is answered with %d, want %d", i+1, got, want)
		}
	}
	if ours.Load() != 3 || secret.Load() != 0 {
		t.Errorf("the server that is open was reached %d times, the other %d times", ours.Load(), secret.Load())
	}
}

func reachingBox(t *testing.T, guard *egress.Guard, list ...string) sandbox.Box {
	t.Helper()
	driver, err := ns.New(ns.Config{RunDir: t.TempDir(), Outlet: outletOf(func() *egress.Guard { return guard })})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = driver.Close() })
	all, err := hosts.Parse(list)
	if err != nil {
		t.Fatal(err)
	}
	box, err := driver.Create(t.Context(), localScope, sandbox.Spec{Egress: &sandbox.Egress{Allow: all}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = box.Kill(context.Background()) })
	return box
}

// status asks the box's proxy for a page at a host and port, and returns how it is answered.
func status(t *testing.T, box sandbox.Box, to string) int {
	t.Helper()
	c, err := box.Dial(t.Context(), "tcp", sandbox.ProxyAddress)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET http://"+to+"/ HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode
}

// TestWhatIsReachedIsRecorded: one entry for each call, whatever it did.
func TestWhatIsReachedIsRecorded(t *testing.T) {
	t.Parallel()
	var entries []auditlog.Entry
	var log bytes.Buffer
	var fail error
	w := way{record: func(_ context.Context, org core.OrgID, e auditlog.Entry) error {
		if org != core.DefaultOrg {
			t.Errorf("recorded in %s", org)
		}
		entries = append(entries, e)
		return fail
	}, log: slog.New(slog.NewTextHandler(&log, nil))}
	c := tool.Call{Scope: localScope, Task: "tsk_a", ID: "cal_a"}
	w.Reached(t.Context(), c, []sandbox.Reach{{Host: "a.example:443", Connections: 2, Sent: 3, Received: 4}, {Host: "b.example:443", Failed: 1, Received: 5}, {Host: "c.example:443", Refused: 1}})
	fail = errors.New("the disk is full")
	w.Reached(t.Context(), c, []sandbox.Reach{{Host: "c.example:443", Refused: 7}})
	if len(entries) != 2 {
		t.Fatalf("recorded %+v", entries)
	}
	e := entries[0]
	if e.Action != "sandbox.egress" || e.Target != "tsk_a" || e.Outcome != "" || e.Detail["hosts"] != "a.example:443 b.example:443" || e.Detail["refused"] != "c.example:443" || e.Detail["sent"] != "3" || e.Detail["received"] != "9" {
		t.Errorf("recorded %+v", e)
	}
	if entries[1].Outcome != auditlog.Refused || !strings.Contains(log.String(), "the audit log lacks an entry") {
		t.Errorf("recorded %+v, logged %s", entries[1], log.String())
	}
}

// TestSandboxExecReaches is `isekai sandbox exec --egress`, with the configured guard.
func TestSandboxExecReaches(t *testing.T) {
	t.Parallel()
	hits, at := serveAt(t, "127.0.0.1:0")
	in := instance{cfg: Defaults()}
	in.cfg.Egress.Allow = at
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const script = `import sys,urllib.request as u
for url in sys.argv[1:]:
    try: print(u.urlopen(url, timeout=20).read().decode())
    except Exception as e: print(e)`
	// NO_PROXY says that loopback is the box's own; the proxy is asked all the same.
	run := cli.SandboxCommand{Argv: []string{"env", "NO_PROXY=", "no_proxy=", "python3", "-c", script, "http://" + at + "/", "http://other.example/"}, Egress: []string{at}, Stdout: &out, Stderr: &errs}
	code, err := in.Sandbox(ctx, run)
	if err != nil || code != 0 || hits.Load() != 1 || !strings.Contains(out.String(), "reached\nHTTP Error 403") || !strings.Contains(errs.String(), "isekai: other.example:80: ") {
		t.Errorf("%d, %v\n%s\n%s", code, err, out.String(), errs.String())
	}
	run.Egress = []string{"*"}
	if _, err := in.Sandbox(ctx, run); core.CodeOf(err) != core.Invalid {
		t.Errorf("a star: %v", err)
	}
}

// TestRunOnlineAsWired: what an admin allows by the API is what the tool's command reaches,
// within what the operator lets out, and it is recorded.
func TestRunOnlineAsWired(t *testing.T) {
	t.Parallel()
	hits, at := serveAt(t, "127.0.0.1:0")
	in := testInstance(t)
	in.cfg.Egress.Allow = at
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	n := must(in.open(ctx, must(OpenDataDir(in.cfg.DataDir))(t), cli.Serving))(t)
	defer func() { _ = n.close() }()
	c := client.New(n.url, n.token, nil)
	call := tool.Call{Scope: localScope, Task: "tsk_a", ID: "cal_a", Workspace: tool.Workspace{Dir: t.TempDir(), Managed: true},
		Arguments: []byte(`{"argv":["env","NO_PROXY=","no_proxy=","python3","-c","import urllib.request as u; print(u.urlopen('http://` + at + `/', timeout=20).read())"]}`)}
	if r, err := n.tools.Call(ctx, "run_online", call); err != nil || !r.Failed || hits.Load() != 0 {
		t.Fatalf("before: %+v, %v", r, err)
	}
	must(c.SetEgress(ctx, client.NewEgress{Hosts: []string{at}}, ""))(t)
	r, err := n.tools.Call(ctx, "run_online", call)
	if err != nil || r.Failed || hits.Load() != 1 || !strings.Contains(r.Output, "reached") {
		t.Fatalf("%+v, %v", r, err)
	}
	page := must(n.audit.List(ctx, core.DefaultOrg, auditlog.Query{Action: "sandbox.egress", Limit: 9}))(t)
	if len(page.Entries) != 1 || page.Entries[0].Detail["hosts"] != at || page.Entries[0].Target != "tsk_a" {
		t.Errorf("recorded %+v", page.Entries)
	}
}
