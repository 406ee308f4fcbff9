package sandboxtest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/sandboxtest/finding"
)

func resourceTests() tests {
	all := tests{
		"fill both at once":                 func(t *testing.T, g rig) { fillDisk(t, g, "/tmp", "/data") },
		"fill a folder that was full":       fillFull,
		"open too many files":               openTooMany,
		"write too long a file":             tooLong,
		"use more than the CPU":             func(t *testing.T, g rig) { busyLoop(t, g, "spin") },
		"use more than the CPU by children": func(t *testing.T, g rig) { busyLoop(t, g, "burn") },
	}
	for _, way := range []string{"fill-unlinked", "fill-locked", "fill-deep"} {
		all[way] = func(t *testing.T, g rig) { fillHidden(t, g, way) }
	}
	for _, dir := range []string{"/tmp", "/data", "/dev/shm"} {
		all["fill "+dir] = func(t *testing.T, g rig) { fillDisk(t, g, dir) }
		all["use up the inodes of "+dir] = func(t *testing.T, g rig) { fillInodes(t, g, dir) }
	}
	return all
}

// patience in milliseconds is how long an attack stays with its loot, for a
// driver that measures from time to time.
const patience = "1500"

// limited runs an attack that a limit must stop. Either the attack was refused
// what it asked for, and says so or falls; or the driver ended it, for one of the
// reasons.
func limited(t *testing.T, box sandbox.Box, reasons []sandbox.Reason, args ...string) outcome {
	t.Helper()
	o := run(t, box, program(args...))
	all := o.findings(t)
	t.Logf("in the box: %v %+v", all, o.Exit)
	wantRefused(t, all)
	switch {
	case o.OK() && len(all) == 0:
		t.Errorf("%q did nothing\nstderr: %s", args, clip(o.err))
	case o.Reason != sandbox.Exited && !slices.Contains(reasons, o.Reason):
		t.Errorf("%q: ended with %+v, want one of %v", args, o.Exit, reasons)
	}
	return o
}

// fillDisk writes sixteen times of what is allowed.
func fillDisk(t *testing.T, g rig, dirs ...string) {
	const limit = 16 << 20
	wantDone(t, g.attackOutside(t, false, "fill", "0", "32", folder(t)))
	box, host := g.workspace(t, sandbox.Limits{Disk: limit, CPU: 2})
	limited(t, box, []sandbox.Reason{sandbox.DiskFull, sandbox.OutOfMem}, append([]string{"fill", patience, "256"}, dirs...)...)
	t.Logf("%d bytes are on the host of %d", size(t, host), limit)
	if used := size(t, host); used > 8*limit {
		t.Errorf("%d bytes are on the host, the limit is %d", used, limit)
	}
	usable(t, g, box)
}

// fillFull works in a folder that held more than the limits when the box was made, and
// then writes more than they allow.
func fillFull(t *testing.T, g rig) {
	const limit = 4 << 20
	dir := folder(t)
	put(t, dir+"/large", strings.Repeat("0123456789abcdef", 3*limit/16))
	if err := os.Mkdir(dir+"/many", 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 600 {
		put(t, dir+"/many/"+strconv.Itoa(i), "")
	}
	full := func(counted bool) sandbox.Box {
		return g.box(t, sandbox.Spec{Limits: sandbox.Limits{Disk: limit, Inodes: 300, CPU: 2},
			Mounts: []sandbox.Mount{{Host: dir, Target: "/data", Writable: true, Counted: counted}}})
	}
	if o := run(t, full(true), program("spin", "5000")); o.Reason != sandbox.DiskFull {
		t.Errorf("a folder that counts is too full: %+v", o.Exit)
	}
	box := full(false)
	sh(t, box, "echo x > /data/new; head -c 1000000 /dev/zero > /data/million; sleep 1")
	limited(t, box, []sandbox.Reason{sandbox.DiskFull}, "inodes", patience, "30000", "/data")
	limited(t, full(false), []sandbox.Reason{sandbox.DiskFull, sandbox.OutOfMem}, "fill", patience, "256", "/data")
	t.Logf("%d bytes are on the host of %d", size(t, dir), limit)
	if used := size(t, dir); used > 24*limit {
		t.Errorf("%d bytes are on the host, the limit is %d", used, limit)
	}
	usable(t, g, box)
}

// fillHidden writes where it isn't easily counted, far more than is allowed.
func fillHidden(t *testing.T, g rig, way string) {
	outside := folder(t)
	wantDone(t, g.attackOutside(t, false, way, "0", "32", outside))
	unlock(t, outside)
	box, host := g.workspace(t, sandbox.Limits{Disk: 16 << 20, CPU: 2})
	t.Cleanup(func() { unlock(t, host) })
	limited(t, box, []sandbox.Reason{sandbox.DiskFull, sandbox.OutOfMem}, way, patience, "200", "/data")
	usable(t, g, box)
}

// unlock makes the folders that an attack closed removable.
func unlock(t *testing.T, dir string) {
	t.Helper()
	folders, err := filepath.Glob(dir + "/hidden/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if err := os.Chmod(f, 0o700); err != nil {
			t.Error(err)
		}
	}
}

