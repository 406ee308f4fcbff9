package catalog

import (
	"iter"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// View is what an org can call, as it was at one time. It is immutable.
type View struct {
	settings Settings
	parts    []*part // the org's own, then the installation's
}

// Offer is a name that can be asked for.
type Offer struct {
	Name  string
	Owner string // the provider that has it, or "route"
}

// part is what is of one org, or of the installation.
type part struct {
	org       core.OrgID
	version   int64 // of its stamp
	settings  Settings
	providers []*Provider // that are on, by name, those of the configuration first
	all       []*Provider // with those that are off
	kept      []RouteKept
	routes    map[string]*ways
	models    map[string]*ways // that providers list, by name and by PROVIDER/MODEL
}

// ways are the tiers of a name: for what generates, for embeddings, and for compaction, which is of
// those alone that speak it.
type ways struct {
	route                    string
	sticky                   bool
	generate, embed, compact [][]Target
	owner                    string // the provider that lists the name; "": it isn't listed
}

// Settings returns what the org has set.
func (v *View) Settings() Settings { return v.settings }

// Resolve returns where a call for a name goes. An org's own come first: its routes, the
// models that its providers list, and PROVIDER/MODEL; then the installation's, likewise; then
// the first provider that is asked for what nobody lists. count_tokens goes where messages would, even to a
// provider that doesn't count.
//
// It allocates nothing for names that are listed. not_found: there is no such name, or nobody who
// compacts, as servers say that don't: clients then do without; unsupported: what there is can't do
// another operation; unavailable: a route leads nowhere.
func (v *View) Resolve(name string, op dialect.Operation) (Resolved, error) {
	for _, p := range v.parts {
		w := p.routes[name]
		if w == nil && !v.settings.RoutesOnly {
			w = p.models[name]
		}
		if w != nil {
			return w.resolved(name, op)
		}
	}
	if !v.settings.RoutesOnly {
		if t, ok := v.open(name); ok {
			w := single(t)
			return w.resolved(name, op)
		}
	}
	return Resolved{}, v.unknown(name)
}

// open returns the way to a model that nobody lists: of the provider that is named, or the
// first that lists nothing.
func (v *View) open(name string) (Target, bool) {
	if !isModel(name) {
		return Target{}, false
	}
	if provider, model, ok := strings.Cut(name, "/"); ok && model != "" {
		for _, p := range v.parts {
			for _, at := range p.providers {
				if at.Name == provider && at.open() {
					return target(at, model, 1), true
				}
			}
		}
	}
	for _, p := range v.parts {
		for _, at := range p.providers {
			if at.open() {
				return target(at, name, 1), true
			}
		}
	}
	return Target{}, false
}

// resolved picks the tiers of an operation.
func (w *ways) resolved(name string, op dialect.Operation) (Resolved, error) {
	r, lack := Resolved{Name: name, Route: w.route, Sticky: w.sticky, Tiers: w.generate}, core.Unsupported
	switch op {
	case dialect.OpEmbeddings:
		r.Tiers = w.embed
	case dialect.OpCompact:
		r.Tiers, lack = w.compact, core.NotFound
	}
	if len(r.Tiers) > 0 {
		return r, nil
	}
	const at = "model.resolve"
	if len(w.generate)+len(w.embed) > 0 {
		return Resolved{}, core.E(lack, at, "the model "+quote(name)+" can't be asked for "+string(op)).
			WithHint("no provider of it speaks that; isekai model show says what each speaks")
	}
	return Resolved{}, core.E(core.Unavailable, at, "the route "+quote(name)+" leads to no provider that is there").
		WithHint("isekai model routes shows where it goes, isekai model list what there is")
}

// waysOf sorts the targets of a route into tiers, without those that can't do it.
func waysOf(route string, sticky bool, legs []Leg, find func(name string) *Provider) *ways {
	w := &ways{route: route, sticky: sticky}
	for tier := range MaxTiers {
		var generate, embed, compact []Target
		for _, l := range legs {
			p := find(l.Provider)
			if l.Tier != tier || p == nil || !p.Has(l.Model) {
				continue
			}
			t := target(p, l.Model, l.Weight)
			if _, ok := p.Via(dialect.OpChat); ok {
				generate = append(generate, t)
			}
			if _, ok := p.Via(dialect.OpEmbeddings); ok {
				embed = append(embed, t)
			}
			if _, ok := p.Via(dialect.OpCompact); ok {
				compact = append(compact, t)
			}
		}
		if len(generate) > 0 {
			w.generate = append(w.generate, generate)
		}
		if len(embed) > 0 {
			w.embed = append(w.embed, embed)
		}
		if len(compact) > 0 {
			w.compact = append(w.compact, compact)
		}
	}
	return w
}

func single(t Target) *ways {
	return waysOf("", false, []Leg{{Provider: t.Provider.Name, Model: t.Model}}, func(string) *Provider { return t.Provider })
}

// find returns a provider of the part that is on, or nil.
func (p *part) find(name string) *Provider {
	for _, at := range p.providers {
		if at.Name == name {
			return at
		}
	}
	return nil
}

// view joins an org's own part and the installation's. An org's routes may lead to either's
// providers, the installation's to its own alone.
func view(own, house *part) *View {
	v := &View{parts: []*part{house}}
	if own != nil {
		merged := *own
		merged.routes = map[string]*ways{}
		for _, r := range own.kept {
			merged.routes[r.Name] = waysOf(r.Name, r.Sticky, r.Targets, func(name string) *Provider {
				if p := own.find(name); p != nil {
					return p
				}
				return house.find(name)
			})
		}
		v.parts, v.settings = []*part{&merged, house}, own.settings
	}
	return v
}

// names yields what can be asked for, with who has it: the org's own first. A name may come
// twice.
func (v *View) names() iter.Seq2[string, string] {
	return func(yield func(name, owner string) bool) {
		for _, p := range v.parts {
			for _, r := range p.kept {
				if !yield(r.Name, "route") {
					return
				}
			}
			for _, at := range p.providers {
				for i := 0; i < len(at.Models) && !v.settings.RoutesOnly; i++ {
					if !yield(at.Models[i].Name, at.Name) {
						return
					}
				}
			}
		}
	}
}

// Routed reports whether a name is that of a route.
func (v *View) Routed(name string) bool {
	return slices.ContainsFunc(v.parts, func(p *part) bool { return p.routes[name] != nil })
}

// Models returns the names that can be asked for, sorted. A view doesn't keep the list: there
// may be many of both.
func (v *View) Models() []Offer {
	all := []Offer{}
	seen := map[string]bool{}
	for name, owner := range v.names() {
		if !seen[name] {
			seen[name] = true
			all = append(all, Offer{name, owner})
		}
	}
	slices.SortFunc(all, func(a, b Offer) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Model returns the offer of a name that Models has. false: it hasn't.
func (v *View) Model(name string) (Offer, bool) {
	for _, p := range v.parts {
		if p.routes[name] != nil {
			return Offer{name, "route"}, true
		}
		if w := p.models[name]; w != nil && w.owner != "" && !v.settings.RoutesOnly {
			return Offer{name, w.owner}, true
		}
	}
	return Offer{}, false
}

// Providers returns those that calls can go to, the org's own first.
func (v *View) Providers() []*Provider {
	var all []*Provider
	for _, p := range v.parts {
		all = append(all, p.providers...)
	}
	return all
}
