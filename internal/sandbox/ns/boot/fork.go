//go:build linux

package boot

import (
	"syscall"
	"unsafe"
)

// The stages of starting a command, to say which one failed.
const (
	stageEnded = iota // no failure: the wait status
	stageStdio
	stageFork
	stageProc
	stageGroup
	stageLimit
	stageID
	stageCaps
	stageDir
	stageLandlock
	stageSeccomp
	stageExec
)

// Stages names the stages of Result.Stage.
var Stages = [...]string{"ended", "stdio", "fork", "proc", "cgroup", "rlimit", "uid", "capabilities", "working folder", "landlock", "seccomp", "execute"}

// StageDir is the stage that fails when the working folder isn't there.
const StageDir = stageDir

type capHeader struct {
	version uint32
	pid     int32
}

type filter struct {
	n    uint16
	code unsafe.Pointer
}

// plan is what leader and workload work from.
type plan struct {
	status                       uintptr
	stdio                        [3]int
	groups                       []int
	group2                       int
	rlimits                      []Rlimit
	shared, affine, nested       bool
	cpus                         [16]uint64
	ruleset, nice                uintptr
	argv, env, paths             []unsafe.Pointer
	dir                          unsafe.Pointer
	procName, procPath, procOpts unsafe.Pointer
	oomPath                      unsafe.Pointer
	oomScore                     [3]byte
	zero                         byte
	prog                         filter
	cap                          capHeader
	caps                         [6]uint32 // none
	mask                         uint64
	lim                          [2]uint64
	clone                        [11]uint64 // struct clone_args
	rec                          record
	wait                         int32
	pidfd                        int32
	workFn                       unsafe.Pointer
	leadStack, workStack         stack
}

// launch starts the leader, which starts the workload. It returns the leader's pid
// and a descriptor of it. The children run on this process's memory (spawnVM), which
// p holds together with their stacks: keep p until the leader has ended.
//
//go:noinline
//go:norace
//go:nocheckptr
func launch(p *plan) (pid, pidfd int, e syscall.Errno) {
	var mask uint64
	p.workFn = closure(work)
	fn := closure(lead)
	blockSignals(&mask)
	flags := uintptr(syscall.SIGCHLD) | cloneVM | clonePidfd
	if p.nested {
		flags |= syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
	}
	r, errno := spawnVM(syscall.SYS_CLONE, flags, p.leadStack.top(), uintptr(unsafe.Pointer(&p.pidfd)), fn, unsafe.Pointer(p))
	restoreSignals(&mask)
	return int(r), int(p.pidfd), syscall.Errno(errno)
}

// lead is the leader: it starts the workload, keeps nothing open but the status pipe,
// and reaps until the workload has ended. A namespace of its own gets its own /proc.
//
//go:nosplit
//go:norace
//go:nocheckptr
func lead(arg unsafe.Pointer) {
	p := (*plan)(arg)
	const flags = syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC
	if p.nested {
		_, _, e := syscall.RawSyscall6(syscall.SYS_MOUNT, uintptr(p.procName), uintptr(p.procPath), uintptr(p.procName), flags, uintptr(p.procOpts), 0)
		if e != 0 {
			p.quit(stageProc, e)
		}
	} else if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetSubreaper, 1, 0, 0, 0, 0); e != 0 {
		p.quit(stageProc, e)
	}
	workload, errno := p.fork()
	if errno != 0 {
		p.quit(stageFork, syscall.Errno(errno))
	}
	syscall.RawSyscall(sysCloseRange, 0, p.status-1, 0)
	syscall.RawSyscall(sysCloseRange, p.status+1, 1<<31, 0)
	for {
		pid, _, e := syscall.RawSyscall6(syscall.SYS_WAIT4, ^uintptr(0), uintptr(unsafe.Pointer(&p.wait)), 0, 0, 0, 0)
		if e == 0 && pid == workload || e != 0 && e != syscall.EINTR {
			break
		}
	}
	p.quit(stageEnded, syscall.Errno(p.wait))
}

// fork starts the workload, in its cgroup v2 if it has one. The leader waits until it
// has executed its program.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (p *plan) fork() (pid, errno uintptr) {
	const flags = cloneVM | cloneVfork
	if p.group2 < 0 {
		return spawnVM(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD)|flags, p.workStack.top(), 0, p.workFn, unsafe.Pointer(p))
	}
	base := uintptr(unsafe.Pointer(&p.workStack.words[0]))
	p.clone[0], p.clone[4], p.clone[10] = flags|cloneIntoCgroup, uint64(syscall.SIGCHLD), uint64(p.group2)
	p.clone[5], p.clone[6] = uint64(base), uint64(p.workStack.top()-base)
	return spawnVM(sysClone3, uintptr(unsafe.Pointer(&p.clone)), unsafe.Sizeof(p.clone), 0, p.workFn, unsafe.Pointer(p))
}

