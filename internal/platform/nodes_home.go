package platform

import (
	"context"

	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// homeKind is the kind of the records of where apps are at home, by app, in the app's org.
const homeKind store.Kind[homeRecord] = "app_home"

// homes implements app.Homes: a record for each app that has a home, which is written only
// where there is none yet, or over the one that is given up.
type homes struct {
	records  store.Records
	self     string    // this node's name
	register *register // nil: other nodes can't be reached
}

type homeRecord struct {
	Node string `json:"node"`
}

// Home implements app.Homes.
func (h *homes) Home(ctx context.Context, org core.OrgID, id core.AppID) (app.Home, error) {
	d, err := homeKind.Find(ctx, h.records, org, string(id))
	if err != nil || d.Version == 0 {
		return app.Home{}, err
	}
	return h.reach(ctx, d.Data.Node)
}

// reach says how a node is reached.
func (h *homes) reach(ctx context.Context, name string) (app.Home, error) {
	home := app.Home{Node: name, Here: name == h.self}
	switch {
	case home.Here:
		return home, nil
	case h.register == nil:
		home.Hint = "set nodes.listen and the other settings of nodes on all nodes, so that they reach each other (isekai node issue makes certificates)"
		return home, nil
	}
	address, err := h.register.find(ctx, name)
	if core.CodeOf(err) == core.NotFound {
		home.Hint = "start node " + name + "; it isn't running, or has no settings of nodes"
		return home, nil
	}
	home.URL = "https://" + address
	return home, err
}

// Claim implements app.Homes.
func (h *homes) Claim(ctx context.Context, org core.OrgID, id core.AppID, from string) (app.Home, error) {
	d, err := homeKind.Find(ctx, h.records, org, string(id))
	if err != nil {
		return app.Home{}, err
	}
	at := d.Data.Node
	if at != from && at == "" { // it was deleted
		return app.Home{}, nil
	}
	if at != from || at == h.self {
		return h.reach(ctx, at)
	}
	d.Data.Node = h.self
	err = h.records.Write(ctx, org, homeKind.Put(d))
	if core.CodeOf(err) == core.Conflict { // somebody was faster
		return h.Home(ctx, org, id)
	}
	return app.Home{Node: h.self, Here: err == nil}, err
}

// Leave implements app.Homes.
func (h *homes) Leave(ctx context.Context, org core.OrgID, id core.AppID) error {
	d, err := homeKind.Find(ctx, h.records, org, string(id))
	if err != nil || d.Version == 0 {
		return err
	}
	return h.records.Write(ctx, org, homeKind.Drop(d))
}
