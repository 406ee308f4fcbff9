package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// processAttacks reach into other processes, whose pids are the arguments.
func processAttacks() map[string]attack {
	return map[string]attack{
		"ptrace": eachPid("ptrace", func(pid int) error {
			return raw(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(pid), 0, 0)
		}),
		"vm_readv": eachPid("process_vm_readv", func(pid int) error {
			return vm(unix.SYS_PROCESS_VM_READV, pid)
		}),
		"vm_writev": eachPid("process_vm_writev", func(pid int) error {
			return vm(unix.SYS_PROCESS_VM_WRITEV, pid)
		}),
		"signal": eachPid("signal", func(pid int) error { return unix.Kill(pid, 0) }),
		"proc":   proc,
		"kill-init": func(r report, _ []string) {
			for sig := syscall.Signal(1); sig <= 64; sig++ {
				r.call(fmt.Sprintf("signal %d to PID 1", sig), unix.Kill(1, sig))
			}
		},
		"kill-all": killAll,
	}
}

func eachPid(verb string, f func(pid int) error) attack {
	return func(r report, args []string) {
		for _, arg := range args {
			pid, err := strconv.Atoi(arg)
			must(err)
			r.call(verb+" "+arg, f(pid), unix.ESRCH)
		}
	}
}

// vm reads or writes a byte at an address that no process has: EFAULT says that
// the kernel was ready to do it.
func vm(trap uintptr, pid int) error {
	var b byte
	local := unix.Iovec{Base: &b, Len: 1}
	remote := unix.RemoteIovec{Base: 1, Len: 1}
	return raw(trap, uintptr(pid), uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
}

func pidfdGetfd(r report, args []string) {
	for _, arg := range args {
		pid, err := strconv.Atoi(arg)
		must(err)
		fd, err := unix.PidfdOpen(pid, 0)
		if err == nil {
			_, err = unix.PidfdGetfd(fd, 0, 0)
		}
		r.call("take a descriptor of "+arg, err, unix.ESRCH, unix.EINVAL)
	}
}

// proc looks at what /proc tells of a process to its owner alone. What it tells
// to everyone (cmdline, stat, status) is the business of the canary hunt.
func proc(r report, args []string) {
	for _, pid := range args {
		dir := "/proc/" + pid + "/"
		for _, name := range []string{"environ", "auxv", "maps", "stack", "syscall"} {
			b, err := os.ReadFile(dir + name)
			if err == nil && len(b) == 0 {
				r.refused("read "+dir+name, "empty")
				continue
			}
			r.call("read "+dir+name, err, unix.ENOENT)
		}
		for _, name := range []string{"fd", "root", "map_files", "cwd"} {
			entries, err := os.ReadDir(dir + name)
			if err == nil && len(entries) == 0 {
				r.refused("list "+dir+name, "empty")
				continue
			}
			r.call("list "+dir+name, err, unix.ENOENT)
		}
		for _, name := range []string{"exe", "ns/user"} {
			_, err := os.Readlink(dir + name)
			r.call("follow "+dir+name, err, unix.ENOENT)
		}
		for _, name := range []string{"mem", "oom_score_adj", "uid_map", "coredump_filter"} {
			r.call("open for writing "+dir+name, openWrite(dir+name), unix.ENOENT)
		}
	}
}

func openWrite(path string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err == nil {
		_ = unix.Close(fd) // nothing was written
	}
	return err
}

// killAll kills every process that it may, and says whether a child of its own
// was among them.
func killAll(r report, _ []string) {
	pid, err := idle()
	must(err)
	err = unix.Kill(-1, unix.SIGKILL)
	if err != nil {
		r.call("kill everybody", err)
		reap([]int{pid})
		return
	}
	r.call("kill everybody", nil)
	_, _ = unix.Wait4(pid, nil, 0, nil) // it is dead
}
