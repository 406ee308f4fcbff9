package sandboxtest

import (
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/sandbox"
)

func hogTests() tests {
	return tests{
		"fork bomb":              forkBomb,
		"too many children":      func(t *testing.T, g rig) { tooMany(t, g, "fork") },
		"too many threads":       func(t *testing.T, g rig) { tooMany(t, g, "threads") },
		"one memory hog":         func(t *testing.T, g rig) { tooMuch(t, g, "hog", "192") },
		"many memory hogs":       func(t *testing.T, g rig) { tooMuch(t, g, "hogs", "12", "16") },
		"memory of no mount":     func(t *testing.T, g rig) { tooMuch(t, g, "memfd", "192") },
		"memory of no process":   func(t *testing.T, g rig) { tooMuch(t, g, "shm", "12") },
		"kill a fork bomb":       killBomb,
		"memory by filling /tmp": func(t *testing.T, g rig) { tooMuch(t, g, "fill", "192", "/tmp") },
	}
}

// tooMuch uses three times the memory of the box.
func tooMuch(t *testing.T, g rig, name string, amount ...string) {
	outside := append([]string{name, "0"}, amount...)
	if name == "fill" {
		outside[len(outside)-1] = folder(t)
	}
	wantDone(t, g.attackOutside(t, false, outside...))
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Memory: 64 << 20, CPU: 2, FileSize: 512 << 20, Disk: 512 << 20}})
	limited(t, box, []sandbox.Reason{sandbox.OutOfMem, sandbox.DiskFull}, append([]string{name, patience}, amount...)...)
	usableAfterMemory(t, g, box, name)
}

// usableAfterMemory checks that the box goes on after its memory was used up; not
// so if files in /tmp hold it.
func usableAfterMemory(t *testing.T, g rig, box sandbox.Box, name string) {
	t.Helper()
	if name != "fill" {
		ok(t, run(t, box, program("exit", "0")))
	}
	ok(t, run(t, g.box(t, sandbox.Spec{}), program("exit", "0")))
}

// tooMany has four times as many processes as the box may.
func tooMany(t *testing.T, g rig, name string) {
	wantDone(t, g.attackOutside(t, false, name, "0", "128"))
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Pids: 32, CPU: 1}})
	limited(t, box, nil, name, "200", "128")
	ok(t, run(t, box, program("exit", "0")))
}

// forkBomb forks for ever until the wall limit ends it, and all that came of it.
// Its control outside is bounded: see tooMany.
func forkBomb(t *testing.T, g rig) {
	wantDone(t, g.attackOutside(t, false, "fork", "0", "128"))
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Pids: 40, Wall: time.Second}})
	start := time.Now()
	o := run(t, box, program("forkbomb"))
	if o.Reason != sandbox.TimedOut {
		t.Errorf("%+v", o.Exit)
	}
	if d := time.Since(start); d > soon {
		t.Errorf("it took %v to end it", d)
	}
	ok(t, run(t, box, program("exit", "0"))) // there is room for processes again
	s, err := box.Stats(t.Context())
	if err != nil || s.Pids > 5 {
		t.Errorf("%d processes are left, %v", s.Pids, err)
	}
}

// killBomb kills the box while it forks for ever.
func killBomb(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Pids: 60, Wall: -1, CPU: 1}})
	announced(t, box, program("forkbomb"))
	start := time.Now()
	wantKilled(t, box)
	if d := time.Since(start); d > soon {
		t.Errorf("it took %v to kill it", d)
	}
}
