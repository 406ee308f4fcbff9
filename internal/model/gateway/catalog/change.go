package catalog

import (
	"context"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// Providers returns an org's own providers, or the installation's, with those that are off;
// those of the configuration first.
func (c *Catalog) Providers(ctx context.Context, org core.OrgID) ([]*Provider, error) {
	p, err := c.part(ctx, org)
	if err != nil {
		return nil, err
	}
	return slices.Clone(p.all), nil
}

// Provider returns one of an org's own, or of the installation's. not_found: there is none
// of the name.
func (c *Catalog) Provider(ctx context.Context, org core.OrgID, name string) (*Provider, error) {
	all, err := c.Providers(ctx, org)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.Name == name {
			return p, nil
		}
	}
	return nil, c.missing(ctx, org, "provider", name)
}

// missing says that an org has no such provider or route, or the installation hasn't. Who
// looks for the installation's among an org's own is told so.
func (c *Catalog) missing(ctx context.Context, org core.OrgID, what, name string) error {
	list := "isekai model " + map[string]string{"provider": "list", "route": "routes"}[what]
	err := core.E(core.NotFound, "model."+what, "there is no "+what+" "+quote(name))
	if org == core.Installation {
		return err.WithHint(list + HouseFlag + " shows what there is")
	}
	house, _ := c.part(ctx, core.Installation) // for a hint
	if house != nil && (what == "route" && house.routes[name] != nil || slices.ContainsFunc(house.all, func(p *Provider) bool { return what == "provider" && p.Name == name })) {
		err.Msg = "the org has no " + what + " " + quote(name) + " of its own; the installation has"
		return err.WithHint("an operator adds" + HouseFlag)
	}
	return err.WithHint(list + " shows what there is")
}

// HouseFlag is what a command takes that is about the installation's.
const HouseFlag = " --installation"

// Flag is what commands about the provider take besides its name.
func (p *Provider) Flag() string {
	if p.Own() {
		return ""
	}
	return HouseFlag
}

// PutProvider makes a provider, or changes one. version is that of the record that the
// change is based on; 0: whatever is there. invalid: it can't be one; conflict: it has
// another version, or is of the configuration; exhausted: there are as many as there can be.
func (c *Catalog) PutProvider(ctx context.Context, org core.OrgID, s Spec, version int64) (*Provider, error) {
	if err := s.Check(c.cfg.Secretive); err != nil {
		return nil, err
	}
	if err := c.notStatic(org, s.Name); err != nil {
		return nil, err
	}
	var made store.Doc[providerDoc]
	err := c.change(ctx, org, func() (store.Change, error) {
		d, err := providers.Find(ctx, c.cfg.Records, org, place(s.Name))
		if err == nil {
			err = based(d.Version, version)
		}
		if err == nil && d.Version == 0 {
			err = room(ctx, c.cfg.Records, providers, org, MaxProviders, "providers")
		}
		d.Data = providerDoc{s, c.cfg.Now().UTC()}
		made = d
		return providers.Put(d), err
	})
	if err != nil {
		return nil, err
	}
	return newProvider(org, s, made.Version+1, made.Data.Changed)
}

// RemoveProvider removes one. not_found: there is none of the name; conflict: it has another
// version, is of the configuration, or a route of the same org leads to it.
func (c *Catalog) RemoveProvider(ctx context.Context, org core.OrgID, name string, version int64) error {
	if err := c.notStatic(org, name); err != nil {
		return err
	}
	return c.change(ctx, org, func() (store.Change, error) {
		d, err := providers.Find(ctx, c.cfg.Records, org, place(name))
		switch {
		case err != nil:
			return store.Change{}, err
		case d.Version == 0:
			return store.Change{}, c.missing(ctx, org, "provider", name)
		}
		kept, err := routes.All(ctx, c.cfg.Records, org, "", MaxRoutes)
		if err != nil {
			return store.Change{}, err
		}
		for _, r := range kept {
			if slices.ContainsFunc(r.Data.Targets, func(l Leg) bool { return l.Provider == name }) {
				flag := (&Provider{Org: org}).Flag()
				return store.Change{}, core.E(core.Conflict, "model.provider", "the route "+r.Data.Name+" leads to the provider "+name).
					WithHint("isekai model unroute " + r.Data.Name + flag + ", or have it lead elsewhere")
			}
		}
		return providers.Drop(d), based(d.Version, version)
	})
}

func (c *Catalog) notStatic(org core.OrgID, name string) error {
	if org == core.Installation && slices.ContainsFunc(c.static, func(p *Provider) bool { return p.Name == name }) {
		return core.E(core.Conflict, "model.provider", "the provider "+name+" is of the configuration").
			WithHint("change model.* there, or choose another name")
	}
	return nil
}

// Routes returns an org's own routes, or the installation's, by name.
func (c *Catalog) Routes(ctx context.Context, org core.OrgID) ([]RouteKept, error) {
	p, err := c.part(ctx, org)
	if err != nil {
		return nil, err
	}
	return slices.Clone(p.kept), nil
}

