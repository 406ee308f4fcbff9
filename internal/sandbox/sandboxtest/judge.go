package sandboxtest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/sandboxtest/finding"
)

// control says how it is shown that an attack works outside.
type control int

const (
	// plain: anybody can do it, here and now.
	plain control = iota
	// spaced: whoever is root in namespaces of his own can do it. For root they
	// keep the machine from harm; for an ordinary user they are what he can make
	// himself, which is the premise of the attack.
	spaced
	// rooted: root can do it. An ordinary user is shown that the kernel has the
	// call, and that nothing but his missing capability refuses it.
	rooted
)

// callAttack is an attack whose findings are enough to judge it: one done is a
// way out.
type callAttack struct {
	name    string // of the attack program's subcommand
	args    []string
	control control
	// maybe says that kernels are built without it. The control on such a kernel
	// finds that out and shows nothing more; the box must refuse all the same.
	maybe bool
}

// try shows that the attack works outside, and that it doesn't in a box.
func (g rig) try(t *testing.T, a callAttack) {
	t.Helper()
	g.showWorks(t, a)
	for _, f := range attackIn(t, g.box(t, sandbox.Spec{}), append([]string{a.name}, a.args...)...) {
		if f.Done {
			t.Errorf("in the box: %v", f)
		}
	}
}

// showWorks is the control.
func (g rig) showWorks(t *testing.T, a callAttack) {
	t.Helper()
	outside := g.attackOutside(t, a.control == spaced, append([]string{a.name}, a.args...)...)
	t.Logf("outside: %v", outside)
	missing := func(f finding.Finding) bool { return slices.Contains(notBuilt(), f.Got) }
	switch {
	case slices.ContainsFunc(outside, func(f finding.Finding) bool { return f.Done }):
	case a.maybe && len(outside) > 0 && !slices.ContainsFunc(outside, func(f finding.Finding) bool { return !missing(f) }):
		t.Logf("this kernel is built without it")
	case a.control == rooted && !privileged() && slices.ContainsFunc(outside, func(f finding.Finding) bool { return !missing(f) }):
		t.Logf("the kernel has it, for root")
	default:
		t.Errorf("the control outside shows nothing: %v", outside)
	}
}

// privileged reports whether the test runs as root.
func privileged() bool { return os.Geteuid() == 0 }

// notBuilt are the answers of a kernel that was built without something.
func notBuilt() []string {
	return []string{"ENOSYS", "EAFNOSUPPORT", "EPROTONOSUPPORT", "ESOCKTNOSUPPORT"}
}

// attackIn runs an attack in a box and returns its findings. The filter may kill
// it: that is a refusal. Anything else must let it end by itself.
func attackIn(t *testing.T, box sandbox.Box, args ...string) []finding.Finding {
	t.Helper()
	o := run(t, box, program(args...))
	all := o.findings(t)
	switch {
	case o.Reason == sandbox.Signaled && o.Signal == int(unix.SIGSYS):
		all = append(all, finding.Finding{Try: args[0], Got: "SIGSYS"})
	case !o.OK():
		t.Errorf("%q: %+v\nstderr: %s", args, o.Exit, clip(o.err))
	}
	return all
}

// findings is what an attack printed.
func (o outcome) findings(t *testing.T) []finding.Finding {
	t.Helper()
	all, err := finding.Parse([]byte(o.out))
	if err != nil {
		t.Fatalf("%v\nstderr: %s", err, clip(o.err))
	}
	return all
}

// attackOutside runs an attack without a box, as the test's own user; spaced, in
// namespaces of its own.
func (g rig) attackOutside(t *testing.T, spaced bool, args ...string) []finding.Finding {
	t.Helper()
	c, cancel := g.outside(spaced, args...)
	defer cancel()
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("outside: %q: %v\n%s", args, err, errs.String())
	}
	all, err := finding.Parse(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// attackAlone runs an attack outside as the only process of a namespace of
// processes, so that it may kill everybody.
func (g rig) attackAlone(t *testing.T, args ...string) []finding.Finding {
	t.Helper()
	c, cancel := g.outside(true, args...)
	defer cancel()
	c.SysProcAttr.Cloneflags |= unix.CLONE_NEWPID
	out, err := c.Output()
	if err != nil {
		t.Fatalf("outside: %q: %v", args, err)
	}
	return outcome{out: string(out)}.findings(t)
}

// outside is an attack as a command outside. cancel kills it.
func (g rig) outside(spaced bool, args ...string) (c *exec.Cmd, cancel context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	c = exec.CommandContext(ctx, g.tools+"/attack", args...)
	c.Dir = "/"
	if spaced {
		c.SysProcAttr = &syscall.SysProcAttr{}
		// unshared, not cloned: os/exec then makes the mounts private.
		c.SysProcAttr.Unshareflags = unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET
		if !privileged() {
			c.SysProcAttr.Cloneflags = unix.CLONE_NEWUSER
			c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
	}
	return c, cancel
}

// startOutside starts a program outside that lives until the test ends, and
// returns its pid and the Got of its first finding.
func (g rig) startOutside(t *testing.T, args ...string) (pid int, got string) {
	t.Helper()
	c, cancel := g.outside(false, args...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = in.Close() // it is being killed
		_ = c.Wait()   // by the line above
	})
	var line [4096]byte
	n, err := out.Read(line[:]) // a finding is one write, and shorter than a pipe's buffer
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	all, err := finding.Parse(line[:n])
	if err != nil || len(all) == 0 {
		t.Fatalf("%q: %v %v", args, all, err)
	}
	return c.Process.Pid, all[0].Got
}

// victim is a process outside of the test's own user, which that user may do
// everything with.
func (g rig) victim(t *testing.T) string {
	t.Helper()
	pid, _ := g.startOutside(t, "sleep", "60000")
	return strconv.Itoa(pid)
}

// wantDone fails the test unless some finding is done: a control.
func wantDone(t *testing.T, all []finding.Finding) {
	t.Helper()
	t.Logf("outside: %v", all)
	if !slices.ContainsFunc(all, func(f finding.Finding) bool { return f.Done }) {
		t.Errorf("the control outside shows nothing: %v", all)
	}
}

// wantRefused fails the test if any finding is done.
func wantRefused(t *testing.T, all []finding.Finding) {
	t.Helper()
	for _, f := range all {
		if f.Done {
			t.Errorf("in the box: %v", f)
		}
	}
}

// controllingTerminal gives a command a session of its own, with stdin as its
// terminal.
func controllingTerminal() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Setctty: true}
}
