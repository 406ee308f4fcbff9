package platform

import (
	"context"
	"log/slog"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// nodeKind is the kind of the records of the nodes that run, by name, of core.Installation.
const nodeKind store.Kind[entry] = "node"

// A node says so often that it is there, and is taken to be gone when it hasn't for so
// long; both are long, for who asks a node finds at once that it is gone.
const (
	nodeBeat = 15 * time.Second
	nodeGone = time.Minute
)

// register knows at which address each node is reached. Safe for concurrent use.
type register struct {
	records       store.Records
	name, address string // this node's
	log           *slog.Logger
}

// entry is a node in the register: the Data of its record.
type entry struct {
	Name    string `json:"-"`
	Address string `json:"address"` // host:port
}

// find returns the address of a node that runs, or not_found.
func (g *register) find(ctx context.Context, name string) (string, error) {
	d, err := nodeKind.Get(ctx, g.records, core.Installation, name)
	return d.Data.Address, err
}

// others returns up to 100 of the other nodes that run.
func (g *register) others(ctx context.Context) (all []entry, err error) {
	found, err := nodeKind.List(ctx, g.records, core.Installation, "", "", 100)
	for _, d := range found {
		if d.ID != g.name {
			all = append(all, entry{Name: d.ID, Address: d.Data.Address})
		}
	}
	return all, err
}

// enter says that this node runs. conflict: another does under the same name.
func (g *register) enter(ctx context.Context) error {
	d, err := nodeKind.Find(ctx, g.records, core.Installation, g.name)
	switch {
	case err != nil:
		return err
	case d.Version != 0 && d.Data.Address != g.address:
		return core.E(core.Conflict, "nodes", "a node with the name "+g.name+" runs at "+d.Data.Address).
			WithHint("nodes have data directories of their own: remove the file " + nodeFile + " from one that is a copy. If this node was killed and has another address since, start it in a minute")
	}
	d.Data.Address, d.Expires = g.address, time.Now().Add(nodeGone)
	return g.records.Write(ctx, core.Installation, nodeKind.Put(d))
}

// run says that this node is there until ctx ends, and then that it isn't.
func (g *register) run(ctx context.Context) error {
	tick := time.NewTicker(nodeBeat)
	defer tick.Stop()
	for told := false; ; {
		select {
		case <-ctx.Done():
			return g.leave(context.WithoutCancel(ctx))
		case <-tick.C:
		}
		err := g.enter(ctx)
		if err != nil && !told && ctx.Err() == nil {
			g.log.Warn("other nodes may not find this one", "err", err)
		}
		told = err != nil
	}
}

// leave says that this node is gone. Who doesn't hear of it finds out.
func (g *register) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, peerDial)
	defer cancel()
	d, err := nodeKind.Find(ctx, g.records, core.Installation, g.name)
	if err == nil && d.Version != 0 {
		err = g.records.Write(ctx, core.Installation, nodeKind.Drop(d))
	}
	if err != nil {
		g.log.Warn("other nodes take this one to be there for a while", "err", err)
	}
	return nil
}
