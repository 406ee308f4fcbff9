package platform

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
)

// peers are the other nodes of an installation, as this one knows them. Its zero value is
// that of a node without others.
type peers struct {
	listener  net.Listener    // for them alone; nil if they don't reach this node
	server    *tls.Config     // for listener
	transport *http.Transport // to them; nil if they can't be reached
	register  *register       // of who is where; nil with transport
	reached   lately
}

// Bounds between nodes. A stream has no time at which it must end.
const (
	peerDial   = 5 * time.Second // for a connection, and for its handshake
	peerAnswer = 2 * time.Minute // until an answer begins: an app may have to start
	peerIdle   = 64              // connections that wait for the next request
)

// listenToNodes opens the address for other nodes, as openListener does that for others.
func (n *node) listenToNodes(context.Context) (err error) {
	if n.cfg.Nodes.on() && n.mode == cli.Serving {
		n.peers.listener, err = n.open(n.cfg.Nodes.Listen)
	}
	return err
}

// openNodes wires where apps are at home. A store in the data directory is of one node.
func (n *node) openNodes(context.Context) error {
	if n.name = hostname(); n.cfg.driver() == onSQLite {
		return nil
	}
	name, err := n.dir.nodeName(n.cfg.Nodes)
	if err != nil {
		return err
	}
	n.name = name
	h := &homes{records: n.store, self: name}
	if n.homes = h; !n.cfg.Nodes.on() {
		return nil
	}
	server, client, err := n.cfg.Nodes.tls(n.log)
	if err != nil {
		return err
	}
	n.peers.server, n.peers.transport = server, peerTransport(client)
	n.stages.add("connections to nodes", func(context.Context) error { n.peers.transport.CloseIdleConnections(); return nil })
	n.peers.register = &register{records: n.store, name: name, address: n.cfg.Nodes.Address, log: n.log}
	h.register = n.peers.register
	return nil
}

// nodes carries requests to other nodes, or is nil.
func (p *peers) nodes() http.RoundTripper {
	if p.transport == nil {
		return nil
	}
	return p.transport
}

func peerTransport(c *tls.Config) *http.Transport {
	return &http.Transport{
		TLSClientConfig: c, TLSHandshakeTimeout: peerDial,
		DialContext:           (&net.Dialer{Timeout: peerDial, KeepAlive: 10 * time.Second}).DialContext,
		ResponseHeaderTimeout: peerAnswer, ExpectContinueTimeout: time.Second,
		MaxIdleConnsPerHost: peerIdle, IdleConnTimeout: time.Minute,
		MaxResponseHeaderBytes: 256 << 10, DisableCompression: true,
	}
}

// startNodes serves the apps that are at home here to other nodes, and nothing else, and
// says where that is.
func (n *node) startNodes(ctx context.Context) error {
	if n.peers.listener == nil {
		return nil
	}
	stopping, stop := context.WithCancel(context.Background())
	s := &http.Server{
		Handler:           app.Remote{Service: n.apps},
		BaseContext:       func(net.Listener) context.Context { return stopping },
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 80 << 10,
		ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(tls.NewListener(n.peers.listener, n.peers.server)); !errors.Is(err, http.ErrServerClosed) {
			n.fail("server for nodes", err)
		}
	}()
	n.stages.add("server for nodes", func(limit context.Context) error {
		limit, cancel := context.WithTimeout(limit, n.cfg.Worker.Grace)
		defer cancel()
		err := s.Shutdown(limit)
		stop()
		if err != nil { // a reader that doesn't go: its connection is cut
			err = s.Close()
		}
		<-done
		return err
	})
	if err := n.peers.register.enter(ctx); err != nil {
		return err
	}
	n.background("register of nodes", n.peers.register.run)
	return nil
}

// nodeFile is the file in a data directory that has the name of its node.
const nodeFile = "node"

// nodeName returns the name of the node whose data directory this is. It is made when it
// is first needed, from that of the certificate or the machine, so that people know it, and
// something random, so that no two are the same: apps are at home at a name.
func (d *DataDir) nodeName(nodes Nodes) (string, error) {
	path := d.Join(nodeFile)
	b, err := os.ReadFile(path)
	switch name := strings.TrimSpace(string(b)); {
	case err == nil && nodeName.MatchString(name):
		return name, nil
	case err == nil:
		return "", core.E(core.Invalid, "nodes", path+" holds no node's name").WithHint("small letters, digits and dashes; if it is lost, isekai app start --move tells it for each app that is at home here")
	case !errors.Is(err, fs.ErrNotExist):
		return "", diskError("nodes", path, err)
	}
	name := nameFor(nodes)
	next := path + ".new"
	if err := os.WriteFile(next, []byte(name+"\n"), 0o600); err != nil {
		return "", diskError("nodes", path, err)
	}
	if err := os.Rename(next, path); err != nil {
		return "", diskError("nodes", path, err)
	}
	return name, nil
}

func nameFor(nodes Nodes) string {
	base, _ := os.Hostname() // without one the random part is enough
	base, _, _ = strings.Cut(base, ".")
	if pair, err := tls.LoadX509KeyPair(nodes.CertFile, nodes.KeyFile); err == nil {
		base = pair.Leaf.Subject.CommonName
	}
	base = strings.ToLower(base)
	if len(base) > 50 || !nodeName.MatchString(base) {
		base = "node"
	}
	return base + "-" + strings.ToLower(rand.Text()[:6])
}

// IssueNode implements cli.Platform.
func (Platform) IssueNode(r cli.NodeRequest) (cli.IssuedNode, error) {
	until, err := issueNode(r.Dir, r.Name, r.Hosts, r.Replace, time.Now())
	if err != nil {
		return cli.IssuedNode{}, err
	}
	return issued(r, until)
}

// issued says where issueNode has put what a node is configured with.
func issued(r cli.NodeRequest, until time.Time) (cli.IssuedNode, error) {
	dir, err := filepath.Abs(r.Dir)
	if err != nil {
		return cli.IssuedNode{}, diskError("node.issue", r.Dir, err)
	}
	return cli.IssuedNode{
		Name: r.Name, Until: until, CAFile: filepath.Join(dir, authorityCert), Signer: filepath.Join(dir, authorityKey),
		CertFile: filepath.Join(dir, r.Name+".crt"), KeyFile: filepath.Join(dir, r.Name+".key"),
	}, nil
}
