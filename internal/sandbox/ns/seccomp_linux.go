package ns

import (
	"encoding/binary"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/core"
)

// The parts of struct seccomp_data, by offset. Arguments are 64 bits wide; every
// architecture that we build for has the low half first.
const (
	dataNr   = 0
	dataArch = 4
	dataArgs = 16
)

const (
	x32Bit = 0x40000000
	// lastKnown is the newest system call that this list was made with knowledge of.
	// Newer ones are "not implemented", so that programs fall back.
	lastKnown = 470

	namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
		unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET
)

// A filter is a run of instructions that is entered with the system call's number
// loaded, and left at its end with the number loaded if it has not decided.
type filter []bpf.Instruction

func ret(action uint32) bpf.Instruction { return bpf.RetConstant{Val: action} }
func deny(e unix.Errno) bpf.Instruction { return ret(unix.SECCOMP_RET_ERRNO | uint32(e)) }
func load(offset uint32) bpf.Instruction {
	return bpf.LoadAbsolute{Off: offset, Size: 4}
}
func arg(i uint32) bpf.Instruction { return load(dataArgs + 8*i) }

// unless skips the next n instructions if the loaded value is v.
func unless(v uint32, n uint8) bpf.Instruction {
	return bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipTrue: n}
}

// onlyIf runs the next n instructions if the loaded value is v.
func onlyIf(v uint32, n uint8) bpf.Instruction {
	return bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: v, SkipTrue: n}
}

// call decides one system call by body, which must end in a return.
func call(nr uint32, body ...bpf.Instruction) filter {
	return append(filter{onlyIf(nr, uint8(len(body)))}, body...)
}

// seccompProgram assembles the filter as an array of struct sock_filter.
func seccompProgram() ([]byte, error) {
	f := filter{
		load(dataArch), unless(auditArch, 1), ret(unix.SECCOMP_RET_KILL_PROCESS),
		load(dataNr),
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: x32Bit, SkipTrue: 1}, ret(unix.SECCOMP_RET_KILL_PROCESS),
	}
	for _, part := range []filter{cloneFilter(), socketFilter(), modeFilters(), otherFilters()} {
		f = append(f, part...)
	}
	f = append(f, search(ranges(slices.Concat(allowed, allowedHere)))...)
	raw, err := bpf.Assemble(f)
	if err != nil {
		return nil, core.E(core.Internal, "sandbox.new", "can't assemble the seccomp filter").Because(err)
	}
	var out []byte
	for _, r := range raw {
		out = binary.NativeEndian.AppendUint16(out, r.Op)
		out = append(out, r.Jt, r.Jf)
		out = binary.NativeEndian.AppendUint32(out, r.K)
	}
	return out, nil
}

// span is a run of system call numbers that are answered alike, up to the next span.
type span struct {
	first uint32
	then  bpf.Instruction
}

// ranges cuts the numbers into spans: allowed, denied, and not known.
func ranges(allowed []uint32) []span {
	slices.Sort(allowed)
	allow, refuse := ret(unix.SECCOMP_RET_ALLOW), deny(unix.EPERM)
	spans := []span{{0, refuse}}
	add := func(s span) {
		if last := &spans[len(spans)-1]; last.first == s.first {
			*last = s
		} else {
			spans = append(spans, s)
		}
	}
	for i, nr := range allowed {
		if i == 0 || allowed[i-1]+1 != nr {
			add(span{nr, allow})
		}
		if i == len(allowed)-1 || allowed[i+1] != nr+1 {
			add(span{nr + 1, refuse})
		}
	}
	return append(spans, span{lastKnown + 1, deny(unix.ENOSYS)})
}

// search finds the span of the loaded number by halving. The kernel runs a new filter
// once for every number there is, so a list looked through from its start would cost
// each command a third of a millisecond.
func search(spans []span) filter {
	if len(spans) == 1 {
		return filter{spans[0].then}
	}
	half := len(spans) / 2
	low, high := search(spans[:half]), search(spans[half:])
	if len(low) < 256 {
		return append(append(filter{bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: spans[half].first, SkipTrue: uint8(len(low))}}, low...), high...)
	}
	return append(append(filter{
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: spans[half].first, SkipTrue: 1}, bpf.Jump{Skip: uint32(len(low))},
	}, low...), high...)
}

