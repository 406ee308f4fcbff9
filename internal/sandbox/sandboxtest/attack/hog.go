package main

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hogAttacks use up memory and processes. Each holds what it got for args[0]
// milliseconds, for a driver that watches from time to time, before it says that
// it got it.
func hogAttacks() map[string]attack {
	return map[string]attack{"hog": hog, "hogs": hogs, "memfd": memfd, "shm": sharedMemory, "fork": forkMany, "threads": threads, "forkbomb": forkBomb}
}

// hog touches args[1] MiB.
func hog(r report, args []string) {
	raise(unix.RLIMIT_AS)
	raise(unix.RLIMIT_DATA)
	try := "hold " + args[1] + " MiB"
	if err := touch(number(args[1])); err != nil {
		r.refused(try, err.Error())
		return
	}
	stay(args[0])
	r.done(try, "ok")
}

// touch makes the kernel give n MiB.
func touch(n int) error {
	for range n {
		b, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			return err
		}
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
	}
	return nil
}

// hogs touches args[2] MiB in each of args[1] children at once.
//
//go:norace
func hogs(r report, args []string) {
	count, each := number(args[1]), number(args[2])
	try := fmt.Sprintf("hold %d times %d MiB", count, each)
	var pids []int
	defer func() { reap(pids) }()
	var ready [2]int
	must(unix.Pipe2(ready[:], unix.O_CLOEXEC))
	for range count {
		pid, _, e := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if e != 0 {
			r.refused(try, e.Error())
			return
		}
		if pid == 0 {
			hogChild(each, ready[1])
		}
		pids = append(pids, int(pid))
	}
	_ = unix.Close(ready[1]) // so that the read ends when every child has died
	for got := 0; got < count; {
		if reaped, _ := unix.Wait4(-1, nil, unix.WNOHANG, nil); reaped > 0 {
			r.refused(try, fmt.Sprintf("one was killed after %d", got))
			return
		}
		// Not for ever: one that is killed now writes nothing.
		ready := []unix.PollFd{{Fd: int32(ready[0]), Events: unix.POLLIN}}
		if n, err := unix.Poll(ready, 20); err != nil || n == 0 {
			continue
		}
		var b [1]byte
		if n, err := unix.Read(int(ready[0].Fd), b[:]); err != nil || n != 1 || b[0] != 1 {
			r.refused(try, fmt.Sprintf("after %d", got))
			return
		}
		got++
	}
	stay(args[0])
	if reaped, _ := unix.Wait4(-1, nil, unix.WNOHANG, nil); reaped > 0 {
		r.refused(try, "one was killed")
		return
	}
	r.done(try, "ok")
}

// hogChild runs in a forked child, so it makes raw calls alone: it touches n
// MiB, writes 1 if it got them and 0 if not, and waits to be killed.
//
//go:norace
//go:nosplit
func hogChild(n, ready int) {
	b := [1]byte{1}
	const protect, flags = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_PRIVATE | unix.MAP_ANON | unix.MAP_POPULATE
	if _, _, e := syscall.RawSyscall6(unix.SYS_MMAP, 0, uintptr(n)<<20, protect, flags, bad, 0); e != 0 {
		b[0] = 0
	}
	syscall.RawSyscall(unix.SYS_WRITE, uintptr(ready), uintptr(unsafe.Pointer(&b)), 1)
	for {
		syscall.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
	}
}

// memfd fills args[1] MiB of memory that belongs to no mount.
func memfd(r report, args []string) {
	try := "fill a memfd with " + args[1] + " MiB"
	fd, err := unix.MemfdCreate("hog", unix.MFD_CLOEXEC)
	if err != nil {
		r.call(try, err)
		return
	}
	block := make([]byte, 1<<20)
	for range number(args[1]) {
		if _, err := unix.Write(fd, block); err != nil {
			r.refused(try, err.Error())
			return
		}
	}
	stay(args[0])
	r.done(try, "ok")
}

// sharedMemory fills args[1] segments of 16 MiB, and lets go of each: they belong
// to no process, but to whoever asks for them by their key. It removes them.
func sharedMemory(r report, args []string) {
	try := "fill " + args[1] + " segments"
	var ids []int
	defer func() {
		for _, id := range ids {
			_, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil) // else they would stay
		}
	}()
	for i := range number(args[1]) {
		id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 16<<20, unix.IPC_CREAT|0o600)
		if err != nil {
			r.refused(try, fmt.Sprintf("%v after %d", err, i))
			return
		}
		ids = append(ids, id)
		b, err := unix.SysvShmAttach(id, 0, 0)
		if err != nil {
			r.refused(try, fmt.Sprintf("%v after %d", err, i))
			return
		}
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		must(unix.SysvShmDetach(b))
	}
	stay(args[0])
	r.done(try, "ok")
}

// forkMany has args[1] children at once.
func forkMany(r report, args []string) {
	raise(unix.RLIMIT_NPROC)
	try := "fork " + args[1] + " children"
	var pids []int
	defer func() { reap(pids) }()
	for range number(args[1]) {
		pid, err := idle()
		if err != nil {
			r.refused(try, fmt.Sprintf("%v after %d", err, len(pids)))
			return
		}
		pids = append(pids, pid)
	}
	stay(args[0])
	r.done(try, "ok")
}

// threads has args[1] threads at once: they are processes to the kernel's count.
// At the limit the Go runtime gives up and ends the program, without a finding.
func threads(r report, args []string) {
	count := number(args[1])
	started := make(chan struct{})
	for range count {
		go func() {
			runtime.LockOSThread()
			started <- struct{}{}
			select {}
		}()
	}
	for range count {
		<-started
	}
	stay(args[0])
	r.done("start "+args[1]+" threads", "ok")
}

// forkBomb forks from every child for ever. It has no control outside: forkMany,
// which is bounded, is the one.
//
//go:norace
func forkBomb(r report, _ []string) {
	r.done("fork bomb", "started")
	for {
		syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	}
}