// work becomes the workload.
//
//go:nosplit
//go:norace
//go:nocheckptr
func work(arg unsafe.Pointer) {
	p := (*plan)(arg)
	syscall.RawSyscall(syscall.SYS_SETSID, 0, 0, 0)
	for _, fd := range p.groups {
		// "0" in "tasks": one thread moves itself, for which the kernel takes no global lock.
		if _, _, e := syscall.RawSyscall(syscall.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&p.zero)), 1); e != 0 {
			p.quit(stageGroup, e)
		}
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_UNSHARE, cloneNewCgroup, 0, 0); e != 0 {
		p.quit(stageGroup, e)
	}
	fd, _, e := syscall.RawSyscall6(syscall.SYS_OPENAT, uintptr(atFDCWD&(1<<64-1)), uintptr(p.oomPath), syscall.O_WRONLY|syscall.O_CLOEXEC, 0, 0, 0)
	if e == 0 {
		syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&p.oomScore)), 3)
	}
	for i := range p.stdio {
		if _, _, e := syscall.RawSyscall(syscall.SYS_DUP3, uintptr(p.stdio[i]), uintptr(i), 0); e != 0 {
			p.quit(stageStdio, e)
		}
	}
	syscall.RawSyscall(sysCloseRange, 3, 1<<31, 4) // at execve
	p.limit()
	p.drop()
	if _, _, e := syscall.RawSyscall(syscall.SYS_CHDIR, uintptr(p.dir), 0, 0); e != 0 {
		p.quit(stageDir, e)
	}
	syscall.RawSyscall(syscall.SYS_UMASK, 0o022, 0, 0)
	p.mask = 0
	restoreSignals(&p.mask)
	if _, _, e := syscall.RawSyscall(sysLandlockRestrict, p.ruleset, 0, 0); e != 0 {
		p.quit(stageLandlock, e)
	}
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetSeccomp, seccompModeFilter, uintptr(unsafe.Pointer(&p.prog)), 0, 0, 0); e != 0 {
		p.quit(stageSeccomp, e)
	}
	last := syscall.ENOENT
	for i := 0; i < len(p.paths)-1; i++ {
		_, _, e := syscall.RawSyscall(syscall.SYS_EXECVE, uintptr(p.paths[i]), uintptr(unsafe.Pointer(&p.argv[0])), uintptr(unsafe.Pointer(&p.env[0])))
		if e != syscall.ENOENT && e != syscall.ENOTDIR {
			last = e
		}
	}
	p.quit(stageExec, last)
}

//go:nosplit
//go:norace
//go:nocheckptr
func (p *plan) limit() {
	syscall.RawSyscall(syscall.SYS_SETPRIORITY, 0, 0, p.nice) // down from the first process's, which needs no right
	if p.affine {
		if _, _, e := syscall.RawSyscall(sysSetaffine, 0, unsafe.Sizeof(p.cpus), uintptr(unsafe.Pointer(&p.cpus))); e != 0 {
			p.quit(stageLimit, e)
		}
	}
	for i := range p.rlimits {
		p.lim[0], p.lim[1] = p.rlimits[i].Value, p.rlimits[i].Value
		if _, _, e := syscall.RawSyscall6(sysPrlimit, 0, uintptr(p.rlimits[i].Resource), uintptr(unsafe.Pointer(&p.lim)), 0, 0, 0); e != 0 {
			p.quit(stageLimit, e)
		}
	}
}

// drop gives up every right for good. The bounding set goes first: without
// CAP_SETPCAP, which goes with the uid, it could not.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (p *plan) drop() {
	for c := uintptr(0); c < 64; c++ {
		if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, prCapBSetDrop, c, 0, 0, 0, 0); e != 0 {
			if e == syscall.EINVAL && c > 0 {
				break
			}
			p.quit(stageCaps, e)
		}
	}
	if !p.shared { // else there is one uid, no other group, and setgroups is denied
		if _, _, e := syscall.RawSyscall(syscall.SYS_SETGROUPS, 0, 0, 0); e != 0 {
			p.quit(stageID, e)
		}
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESGID, WorkloadID, WorkloadID, WorkloadID); e != 0 {
		p.quit(stageID, e)
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESUID, WorkloadID, WorkloadID, WorkloadID); e != 0 {
		p.quit(stageID, e)
	}
	syscall.RawSyscall6(syscall.SYS_PRCTL, prCapAmbient, prCapAmbientClearAll, 0, 0, 0, 0)
	if _, _, e := syscall.RawSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&p.cap)), uintptr(unsafe.Pointer(&p.caps)), 0); e != 0 {
		p.quit(stageCaps, e)
	}
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0); e != 0 {
		p.quit(stageCaps, e)
	}
}

// quit tells how it ended and ends.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (p *plan) quit(stage uint64, e syscall.Errno) {
	p.rec.stage, p.rec.value = stage, uint64(e)
	syscall.RawSyscall(syscall.SYS_WRITE, p.status, uintptr(unsafe.Pointer(&p.rec)), unsafe.Sizeof(p.rec))
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 127, 0, 0)
	}
}

//go:nosplit
//go:norace
//go:nocheckptr
func blockSignals(old *uint64) {
	all := ^uint64(0)
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(&all)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
}

//go:nosplit
//go:norace
//go:nocheckptr
func restoreSignals(old *uint64) {
	syscall.RawSyscall6(syscall.SYS_RT_SIGPROCMASK, 2, uintptr(unsafe.Pointer(old)), 0, 8, 0, 0)
}
