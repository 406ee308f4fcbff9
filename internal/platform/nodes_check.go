package platform

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// renewBefore is how long before its end a node's certificate should be replaced.
const renewBefore = 14 * 24 * time.Hour

// peerLook is how long all others have to be connected to: who asks how a server is waits.
const peerLook = 2 * time.Second

// certificateCheck says until when the node's certificate is good; nothing without one.
func (n Nodes) certificateCheck(now time.Time) []client.HealthCheck {
	if !n.on() {
		return nil
	}
	const name = "node certificate"
	pair, err := tls.LoadX509KeyPair(n.CertFile, n.KeyFile)
	if err != nil {
		return []client.HealthCheck{check(name, "", unreadable(n.CertFile, err))}
	}
	until := pair.Leaf.NotAfter
	c := client.HealthCheck{Name: name, OK: until.Sub(now) > renewBefore, Detail: "good until " + until.Format(time.DateOnly)}
	if !c.OK {
		c.Hint = "isekai node issue " + pair.Leaf.Subject.CommonName + " --replace makes the next; a node that runs takes it up by itself"
	}
	return []client.HealthCheck{c}
}

// nodesCheck says which other nodes can't be reached; nothing where none are.
func (n *node) nodesCheck(ctx context.Context) []client.HealthCheck {
	if n.peers.register == nil {
		return nil
	}
	return []client.HealthCheck{check("nodes", "the others can be reached", n.peers.reached.check(ctx, n.reachNodes))}
}

func (n *node) reachNodes(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, peerLook)
	defer cancel()
	others, err := n.peers.register.others(ctx)
	if err != nil {
		return err
	}
	fails := make(chan error, len(others))
	for _, e := range others {
		go func() { fails <- n.peers.dial(ctx, e) }()
	}
	for range others {
		err = errors.Join(err, <-fails)
	}
	return err
}

// dial connects to a node as requests do.
func (p *peers) dial(ctx context.Context, e entry) error {
	conn, err := (&tls.Dialer{Config: p.transport.TLSClientConfig}).DialContext(ctx, "tcp", e.Address)
	if err != nil {
		return core.E(core.Unavailable, "nodes", fmt.Sprintf("node %s can't be reached at %s", e.Name, e.Address)).Because(err).
			WithHint("see that nodes.address is right there, that nothing stands between, and that both have certificates of the same authority")
	}
	if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
