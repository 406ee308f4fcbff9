package platform

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/isekai-run/isekai/internal/cli"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/encoder"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// Where the model of embeddings that runs in this process is: a name that no DNS has (RFC 6762
// reserves .local, RFC 8375 speaks of .internal). Only this installation's own way leads there.
const (
	embedderName = "memory"
	embedderHost = "memory.isekai.internal"
)

// embedder is a model of embeddings that runs in this process, before which stands a server that
// is reached by the gateway alone: so that it is a provider like others, with budgets, breakers
// and a cache. Without a model there is none.
type embedder struct {
	*encoder.Model
	dialed chan net.Conn
	closed chan struct{}
}

// openEmbedder opens the model of memory.dir, if there is one.
func (n *node) openEmbedder() error {
	if n.cfg.Memory.Dir == "" {
		return nil
	}
	m, err := encoder.Open(n.cfg.Memory.Dir)
	if err != nil {
		return core.E(core.Invalid, "config", "memory.dir has no model that can be used").WithHint(core.HintOf(err)).Because(err)
	}
	e := &embedder{Model: m, dialed: make(chan net.Conn), closed: make(chan struct{})}
	s := &http.Server{Handler: m.Handler(), ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- s.Serve(e) }() // until the stage below
	n.stages.add("model of embeddings", func(ctx context.Context) error {
		err := s.Shutdown(ctx)
		if err != nil {
			err = errors.Join(err, s.Close())
		}
		<-served
		return errors.Join(err, m.Close())
	})
	n.embedder = e
	return nil
}

// spec is the model as a provider of all orgs. It costs nothing: it is this machine's own work.
func (e *embedder) spec() catalog.Spec {
	return catalog.Spec{
		Name: embedderName, Kind: catalog.Compatible, Address: "http://" + embedderHost + "/v1",
		Models: []catalog.Model{{Name: e.Name(), Price: &core.Price{}}}, Speaks: []dialect.Operation{dialect.OpEmbeddings},
		Note: "runs in this process (memory.dir)",
	}
}

// way adds the way to the model to a transport of the installation's.
func (e *embedder) way(t *http.Transport) {
	dial, proxy := t.DialContext, t.Proxy
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == embedderHost+":80" {
			return e.dial(ctx)
		}
		return dial(ctx, network, address)
	}
	t.Proxy = func(r *http.Request) (*url.URL, error) {
		if r.URL.Host == embedderHost || proxy == nil {
			return nil, nil
		}
		return proxy(r)
	}
}

func (e *embedder) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case e.dialed <- theirs:
		return ours, nil
	case <-e.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (e *embedder) Accept() (net.Conn, error) {
	select {
	case c := <-e.dialed:
		return c, nil
	case <-e.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener. The server calls it once.
func (e *embedder) Close() error {
	close(e.closed)
	return nil
}

// Addr implements net.Listener.
func (e *embedder) Addr() net.Addr { return &net.UnixAddr{Name: embedderHost, Net: "pipe"} }

// Embed implements cli.Platform.
func (Platform) Embed(ctx context.Context, dir string, texts []string) (cli.Embeddings, error) {
	m, err := encoder.Open(dir)
	if err != nil {
		return cli.Embeddings{}, err
	}
	defer m.Close() //nolint:errcheck // nothing was written
	start := time.Now()
	vectors, tokens, err := m.Embed(ctx, texts)
	return cli.Embeddings{Model: m.Name(), Dimensions: m.Dimensions(), Tokens: tokens, Took: time.Since(start), Vectors: vectors}, err
}
