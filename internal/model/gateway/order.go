package gateway

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
)

// order returns the targets of a call in the order in which they are asked: tier by tier,
// and within a tier by chance, as heavy as their weights; or, if the route is sticky, by
// what the call begins with.
func (g *Gateway) order(j *job) []catalog.Target {
	if tiers := j.to.Tiers; len(tiers) == 1 && len(tiers[0]) == 1 {
		return tiers[0]
	}
	draw := func(catalog.Target) float64 { return rand.Float64() }
	if j.to.Sticky {
		draw = stuck(j)
	}
	var all []catalog.Target
	for _, tier := range j.to.Tiers {
		all = append(all, weighed(tier, draw)...)
	}
	return all
}

// weighed orders a tier by weighted sampling without replacement: by u^(1/weight), the
// largest first (Efraimidis and Spirakis, 2006). With the u that a hash of target and call
// gives it is weighted rendezvous hashing, by which few calls move when a target comes or
// goes (Schindelhauer and Schomaker, 2005).
func weighed(tier []catalog.Target, draw func(catalog.Target) float64) []catalog.Target {
	type drawn struct {
		catalog.Target
		key float64
	}
	all := make([]drawn, len(tier))
	for i, t := range tier {
		all[i] = drawn{t, math.Log(draw(t)) / float64(t.Weight)}
	}
	slices.SortStableFunc(all, func(a, b drawn) int {
		switch {
		case a.key > b.key:
			return -1
		case a.key < b.key:
			return 1
		}
		return 0
	})
	out := make([]catalog.Target, len(all))
	for i, d := range all {
		out[i] = d.Target
	}
	return out
}

// beginning is how much of a request, in bytes, tells conversations apart: the system's
// words and the first turn, which a provider's prompt cache begins with.
const beginning = 1 << 10

// stuck draws the same, on each node, for the same target and a call that begins alike.
func stuck(j *job) func(catalog.Target) float64 {
	var first []byte
	for text := range j.req.Text() {
		first = append(first, text[:min(len(text), beginning-len(first))]...)
		if len(first) == beginning {
			break
		}
	}
	return func(t catalog.Target) float64 {
		name := string(j.Scope.Org) + "\x00" + t.Provider.Name + "\x00" + t.Model + "\x00"
		sum := sha256.Sum256(append([]byte(name), first...))
		return (float64(binary.BigEndian.Uint64(sum[:8])>>11) + 0.5) / (1 << 53)
	}
}
