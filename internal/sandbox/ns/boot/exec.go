//go:build linux

package boot

import (
	"syscall"
	"unsafe"
)

// running is a command and all that it started: a PID namespace of its own, whose
// first process, the leader, is a copy of this one that only reaps. When the
// leader ends, the kernel has ended everything in the namespace.
type running struct {
	id     uint64
	pid    int // of the leader
	pidfd  int
	result int // pipe to the driver
	status int // pipe from leader and workload
	why    Why
	plan   *plan // memory that the leader runs on
}

func (r *running) end(why Why) {
	if r.why == Ended {
		r.why = why
	}
	syscall.Kill(r.pid, syscall.SIGKILL)
}

// exec starts a command. What goes wrong is told on the result pipe.
func (b *box) exec(d *Decoder, fds []int) {
	var x Exec
	x.Decode(d)
	want := 4
	if x.EmptyStdin {
		want = 3
	}
	if d.Bad || len(fds) != want {
		closeAll(fds)
		return
	}
	result, stdio := fds[0], fds[1:]
	if x.EmptyStdin {
		null, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			report(result, Result{Why: NoStart, Stage: stageStdio, Errno: errnoOf(err)})
			closeAll(stdio)
			return
		}
		stdio = []int{null, stdio[0], stdio[1]}
	}
	defer closeAll(stdio)
	var status [2]int
	if err := syscall.Pipe2(status[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		report(result, Result{Why: NoStart, Stage: stageStdio, Errno: errnoOf(err)})
		return
	}
	p := b.plan(&x, stdio, status[1])
	pid, pidfd, e := launch(p)
	syscall.Close(status[1])
	if e != 0 {
		syscall.Close(status[0])
		report(result, Result{Why: NoStart, Stage: stageFork, Errno: uint64(e)})
		return
	}
	r := &running{id: x.ID, pid: pid, pidfd: pidfd, result: result, status: status[0], plan: p}
	b.execs[x.ID] = r
	b.watch.started()
}

// reap ends the account of a command whose leader has ended.
func (b *box) reap(r *running) {
	var ws syscall.WaitStatus
	var ru syscall.Rusage
	for {
		pid, err := syscall.Wait4(r.pid, &ws, syscall.WNOHANG, &ru)
		if err == syscall.EINTR {
			continue
		}
		if pid != r.pid {
			return
		}
		break
	}
	res := Result{Why: r.why, Status: uint64(ws), CPU: uint64((ru.Utime.Nano() + ru.Stime.Nano()) / 1000)}
	b.watch.reaped += res.CPU
	var rec [2]record
	n, _ := syscall.Read(r.status, (*[unsafe.Sizeof(rec)]byte)(unsafe.Pointer(&rec))[:])
	for i := range rec {
		if (i+1)*int(unsafe.Sizeof(rec[0])) > n {
			break
		}
		res.note(rec[i])
	}
	closeAll([]int{r.status, r.pidfd})
	delete(b.execs, r.id)
	report(r.result, res)
}

// record is what leader and workload write into the status pipe.
type record struct{ stage, value uint64 }

func (res *Result) note(rec record) {
	switch {
	case rec.stage == stageEnded && res.Why != NoStart && res.Why != NoProgram:
		res.Status = rec.value
	case rec.stage == stageExec:
		res.Why, res.Errno, res.Stage = NoProgram, rec.value, rec.stage
	case rec.stage != stageEnded:
		res.Why, res.Errno, res.Stage = NoStart, rec.value, rec.stage
	}
}

// report sends a result and closes the pipe.
func report(fd int, res Result) {
	var e Encoder
	res.Encode(&e)
	syscall.Write(fd, e.B)
	syscall.Close(fd)
}

func errnoOf(err error) uint64 {
	if e, ok := err.(syscall.Errno); ok {
		return uint64(e)
	}
	return uint64(syscall.EIO)
}

// plan lays out in memory all that leader and workload need, since after the fork
// nothing may be allocated.
func (b *box) plan(x *Exec, stdio []int, status int) *plan {
	p := &plan{
		status: uintptr(status), groups: b.groups, group2: b.group2, rlimits: b.setup.Rlimits, shared: b.setup.Shared,
		ruleset: uintptr(b.ruleset),
		argv:    cstrs(x.Argv), env: cstrs(x.Env), paths: cstrs(x.Paths), dir: cstr(x.Dir),
		procName: cstr("proc"), procPath: cstr("/proc"), procOpts: cstr("subset=pid,hidepid=2"),
		oomPath: cstr("/proc/self/oom_score_adj"), oomScore: [3]byte{'5', '0', '0'}, zero: '0',
		prog: filter{n: uint16(len(b.setup.Seccomp) / 8), code: unsafe.Pointer(&b.setup.Seccomp[0])},
		cap:  capHeader{version: capVersion3},
	}
	copy(p.stdio[:], stdio)
	if b.setup.Pids > 0 {
		p.rlimits = append(p.rlimits[:len(p.rlimits):len(p.rlimits)], Rlimit{rlimitNproc, b.setup.Pids + b.own()})
	}
	if b.setup.CPU > 0 {
		p.cpus, p.affine = affinity(b.setup.CPU)
	}
	return p
}

// own counts the processes and threads that have the workload's uid and are not
// the workload's: where this process shares it, its threads and the leaders.
func (b *box) own() uint64 {
	if !b.setup.Shared {
		return 0
	}
	var st syscall.Stat_t
	threads := uint64(8)
	if syscall.Stat("/proc/self/task", &st) == nil && st.Nlink > 2 {
		threads = uint64(st.Nlink) - 2
	}
	return threads + uint64(len(b.execs)) + 1
}

func cstrs(l []string) []unsafe.Pointer {
	p := make([]unsafe.Pointer, len(l)+1)
	for i, s := range l {
		p[i] = cstr(s)
	}
	return p
}
