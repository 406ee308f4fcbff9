//go:build linux

package boot

import (
	"syscall"
	"unsafe"
)

// spawnVM makes a system call, clone or clone3, whose child shares this process's
// memory and has a stack of its own, on which it runs fn(arg), fn being a Go closure's
// address. Nothing is copied, so it takes as long in a process of ten gigabytes as in
// one of ten megabytes; a fork takes milliseconds for each gigabyte and slows its
// process down long after.
//
// fn and all that it calls must be nosplit and norace, may write no pointer and
// allocate nothing: it borrows the memory and the g of a thread that may run on.
//
//go:noescape
func spawnVM(trap, a1, a2, a3 uintptr, fn, arg unsafe.Pointer) (r, errno uintptr)

const (
	cloneVM    = 0x100
	cloneVfork = 0x4000
	stackSize  = 32 << 10
)

// stack is memory for a child to run on. It must be kept until the child has ended or
// executed another program.
type stack struct{ words [stackSize / 8]uint64 }

func (s *stack) top() uintptr {
	return (uintptr(unsafe.Pointer(&s.words[0])) + stackSize) &^ 15
}

// closure returns the address that spawnVM takes of a function that captures nothing.
func closure(f func(unsafe.Pointer)) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&f))
}

// Start describes the start of a box's first process.
type Start struct {
	Exe    string
	Files  [4]int  // what it gets as 0 to 3
	Flags  uintptr // of clone: the new namespaces
	Cgroup int     // descriptor of a cgroup v2 folder to start in, or -1
	Caps   uint64  // the capabilities that it keeps, in its new user namespace
}

// Spawn starts the first process of a box and returns its pid once it has executed
// Start.Exe with Argv0 as its only argument and an empty environment. It has no uid in
// its user namespace yet: the caller writes the maps.
//
//go:noinline
//go:norace
//go:nocheckptr
func Spawn(s Start) (int, error) {
	c := &starting{
		exe: cstr(s.Exe), argv: cstrs([]string{Argv0}), env: cstrs(nil), files: s.Files,
		header: capHeader{version: capVersion3}, wanted: s.Caps,
	}
	c.data[0], c.data[3] = uint32(s.Caps), uint32(s.Caps>>32)
	c.data[1], c.data[4] = c.data[0], c.data[3]
	c.data[2], c.data[5] = c.data[0], c.data[3]
	st := new(stack)
	flags := s.Flags | cloneVM | cloneVfork
	trap, a1, a2 := uintptr(syscall.SYS_CLONE), flags|uintptr(syscall.SIGCHLD), st.top()
	if s.Cgroup >= 0 {
		c.clone = [11]uint64{0: uint64(flags) | cloneIntoCgroup, 4: uint64(syscall.SIGCHLD),
			5: uint64(uintptr(unsafe.Pointer(&st.words[0]))), 6: uint64(st.top() - uintptr(unsafe.Pointer(&st.words[0]))), 10: uint64(s.Cgroup)}
		trap, a1, a2 = sysClone3, uintptr(unsafe.Pointer(&c.clone)), unsafe.Sizeof(c.clone)
	}
	fn := closure(become)
	var mask uint64
	blockSignals(&mask)
	pid, errno := spawnVM(trap, a1, a2, 0, fn, unsafe.Pointer(c))
	restoreSignals(&mask)
	keep(unsafe.Pointer(st))
	if errno != 0 {
		return 0, syscall.Errno(errno)
	}
	if c.failed != 0 {
		syscall.Wait4(int(pid), nil, 0, nil)
		return 0, syscall.Errno(c.failed)
	}
	return int(pid), nil
}

// keep makes the compiler believe that p is needed until here.
//
//go:noinline
func keep(unsafe.Pointer) {}

// starting is what become works from.
type starting struct {
	exe       unsafe.Pointer
	argv, env []unsafe.Pointer
	files     [4]int
	header    capHeader
	data      [6]uint32
	wanted    uint64
	clone     [11]uint64
	action    [4]uintptr // struct sigaction: SIG_DFL
	mask      uint64
	failed    uintptr
}

// become executes the first process's program. The parent waits for it, or for its end.
//
//go:nosplit
//go:norace
//go:nocheckptr
func become(arg unsafe.Pointer) {
	c := (*starting)(arg)
	for i := range c.files { // first out of the way of 0 to 3
		fd, _, e := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(c.files[i]), syscall.F_DUPFD_CLOEXEC, 4)
		if e != 0 {
			c.fail(e)
		}
		c.files[i] = int(fd)
	}
	for i := range c.files {
		if _, _, e := syscall.RawSyscall(syscall.SYS_DUP3, uintptr(c.files[i]), uintptr(i), 0); e != 0 {
			c.fail(e)
		}
	}
	syscall.RawSyscall(sysCloseRange, 4, 1<<31, 4) // at execve
	if _, _, e := syscall.RawSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&c.header)), uintptr(unsafe.Pointer(&c.data)), 0); e != 0 {
		c.fail(e)
	}
	for i := uintptr(0); i < 64; i++ {
		if c.wanted&(1<<i) == 0 {
			continue
		}
		if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, prCapAmbient, prCapAmbientRaise, i, 0, 0, 0); e != 0 {
			c.fail(e)
		}
	}
	for sig := uintptr(1); sig < 65; sig++ { // this process's handlers only: the table is a copy
		syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&c.action)), 0, 8, 0, 0)
	}
	restoreSignals(&c.mask)
	_, _, e := syscall.RawSyscall(syscall.SYS_EXECVE, uintptr(c.exe), uintptr(unsafe.Pointer(&c.argv[0])), uintptr(unsafe.Pointer(&c.env[0])))
	c.fail(e)
}

//go:nosplit
//go:norace
func (c *starting) fail(e syscall.Errno) {
	c.failed = uintptr(e)
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 127, 0, 0)
	}
}
