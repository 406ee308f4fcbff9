package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// identityAttacks become somebody else, or get back what was taken. To be called
// root within a user namespace is nothing; to have a capability is.
func identityAttacks() map[string]attack {
	return map[string]attack{
		"setuid": func(r report, _ []string) {
			_ = syscall.Setgroups(nil) // what counts is what comes of it
			_ = syscall.Setresgid(0, 0, 0)
			_ = syscall.Setresuid(0, 0, 0)
			r.powers("become root")
		},
		"capset":       capset,
		"suid":         suid,
		"seccomp-off":  seccompOff,
		"prctl":        prctl,
		"leave-setuid": leaveSetuid,
	}
}

// powers reports whether this thread has a capability.
func (r report) powers(try string) {
	var data [2]unix.CapUserData
	must(unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &data[0]))
	got := fmt.Sprintf("uid %d, effective capabilities %08x%08x", os.Geteuid(), data[1].Effective, data[0].Effective)
	if data[0].Effective|data[1].Effective != 0 {
		r.done(try, got)
	} else {
		r.refused(try, got)
	}
}

func capset(r report, _ []string) {
	runtime.LockOSThread()
	for c := range 41 {
		head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var data [2]unix.CapUserData
		must(unix.Capget(&head, &data[0]))
		data[c/32].Permitted |= 1 << (c % 32)
		data[c/32].Effective |= 1 << (c % 32)
		_ = unix.Capset(&head, &data[0]) // what counts is what comes of it
	}
	r.powers("take every capability")
}

// suid is run from a file with the setuid bit: it reports whether the mount
// honours the bit, and whether it became somebody else by it.
func suid(r report, _ []string) {
	exe, err := os.Executable()
	must(err)
	var fs unix.Statfs_t
	must(unix.Statfs(filepath.Dir(exe), &fs))
	if fs.Flags&unix.ST_NOSUID != 0 {
		r.refused("run from a mount that honours setuid", "nosuid")
	} else {
		r.done("run from a mount that honours setuid", "flags")
	}
	got := fmt.Sprintf("uid %d, effective %d", os.Getuid(), os.Geteuid())
	if os.Getuid() != os.Geteuid() {
		r.done("gain by setuid", got)
	} else {
		r.refused("gain by setuid", got)
	}
}

// seccompOff adds a filter that allows everything, and then does what the first
// filter forbids.
func seccompOff(r report, _ []string) {
	runtime.LockOSThread()
	_ = unix.Prctl(unix.PR_SET_SECCOMP, 0, 0, 0, 0) // what counts is what comes of it
	allow := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}}
	program := unix.SockFprog{Len: 1, Filter: &allow[0]}
	_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	_ = unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
	r.call("mount, with a filter that allows it", unix.Mount("none", "/tmp", "tmpfs", 0, ""))
	r.call("unshare, with a filter that allows it", forked(unix.SYS_UNSHARE, unix.CLONE_NEWUSER, 0, 0))
}

// prctl takes back what was given up for good.
func prctl(r report, _ []string) {
	runtime.LockOSThread()
	if unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == nil {
		r.done("unset no_new_privs", "ok")
	}
	r.call("change the securebits", unix.Prctl(unix.PR_SET_SECUREBITS, 1, 0, 0, 0))
	r.call("drop from the bounding set", unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_ADMIN, 0, 0, 0))
	r.call("claim an ambient capability", unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_KILL, 0, 0))
}
