package ns

import (
	"encoding/binary"
	"slices"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// verdict runs the assembled filter on one system call.
func verdict(t *testing.T, prog []byte, arch, nr uint32, args ...uint64) uint32 {
	t.Helper()
	// The virtual machine of x/net/bpf reads packets, in network order; struct
	// seccomp_data is in host order. Each word is turned round.
	data := make([]byte, 64)
	binary.BigEndian.PutUint32(data[dataNr:], nr)
	binary.BigEndian.PutUint32(data[dataArch:], arch)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[dataArgs+8*i:], uint32(a))
		binary.BigEndian.PutUint32(data[dataArgs+8*i+4:], uint32(a>>32))
	}
	var insts []bpf.Instruction
	for ; len(prog) > 0; prog = prog[8:] {
		raw := bpf.RawInstruction{Op: binary.NativeEndian.Uint16(prog), Jt: prog[2], Jf: prog[3], K: binary.NativeEndian.Uint32(prog[4:])}
		insts = append(insts, raw.Disassemble())
	}
	vm, err := bpf.NewVM(insts)
	if err != nil {
		t.Fatal(err)
	}
	got, err := vm.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(got)
}

func TestSeccompVerdicts(t *testing.T) {
	prog, err := seccompProgram()
	if err != nil {
		t.Fatal(err)
	}
	const (
		allow = unix.SECCOMP_RET_ALLOW
		kill  = unix.SECCOMP_RET_KILL_PROCESS
	)
	no := func(e unix.Errno) uint32 { return unix.SECCOMP_RET_ERRNO | uint32(e) }
	for _, c := range []struct {
		name string
		nr   uint32
		args []uint64
		want uint32
	}{
		{"read", unix.SYS_READ, nil, allow},
		{"execve", unix.SYS_EXECVE, nil, allow},
		{"thread", unix.SYS_CLONE, []uint64{unix.CLONE_VM | unix.CLONE_THREAD | unix.CLONE_SIGHAND}, allow},
		{"fork", unix.SYS_CLONE, []uint64{uint64(unix.SIGCHLD)}, allow},
		{"new user namespace", unix.SYS_CLONE, []uint64{unix.CLONE_NEWUSER | uint64(unix.SIGCHLD)}, no(unix.EPERM)},
		{"new network", unix.SYS_CLONE, []uint64{unix.CLONE_NEWNET}, no(unix.EPERM)},
		{"clone3", unix.SYS_CLONE3, nil, no(unix.ENOSYS)},
		{"tcp", unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_STREAM | unix.SOCK_CLOEXEC, 0}, allow},
		{"tcp6", unix.SYS_SOCKET, []uint64{unix.AF_INET6, unix.SOCK_STREAM, unix.IPPROTO_TCP}, allow},
		{"udp", unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_DGRAM | unix.SOCK_NONBLOCK, unix.IPPROTO_UDP}, allow},
		{"ping socket", unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_ICMP}, no(unix.EPROTONOSUPPORT)},
		{"raw", unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP}, no(unix.EPROTONOSUPPORT)},
		{"sctp", unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_SEQPACKET, 132}, no(unix.EPROTONOSUPPORT)},
		{"unix", unix.SYS_SOCKET, []uint64{unix.AF_UNIX, unix.SOCK_SEQPACKET, 0}, allow},
		{"netlink", unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, 0}, no(unix.EAFNOSUPPORT)},
		{"packet", unix.SYS_SOCKET, []uint64{unix.AF_PACKET, unix.SOCK_RAW, 0}, no(unix.EAFNOSUPPORT)},
		{"kernel crypto", unix.SYS_SOCKET, []uint64{unix.AF_ALG, unix.SOCK_SEQPACKET, 0}, no(unix.EAFNOSUPPORT)},
		{"vsock", unix.SYS_SOCKET, []uint64{unix.AF_VSOCK, unix.SOCK_STREAM, 0}, no(unix.EAFNOSUPPORT)},
		{"socket pair", unix.SYS_SOCKETPAIR, []uint64{unix.AF_UNIX, unix.SOCK_STREAM, 0}, allow},
		{"inet pair", unix.SYS_SOCKETPAIR, []uint64{unix.AF_INET, unix.SOCK_STREAM, 0}, no(unix.EAFNOSUPPORT)},
		{"chmod", unix.SYS_FCHMODAT, []uint64{0, 0, 0o755}, allow},
		{"chmod u+s", unix.SYS_FCHMODAT, []uint64{0, 0, 0o4755}, no(unix.EPERM)},
		{"chmod g+s", unix.SYS_FCHMOD, []uint64{0, 0o2755}, no(unix.EPERM)},
		{"create", unix.SYS_OPENAT, []uint64{0, 0, unix.O_CREAT | unix.O_WRONLY, 0o644}, allow},
		{"create with u+s", unix.SYS_OPENAT, []uint64{0, 0, unix.O_CREAT | unix.O_WRONLY, 0o4755}, no(unix.EPERM)},
		{"nameless with u+s", unix.SYS_OPENAT, []uint64{0, 0, unix.O_TMPFILE | unix.O_WRONLY, 0o4755}, no(unix.EPERM)},
		{"a folder, and no mode", unix.SYS_OPENAT, []uint64{0, 0, unix.O_DIRECTORY, 0o7777}, allow},
		{"openat2", unix.SYS_OPENAT2, nil, no(unix.ENOSYS)},
		{"own limits", unix.SYS_PRLIMIT64, []uint64{0, unix.RLIMIT_NOFILE}, allow},
		{"another's limits", unix.SYS_PRLIMIT64, []uint64{1, unix.RLIMIT_NOFILE}, no(unix.EPERM)},
		{"terminal size", unix.SYS_IOCTL, []uint64{1, unix.TIOCGWINSZ}, allow},
		{"typing into a terminal", unix.SYS_IOCTL, []uint64{1, unix.TIOCSTI}, no(unix.EPERM)},
		{"a call of tomorrow", lastKnown + 1, nil, no(unix.ENOSYS)},
		{"a call of next year", 900, nil, no(unix.ENOSYS)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := verdict(t, prog, auditArch, c.nr, c.args...); got != c.want {
				t.Errorf("got %#x, want %#x", got, c.want)
			}
		})
	}
	if got := verdict(t, prog, unix.AUDIT_ARCH_I386, unix.SYS_READ); got != kill {
		t.Errorf("another architecture: got %#x, want it killed", got)
	}
	if got := verdict(t, prog, auditArch, unix.SYS_READ|x32Bit); got != kill {
		t.Errorf("x32: got %#x, want it killed", got)
	}
}

