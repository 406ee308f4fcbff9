package sandboxtest

import "testing"

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
	before := census(t)
	g := rig{tools: folder(t)}
	BuildAttack(t, g.tools)
	pid, _ := g.startOutside(t, "sleep", "60000")
	found := false
	for name := range census(t) {
		found = found || !before[name] && len(name) > 7 && name[:7] == "process"
	}
	if !found {
		t.Errorf("process %d isn't counted", pid)
	}
}