// PutRoute makes a route, or changes one, as PutProvider does. invalid: a target isn't
// there, too.
func (c *Catalog) PutRoute(ctx context.Context, org core.OrgID, r Route, version int64) (RouteKept, error) {
	if err := r.Check(); err != nil {
		return RouteKept{}, err
	}
	var made store.Doc[routeDoc]
	err := c.change(ctx, org, func() (store.Change, error) {
		if err := c.leads(ctx, org, r); err != nil {
			return store.Change{}, err
		}
		d, err := routes.Find(ctx, c.cfg.Records, org, place(r.Name))
		if err == nil {
			err = based(d.Version, version)
		}
		if err == nil && d.Version == 0 {
			err = room(ctx, c.cfg.Records, routes, org, MaxRoutes, "routes")
		}
		d.Data = routeDoc{r, c.cfg.Now().UTC()}
		made = d
		return routes.Put(d), err
	})
	return RouteKept{r, org, made.Version + 1, made.Data.Changed}, err
}

// leads returns invalid for a route with a target that isn't there. One that is off is.
func (c *Catalog) leads(ctx context.Context, org core.OrgID, r Route) error {
	known := map[string]*Provider{}
	var names []string
	for _, of := range []core.OrgID{core.Installation, org} { // the second's go before the first's
		p, err := c.read(ctx, of, nil)
		if err != nil {
			return err
		}
		for _, at := range p.all {
			known[at.Name] = at
			names = append(names, at.Name)
		}
	}
	slices.Sort(names)
	for _, l := range r.Targets {
		p := known[l.Provider]
		switch {
		case p == nil && len(names) == 0:
			return invalid("there is no provider "+quote(l.Provider), "there is none at all: isekai model add NAME --kind KIND")
		case p == nil:
			return invalid("there is no provider "+quote(l.Provider), "there are: "+strings.Join(slices.Compact(names), ", "))
		case !p.Has(l.Model):
			return invalid("the provider "+l.Provider+" doesn't list the model "+quote(l.Model), "isekai model show "+l.Provider+" shows those that it lists")
		}
	}
	return nil
}

// RemoveRoute removes one. not_found: there is none of the name; conflict: it has another
// version.
func (c *Catalog) RemoveRoute(ctx context.Context, org core.OrgID, name string, version int64) error {
	return c.change(ctx, org, func() (store.Change, error) {
		d, err := routes.Find(ctx, c.cfg.Records, org, place(name))
		switch {
		case err != nil:
			return store.Change{}, err
		case d.Version == 0:
			return store.Change{}, c.missing(ctx, org, "route", name)
		}
		return routes.Drop(d), based(d.Version, version)
	})
}

// Settings returns what an org has set, and its version; 0: nothing yet.
func (c *Catalog) Settings(ctx context.Context, org core.OrgID) (Settings, int64, error) {
	d, err := settings.Find(ctx, c.cfg.Records, org, one)
	return d.Data, d.Version, err
}

// SetSettings sets them, as PutProvider does, and returns their version.
func (c *Catalog) SetSettings(ctx context.Context, org core.OrgID, s Settings, version int64) (int64, error) {
	if err := s.Check(); err != nil {
		return 0, err
	}
	made := int64(0)
	err := c.change(ctx, org, func() (store.Change, error) {
		d, err := settings.Find(ctx, c.cfg.Records, org, one)
		if err == nil {
			err = based(d.Version, version)
		}
		d.Data, made = s, d.Version+1
		return settings.Put(d), err
	})
	return made, err
}

// change makes a change and says by the stamp that there was one. The stamp makes all
// changes of an org follow each other, so that what f has looked at still holds.
func (c *Catalog) change(ctx context.Context, org core.OrgID, f func() (store.Change, error)) error {
	err := store.Update(ctx, c.cfg.Records, org, func() ([]store.Change, error) {
		stamp, err := stamps.Find(ctx, c.cfg.Records, org, one) // before what f looks at
		if err != nil {
			return nil, err
		}
		change, err := f()
		if err != nil {
			return nil, err
		}
		return []store.Change{change, stamps.Put(stamp)}, nil
	})
	c.forget(org) // even then: nobody knows what became of a write that failed
	return err
}

// based returns conflict for a change that is based on another version than there is.
func based(there, on int64) error {
	if on != 0 && there != on {
		return core.E(core.Conflict, "model.catalog", "it was changed in the meantime").WithHint("look at it again, and then change it")
	}
	return nil
}

// room returns exhausted when there are as many as there can be.
func room[T any](ctx context.Context, in store.Records, k store.Kind[T], org core.OrgID, most int, what string) error {
	all, err := k.All(ctx, in, org, "", most)
	if err == nil && len(all) >= most {
		err = core.E(core.Exhausted, "model.catalog", "there are as many "+what+" as there can be").WithHint("remove one")
	}
	return err
}