// Every number that is in no list is refused, and every one that is in the list is
// allowed: the search must not be off by one anywhere.
func TestSeccompSearch(t *testing.T) {
	prog, err := seccompProgram()
	if err != nil {
		t.Fatal(err)
	}
	list := slices.Concat(allowed, allowedHere)
	special := []uint32{unix.SYS_CLONE, unix.SYS_CLONE3, unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_PRLIMIT64, unix.SYS_IOCTL, unix.SYS_OPENAT2}
	for _, c := range modeCalls {
		special = append(special, c.nr)
	}
	for nr := range uint32(600) {
		want := uint32(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM))
		switch {
		case slices.Contains(special, nr):
			continue
		case slices.Contains(list, nr):
			want = unix.SECCOMP_RET_ALLOW
		case nr > lastKnown:
			want = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
		}
		if got := verdict(t, prog, auditArch, nr); got != want {
			t.Errorf("system call %d: got %#x, want %#x", nr, got, want)
		}
	}
}

// What the issue of a hostile workload is about stays out of the list.
func TestSeccompNeverAllows(t *testing.T) {
	list := slices.Concat(allowed, allowedHere)
	for _, nr := range []uint32{
		unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_FSOPEN,
		unix.SYS_FSMOUNT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_MOUNT_SETATTR, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT,
		unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN,
		unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_USERFAULTFD, unix.SYS_PERSONALITY, unix.SYS_INIT_MODULE,
		unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_MEMFD_CREATE,
		unix.SYS_MEMFD_SECRET, unix.SYS_SHMGET, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_SYSLOG, unix.SYS_SETHOSTNAME, unix.SYS_ACCT,
		unix.SYS_QUOTACTL, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP, unix.SYS_SCHED_SETAFFINITY,
	} {
		if slices.Contains(list, nr) {
			t.Errorf("system call %d is in the list", nr)
		}
	}
}
