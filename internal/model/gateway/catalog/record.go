package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/store"
)

// The records of an org, or of the installation. Names are people's words: ids are digests.
const (
	providers store.Kind[providerDoc] = "model_provider"
	routes    store.Kind[routeDoc]    = "model_route"
	settings  store.Kind[Settings]    = "model_settings"
	stamps    store.Kind[stampDoc]    = "model_stamp" // changes with any of the others
)

type providerDoc struct {
	Spec
	Changed time.Time
}

type routeDoc struct {
	Route
	Changed time.Time
}

// stampDoc has nothing but its version, by which a reader sees that all is as it was.
type stampDoc struct{}

// one is the id of what an org has one of.
const one = "one"

// place is the id of what has a name.
func place(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// RouteKept is a route as it is kept.
type RouteKept struct {
	Route
	Org     core.OrgID
	Version int64
	Changed time.Time
}

// newProvider completes what is said about a provider.
func newProvider(org core.OrgID, s Spec, version int64, changed time.Time) (*Provider, error) {
	base, err := s.base()
	if err != nil {
		return nil, err
	}
	kind := presets[s.Kind]
	s.Limits, s.Timeouts = s.Limits.with(), s.Timeouts.with()
	if len(s.Speaks) == 0 {
		s.Speaks = kind.speaks
	}
	if s.Address == "" {
		s.Address = kind.address
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, core.E(core.Internal, "model.provider", "it can't be written").Because(err)
	}
	sum := sha256.Sum256(text)
	p := &Provider{
		Spec: s, ID: string(org) + "/" + s.Name + "@" + hex.EncodeToString(sum[:8]), Org: org, Version: version, Changed: changed,
		base: base, header: kind.header, lists: kind.lists, at: map[dialect.Operation]*url.URL{},
	}
	for op := range paths {
		if p.deployed(op) {
			continue
		}
		if p.at[op], err = url.Parse(p.URL(op, "")); err != nil {
			return nil, core.E(core.Invalid, "model.provider", "its address can't be one").Because(err)
		}
	}
	return p, nil
}

// read returns what is of an org now: before, if nothing has changed since.
func (c *Catalog) read(ctx context.Context, org core.OrgID, before *part) (*part, error) {
	stamp, err := stamps.Find(ctx, c.cfg.Records, org, one) // first: what changes while the rest is read has it read again
	if err != nil {
		return nil, err
	}
	if before != nil && before.version == stamp.Version {
		return before, nil
	}
	p := &part{org: org, version: stamp.Version, routes: map[string]*ways{}, models: map[string]*ways{}}
	if org == core.Installation {
		p.all = append(p.all, c.static...)
	}
	if stamp.Version > 0 { // else nothing was ever set, which is so for most orgs
		if err := c.fill(ctx, org, p); err != nil {
			return nil, err
		}
	}
	p.index()
	return p, nil
}

// fill reads an org's records. One that this build can't make sense of is as if it were off:
// a newer one may have written it.
func (c *Catalog) fill(ctx context.Context, org core.OrgID, p *part) error {
	found, err := providers.All(ctx, c.cfg.Records, org, "", MaxProviders)
	if err != nil {
		return err
	}
	static := len(p.all)
	for _, d := range found {
		if d.Data.Check(nil) != nil || slices.ContainsFunc(p.all[:static], func(s *Provider) bool { return s.Name == d.Data.Name }) {
			continue
		}
		at, err := newProvider(org, d.Data.Spec, d.Version, d.Data.Changed)
		if err != nil {
			return err
		}
		p.all = append(p.all, at)
	}
	slices.SortFunc(p.all[static:], func(a, b *Provider) int { return strings.Compare(a.Name, b.Name) })
	kept, err := routes.All(ctx, c.cfg.Records, org, "", MaxRoutes)
	if err != nil {
		return err
	}
	for _, d := range kept {
		if d.Data.Check() == nil {
			p.kept = append(p.kept, RouteKept{d.Data.Route, org, d.Version, d.Data.Changed})
		}
	}
	slices.SortFunc(p.kept, func(a, b RouteKept) int { return strings.Compare(a.Name, b.Name) })
	set, err := settings.Find(ctx, c.cfg.Records, org, one)
	p.settings = set.Data
	return err
}

// index makes what is looked up of what was read.
func (p *part) index() {
	for _, at := range p.all {
		if !at.Off {
			p.providers = append(p.providers, at)
		}
	}
	for _, at := range p.providers {
		for _, m := range at.Models {
			w := single(target(at, m.Name, 1))
			if p.models[m.Name] == nil { // the first that has it
				p.models[m.Name], w.owner = w, at.Name
			}
		}
	}
	for _, at := range p.providers { // a model's own name goes before another's with its provider
		for _, m := range at.Models {
			if full := at.Name + "/" + m.Name; p.models[full] == nil {
				p.models[full] = single(target(at, m.Name, 1))
			}
		}
	}
	for _, r := range p.kept {
		p.routes[r.Name] = waysOf(r.Name, r.Sticky, r.Targets, p.find)
	}
}
