package sandboxtest

import (
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/sandbox"
)

func lifeTests() tests {
	return tests{
		"stats say what is used":        stats,
		"sweep leaves living boxes":     sweep,
		"boxes start and end together":  crowd,
		"what was in /tmp stays there":  temporary,
		"the workload may be asked who": whoami,
	}
}

func stats(t *testing.T, g rig) {
	box, _ := g.workspace(t, sandbox.Limits{CPU: 1})
	before, err := box.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sh(t, box, "head -c 3000000 /dev/zero > /data/three; head -c 2000000 /dev/zero > /tmp/two")
	background(t, box, program("sleep", "60000"))
	eventually(t, "the stats tell", func() bool {
		ok(t, run(t, box, program("spin", "100"))) // again where others have the processor
		now, err := box.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return now.Pids > before.Pids && now.Memory > 0 && now.CPU >= before.CPU+20*time.Millisecond && now.Disk >= before.Disk+5_000_000
	})
}

func sweep(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	n, err := g.driver.Sweep(t.Context())
	if err != nil || n != 0 {
		t.Errorf("swept %d, %v", n, err)
	}
	ok(t, run(t, box, program("exit", "0")))
}

func crowd(t *testing.T, g rig) {
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 2 {
				box, err := g.driver.Create(t.Context(), scope(), sandbox.Spec{})
				if err != nil {
					t.Error(err)
					return
				}
				if exit, err := box.Exec(t.Context(), sandbox.Command{Argv: []string{"true"}}); err != nil || !exit.OK() {
					t.Errorf("%+v %v", exit, err)
				}
				wantKilled(t, box)
			}
		})
	}
	wg.Wait()
}

func temporary(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	sh(t, box, "echo kept > /tmp/file")
	if got := sh(t, box, "cat /tmp/file"); got != "kept" {
		t.Errorf("read %q", got)
	}
}

func whoami(t *testing.T, g rig) {
	if got := sh(t, g.box(t, sandbox.Spec{}), "id -un && id -gn"); got == "" {
		t.Error("the workload has no name")
	}
}
