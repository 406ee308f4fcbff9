package sandboxtest

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/sandbox"
)

func identityTests() tests {
	return tests{
		"run a setuid program":          setuidProgram,
		"leave a setuid program behind": leftSetuid,
	}
}

// setuidProgram has the attack program in a mount, with its owner's setuid and
// setgid bits: root's if the test is root, whose control is another user who
// becomes root by it. An ordinary user's control shows that the bit is on and
// that its file system honours it.
func setuidProgram(t *testing.T, g rig) {
	dir := folder(t)
	program := dir + "/attack"
	BuildAttack(t, dir)
	if err := os.Chmod(program, 0o755|os.ModeSetuid|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setxattr(program, "security.capability", everyCapability(), 0); privileged() && err != nil {
		t.Fatal(err)
	}
	if privileged() {
		c := exec.Command(visible(t, program), "suid")
		c.Dir = "/"
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := c.Output()
		if err != nil {
			t.Fatal(err)
		}
		found := outcome{out: string(out)}.findings(t)
		wantDone(t, found)
		if !hasTry(found, "gain by setuid") {
			t.Errorf("the control outside gained nothing: %v", found)
		}
	} else {
		wantDone(t, g.attackOutside(t, false, "suid"))
	}
	box := g.box(t, sandbox.Spec{Mounts: []sandbox.Mount{{Host: dir, Target: "/suid"}, {Host: folder(t), Target: "/data", Writable: true}}})
	o := run(t, box, sandbox.Command{Argv: []string{"/suid/attack", "suid"}})
	ok(t, o)
	wantRefused(t, o.findings(t))
	// What the workload makes itself isn't honoured either.
	o = run(t, box, sandbox.Command{Argv: []string{"sh", "-c", "cp /suid/attack /data/own; chmod 6755 /data/own; exec /data/own suid"}})
	wantRefused(t, o.findings(t))
}

// leftSetuid looks on the host at what a workload left in a mount: a file of the
// host's user with the setuid bit gives his powers to whoever runs it there.
func leftSetuid(t *testing.T, g rig) {
	outside := folder(t)
	t.Log(g.attackOutside(t, false, "leave-setuid", outside))
	if left := setuidFiles(t, outside); len(left) < 8 {
		t.Errorf("the control outside shows too little: %q", left)
	}
	box, dir := g.workspace(t, sandbox.Limits{})
	t.Log(attackIn(t, box, "leave-setuid", "/data"))
	sh(t, box, "cp /bin/true /data/copied; chmod 6755 /data/copied || true; install -m 4755 /bin/true /data/installed || true; chmod u+s,g+s /data/copied || true")
	if left := setuidFiles(t, dir); len(left) > 0 {
		t.Errorf("the box left on the host %q", left)
	}
}

// setuidFiles are the files in a folder that have the setuid or setgid bit.
func setuidFiles(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&(os.ModeSetuid|os.ModeSetgid) != 0 {
			left = append(left, e.Name())
		}
	}
	return left
}

// everyCapability is a file capability of version 2, effective: all of them.
func everyCapability() []byte {
	return []byte{1, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 1, 0, 0, 0, 0, 0, 0}
}

// visible makes every folder above a path enterable for others, and returns the
// path: a test's temporary folder is for its user alone.
func visible(t *testing.T, path string) string {
	t.Helper()
	copied, err := os.MkdirTemp("/var/tmp", "isekai-suid-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(copied) }) // a copy
	if err := os.Chmod(copied, 0o755); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied+"/attack", b, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(copied+"/attack", 0o755|os.ModeSetuid|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	return copied + "/attack"
}
