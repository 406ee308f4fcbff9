package sandboxtest

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/sandboxtest/finding"
)

// canary is a secret of the host: where it turns up in a box, there is a hole.
type canary struct {
	text   string
	folder string // on the host
	file   string // in it; for its owner alone
}

// plantCanary puts a canary into the environment of this process, where a driver
// would take it from for the box, and into a file.
func plantCanary(t *testing.T) canary {
	t.Helper()
	c := canary{text: "canary-" + rand.Text(), folder: folder(t)}
	c.file = filepath.Join(c.folder, "secret")
	if err := os.WriteFile(c.file, []byte(c.text), 0o600); err != nil {
		t.Fatal(err)
	}
	const name = "ISEKAI_TEST_CANARY"
	if err := os.Setenv(name, c.text); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Unsetenv(name) }) // the name is valid
	return c
}

func hostFileTests(c canary) tests {
	return tests{
		"hunt for the server's secrets": c.hunted,
		"read the host's files":         c.read,
		"hard link the host's files":    c.linked,
		"write into the kernel":         writeKernel,
		"make device nodes":             makeDevices,
		"open a planted device node":    plantedDevice,
		"a symlink at a mount's target": plantedTarget,
		"a host file as stdin":          hostStdin,
		"a host file as stdout":         hostStdout,
	}
}

func (c canary) hunted(t *testing.T, g rig) {
	outside, cancel := g.outside(false, "hunt", c.folder)
	defer cancel()
	outside.Stdin = strings.NewReader(c.text)
	out, err := outside.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := outcome{out: string(out)}.findings(t)
	wantDone(t, found)
	if !hasTry(found, "environment") {
		t.Errorf("the canary isn't in the environment outside: %v", found)
	}
	box, dir := g.workspace(t, sandbox.Limits{CPU: 2})
	background(t, box, program("sleep", "60000")) // so that there is another process to look into
	hunt := func(text string) []finding.Finding {
		command := program("hunt", "/", "/proc", c.folder)
		command.Stdin = strings.NewReader(text)
		o := run(t, box, command)
		ok(t, o)
		return o.findings(t)
	}
	wantRefused(t, hunt(c.text))
	put(t, dir+"/decoy", "a decoy for the hunter")
	if found := hunt("decoy for the"); !hasTry(found, "hunt") {
		t.Errorf("the hunter is blind in the box: %v", found)
	}
}

func hasTry(all []finding.Finding, try string) bool {
	for _, f := range all {
		if f.Done && f.Try == try {
			return true
		}
	}
	return false
}

// read tries the paths of secrets. /etc/shadow may be there: a made one, which
// holds nothing.
func (c canary) read(t *testing.T, g rig) {
	secrets := []string{"/etc/shadow", "/etc/gshadow", "/root/.bash_history", "/root/.ssh", "/etc/ssh", "/var/run/docker.sock", "/run/docker.sock",
		"/etc/sudoers", "/boot", "/proc/kcore", "/proc/kmsg", "/proc/kallsyms", "/proc/sched_debug", "/proc/timer_list", "/proc/1/environ",
		"/sys/kernel/debug", "/sys/kernel/tracing", "/sys/firmware/efi", c.file, "/proc/1/root" + c.file, "/proc/self/root/../../" + c.file}
	wantDone(t, g.attackOutside(t, false, "read", c.file)) // as root, /etc/shadow goes the same way
	if privileged() {
		wantDone(t, g.attackOutside(t, false, "read", "/etc/shadow"))
	}
	for _, f := range attackIn(t, g.box(t, sandbox.Spec{}), append([]string{"read"}, secrets...)...) {
		if !f.Done {
			continue
		}
		path := strings.TrimPrefix(f.Try, "read ")
		harmless := strings.HasSuffix(path, "shadow") && !strings.Contains(f.Got, "$") || // without a password's hash
			path == "/proc/kallsyms" && strings.HasPrefix(f.Got, "0000000000000000 ") // without an address
		if !harmless {
			t.Errorf("in the box: %v", f)
		}
	}
}

func (c canary) linked(t *testing.T, g rig) {
	wantDone(t, g.attackOutside(t, false, "link", c.file, c.folder+"/link"))
	box, _ := g.workspace(t, sandbox.Limits{})
	for _, path := range []string{c.file, "/etc/passwd", "/bin/sh", "/attack/attack", "/proc/1/exe", "/proc/self/exe"} {
		wantRefused(t, attackIn(t, box, "link", path, "/data/link"))
	}
}

