package ns

import "golang.org/x/sys/unix"

// auditArch is this architecture in struct seccomp_data.
const auditArch = unix.AUDIT_ARCH_X86_64

// allowedHere are further system calls of this architecture: those that newer
// architectures have under another name only.
var allowedHere = []uint32{
	unix.SYS_ACCESS, unix.SYS_ALARM, unix.SYS_ARCH_PRCTL, unix.SYS_CHOWN, unix.SYS_DUP2,
	unix.SYS_EPOLL_CREATE, unix.SYS_EPOLL_WAIT, unix.SYS_EVENTFD, unix.SYS_FORK, unix.SYS_FUTIMESAT, unix.SYS_GET_THREAD_AREA,
	unix.SYS_GETDENTS, unix.SYS_GETPGRP, unix.SYS_INOTIFY_INIT, unix.SYS_LCHOWN, unix.SYS_LINK, unix.SYS_LSTAT,
	unix.SYS_PAUSE, unix.SYS_PIPE, unix.SYS_POLL, unix.SYS_READLINK, unix.SYS_RENAME, unix.SYS_RMDIR,
	unix.SYS_SELECT, unix.SYS_SET_THREAD_AREA, unix.SYS_SIGNALFD, unix.SYS_STAT, unix.SYS_SYMLINK, unix.SYS_TIME, unix.SYS_UNLINK,
	unix.SYS_UTIME, unix.SYS_UTIMES, unix.SYS_VFORK,
}

// modeCallsHere are those of this architecture alone that give a file its mode.
var modeCallsHere = []modeCall{
	{nr: unix.SYS_CHMOD, mode: 1}, {nr: unix.SYS_CREAT, mode: 1}, {nr: unix.SYS_MKDIR, mode: 1}, {nr: unix.SYS_MKNOD, mode: 1},
	{nr: unix.SYS_OPEN, mode: 2, flags: 1},
}
