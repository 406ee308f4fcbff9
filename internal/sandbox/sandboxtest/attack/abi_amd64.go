package main

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// int80 makes a system call of the 32-bit table; implemented in abi_amd64.s.
func int80(nr uintptr) int32

// abiAttacks reach the kernel by its other tables of system calls, which a
// filter that doesn't check the architecture lets through.
func abiAttacks() map[string]attack {
	const x32, getpid386 = 0x40000000, 20
	return map[string]attack{
		"x32": func(r report, _ []string) {
			pid, _, e := syscall.RawSyscall(x32|unix.SYS_GETPID, 0, 0, 0)
			if e != 0 {
				r.refused("call by the x32 table", unix.ErrnoName(e))
				return
			}
			r.done("call by the x32 table", fmt.Sprint("pid ", pid))
		},
		"int80": func(r report, _ []string) {
			if got := int80(getpid386); got < 0 {
				r.refused("call by int 0x80", unix.ErrnoName(syscall.Errno(-got)))
			} else {
				r.done("call by int 0x80", fmt.Sprint("pid ", got))
			}
		},
	}
}
