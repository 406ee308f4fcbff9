package ns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/ns/boot"
)

// Probe says what this host can enforce, first each thing for itself, then by starting
// a box. See sandbox.Driver.
func (d *Driver) Probe(ctx context.Context) sandbox.Report {
	checks := []sandbox.Check{kernelCheck()}
	for _, n := range []struct{ name, file string }{
		{"user", "user"}, {"mount", "mnt"}, {"PID", "pid"}, {"network", "net"}, {"IPC", "ipc"}, {"UTS", "uts"}, {"cgroup", "cgroup"},
	} {
		checks = append(checks, namespaceCheck(n.name, n.file))
	}
	checks = append(checks, landlockCheck(), seccompCheck())
	checks = append(checks, d.limitChecks()...)
	return sandbox.Report{Checks: append(checks, d.boxChecks(ctx)...)}
}

func kernelCheck() sandbox.Check {
	var u unix.Utsname
	_ = unix.Uname(&u)
	release := unix.ByteSliceToString(u.Release[:])
	var major, minor int
	fmt.Sscanf(release, "%d.%d", &major, &minor)
	return sandbox.Check{Name: "kernel", OK: major > 5 || major == 5 && minor >= 14, Detail: "Linux " + release, Hint: "Linux 5.14 or newer is needed"}
}

func namespaceCheck(name, file string) sandbox.Check {
	c := sandbox.Check{Name: name + " namespace", OK: true, Detail: "the kernel has it"}
	if _, err := os.Stat("/proc/self/ns/" + file); err != nil {
		c.OK, c.Detail, c.Hint = false, "the kernel doesn't have it", "use a kernel with namespaces"
		return c
	}
	if limit := number("/proc/sys/user/max_" + file + "_namespaces"); limit == 0 {
		c.OK, c.Detail = false, "user.max_"+file+"_namespaces is 0"
		c.Hint = "sysctl user.max_" + file + "_namespaces=10000"
	}
	return c
}

func landlockCheck() sandbox.Check {
	version := boot.LandlockVersion()
	return sandbox.Check{Name: "Landlock", OK: version > 0, Detail: fmt.Sprintf("ABI version %d", version),
		Hint: "boot with landlock in the lsm= list, or use a kernel with CONFIG_SECURITY_LANDLOCK"}
}

func seccompCheck() sandbox.Check {
	err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, 0, 0, 0)
	return sandbox.Check{Name: "seccomp", OK: errors.Is(err, syscall.EFAULT), Detail: "filters", // EFAULT: it looked for the filter
		Hint: "use a kernel with CONFIG_SECCOMP_FILTER"}
}

// limitChecks says by what each limit is enforced.
func (d *Driver) limitChecks() []sandbox.Check {
	by := func(name, dir, file, else_ string) sandbox.Check {
		switch {
		case d.groups.unified != "":
			return sandbox.Check{Name: name, OK: true, Detail: "cgroup v2 in " + d.groups.unified}
		case dir != "":
			return sandbox.Check{Name: name, OK: true, Detail: "cgroup v1, " + file + " in " + dir}
		}
		return sandbox.Check{Name: name, OK: true, Detail: else_}
	}
	watched := "no cgroup can be written: the box's first process "
	fixed := func(name, detail string) sandbox.Check { return sandbox.Check{Name: name, OK: true, Detail: detail} }
	return []sandbox.Check{
		by("memory limit", d.groups.memory, "memory.limit_in_bytes", watched+"adds up resident memory every 5 to 40 ms; RLIMIT_DATA bounds each process"),
		by("process limit", d.groups.pids, "pids.max", "no cgroup can be written: RLIMIT_NPROC within the box's user namespace"),
		by("CPU limit", d.groups.cpu, "cpu.cfs_quota_us", watched+"stops the others while they have used more than their share; core affinity bounds them"),
		d.swapCheck(),
		fixed("disk limit", "the size of /tmp's file system; writable mounts are measured when their file system changes, every 5 to 40 ms"),
		fixed("CPU time limit", "RLIMIT_CPU"), fixed("wall time limit", "timer"), fixed("output limit", "pipes"),
		fixed("open file limit", "RLIMIT_NOFILE"), fixed("file size limit", "RLIMIT_FSIZE"),
	}
}

func (d *Driver) swapCheck() sandbox.Check {
	c := sandbox.Check{Name: "swap", OK: true, Detail: "counted with memory"}
	if swaps, err := os.ReadFile("/proc/swaps"); err == nil && strings.Count(string(swaps), "\n") <= 1 {
		c.Detail = "the host has none"
	}
	return c
}

// boxChecks starts a box with a writable mount and runs a program in it.
func (d *Driver) boxChecks(ctx context.Context) []sandbox.Check {
	start := sandbox.Check{Name: "box", Detail: "pivot_root, read-only root, devices, /proc and loopback"}
	owner := sandbox.Check{Name: "writable mounts", Detail: "the workload has the caller's uid"}
	if d.root {
		owner.Detail = "mapped to the owner of the folder (idmapped mounts)"
	}
	err := d.tryBox(ctx)
	start.OK, owner.OK = err == nil, err == nil
	if err != nil {
		start.Detail = err.Error()
		owner.Detail = "not tried: no box"
		var e *core.Error
		if errors.As(err, &e) {
			start.Hint = e.Hint
		}
	}
	return []sandbox.Check{start, owner}
}

func (d *Driver) tryBox(ctx context.Context) error {
	dir, err := os.MkdirTemp(d.dir, "probe-*")
	if err != nil {
		return core.E(core.Unavailable, "sandbox.probe", "can't write the run folder").Because(err)
	}
	defer os.RemoveAll(dir)
	scope := core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "probe"}}
	b, err := d.Create(ctx, scope, sandbox.Spec{Mounts: []sandbox.Mount{{Host: dir, Target: "/workspace", Writable: true}}})
	if err != nil {
		return err
	}
	defer b.Kill(ctx)
	exit, err := b.Exec(ctx, sandbox.Command{Argv: []string{"/bin/sh", "-c", "echo written > /workspace/file"}})
	if err != nil {
		return err
	}
	if data, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(data) != "written\n" || !exit.OK() {
		return core.E(core.Unsupported, "sandbox.probe", fmt.Sprintf("a box can't write to its mount (%s, code %d)", exit.Reason, exit.Code))
	}
	return nil
}
