package platform

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
)

// records is a store for what nodes share.
func records(t *testing.T) *sqlite.Store {
	t.Helper()
	return sqlitetest.Open(t, sqlite.Config{})
}

func TestSettingsOfNodes(t *testing.T) {
	t.Parallel()
	good := Nodes{Listen: ":7780", Address: "node-1.internal.example.com:7780", CAFile: "/ca", CertFile: "/c", KeyFile: "/k"}
	with := func(f func(*Nodes)) Nodes {
		n := good
		f(&n)
		return n
	}
	for name, c := range map[string]struct {
		nodes Nodes
		store Secret
		good  bool
	}{
		"none":                {Nodes{}, "", true},
		"none, together":      {Nodes{}, "postgres://", true},
		"all":                 {good, "postgres://", true},
		"an address":          {with(func(n *Nodes) { n.Address = "[2001:db8::1]:7780" }), "postgres://", true},
		"alone":               {good, "", false},
		"no listener":         {with(func(n *Nodes) { n.Listen = "" }), "postgres://", false},
		"no address":          {with(func(n *Nodes) { n.Address = "" }), "postgres://", false},
		"no authority":        {with(func(n *Nodes) { n.CAFile = "" }), "postgres://", false},
		"no key":              {with(func(n *Nodes) { n.KeyFile = "" }), "postgres://", false},
		"a listener anywhere": {with(func(n *Nodes) { n.Listen = "7780" }), "postgres://", false},
		"any port":            {with(func(n *Nodes) { n.Listen = "127.0.0.1:0" }), "postgres://", false},
		"a URL":               {with(func(n *Nodes) { n.Address = "https://a.example.com:7780" }), "postgres://", false},
		"everybody":           {with(func(n *Nodes) { n.Address = ":7780" }), "postgres://", false},
		"no port":             {with(func(n *Nodes) { n.Address = "10.0.0.1" }), "postgres://", false},
	} {
		err := Config{Nodes: c.nodes, Store: Store{URL: c.store}}.checkNodes()
		if (err == nil) != c.good || err != nil && (core.CodeOf(err) != core.Invalid || core.HintOf(err) == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
	n := issue(t, t.TempDir(), "one", time.Now())
	n.Address = "two.internal.example.com:7780"
	if _, _, err := n.tls(silent); core.CodeOf(err) != core.Invalid || !strings.Contains(core.HintOf(err), "--host two.internal.example.com") {
		t.Errorf("a certificate of another host: %v", err)
	}
}

// A data directory's node has one name, which no other has, however alike they are.
func TestTheNameOfANode(t *testing.T) {
	t.Parallel()
	nodes := issue(t, t.TempDir(), "one", time.Now())
	name := func(d *DataDir) string {
		t.Helper()
		name, err := d.nodeName(nodes)
		if err != nil || !strings.HasPrefix(name, "one-") || !nodeName.MatchString(name) {
			t.Fatalf("%q %v", name, err)
		}
		return name
	}
	one, two := &DataDir{Path: t.TempDir()}, &DataDir{Path: t.TempDir()}
	if first := name(one); first != name(one) || first == name(two) {
		t.Errorf("%s, %s and %s", first, name(one), name(two))
	}
	if other, err := (&DataDir{Path: t.TempDir()}).nodeName(Nodes{}); err != nil || !nodeName.MatchString(other) {
		t.Errorf("without a certificate: %q %v", other, err)
	}
	if err := os.WriteFile(two.Join(nodeFile), []byte("../x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := two.nodeName(nodes); core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
		t.Errorf("a name that is none: %v", err)
	}
}

// Of all who claim an app at once one is its home; who gives it up names who had it.
func TestClaims(t *testing.T) {
	t.Parallel()
	st, id := records(t), core.AppID(core.NewID("app"))
	const org = core.DefaultOrg
	winners := make(chan app.Home, 8)
	for _, name := range strings.Split("abcdefgh", "") {
		go func() {
			h, err := (&homes{records: st, self: name}).Claim(t.Context(), org, id, "")
			if err != nil || h.Here != (h.Node == name) {
				t.Errorf("%+v %v", h, err)
			}
			winners <- h
		}()
	}
	first := (<-winners).Node
	for range 7 {
		if h := <-winners; h.Node != first || h.Node == "" {
			t.Errorf("%q and %q have it", first, h.Node)
		}
	}
	x := &homes{records: st, self: "x"}
	if h, err := x.Home(t.Context(), org, id); err != nil || h.Node != first || h.Here || h.URL != "" || !strings.Contains(h.Hint, "nodes.listen") {
		t.Errorf("%+v %v", h, err)
	}
	for _, c := range []struct{ from, want string }{{"", first}, {"another", first}, {first, "x"}, {first, "x"}, {"x", "x"}} {
		if h, err := x.Claim(t.Context(), org, id, c.from); err != nil || h.Node != c.want || h.Here != (c.want == "x") {
			t.Errorf("from %q: %+v %v", c.from, h, err)
		}
	}
	if h, err := x.Home(t.Context(), "org_other", id); err != nil || h.Node != "" {
		t.Errorf("in another org: %+v %v", h, err)
	}
	for range 2 {
		if err := x.Leave(t.Context(), org, id); err != nil {
			t.Error(err)
		}
	}
	if h, err := x.Home(t.Context(), org, id); err != nil || h.Node != "" {
		t.Errorf("when it is gone: %+v %v", h, err)
	}
	if h, err := x.Claim(t.Context(), org, id, first); err != nil || h.Node != "" || h.Here {
		t.Errorf("from a home that it hasn't any more: %+v %v", h, err)
	}
}

// A node that runs is found, and a second one of its name is refused.
func TestTheRegister(t *testing.T) {
	t.Parallel()
	st := records(t)
	a := &register{records: st, name: "a", address: "10.0.0.1:7780", log: silent}
	b := &register{records: st, name: "b", address: "10.0.0.2:7780", log: silent}
	copied := &register{records: st, name: "a", address: "10.0.0.3:7780", log: silent}
	for _, g := range []*register{a, b, a} {
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := copied.enter(t.Context()); core.CodeOf(err) != core.Conflict || !strings.Contains(err.Error(), "10.0.0.1:7780") || core.HintOf(err) == "" {
		t.Errorf("%v", err)
	}
	h := &homes{records: st, self: "a", register: a}
	if home, err := h.reach(t.Context(), "b"); err != nil || home.URL != "https://10.0.0.2:7780" || home.Hint != "" || home.Here {
		t.Errorf("%+v %v", home, err)
	}
	if others, err := a.others(t.Context()); err != nil || len(others) != 1 || others[0] != (entry{"b", "10.0.0.2:7780"}) {
		t.Errorf("%+v %v", others, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := b.run(ctx); err != nil {
		t.Error(err)
	}
	if home, err := h.reach(t.Context(), "b"); err != nil || home.URL != "" || !strings.Contains(home.Hint, "start node b") {
		t.Errorf("a node that has stopped: %+v %v", home, err)
	}
	// One that was killed is gone in a while.
	r, err := st.Record(t.Context(), core.Installation, string(nodeKind), "a")
	if err != nil || r.Expires.After(time.Now().Add(nodeGone)) || !r.Expires.After(time.Now()) {
		t.Fatalf("%+v %v", r, err)
	}
	err = st.Write(t.Context(), core.Installation, store.Change{Kind: string(nodeKind), ID: "a", Expected: r.Version, Expires: time.Now().Add(-time.Second), Data: r.Data})
	if err != nil {
		t.Fatal(err)
	}
	if err := copied.enter(t.Context()); err != nil {
		t.Errorf("its name isn't free: %v", err)
	}
}

// listening is a node that serves others at a port of its own, and runs no app.
func listening(t *testing.T, st *sqlite.Store, nodes Nodes, name string) *node {
	t.Helper()
	n := &node{mode: cli.Serving, log: silent, failed: make(chan error, 1)}
	n.cfg.Worker.Grace = time.Second
	var err error
	if n.peers.listener, err = n.open("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	nodes.Address = n.peers.listener.Addr().String()
	server, client, err := nodes.tls(silent)
	if err != nil {
		t.Fatal(err)
	}
	n.peers.server, n.peers.transport = server, peerTransport(client)
	n.peers.register = &register{records: st, name: name, address: nodes.Address, log: silent}
	n.apps = app.New(st, nil, nil, app.Config{Dir: t.TempDir(), Homes: &homes{records: st, self: name, register: n.peers.register}, Nodes: n.peers.nodes(), Logger: silent})
	n.stages.add("previews", n.apps.Shutdown)
	if err := n.startNodes(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.peers.transport.CloseIdleConnections()
		if err := n.close(); err != nil {
			t.Errorf("%v", err)
		}
	})
	return n
}

// TestNobodyButNodes gets past the handshake of the listener for nodes, and nodes get no
// more there than they need.
func TestNobodyButNodes(t *testing.T) {
	t.Parallel()
	folder, now := t.TempDir(), time.Now()
	one, two := issue(t, folder, "one", now), issue(t, folder, "two", now)
	stranger := issue(t, t.TempDir(), "two", now)
	n := listening(t, records(t), one, "one-1")
	at := n.peers.listener.Addr().String()
	_, good, err := two.tls(silent)
	if err != nil {
		t.Fatal(err)
	}
	// handshake returns what reading says: with TLS 1.3 a client hears of a refusal then.
	handshake := func(c *tls.Config) error {
		conn, err := tls.Dial("tcp", at, c)
		if err != nil {
			return err
		}
		defer conn.Close()
		_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		_, err = conn.Read(make([]byte, 1))
		var waited net.Error
		if errors.As(err, &waited) && waited.Timeout() {
			return nil // nobody speaks first: it was let in
		}
		return err
	}
	if err := handshake(good); err != nil {
		t.Fatalf("a node: %v", err)
	}
	browser := &tls.Config{RootCAs: good.RootCAs, NextProtos: []string{"h2", "http/1.1"}}
	for what, nodes := range map[string]Nodes{"another authority": stranger, "an end": expired(t, folder)} {
		pair, err := tls.LoadX509KeyPair(nodes.CertFile, nodes.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		c := &tls.Config{RootCAs: good.RootCAs, Certificates: []tls.Certificate{pair}}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		if err := handshake(c); err == nil || !strings.Contains(err.Error(), "tls:") {
			t.Errorf("a certificate of %s: %v", what, err)
		}
	}
	if err := handshake(browser); err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("a browser: %v", err)
	}
	client := &http.Client{Transport: peerTransport(good), Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	for _, path := range []string{"/", "/v1/apps", "/v1/health", "/docs", "/openapi.json", "/metrics", "/order"} {
		res, err := client.Get("https://" + at + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != 404 || strings.Contains(string(body), "{") {
			t.Errorf("%s: %d %s %v", path, res.StatusCode, body, err)
		}
	}
}

// expired is what a node is configured with whose certificate has ended.
func expired(t *testing.T, folder string) Nodes {
	t.Helper()
	if _, err := issueNode(folder, "old", []string{"127.0.0.1"}, false, time.Now().Add(-nodeLife-time.Hour)); err == nil {
		return Nodes{CertFile: filepath.Join(folder, "old.crt"), KeyFile: filepath.Join(folder, "old.key")}
	}
	t.Fatal("no certificate")
	return Nodes{}
}

// TestTheAPIServesNoNodes: what nodes say to each other isn't heard where others get to.
func TestTheAPIServesNoNodes(t *testing.T) {
	t.Parallel()
	conn, err := testInstance(t).Connect(t.Context(), cli.Serving)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, host := range []string{"localhost", "some-app.localhost"} {
		for _, path := range []string{"/order", "/follow"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, conn.URL+path, strings.NewReader(`{"do":"stop"}`))
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			req.Header.Set("Isekai-App", "org_default/prj_default/"+core.NewID("app"))
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			if err = errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != 404 || strings.Contains(string(body), "failure") {
				t.Errorf("%s%s: %d %s %v", host, path, res.StatusCode, body, err)
			}
		}
	}
}

// TestNodesAskEachOther over the real connection: an order is carried out, or refused, by
// the node that is named; and a node that has stopped leaves nothing behind.
func TestNodesAskEachOther(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	folder, st := t.TempDir(), records(t)
	one := listening(t, st, issue(t, folder, "one", time.Now()), "one-1")
	two := listening(t, st, issue(t, folder, "two", time.Now()), "two-2")
	scope, id := localScope, core.AppID(core.NewID("app"))
	if _, err := (&homes{records: st, self: "one-1"}).Claim(t.Context(), scope.Org, id, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := two.apps.Stop(t.Context(), scope, id, 0); core.CodeOf(err) != core.NotFound || core.HintOf(err) == "" {
		t.Errorf("an app that isn't there any more: %v", err)
	}
	if err := two.reachNodes(t.Context()); err != nil {
		t.Errorf("%v", err)
	}
	if c := two.nodesCheck(t.Context()); len(c) != 1 || !c[0].OK {
		t.Errorf("%+v", c)
	}
	if err := one.close(); err != nil {
		t.Error(err)
	}
	if _, err := two.apps.Stop(t.Context(), scope, id, 0); core.CodeOf(err) != core.Unavailable || !strings.Contains(core.HintOf(err), "start node one-1") {
		t.Errorf("of a node that has stopped: %v (%s)", err, core.HintOf(err))
	}
	if err := (&register{records: st, name: "one-1", address: one.peers.register.address}).enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := two.apps.Stop(t.Context(), scope, id, 0); core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "node one-1") {
		t.Errorf("of a node that was killed: %v", err)
	}
	if err := two.reachNodes(t.Context()); core.CodeOf(err) != core.Unavailable || !strings.Contains(err.Error(), "one-1") || core.HintOf(err) == "" {
		t.Errorf("%v", err)
	}
	if err := two.close(); err != nil {
		t.Error(err)
	}
	two.peers.transport.CloseIdleConnections()
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}

// TestTheEndOfANodesCertificate is told before it comes.
func TestTheEndOfANodesCertificate(t *testing.T) {
	t.Parallel()
	n, now := issue(t, t.TempDir(), "one", time.Now()), time.Now()
	for after, good := range map[time.Duration]bool{0: true, nodeLife - renewBefore - time.Hour: true, nodeLife - renewBefore + time.Hour: false, nodeLife + time.Hour: false} {
		if c := n.certificateCheck(now.Add(after)); len(c) != 1 || c[0].OK != good || !good && !strings.Contains(c[0].Hint, "isekai node issue one --replace") {
			t.Errorf("after %s: %+v", after, c)
		}
	}
	if c := (Nodes{}).certificateCheck(now); c != nil {
		t.Errorf("without one: %+v", c)
	}
}
