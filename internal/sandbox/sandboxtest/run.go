// Package sandboxtest is what every driver of package sandbox must pass.
//
// Run is the conformance suite: what the port promises to its callers. Hostile
// is the suite of attacks: each is shown to work outside, on the machine and by
// the user that the test runs as, and then mustn't work in a box. A driver's test
// calls both; nothing else imports this package. It needs the Go tool to build
// the attack program, or its path in ISEKAI_ATTACK; and Python and Node, which
// boxes are there to run.
package sandboxtest

import (
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

// Run is the conformance suite.
func Run(t *testing.T, open func(t *testing.T) sandbox.Driver) {
	g := newRig(t, open)
	before := g.census(t)
	t.Run("box", func(t *testing.T) {
		for _, group := range []map[string]func(*testing.T, rig){
			createTests(), execTests(), streamTests(), endTests(), insideTests(), mountTests(), copyTests(),
			dialTests(), lifeTests(), programTests(),
		} {
			for name, test := range group {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, g)
				})
			}
		}
	})
	t.Run("nothing is left behind", func(t *testing.T) { g.leaves(t, before) })
}

// Hostile is the suite of attacks.
func Hostile(t *testing.T, open func(t *testing.T) sandbox.Driver) {
	canary := plantCanary(t)
	g := newRig(t, open)
	before := g.census(t)
	t.Run("attack", func(t *testing.T) {
		for _, a := range callAttacks() {
			t.Run(a.name, func(t *testing.T) {
				t.Parallel()
				g.try(t, a)
			})
		}
		for _, group := range []map[string]func(*testing.T, rig){
			processTests(), hostFileTests(canary), readBackTests(), networkTests(), neighbourTests(), identityTests(),
			resourceTests(), hogTests(), lingerTests(),
		} {
			for name, test := range group {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					test(t, g)
				})
			}
		}
	})
	t.Run("nothing is left behind", func(t *testing.T) { g.leaves(t, before) })
}

// scope is whom the boxes are for.
func scope() core.Scope {
	return core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "sandboxtest"}}
}
