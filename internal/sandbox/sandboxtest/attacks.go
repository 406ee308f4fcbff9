package sandboxtest

import "testing"

// callTests are the attacks that are judged by their findings alone, as tests.
func callTests() tests {
	all := tests{}
	for _, a := range callAttacks() {
		all[a.name] = func(t *testing.T, g rig) { g.try(t, a) }
	}
	return all
}

// callAttacks are those that are judged by their findings alone.
func callAttacks() []callAttack {
	all := []callAttack{
		// Mounts and namespaces.
		{name: "mount", control: spaced},
		{name: "remount", control: spaced},
		{name: "umount", control: spaced},
		{name: "fsopen", control: spaced},
		{name: "open_tree", control: spaced},
		{name: "pivot_root", control: spaced},
		{name: "chroot", control: spaced},
		{name: "setns", args: []string{"self", "1"}, control: spaced},
		{name: "clone3", control: plain},
		// The kernel.
		{name: "module", control: rooted, maybe: true},
		{name: "kexec", control: rooted, maybe: true},
		{name: "bpf", control: rooted},
		{name: "perf_event_open", control: rooted},
		{name: "io_uring", control: rooted},
		{name: "userfaultfd", control: plain},
		{name: "keyctl", control: plain},
		{name: "syslog", control: rooted},
		{name: "swapon", control: rooted},
		{name: "acct", control: rooted, maybe: true},
		{name: "reboot", control: rooted},
		{name: "settimeofday", control: rooted},
		{name: "sethostname", control: spaced},
		{name: "fanotify", control: rooted},
		{name: "open_by_handle", control: rooted},
		{name: "personality", control: plain},
		{name: "process_madvise", control: plain},
		{name: "x32", control: plain, maybe: true},
		{name: "int80", control: plain, maybe: true},
		// Sockets.
		{name: "netlink", control: plain},
		{name: "netlink-change", control: spaced},
		{name: "socket-raw", control: spaced},
		{name: "socket-raw6", control: spaced},
		{name: "socket-packet", control: spaced},
		{name: "socket-xdp", control: spaced, maybe: true},
		{name: "socket-vsock", control: plain, maybe: true},
		// Powers.
		{name: "setuid", control: spaced},
		{name: "capset", control: spaced},
		{name: "seccomp-off", control: spaced},
		{name: "prctl", control: spaced},
		// Devices.
		{name: "devices", control: rooted},
	}
	for _, kind := range []string{"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"} {
		all = append(all, callAttack{name: "unshare-" + kind}, callAttack{name: "clone-" + kind})
	}
	for _, family := range []string{"alg", "bluetooth", "can", "key", "tipc", "rds", "smc", "kcm", "nfc", "x25", "qipcrtr", "sctp"} {
		all = append(all, callAttack{name: "socket-" + family, control: plain, maybe: true})
	}
	return all
}
