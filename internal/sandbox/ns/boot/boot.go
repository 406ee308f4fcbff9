//go:build linux

// Package boot is the first process of a box, and the words that the driver and
// that process exchange.
//
// The driver ns starts the running binary again, as the first process of a new
// set of namespaces, with one end of a socket as descriptor 3. This package
// notices that in its package initialiser, before any other package of the
// program has done anything, builds the box, serves the driver and never
// returns: main does not run. It is the project's one exception to "no init()":
// initialising the rest of a large binary costs more than the whole box, and code
// that has not run can't be attacked. docs/adr/0003-sandbox-init.md says more.
//
// It imports syscall and nothing else that has an initialiser; the linker
// initialises packages as soon as their imports are ready, in order of path, so
// it comes before os, fmt and everything built on them. Keep it so: a test in
// bench/sandbox holds the order.
//
// It never runs in a process that isn't the first of its PID namespace, reads no
// environment, and holds no secret.
package boot

import "syscall"

// Argv0 is the whole command line of a box's first process.
const Argv0 = "isekai-box"

// controlFD is where the driver puts the box's end of the control socket.
const controlFD = 3

func init() {
	if syscall.Getpid() != 1 || !invoked() {
		return
	}
	serve()
	syscall.Exit(0)
}

// invoked reports whether a driver started this process: it has the agreed command
// line, and the agreed kind of socket where the driver puts it. A program that
// imitates this gets a process with its own rights and nothing else.
func invoked() bool {
	typ, err := syscall.GetsockoptInt(controlFD, syscall.SOL_SOCKET, syscall.SO_TYPE)
	if err != nil || typ != syscall.SOCK_SEQPACKET {
		return false
	}
	fd, err := syscall.Open("/proc/self/cmdline", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer syscall.Close(fd)
	var buf [len(Argv0) + 2]byte
	n, err := syscall.Read(fd, buf[:])
	return err == nil && string(buf[:n]) == Argv0+"\x00"
}
