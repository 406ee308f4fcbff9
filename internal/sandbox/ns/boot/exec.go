//go:build linux

package boot

import (
	"syscall"
	"unsafe"
)

// running is a command and all that it started. Its leader is a process that starts
// the workload and then only reaps what loses its parent.
//
// The first command of a box runs in the box's own PID namespace. When its leader has
// ended this process ends the rest (sweep). A command that starts meanwhile gets a PID
// namespace and a /proc of its own, with the leader as first process: when that ends,
// the kernel has ended everything in it.
type running struct {
	nested bool
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
	p.nested = b.crowded()
	pid, pidfd, e := launch(p)
	syscall.Close(status[1])
	if e != 0 {
		syscall.Close(status[0])
		report(result, Result{Why: NoStart, Stage: stageFork, Errno: uint64(e)})
		return
	}
	r := &running{nested: p.nested, id: x.ID, pid: pid, pidfd: pidfd, result: result, status: status[0], plan: p}
	b.execs[x.ID] = r
	b.watch.started()
}

// crowded reports whether a command must have a PID namespace of its own: another one
// runs in the box's, or the kernel can't keep it from signalling its leader.
func (b *box) crowded() bool {
	for _, r := range b.execs {
		if !r.nested {
			return true
		}
	}
	return b.setup.Shared && !b.scoped
}

// reap ends the account of a command whose leader has ended.
func (b *box) reap(r *running) {
	var ws syscall.WaitStatus
	var ru syscall.Rusage
	if !wait(r.pid, &ws, &ru, syscall.WNOHANG) {
		return
	}
	res := Result{Why: r.why, Status: uint64(ws), CPU: micros(&ru)}
	delete(b.execs, r.id)
	if !r.nested {
		res.CPU += b.sweep()
	}
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
	report(r.result, res)
}

// sweep ends what a command has left in the box's own PID namespace, and returns the
// CPU time of that in microseconds. A signal to all is atomic: no fork escapes it. If
// other commands run, all are stopped for a moment to tell whose is whose.
func (b *box) sweep() (cpu uint64) {
	var ws syscall.WaitStatus
	var ru syscall.Rusage
	if len(b.execs) == 0 {
		syscall.Kill(-1, syscall.SIGKILL)
		for wait(-1, &ws, &ru, 0) {
			cpu += micros(&ru)
		}
		return cpu
	}
	syscall.Kill(-1, syscall.SIGSTOP)
	pids := b.unnested()
	for _, pid := range pids {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	if !b.watch.stopped {
		syscall.Kill(-1, syscall.SIGCONT)
	}
	for left := len(pids) + 1; len(pids) < left; { // a child becomes ours when its parent has ended
		left = len(pids)
		rest := pids[:0]
		for _, pid := range pids {
			if wait(pid, &ws, &ru, 0) {
				cpu += micros(&ru)
			} else {
				rest = append(rest, pid)
			}
		}
		pids = rest
	}
	return cpu
}

// unnested lists the processes of the box's own PID namespace, without this one and
// the leaders.
func (b *box) unnested() (pids []int) {
	leaders := map[int]bool{}
	for _, r := range b.execs {
		leaders[r.pid] = true
	}
	b.each(func(name string) {
		pid := int(atoi([]byte(name)))
		if !leaders[pid] && len(fields(b.read(name+"/status"), "NSpid:")) == 1 {
			pids = append(pids, pid)
		}
	})
	return pids
}

// wait waits for a child, and reports whether one has ended.
func wait(pid int, ws *syscall.WaitStatus, ru *syscall.Rusage, flags int) bool {
	for {
		got, err := syscall.Wait4(pid, ws, flags, ru)
		if err != syscall.EINTR {
			return err == nil && got > 0
		}
	}
}

func micros(ru *syscall.Rusage) uint64 { return uint64((ru.Utime.Nano() + ru.Stime.Nano()) / 1000) }

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
		ruleset: uintptr(b.ruleset), nice: 20 - uintptr(b.setup.Nice),
		argv: cstrs(x.Argv), env: cstrs(x.Env), paths: cstrs(x.Paths), dir: cstr(x.Dir),
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
