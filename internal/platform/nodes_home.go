package platform

import (
	"context"
	"encoding/json"

	"github.com/isekai-run/isekai/internal/app"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// homeKind is the kind of the records of where apps are at home, by app, in the app's org.
const homeKind = "app_home"

// homes implements app.Homes: a record for each app that has a home, which is written only
// where there is none yet, or over the one that is given up.
type homes struct {
	records  store.Records
	self     string    // this node's name
	register *register // nil: other nodes can't be reached
}

// homeRecord is the Data of a record.
type homeRecord struct {
	Node string `json:"node"`
}

// Home implements app.Homes.
func (h *homes) Home(ctx context.Context, org core.OrgID, id core.AppID) (app.Home, error) {
	_, at, err := h.read(ctx, org, id)
	if err != nil || at == "" {
		return app.Home{}, err
	}
	return h.reach(ctx, at)
}

// read returns an app's record and the node that it names, or neither.
func (h *homes) read(ctx context.Context, org core.OrgID, id core.AppID) (store.Record, string, error) {
	r, err := h.records.Record(ctx, org, homeKind, string(id))
	if core.CodeOf(err) == core.NotFound {
		return store.Record{}, "", nil
	}
	var data homeRecord
	if err == nil {
		err = json.Unmarshal(r.Data, &data)
	}
	return r, data.Node, err
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
	r, at, err := h.read(ctx, org, id)
	if err != nil {
		return app.Home{}, err
	}
	if at != from && at == "" { // it was deleted
		return app.Home{}, nil
	}
	if at != from || at == h.self {
		return h.reach(ctx, at)
	}
	data, err := json.Marshal(homeRecord{h.self})
	if err != nil {
		return app.Home{}, err
	}
	err = h.records.Write(ctx, org, store.Change{Kind: homeKind, ID: string(id), Expected: r.Version, Data: data})
	if core.CodeOf(err) == core.Conflict { // somebody was faster
		return h.Home(ctx, org, id)
	}
	return app.Home{Node: h.self, Here: err == nil}, err
}

// Leave implements app.Homes.
func (h *homes) Leave(ctx context.Context, org core.OrgID, id core.AppID) error {
	r, at, err := h.read(ctx, org, id)
	if err != nil || at == "" {
		return err
	}
	return h.records.Write(ctx, org, store.Change{Kind: homeKind, ID: string(id), Expected: r.Version})
}
