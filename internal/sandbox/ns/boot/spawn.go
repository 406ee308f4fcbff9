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
	Files  [4]int  // what it gets as 0 to 3; the last is the control socket
	Flags  uintptr // of clone: the new namespaces
	Cgroup int     // descriptor of a cgroup v2 folder to start in, or -1
	Caps   uint64  // the capabilities that it keeps, in its new user namespace
	Root   bool    // it becomes user and group 0 of its user namespace first
}

// Child is a first process on its way. It must be kept until the process has answered,
// or has ended: until it has executed Start.Exe it runs on the child's memory.
type Child struct {
	Pid   int
	start *starting
}

// Failed returns why the process ended without executing Start.Exe, if it did.
func (c *Child) Failed() error {
	if c.start.failed == 0 {
		return nil
	}
	return syscall.Errno(c.start.failed)
}

// Spawn starts the first process of a box. The process waits until there is something
// to read on the control socket; before that the caller writes the maps of its user
// namespace. Then it executes Start.Exe with Argv0 as its only argument and an empty
// environment.
//
//go:noinline
//go:norace
//go:nocheckptr
func Spawn(s Start) (*Child, error) {
	c := &starting{
		exe: cstr(s.Exe), argv: cstrs([]string{Argv0}), env: cstrs(nil), files: s.Files, root: s.Root,
		header: capHeader{version: capVersion3}, wanted: s.Caps,
	}
	for i := range 3 { // effective, permitted, inheritable
		c.data[i], c.data[3+i] = uint32(s.Caps), uint32(s.Caps>>32)
	}
	flags, top := s.Flags|cloneVM, c.stack.top()
	trap, a1, a2 := uintptr(syscall.SYS_CLONE), flags|uintptr(syscall.SIGCHLD), top
	if s.Cgroup >= 0 {
		base := uintptr(unsafe.Pointer(&c.stack.words[0]))
		c.clone = [11]uint64{0: uint64(flags) | cloneIntoCgroup, 4: uint64(syscall.SIGCHLD), 5: uint64(base), 6: uint64(top - base), 10: uint64(s.Cgroup)}
		trap, a1, a2 = sysClone3, uintptr(unsafe.Pointer(&c.clone)), unsafe.Sizeof(c.clone)
	}
	fn := closure(become)
	var mask uint64
	blockSignals(&mask)
	pid, errno := spawnVM(trap, a1, a2, 0, fn, unsafe.Pointer(c))
	restoreSignals(&mask)
	if errno != 0 {
		return nil, syscall.Errno(errno)
	}
	return &Child{Pid: int(pid), start: c}, nil
}

// starting is what become works from, and on.
type starting struct {
	exe       unsafe.Pointer
	argv, env []unsafe.Pointer
	files     [4]int
	root      bool
	header    capHeader
	data      [6]uint32
	wanted    uint64
	clone     [11]uint64
	action    [4]uintptr // struct sigaction: SIG_DFL
	mask      uint64
	peek      byte
	failed    uintptr
	stack     stack
}

// become waits for the word and executes the first process's program. It first closes
// all of the caller's descriptors in its copy of the table, the caller's end of the
// control socket and its locks among them: should the caller be killed now, the end of
// the socket is seen here, and nothing is held beyond the caller's life.
//
//go:nosplit
//go:norace
//go:nocheckptr
func become(arg unsafe.Pointer) {
	c := (*starting)(arg)
	const peek = 2           // MSG_PEEK
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
	if _, _, e := syscall.RawSyscall(sysCloseRange, 4, 1<<31, 0); e != 0 {
		c.fail(e)
	}
	n, _, e := syscall.RawSyscall6(syscall.SYS_RECVFROM, 3, uintptr(unsafe.Pointer(&c.peek)), 1, peek, 0, 0)
	if e != 0 || n == 0 {
		c.fail(syscall.ECANCELED)
	}
	if c.root {
		c.assume()
	}
	c.keepCaps()
	for sig := uintptr(1); sig < 65; sig++ { // of this process only: the table is a copy
		syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&c.action)), 0, 8, 0, 0)
	}
	restoreSignals(&c.mask)
	_, _, e = syscall.RawSyscall(syscall.SYS_EXECVE, uintptr(c.exe), uintptr(unsafe.Pointer(&c.argv[0])), uintptr(unsafe.Pointer(&c.env[0])))
	c.fail(e)
}

// assume takes the ids that the caller has mapped.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (c *starting) assume() {
	if _, _, e := syscall.RawSyscall(syscall.SYS_SETGROUPS, 0, 0, 0); e != 0 {
		c.fail(e)
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESGID, 0, 0, 0); e != 0 {
		c.fail(e)
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_SETRESUID, 0, 0, 0); e != 0 {
		c.fail(e)
	}
}

// keepCaps makes the capabilities survive execve. It has them all, as whoever makes a
// user namespace.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (c *starting) keepCaps() {
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
}

//go:nosplit
//go:norace
//go:nocheckptr
func (c *starting) fail(e syscall.Errno) {
	c.failed = uintptr(e)
	for {
		syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 127, 0, 0)
	}
}

// keep makes the compiler believe that p is needed until here.
//
//go:noinline
func keep(unsafe.Pointer) {}