// fillInodes makes a hundred times as many files as allowed.
func fillInodes(t *testing.T, g rig, dir string) {
	wantDone(t, g.attackOutside(t, false, "inodes", "0", "1000", folder(t)))
	box, _ := g.workspace(t, sandbox.Limits{Inodes: 300, CPU: 2})
	limited(t, box, []sandbox.Reason{sandbox.DiskFull}, "inodes", patience, "30000", dir)
	usable(t, g, box)
}

// usable checks that what a limit stopped did no harm: the box still answers, or
// says clearly that it is full, and others work.
func usable(t *testing.T, g rig, box sandbox.Box) {
	t.Helper()
	if o, err := tryRun(t.Context(), box, program("exit", "0")); err == nil && !o.OK() && o.Reason != sandbox.DiskFull {
		t.Errorf("the box afterwards: %+v", o.Exit)
	}
	ok(t, run(t, g.box(t, sandbox.Spec{}), program("exit", "0")))
}

// size is how many bytes are below a host folder.
func size(t *testing.T, dir string) int64 {
	t.Helper()
	var sum int64
	if err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := d.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	return sum
}

func openTooMany(t *testing.T, g rig) {
	wantDone(t, g.attackOutside(t, false, "open", "500"))
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{OpenFiles: 100}})
	limited(t, box, nil, "open", "500")
}

func tooLong(t *testing.T, g rig) {
	wantDone(t, g.attackOutside(t, false, "append", "8", folder(t)+"/file"))
	box, host := g.workspace(t, sandbox.Limits{FileSize: 4 << 20})
	for _, path := range []string{"/data/file", "/tmp/file"} {
		limited(t, box, nil, "append", "8", path)
	}
	if used := size(t, host); used > 5<<20 {
		t.Errorf("%d bytes are on the host", used)
	}
}

// busyLoop uses as much of the processors as it gets. The share of the box is
// small, so that outside a loop gets much more of them even on a busy machine.
func busyLoop(t *testing.T, g rig, way string) {
	const share, outside, inside = 0.06, 25, 18 // of a processor; percent, at least; percent, at most
	eventually(t, "outside a loop gets more", func() bool { return percent(t, g.attackOutside(t, false, way, "300")) > outside })
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{CPU: share}})
	o := run(t, box, program(way, "1500"))
	if got := percent(t, o.findings(t)); got > inside {
		t.Errorf("in the box it got %v %% of a processor, the limit is %v %%", got, 100*share)
	}
	if limit := o.Wall * inside / 100; o.CPU > limit {
		t.Errorf("it used %v in %v", o.CPU, o.Wall)
	}
}

func percent(t *testing.T, all []finding.Finding) float64 {
	t.Helper()
	if len(all) != 1 {
		t.Fatal(fmt.Sprint(all))
	}
	n, err := strconv.ParseFloat(all[0].Got, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
