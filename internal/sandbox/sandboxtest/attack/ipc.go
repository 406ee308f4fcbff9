package main

import (
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ipcAttacks leave something in, and look for it in, the kernel's own name
// spaces for System V and POSIX objects. args[0] is the key, a number.
func ipcAttacks() map[string]attack {
	return map[string]attack{
		"ipc-plant": func(r report, args []string) { ipc(r, args[0], "make", unix.IPC_CREAT|0o666, unix.O_CREAT|unix.O_RDWR) },
		"ipc-look":  func(r report, args []string) { ipc(r, args[0], "find", 0, unix.O_RDWR) },
		"ipc-clear": ipcClear,
	}
}

func ipc(r report, arg, verb string, flags, mode uintptr) {
	key := uintptr(number(arg))
	r.call(verb+" shared memory", raw(unix.SYS_SHMGET, key, 4096, flags), unix.ENOENT)
	r.call(verb+" a message queue", raw(unix.SYS_MSGGET, key, flags), unix.ENOENT)
	r.call(verb+" a semaphore", raw(unix.SYS_SEMGET, key, 1, flags), unix.ENOENT)
	name := posixName(arg)
	r.call(verb+" a POSIX queue", raw(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(name)), mode, 0o666, 0), unix.ENOENT)
}

// ipcClear removes what ipc-plant made.
func ipcClear(_ report, args []string) {
	key := uintptr(number(args[0]))
	if id, _, e := unix.Syscall(unix.SYS_SHMGET, key, 4096, 0); e == 0 {
		must(raw(unix.SYS_SHMCTL, id, unix.IPC_RMID, 0))
	}
	if id, _, e := unix.Syscall(unix.SYS_MSGGET, key, 0, 0); e == 0 {
		must(raw(unix.SYS_MSGCTL, id, unix.IPC_RMID, 0))
	}
	if id, _, e := unix.Syscall(unix.SYS_SEMGET, key, 1, 0); e == 0 {
		must(raw(unix.SYS_SEMCTL, id, 0, unix.IPC_RMID))
	}
	must(raw(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(posixName(args[0])))))
}

// number is an argument as one.
func number(arg string) int {
	n, err := strconv.ParseUint(arg, 10, 31)
	must(err)
	return int(n)
}

// posixName is a queue's name, without the slash that the C library strips.
func posixName(arg string) *byte {
	name, err := unix.BytePtrFromString("isekai-" + arg)
	must(err)
	return name
}
