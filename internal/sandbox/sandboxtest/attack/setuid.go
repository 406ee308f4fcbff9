package main

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// leaveSetuid makes files in the folder args[0] that have the setuid or setgid
// bit, by every call that can set them. In a box they do nothing; but they may
// lie in a mount, and on the host they are their owner's.
func leaveSetuid(r report, args []string) {
	const bits = unix.S_ISUID | unix.S_ISGID | 0o755
	unix.Umask(0)
	change := func(name string, set func(path string, fd int) error) {
		path := filepath.Join(args[0], name)
		fd, err := unix.Open(path, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o755)
		must(err)
		r.call(name, set(path, fd))
		must(unix.Close(fd))
	}
	change("chmod", func(path string, _ int) error { return unix.Chmod(path, bits) })
	change("chmod for the group", func(path string, _ int) error { return unix.Chmod(path, unix.S_ISGID|0o755) })
	change("fchmod", func(_ string, fd int) error { return unix.Fchmod(fd, bits) })
	change("fchmodat", func(path string, _ int) error { return unix.Fchmodat(unix.AT_FDCWD, path, bits, 0) })
	change("fchmodat2", func(path string, _ int) error {
		return unix.Fchmodat(unix.AT_FDCWD, path, bits, unix.AT_SYMLINK_NOFOLLOW)
	})

	create := func(name string, make func(path string) error) {
		r.call(name, make(filepath.Join(args[0], name)), unix.EOPNOTSUPP)
	}
	create("open", func(path string) error { return opened(unix.Open(path, unix.O_CREAT|unix.O_RDWR, bits)) })
	create("creat", func(path string) error { return opened(unix.Creat(path, bits)) })
	create("openat2", func(path string) error {
		return opened(unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{Flags: unix.O_CREAT | unix.O_RDWR, Mode: bits}))
	})
	create("mknod", func(path string) error { return unix.Mknod(path, unix.S_IFREG|bits, 0) })
	create("a file without a name", func(path string) error {
		fd, err := unix.Open(args[0], unix.O_TMPFILE|unix.O_RDWR, bits)
		if err != nil {
			return err
		}
		return unix.Linkat(unix.AT_FDCWD, fmt.Sprint("/proc/self/fd/", fd), unix.AT_FDCWD, path, unix.AT_SYMLINK_FOLLOW)
	})
}

func opened(fd int, err error) error {
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
