package sandboxtest

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// The controls stand on their own, so that an attack that has stopped working is
// seen even where no driver runs.
func TestAttacksWorkOutside(t *testing.T) {
	t.Parallel()
	g := rig{tools: folder(t)}
	BuildAttack(t, g.tools)
	for _, a := range callAttacks() {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			g.showWorks(t, a)
		})
	}
}

func TestCensusSeesWhatIsLeft(t *testing.T) {
	g := rig{tools: folder(t)}
	BuildAttack(t, g.tools)
	before := g.census(t)
	g.startOutside(t, "sleep", "60000")
	after := g.census(t)
	for _, kind := range []string{"sleep", "descriptor pipe:"} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(after)), func(name string) bool {
			return strings.Contains(name, kind) && after[name] > before[name]
		}) {
			t.Errorf("%s isn't counted: %v", kind, after)
		}
	}
}

func TestGroupFamilies(t *testing.T) {
	got := groupFamilies([]string{"/a", "/a/x-1"}, []string{"/a", "/a/x-1", "/a/box-12", "/b/box-12", "/a/box-13"})
	if want := []string{"/a/box-", "/b/box-"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
