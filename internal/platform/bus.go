package platform

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"

	"github.com/isekai-run/isekai/internal/agent"
	"github.com/isekai-run/isekai/internal/bus"
	"github.com/isekai-run/isekai/internal/bus/inproc"
	"github.com/isekai-run/isekai/internal/bus/kafka"
	"github.com/isekai-run/isekai/internal/conversation"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/deadletter"
	"github.com/isekai-run/isekai/internal/ledger"
	"github.com/isekai-run/isekai/internal/relay"
	"github.com/isekai-run/isekai/internal/store"
)

// openBus makes the bus, its consumers and the relay that feeds it.
func (n *node) openBus(ctx context.Context) (err error) {
	if n.bus, err = n.cfg.Bus.open(ctx, n.log); err != nil {
		return err
	}
	if b, ok := n.bus.(interface{ Close() }); ok {
		n.stages.add("bus connections", func(context.Context) error { b.Close(); return nil })
	}
	n.views = projectors(n.store)
	n.letters = &deadletter.Service{Letters: n.store, Carried: n.driver, Readable: n.store}
	for _, p := range n.views {
		// The rest of a stream goes on: its next row has everything in it.
		g := &deadletter.Guard{Consumer: p.View, Next: n.vault.Handler(p.Handle), Letters: n.store, Log: n.log}
		n.letters.Consumers = append(n.letters.Consumers, g)
		n.bus.Subscribe(p.View, g.Handle)
	}
	for _, c := range []struct {
		name   string
		handle bus.Handler
	}{{ledger.Consumer, n.books.Handler(n.tasks)}, {agent.Consumer, n.tasks.Handler()}, {conversation.Consumer, n.talks.Handler()}} {
		g := &deadletter.Guard{Consumer: c.name, Next: n.vault.Handler(c.handle), Letters: n.store, Log: n.log}
		n.letters.Consumers = append(n.letters.Consumers, g)
		n.bus.Subscribe(c.name, g.Handle)
	}
	n.subscribeNotify()
	_, wakeRelay := wakes(n.driver)
	c := relay.Config{Outbox: n.driver, Bus: n.bus, Wake: wakeRelay, Log: n.log}
	if n.cfg.driver() == onPostgres { // of which other nodes have one, too
		c.Terms = n.driver
	}
	n.relay = relay.New(c)
	return nil
}

// wakes returns what saves workers and the relay from polling; nil where the store
// doesn't.
func wakes(st store.Store) (work, outbox func() <-chan struct{}) {
	if w, ok := st.(store.Waker); ok {
		return w.WorkWake, w.OutboxWake
	}
	return nil, nil
}

// open makes the configured bus: Kafka, or this process.
func (b Bus) open(ctx context.Context, log *slog.Logger) (bus.Bus, error) {
	if b.Brokers == "" {
		return inproc.New(inproc.Config{}), nil
	}
	// Installations that share a Kafka have a topic each, and so consumers of their own.
	c := kafka.Config{Brokers: b.addresses(), Topic: b.Topic, Prefix: b.Topic + ".", Log: log}
	if b.User != "" {
		c.SASL = &kafka.SASL{Mechanism: b.SASL, User: b.User, Password: b.Password.Reveal()}
	}
	if b.TLS {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		if b.CAFile != "" {
			pem, err := os.ReadFile(b.CAFile)
			if err != nil {
				return nil, core.E(core.Invalid, "config", "can't read bus.ca_file").Because(err).WithHint("it is a PEM file that this user can read")
			}
			c.TLS.RootCAs = x509.NewCertPool()
			if !c.TLS.RootCAs.AppendCertsFromPEM(pem) {
				return nil, core.E(core.Invalid, "config", "bus.ca_file holds no certificate").WithHint("it is a PEM file")
			}
		}
	}
	return kafka.New(ctx, c)
}
