package main

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// terminalAttacks type into the terminal of whoever started the sandbox.
func terminalAttacks() map[string]attack {
	return map[string]attack{"tiocsti": func(r report, _ []string) {
		for name, fd := range map[string]int{"stdin": 0, "stdout": 1, "stderr": 2} {
			r.call("type into "+name, typeInto(fd), unix.ENOTTY, unix.EIO)
		}
		for _, path := range []string{"/dev/tty", "/dev/console", "/dev/pts/0", "/dev/tty0", "/dev/ptmx"} {
			fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
			if err == nil {
				err = typeInto(fd)
				_ = unix.Close(fd) // the attack is over
			}
			r.call("type into "+path, err, unix.ENOTTY, unix.EIO, unix.ENOENT, unix.ENXIO, unix.ENOTDIR)
		}
	}}
}

// typeInto puts a character into the terminal's input queue.
func typeInto(fd int) error {
	c := byte('x')
	return raw(unix.SYS_IOCTL, uintptr(fd), unix.TIOCSTI, uintptr(unsafe.Pointer(&c)))
}
