package postgres_test

import (
	"bytes"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/isekai-run/isekai/internal/store/postgres"
)

// proxy stands between a store and PostgreSQL and cuts a connection when a request with
// the mark goes over it.
type proxy struct {
	l    net.Listener
	to   string
	mark []byte
	cut  atomic.Pointer[cut] // nil: let everything through
	down atomic.Bool         // let nobody in
	all  sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// cut says when to cut.
type cut struct {
	request bool // before PostgreSQL gets the request; else before its answer gets back
	stay    bool // let nobody in afterwards
	many    int64
	done    atomic.Int64
}

// newProxy starts a proxy and returns it with the config that leads through it.
func newProxy(t *testing.T, cfg postgres.Config, mark string) (*proxy, postgres.Config) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	database := dial(t, cfg.URL).Config().Database
	p := &proxy{l: l, to: filepath.Join(cluster.Dir(), fmt.Sprintf(".s.PGSQL.%d", cluster.Port())), mark: []byte(mark), conns: map[net.Conn]bool{}}
	p.all.Go(p.serve)
	t.Cleanup(p.stop)
	cfg.URL = fmt.Sprintf("postgres://isekai_server@%s/%s?sslmode=disable", l.Addr(), database)
	return p, cfg
}

func (p *proxy) stop() {
	_ = p.l.Close()
	p.mu.Lock()
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.all.Wait()
}

func (p *proxy) serve() {
	for {
		client, err := p.l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", p.to)
		if err != nil || p.down.Load() {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		var marked atomic.Pointer[cut]
		p.all.Go(func() { p.copy(server, client, &marked, true) })
		p.all.Go(func() { p.copy(client, server, &marked, false) })
	}
}

// copy carries one direction. A marked request makes the next answer the one to lose.
func (p *proxy) copy(to, from net.Conn, marked *atomic.Pointer[cut], requests bool) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buf := make([]byte, 1<<16)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if requests && bytes.Contains(buf[:n], p.mark) {
			if c := p.cut.Load(); c != nil && c.done.Add(1) <= c.many {
				marked.Store(c)
			}
		}
		if c := marked.Load(); c != nil && c.request == requests {
			p.down.Store(c.stay)
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// arm makes the next so many marked requests fail.
func (p *proxy) arm(c *cut) { p.cut.Store(c) }
