package sandboxtest

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/sandbox"
)

func insideTests() tests {
	return tests{
		"the workload has no power":            noPower,
		"the root is read-only":                readOnlyRoot,
		"zero limits are the defaults":         defaultLimits,
		"limits are what was asked":            askedLimits,
		"the clock is right, the name isn't":   clockAndName,
		"the box shows its own processes only": ownProcesses,
		"there is a loopback and nothing else": ownNetwork,
		"/dev holds what is harmless":          devices,
	}
}

func noPower(t *testing.T, g rig) {
	status := map[string]string{}
	for line := range strings.Lines(ok(t, run(t, g.box(t, sandbox.Spec{}), program("status")))) {
		k, v, _ := strings.Cut(line, ":")
		status[k] = strings.TrimSpace(v)
	}
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		if status[set] != "0000000000000000" {
			t.Errorf("%s is %q", set, status[set])
		}
	}
	for k, want := range map[string]string{"NoNewPrivs": "1", "Seccomp": "2"} {
		if status[k] != want {
			t.Errorf("%s is %q, want %q", k, status[k], want)
		}
	}
	for _, k := range []string{"Uid", "Gid"} {
		for _, id := range strings.Fields(status[k]) {
			if id == "0" {
				t.Errorf("%s is %q", k, status[k])
			}
		}
	}
	if status["Groups"] != "" && strings.Contains(" "+status["Groups"]+" ", " 0 ") {
		t.Errorf("Groups is %q", status["Groups"])
	}
}

func readOnlyRoot(t *testing.T, g rig) {
	box, _ := g.workspace(t, sandbox.Limits{})
	for _, f := range attackIn(t, box, "create-everywhere", "/tmp", "/data", "/dev/shm") {
		if f.Done {
			t.Error(f)
		}
	}
}

func defaultLimits(t *testing.T, g rig) {
	wantLimits(t, g.box(t, sandbox.Spec{}), sandbox.DefaultLimits)
}

func askedLimits(t *testing.T, g rig) {
	l := sandbox.Limits{OpenFiles: 99, FileSize: 3 << 20, CPUTime: 7 * time.Second}
	wantLimits(t, g.box(t, sandbox.Spec{Limits: l}), l)
}

// wantLimits checks those that a process is told of, and that both the soft and
// the hard one are so.
func wantLimits(t *testing.T, box sandbox.Box, l sandbox.Limits) {
	t.Helper()
	table := sh(t, box, "cat /proc/self/limits")
	row := func(name string) (soft, hard float64) {
		for line := range strings.Lines(table) {
			if rest, found := strings.CutPrefix(line, name); found {
				f := strings.Fields(rest)
				return amount(f[0]), amount(f[1])
			}
		}
		t.Errorf("no limit %q in %s", name, table)
		return 0, 0
	}
	for name, want := range map[string]float64{
		"Max open files": float64(l.OpenFiles), "Max file size": float64(l.FileSize), "Max cpu time": l.CPUTime.Seconds(),
		"Max core file size": 0,
	} {
		soft, hard := row(name)
		// One second of grace between the soft and the hard limit of CPU time is
		// how the kernel tells the two signals apart.
		if soft != want || hard < want || hard > want+1 {
			t.Errorf("%s: %v, %v, want %v", name, soft, hard, want)
		}
	}
}

func amount(s string) float64 {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return math.Inf(1) // "unlimited"
	}
	return n
}

func clockAndName(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	before := time.Now().Add(-2 * time.Second).Unix()
	now, err := strconv.ParseInt(sh(t, box, "date +%s"), 10, 64)
	if err != nil || now < before || now > time.Now().Unix()+2 {
		t.Errorf("the box's clock says %v (%v)", now, err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if name := sh(t, box, "uname -n"); name == host || name == "" {
		t.Errorf("the box is named %q, the host %q", name, host)
	}
}

func ownProcesses(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	for _, pid := range strings.Fields(sh(t, box, "cd /proc && ls -d [0-9]*")) {
		n, err := strconv.Atoi(pid)
		if err != nil || n > 1000 { // a new box has few processes
			t.Errorf("the box shows process %s", pid)
		}
	}
	self := fmt.Sprintf("/proc/%d/cmdline", os.Getpid())
	if o := run(t, box, sandbox.Command{Argv: []string{"cat", self}}); o.OK() {
		t.Errorf("the box shows the test's own process: %q", o.out)
	}
}

func ownNetwork(t *testing.T, g rig) {
	if got := ok(t, run(t, g.box(t, sandbox.Spec{}), program("interfaces"))); got != "lo up" {
		t.Errorf("there are the interfaces %q", got)
	}
}

func devices(t *testing.T, g rig) {
	box := g.box(t, sandbox.Spec{})
	sh(t, box, "echo x > /dev/null && head -c 4 /dev/zero && head -c 4 /dev/urandom && head -c 4 /dev/random && ! echo x > /dev/full")
	harmless := map[string]bool{"null": true, "zero": true, "full": true, "random": true, "urandom": true}
	for _, name := range strings.Fields(sh(t, box, "find /dev -type c -o -type b | sed s,/dev/,,")) {
		if !harmless[name] {
			t.Errorf("there is a device %s", name)
		}
	}
}