// cloneFilter allows threads and processes and no namespaces. clone3 has its flags
// behind a pointer, where a filter can't look: it isn't implemented, and libraries
// use clone.
func cloneFilter() filter {
	return append(call(unix.SYS_CLONE3, deny(unix.ENOSYS)),
		call(unix.SYS_CLONE,
			arg(0), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: namespaces, SkipTrue: 1},
			ret(unix.SECCOMP_RET_ALLOW), deny(unix.EPERM))...)
}

// socketFilter allows stream and datagram sockets over IP and UNIX: no raw, packet,
// netlink, vsock or kernel crypto ones.
func socketFilter() filter {
	const typeMask = 0xf // the rest are SOCK_NONBLOCK and SOCK_CLOEXEC
	socket := call(unix.SYS_SOCKET,
		arg(0), // 1
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_UNIX, SkipTrue: 12}, // 2, to 15
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_INET, SkipTrue: 2},  // 3, to 6
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_INET6, SkipTrue: 1}, // 4, to 6
		deny(unix.EAFNOSUPPORT),                                    // 5
		arg(1), bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: typeMask}, // 6, 7
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SOCK_STREAM, SkipTrue: 1},   // 8, to 10
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SOCK_DGRAM, SkipTrue: 4}, // 9, to 14
		arg(2), // 10
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 3},                // 11, to 15
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_TCP, SkipTrue: 2}, // 12, to 15
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_UDP, SkipTrue: 1}, // 13, to 15
		deny(unix.EPROTONOSUPPORT),                                          // 14
		ret(unix.SECCOMP_RET_ALLOW),                                         // 15
	)
	return append(socket, call(unix.SYS_SOCKETPAIR,
		arg(0), unless(unix.AF_UNIX, 1), deny(unix.EAFNOSUPPORT), ret(unix.SECCOMP_RET_ALLOW))...)
}

// modeFilters refuse to set the set-user-id and set-group-id bits: what a workload
// writes into a mount belongs, on the host, to whoever owns the folder. openat2 has its
// mode behind a pointer: it isn't implemented, and libraries use openat.
func modeFilters() (f filter) {
	const (
		bits    = unix.S_ISUID | unix.S_ISGID
		creates = unix.O_CREAT | unix.O_TMPFILE&^unix.O_DIRECTORY // without these a mode is no mode
	)
	for _, c := range modeCalls {
		body := filter{
			arg(c.mode), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: bits, SkipTrue: 1},
			ret(unix.SECCOMP_RET_ALLOW), deny(unix.EPERM),
		}
		if c.flags != 0 {
			body = append(filter{
				arg(c.flags), bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: creates, SkipTrue: 1}, ret(unix.SECCOMP_RET_ALLOW),
			}, body...)
		}
		f = append(f, call(c.nr, body...)...)
	}
	return append(f, call(unix.SYS_OPENAT2, deny(unix.ENOSYS))...)
}

// modeCall is a system call that gives a file its mode: in which argument, and, if the
// mode counts with some flags only, where those are.
type modeCall struct{ nr, mode, flags uint32 }

var modeCalls = append([]modeCall{
	{nr: unix.SYS_FCHMOD, mode: 1}, {nr: unix.SYS_FCHMODAT, mode: 2}, {nr: unix.SYS_FCHMODAT2, mode: 2},
	{nr: unix.SYS_MKDIRAT, mode: 2}, {nr: unix.SYS_MKNODAT, mode: 2}, {nr: unix.SYS_OPENAT, mode: 3, flags: 2},
}, modeCallsHere...)

// otherFilters allows limits of the process itself, and every ioctl that can't put
// words into a terminal.
func otherFilters() filter {
	limits := call(unix.SYS_PRLIMIT64, arg(0), unless(0, 1), deny(unix.EPERM), ret(unix.SECCOMP_RET_ALLOW))
	return append(limits, call(unix.SYS_IOCTL, arg(1),
		unless(unix.TIOCSTI, 2), unless(unix.TIOCLINUX, 1), ret(unix.SECCOMP_RET_ALLOW), deny(unix.EPERM))...)
}
