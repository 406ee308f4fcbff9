// Package sandboxtest is what every driver of package sandbox must pass.
//
// Run is the conformance suite: what the port promises to its callers. Hostile
// is the suite of attacks: each is shown to work outside, on the machine and by
// the user that the test runs as, and then mustn't work in a box. Egress is both for
// boxes that may reach outside. A driver's test calls them all; nothing else imports
// this package. It needs the Go tool to build
// the attack program, or its path in ISEKAI_ATTACK; and Python and Node, which
// boxes are there to run.
package sandboxtest

import (
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

// Run is the conformance suite. It must not run in parallel with other tests, for
// it counts what this process holds. What open returns may be a Settler.
func Run(t *testing.T, open func(t *testing.T) sandbox.Driver) {
	suite(t, open, func(t *testing.T, g rig) {
		for _, group := range []tests{
			createTests(), execTests(), streamTests(), endTests(), insideTests(), mountTests(), copyTests(),
			dialTests(), lifeTests(), programTests(),
		} {
			group.start(t, g)
		}
	})
}

// Hostile is the suite of attacks. It must not run in parallel with other tests.
func Hostile(t *testing.T, open func(t *testing.T) sandbox.Driver) {
	canary := plantCanary(t)
	suite(t, open, func(t *testing.T, g rig) {
		for _, group := range []tests{
			callTests(), processTests(), hostFileTests(canary), readBackTests(), networkTests(), neighbourTests(), identityTests(),
			resourceTests(), hogTests(), lingerTests(),
		} {
			group.start(t, g)
		}
	})
}

// tests are subtests by name.
type tests map[string]func(*testing.T, rig)

// start starts them, in parallel.
func (group tests) start(t *testing.T, g rig) {
	for name, test := range group {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, g)
		})
	}
}

// Egress is the suite of boxes with Egress: what they promise, and attacks on it. open makes
// a driver with an outlet. It must not run in parallel with other tests.
func Egress(t *testing.T, open func(t *testing.T, outlet sandbox.Outlet) sandbox.Driver) {
	w := newWorld(t)
	suite(t, func(t *testing.T) sandbox.Driver { return open(t, w.outlet) }, func(t *testing.T, g rig) {
		egressTests(w).start(t, g)
		egressAttacks(w).start(t, g)
	})
}

// suite opens the driver, runs the tests, and counts what is left: of the boxes
// when they have ended, and of the driver when it has been closed.
func suite(t *testing.T, open func(t *testing.T) sandbox.Driver, start func(*testing.T, rig)) {
	g := rig{tools: folder(t), families: []string{""}}
	BuildAttack(t, g.tools)
	closed := g.census(t)
	t.Run("driver", func(t *testing.T) {
		g.open(t, open)
		opened := g.census(t)
		t.Run("box", func(t *testing.T) { start(t, g) })
		t.Run("nothing is left of the boxes", func(t *testing.T) { g.leaves(t, opened) })
	})
	t.Run("nothing is left of the driver", func(t *testing.T) { g.leaves(t, closed) })
}

// scope is whom the boxes are for.
func scope() core.Scope {
	return core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "sandboxtest"}}
}
