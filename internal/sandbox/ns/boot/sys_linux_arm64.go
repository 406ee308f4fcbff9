package boot

import "syscall"

const (
	sysFstatat   = syscall.SYS_FSTATAT
	sysPrlimit   = syscall.SYS_PRLIMIT64
	sysSetaffine = syscall.SYS_SCHED_SETAFFINITY
)
