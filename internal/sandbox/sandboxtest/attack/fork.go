package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// forked makes one system call in a child that has a single thread and nothing
// else to do, and returns its errno: some calls refuse a program with threads,
// as every Go program is, and others would change this process for good.
//
//go:norace
func forked(trap, a, b, c uintptr) error {
	pid, _, e := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if e != 0 {
		return e
	}
	if pid == 0 {
		_, _, e = syscall.RawSyscall(trap, a, b, c)
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(e), 0, 0)
	}
	return waitErrno(int(pid))
}

// cloned makes a child with the given clone flags, which exits at once.
//
//go:norace
func cloned(flags uintptr) error {
	pid, _, e := syscall.RawSyscall6(unix.SYS_CLONE, flags|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if e != 0 {
		return e
	}
	if pid == 0 {
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return waitErrno(int(pid))
}

// waitErrno waits for a child whose exit code is an errno. A child that died of
// a signal was refused by the filter: EPERM.
func waitErrno(pid int) error {
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &ws, 0, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		break
	}
	if ws.Signaled() {
		return unix.EPERM
	}
	return asError(syscall.Errno(ws.ExitStatus()))
}

// idle makes a child that does nothing until it is killed, and returns its pid.
//
//go:norace
func idle() (int, error) {
	pid, _, e := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if e != 0 {
		return 0, e
	}
	if pid == 0 {
		for {
			syscall.RawSyscall6(unix.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
		}
	}
	return int(pid), nil
}

// reap kills and waits for children.
func reap(pids []int) {
	for _, pid := range pids {
		_ = unix.Kill(pid, unix.SIGKILL) // it is ours, and not yet waited for
	}
	for _, pid := range pids {
		_, _ = unix.Wait4(pid, nil, 0, nil) // nothing is to be done about a failure
	}
}
