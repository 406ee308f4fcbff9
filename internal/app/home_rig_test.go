package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

// town is where apps are at home, as all nodes of a test see it.
type town struct {
	mu    sync.Mutex
	homes map[core.AppID]string
	urls  map[string]string // of the nodes that can be reached
	down  error             // what every question is answered with
}

// resident is a town as one node sees it.
type resident struct {
	*town
	name string
}

func (r resident) at(name string) Home {
	return Home{Node: name, Here: name == r.name && name != "", URL: r.urls[name]}
}

func (r resident) Home(_ context.Context, _ core.OrgID, app core.AppID) (Home, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at(r.homes[app]), r.down
}

func (r resident) Claim(_ context.Context, _ core.OrgID, app core.AppID, from string) (Home, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.homes[app] == from {
		r.homes[app] = r.name
	}
	return r.at(r.homes[app]), r.down
}

func (r resident) Leave(_ context.Context, _ core.OrgID, app core.AppID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.homes, app)
	return r.down
}

func (tn *town) of(app core.AppID) string {
	tn.mu.Lock()
	defer tn.mu.Unlock()
	return tn.homes[app]
}

// lose makes a node one that can't be reached.
func (tn *town) lose(name string) {
	tn.mu.Lock()
	defer tn.mu.Unlock()
	delete(tn.urls, name)
}

// newTown returns two nodes, a and b, on the same stores and with folders of their own.
func newTown(t *testing.T) (tn *town, a, b *rig) {
	t.Helper()
	tn = &town{homes: map[core.AppID]string{}, urls: map[string]string{}}
	a = newRig(t, tn.settle(t, "a"))
	d := newDouble()
	b = &rig{t: t, store: a.store, blobs: a.blobs, double: d, dir: t.TempDir(), scope: a.scope}
	b.Service = b.open(a.store, a.blobs, d, tn.settle(t, "b"))
	for name, r := range map[string]*rig{"a": a, "b": b} {
		server := httptest.NewServer(Remote{r.Service})
		t.Cleanup(server.Close)
		tn.urls[name] = server.URL
	}
	return tn, a, b
}

// settle makes a service one of the town's nodes.
func (tn *town) settle(t *testing.T, name string) func(*Config) {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return func(c *Config) { c.Homes, c.Nodes = resident{tn, name}, transport }
}

// settled publishes an app and starts it at r.
func (r *rig) settled(title, start string) (core.AppID, State) {
	r.t.Helper()
	app := newApp()
	r.publish(app, 0, r.app(title, start))
	return app, r.start(app)
}