// writeKernel opens the switches of the kernel for writing. Outside it tries
// some; in the box, all that it finds.
func writeKernel(t *testing.T, g rig) {
	switches := []string{"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/panic_on_oom", "/proc/sysrq-trigger", "/proc/self/oom_adj",
		"/sys/kernel/uevent_helper", "/sys/power/state", "/proc/sys/fs/binfmt_misc/register", "/proc/irq/default_smp_affinity", "/proc/mtrr"}
	for _, pattern := range []string{"/sys/fs/cgroup/*/release_agent", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/*/cgroup.procs", "/sys/fs/cgroup/*/notify_on_release"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		switches = append(switches, found...)
	}
	outside := g.attackOutside(t, false, append([]string{"open-write"}, switches...)...)
	t.Logf("outside: %v", outside)
	there := 0
	for _, f := range outside {
		if f.Done || !privileged() && f.Got == "EACCES" { // there, and only for root
			there++
		}
	}
	if there < 3 {
		t.Errorf("the control outside shows too little: %v", outside)
	}
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{CPU: 2}})
	wantRefused(t, attackIn(t, box, append([]string{"open-write"}, switches...)...))
	wantRefused(t, attackIn(t, box, "write-everywhere", "/proc/sys", "/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/scsi"))
}

// makeDevices makes nodes. An ordinary user outside is shown that the one node
// that he may make is made.
func makeDevices(t *testing.T, g rig) {
	dir := folder(t)
	if privileged() {
		wantDone(t, g.attackOutside(t, false, "mknod", dir))
	} else if err := unix.Mknod(dir+"/whiteout", unix.S_IFCHR|0o666, 0); err != nil {
		t.Errorf("the control outside: %v", err)
	}
	box, _ := g.workspace(t, sandbox.Limits{})
	wantRefused(t, attackIn(t, box, "mknod", "/data", "/tmp"))
}

// plantedDevice has a node in a mount, made outside: /dev/zero if root makes it,
// and what else the one that everybody may make, whose driver answers ENXIO.
func plantedDevice(t *testing.T, g rig) {
	box, dir := g.workspace(t, sandbox.Limits{})
	node := 0
	if privileged() {
		node = int(unix.Mkdev(1, 5))
	}
	if err := unix.Mknod(dir+"/node", unix.S_IFCHR|0o666, node); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir+"/node", 0o666); err != nil {
		t.Fatal(err)
	}
	wantDone(t, g.attackOutside(t, false, "open-device", dir+"/node"))
	all := attackIn(t, box, "open-device", "/data/node")
	wantRefused(t, all)
	if len(all) == 0 || all[0].Got == "ENOENT" {
		t.Errorf("the node wasn't there to try: %v", all)
	}
	_, err := copied(t, box, "/data/node")
	wantCode(t, "copy", err, core.Invalid)
}

// plantedTarget mounts at a path at which a workload has left a symlink: what is
// mounted mustn't come to lie where that points.
func plantedTarget(t *testing.T, g rig) {
	for _, target := range []string{"/etc", "/", "/tmp", "/../../../../etc", "/proc/1/root/etc"} {
		outer, inner := folder(t), folder(t)
		put(t, inner+"/passwd", "planted")
		if err := os.Symlink(target, outer+"/sub"); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(outer + "/sub/."); err != nil && !strings.HasPrefix(target, "/proc") {
			t.Errorf("the control outside: the symlink leads nowhere: %v", err)
		}
		box, err := g.driver.Create(t.Context(), scope(), sandbox.Spec{Mounts: []sandbox.Mount{
			{Host: outer, Target: "/app", Writable: true}, {Host: inner, Target: "/app/sub"}}})
		if err != nil {
			wantCode(t, fmt.Sprintf("create with a symlink to %s", target), err, core.Invalid)
			continue
		}
		script := "cat /etc/passwd /passwd /tmp/passwd 2>/dev/null || true"
		if o := run(t, box, sandbox.Command{Argv: []string{"sh", "-c", script}}); strings.Contains(o.out, "planted") {
			t.Errorf("a symlink to %s: mounted there", target)
		}
		wantKilled(t, box)
	}
}
