package main

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernelAttacks call the parts of the kernel that no workload needs, and where
// its holes have been. Arguments are such that nothing happens when it works.
func kernelAttacks() map[string]attack {
	return map[string]attack{
		"module": func(r report, _ []string) {
			r.call("init_module", unix.InitModule(nil, ""))
			r.call("finit_module", unix.FinitModule(-1, "", 0))
			r.call("delete_module", raw(unix.SYS_DELETE_MODULE, 0, 0, 0))
		},
		"kexec": func(r report, _ []string) {
			const onCrash = 0x10000 | 1 // an architecture that isn't there
			r.call("kexec_load", raw(unix.SYS_KEXEC_LOAD, 0, 0, 0, onCrash))
			r.call("kexec_file_load", raw(unix.SYS_KEXEC_FILE_LOAD, bad, bad, 0, 0, 0))
		},
		"bpf":             bpf,
		"perf_event_open": perf,
		"io_uring":        ioURing,
		"userfaultfd":     func(r report, _ []string) { r.call("userfaultfd", raw(unix.SYS_USERFAULTFD, 1)) },
		"keyctl":          keys,
		"syslog":          func(r report, _ []string) { r.call("ask for the kernel's log", raw(unix.SYS_SYSLOG, 10, 0, 0)) },
		"swapon":          func(r report, _ []string) { r.call("swapon", raw(unix.SYS_SWAPON, 0, 0)) },
		"acct":            func(r report, _ []string) { r.call("acct", unix.Acct("/nonexistent/file")) },
		"reboot":          func(r report, _ []string) { r.call("reboot, with wrong magic", raw(unix.SYS_REBOOT, 1, 2, 3, 0)) },
		"settimeofday":    func(r report, _ []string) { r.call("settimeofday to nothing", raw(unix.SYS_SETTIMEOFDAY, 0, 0)) },
		"sethostname":     func(r report, _ []string) { r.call("sethostname", unix.Sethostname([]byte("taken"))) },
		"fanotify":        func(r report, _ []string) { r.call("fanotify_init", raw(unix.SYS_FANOTIFY_INIT, 0, 0)) },
		"open_by_handle":  openByHandle,
		"personality":     func(r report, _ []string) { r.call("turn off ASLR", raw(unix.SYS_PERSONALITY, 0x0040000)) },
		"process_madvise": func(r report, _ []string) { r.call("process_madvise", raw(unix.SYS_PROCESS_MADVISE, bad, 0, 0, 0, 0)) },
		"pidfd_getfd":     pidfdGetfd,
	}
}

const bad = ^uintptr(0) // a descriptor that isn't one

func raw(trap uintptr, a ...uintptr) error {
	var p [6]uintptr
	copy(p[:], a)
	_, _, e := unix.Syscall6(trap, p[0], p[1], p[2], p[3], p[4], p[5])
	return asError(e)
}

func bpf(r report, _ []string) {
	attr := struct{ kind, key, value, entries, flags uint32 }{2, 4, 8, 1, 0} // BPF_MAP_TYPE_ARRAY
	r.call("make a bpf map", raw(unix.SYS_BPF, 0, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr)))
}

func perf(r report, _ []string) {
	attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK,
		Bits: unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv}
	attr.Size = uint32(unsafe.Sizeof(attr))
	_, err := unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	r.call("perf_event_open on itself", err)
}

func ioURing(r report, _ []string) {
	var params [120]byte
	r.call("io_uring_setup", raw(unix.SYS_IO_URING_SETUP, 4, uintptr(unsafe.Pointer(&params))))
	r.call("io_uring_enter", raw(unix.SYS_IO_URING_ENTER, bad, 0, 0, 0, 0, 0))
	r.call("io_uring_register", raw(unix.SYS_IO_URING_REGISTER, bad, 0, 0, 0))
}

func keys(r report, _ []string) {
	_, err := unix.AddKey("user", "isekai-attack", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
	r.call("add_key", err)
	_, err = unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false)
	r.call("keyctl, the session keyring", err)
	_, err = unix.RequestKey("user", "isekai-none", "", 0)
	r.call("request_key", err)
}

// openByHandle is the way of the "shocker" exploit: a handle needs no path, so
// it names any file of the file system that a mount is on.
func openByHandle(r report, _ []string) {
	h, _, err := unix.NameToHandleAt(unix.AT_FDCWD, "/", 0)
	if err != nil { // the filter may refuse this one already
		h = unix.NewFileHandle(1, []byte{2, 0, 0, 0, 0, 0, 0, 0}) // the root of an ext4, guessed
	}
	root, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must(err)
	_, err = unix.OpenByHandleAt(root, h, unix.O_RDONLY)
	r.call("open_by_handle_at", err)
}
