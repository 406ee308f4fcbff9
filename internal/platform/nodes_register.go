package platform

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// nodeKind is the kind of the records of the nodes that run, by name, of core.Installation.
const nodeKind = "node"

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
	r, err := g.records.Record(ctx, core.Installation, nodeKind, name)
	if err != nil {
		return "", err
	}
	e, err := entryOf(r)
	return e.Address, err
}

// others returns up to 100 of the other nodes that run.
func (g *register) others(ctx context.Context) (all []entry, err error) {
	records, err := g.records.Records(ctx, core.Installation, nodeKind, "", "", 100)
	for _, r := range records {
		e, err := entryOf(r)
		if err != nil {
			return nil, err
		}
		if e.Name != g.name {
			all = append(all, e)
		}
	}
	return all, err
}

func entryOf(r store.Record) (e entry, err error) {
	err = json.Unmarshal(r.Data, &e)
	e.Name = r.ID
	return e, err
}

// enter says that this node runs. conflict: another does under the same name.
func (g *register) enter(ctx context.Context) error {
	r, err := g.records.Record(ctx, core.Installation, nodeKind, g.name)
	switch core.CodeOf(err) {
	case core.NotFound:
		r = store.Record{}
	case "":
		if e, err := entryOf(r); err != nil || e.Address != g.address {
			return core.E(core.Conflict, "nodes", "a node with the name "+g.name+" runs at "+e.Address).Because(err).
				WithHint("nodes have data directories of their own: remove the file " + nodeFile + " from one that is a copy. If this node was killed and has another address since, start it in a minute")
		}
	default:
		return err
	}
	data, err := json.Marshal(entry{Address: g.address})
	if err != nil {
		return err
	}
	return g.records.Write(ctx, core.Installation, store.Change{
		Kind: nodeKind, ID: g.name, Expected: r.Version, Expires: time.Now().Add(nodeGone), Data: data,
	})
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
	r, err := g.records.Record(ctx, core.Installation, nodeKind, g.name)
	if err == nil {
		err = g.records.Write(ctx, core.Installation, store.Change{Kind: nodeKind, ID: g.name, Expected: r.Version})
	}
	if err != nil && core.CodeOf(err) != core.NotFound {
		g.log.Warn("other nodes take this one to be there for a while", "err", err)
	}
	return nil
}
