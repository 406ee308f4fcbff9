package catalog

import (
	"slices"

	"github.com/isekai-run/isekai/internal/core"
)

// Route says where calls for a name go.
type Route struct {
	Name    string // what callers ask for
	Targets []Leg
	Sticky  bool   `json:",omitempty"` // calls with the same beginning go to the same target, for its prompt cache
	Note    string `json:",omitempty"`
}

// Leg is one way of a route.
type Leg struct {
	Provider string
	Model    string
	Weight   int `json:",omitempty"` // its part among those of its tier; 1
	Tier     int `json:",omitempty"` // a tier is tried when those below it have failed; from 0
}

// Settings are what an org has set about its calls. The zero Settings are those of an org
// that has set nothing.
type Settings struct {
	// PromptDays is for how many days prompts and answers are kept, encrypted, for the org's
	// admins; 0: they aren't.
	PromptDays int `json:",omitempty"`
	// CacheMinutes is for how long an answer is given again to an exact repeat by one of
	// CacheKeys; 0: not at all.
	CacheMinutes int          `json:",omitempty"`
	CacheKeys    []core.KeyID `json:",omitempty"`
	// RoutesOnly has callers ask for nothing but routes: neither for a model's own name nor
	// for PROVIDER/MODEL.
	RoutesOnly bool `json:",omitempty"`
}

// Caches reports whether the key's answers are kept and given again to exact repeats.
func (s Settings) Caches(k core.KeyID) bool {
	return s.CacheMinutes > 0 && k != "" && slices.Contains(s.CacheKeys, k)
}

// Target is one way for a call.
type Target struct {
	Provider *Provider
	Model    string // the provider's name for it
	Weight   int    // from 1
	// PriceName is what the installation's price list has it under: "model/gpt-5-mini".
	PriceName string
	// Price is what it costs instead, by the provider's record: nothing, for an org's own
	// provider without a price. nil: what the list says.
	Price *core.Price
}

// Resolved is where a call goes.
type Resolved struct {
	Name   string // as it was asked for
	Route  string // "": by no route
	Sticky bool
	// Tiers are tried in order; each has at least one target. They are shared: read only.
	Tiers [][]Target
}

// target is a way to a provider's model.
func target(p *Provider, model string, weight int) Target {
	t := Target{Provider: p, Model: model, Weight: max(weight, 1), PriceName: "model/" + model}
	if m := p.model(model); m != nil && m.Price != nil {
		t.Price = m.Price
	} else if p.Own() {
		t.Price = &core.Price{}
	}
	return t
}
