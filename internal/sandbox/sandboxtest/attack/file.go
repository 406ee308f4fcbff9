package main

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// fileAttacks open, make and link files by path.
func fileAttacks() map[string]attack {
	return map[string]attack{
		"read": func(r report, args []string) {
			for _, path := range args {
				readFile(r, path)
			}
		},
		"open-write": func(r report, args []string) {
			for _, path := range args {
				r.call("open for writing "+path, openWrite(path), unix.ENOENT, unix.EROFS)
			}
		},
		"open-device": openDevices,
		"devices":     func(r report, _ []string) { openDevices(r, deviceNames()) },
		"mknod": func(r report, args []string) {
			for _, dir := range args {
				r.call("make a block device in "+dir, mknod(dir+"/block", unix.S_IFBLK, 254, 0))
				r.call("make a character device in "+dir, mknod(dir+"/char", unix.S_IFCHR, 1, 3))
			}
		},
		"link": func(r report, args []string) {
			r.call("hard link "+args[0], os.Link(args[0], args[1]), unix.EXDEV, unix.ENOENT, unix.EROFS)
		},
		"swap":  swap,
		"plant": plant,
	}
}

func readFile(r report, path string) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	var b [64]byte
	n := 0
	if err == nil {
		n, err = f.Read(b[:])
		_ = f.Close() // read only
	}
	switch {
	case n > 0:
		r.done("read "+path, string(b[:n]))
	case err == nil || !isErrno(err):
		r.refused("read "+path, "empty")
	default:
		r.call("read "+path, err, unix.ENOENT, unix.ENOTDIR, unix.EISDIR, unix.ELOOP, unix.ENXIO, unix.EIO)
	}
}

func isErrno(err error) bool {
	var e syscall.Errno
	return errors.As(err, &e)
}

// openDevices opens device nodes. ENXIO is the driver's answer, so the node was
// of use.
func openDevices(r report, paths []string) {
	for _, path := range paths {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		r.call("open "+path, err, unix.ENOENT, unix.ENOTDIR)
		if err == nil {
			_ = unix.Close(fd) // nothing was done with it
		}
	}
}

// deviceNames are nodes that lead out of a sandbox or into a driver.
func deviceNames() []string {
	return []string{"/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/xvda",
		"/dev/fuse", "/dev/kvm", "/dev/net/tun", "/dev/loop-control", "/dev/loop0", "/dev/mapper/control", "/dev/vhost-net",
		"/dev/vhost-vsock", "/dev/vsock", "/dev/uinput", "/dev/rtc0", "/dev/hpet", "/dev/cpu_dma_latency", "/dev/userfaultfd",
		"/dev/btrfs-control", "/dev/console", "/dev/tty0", "/dev/ttyS0", "/dev/autofs", "/dev/nvram", "/dev/watchdog"}
}

func mknod(path string, kind uint32, major, minor uint32) error {
	return unix.Mknod(path, kind|0o666, int(unix.Mkdev(major, minor)))
}

// plant puts what a reader might stumble over below args[0]; args[1] is a secret
// outside. What can't be made is reported and left out.
func plant(r report, args []string) {
	dir, secret := args[0], args[1]
	r.call("symlink to a file", os.Symlink(secret, dir+"/link"))
	r.call("symlink to a folder", os.Symlink("/", dir+"/folderlink"))
	r.call("symlink through /proc", os.Symlink("/proc/self/root"+secret, dir+"/proclink"))
	r.call("symlink upwards", os.Symlink("../../../../../../../../.."+secret, dir+"/uplink"))
	r.call("symlink to itself", os.Symlink("loop", dir+"/loop"))
	r.call("FIFO", unix.Mkfifo(dir+"/fifo", 0o666))
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: dir + "/socket"})
	}
	r.call("socket", err)
	r.call("folder", os.Mkdir(dir+"/folder", fs.ModePerm))
	r.call("regular file", os.WriteFile(dir+"/file", []byte("innocent"), 0o666))
}

// swap exchanges in args[0], until it is killed, a file with a symlink to
// args[1], a folder with a symlink to the folder args[2], and a file with a FIFO.
func swap(r report, args []string) {
	dir := args[0]
	must(os.WriteFile(dir+"/file", []byte("innocent"), 0o666))
	must(os.Symlink(args[1], dir+"/spare"))
	must(os.WriteFile(dir+"/maybe", []byte("innocent"), 0o666))
	must(unix.Mkfifo(dir+"/sparefifo", 0o666))
	must(os.Mkdir(dir+"/folder", fs.ModePerm))
	must(os.WriteFile(dir+"/folder/file", []byte("innocent"), 0o666))
	must(os.Symlink(args[2], dir+"/sparefolder"))
	r.done("swap", "started")
	for {
		_ = unix.Renameat2(unix.AT_FDCWD, dir+"/file", unix.AT_FDCWD, dir+"/spare", unix.RENAME_EXCHANGE)
		_ = unix.Renameat2(unix.AT_FDCWD, dir+"/maybe", unix.AT_FDCWD, dir+"/sparefifo", unix.RENAME_EXCHANGE)
		_ = unix.Renameat2(unix.AT_FDCWD, dir+"/folder", unix.AT_FDCWD, dir+"/sparefolder", unix.RENAME_EXCHANGE)
	}
}
