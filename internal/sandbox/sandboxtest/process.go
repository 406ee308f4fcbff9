package sandboxtest

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"

	"github.com/isekai-run/isekai/internal/sandbox"
)

func processTests() tests {
	all := tests{
		"kill-init": killInit,
		"kill-all":  killEverybody,
		"fds":       inherited,
	}
	for _, name := range []string{"ptrace", "vm_readv", "vm_writev", "proc", "pidfd_getfd"} {
		all[name] = func(t *testing.T, g rig) {
			victim := g.victim(t)
			wantDone(t, g.attackOutside(t, false, name, victim))
			wantRefused(t, attackIn(t, g.box(t, sandbox.Spec{}), name, "1", victim, strconv.Itoa(os.Getpid())))
		}
	}
	all["signal"] = func(t *testing.T, g rig) { // PID 1 of the box may be signaled: see kill-init
		victim := g.victim(t)
		wantDone(t, g.attackOutside(t, false, "signal", victim))
		wantRefused(t, attackIn(t, g.box(t, sandbox.Spec{}), "signal", victim, strconv.Itoa(os.Getpid())))
	}
	return all
}

// killInit sends each signal to PID 1 of the box, which mustn't fall: it is what
// holds the box together.
func killInit(t *testing.T, g rig) {
	pid, err := strconv.Atoi(g.victim(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil { // outside, a program like it is ended by any
		t.Fatal(err)
	}
	eventually(t, "the victim outside is dead", func() bool { return isZombie(pid) })
	box := g.box(t, sandbox.Spec{})
	t.Log(attackIn(t, box, "kill-init"))
	for range 3 {
		ok(t, run(t, box, program("exit", "0")))
	}
}

func isZombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	var id int
	var name, state string
	_, err = fmt.Sscan(string(b), &id, &name, &state) // the attack program's name has no space
	return err == nil && state == "Z"
}

// killEverybody kills all that it may; what lives outside the box goes on, and so
// does the box.
func killEverybody(t *testing.T, g rig) {
	victim := g.victim(t)
	neighbour, _ := g.workspace(t, sandbox.Limits{Wall: -1})
	address := server(t, neighbour, "127.0.0.1:0")
	wantDone(t, g.attackAlone(t, "kill-all"))
	box := g.box(t, sandbox.Spec{})
	t.Log(attackIn(t, box, "kill-all"))
	ok(t, run(t, box, program("exit", "0")))
	if err := echo(t.Context(), neighbour, address, "alive"); err != nil {
		t.Errorf("the neighbour: %v", err)
	}
	if pid, err := strconv.Atoi(victim); err != nil || isZombie(pid) {
		t.Errorf("the victim outside is dead (%v)", err)
	}
}

// inherited looks for descriptors that the driver left open.
func inherited(t *testing.T, g rig) {
	c, cancel := g.outside(false, "fds")
	defer cancel()
	extra, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer extra.Close()
	c.ExtraFiles = []*os.File{extra}
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	wantDone(t, outcome{out: string(out)}.findings(t))
	box := g.box(t, sandbox.Spec{})
	wantRefused(t, attackIn(t, box, "fds"))
	// Others' pipes mustn't come along either, be it through a command of the same box.
	background(t, box, program("sleep", "60000"))
	for range 20 {
		wantRefused(t, attackIn(t, box, "fds"))
	}
}
