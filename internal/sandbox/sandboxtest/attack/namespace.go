package main

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// namespaceAttacks change what is mounted or enter other namespaces. Their
// control runs in namespaces of its own, so that what they mount is gone with it.
func namespaceAttacks() map[string]attack {
	m := map[string]attack{
		"mount": func(r report, _ []string) {
			r.call("mount a tmpfs", unix.Mount("none", "/tmp", "tmpfs", 0, ""))
			r.call("mount a procfs", unix.Mount("none", "/tmp", "proc", 0, ""))
			r.call("bind / elsewhere", unix.Mount("/", "/tmp", "", unix.MS_BIND|unix.MS_REC, ""))
		},
		"remount": func(r report, _ []string) {
			r.call("remount / writable", unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND, ""))
			r.call("share mounts with the outside", unix.Mount("", "/", "", unix.MS_SHARED, ""))
		},
		"umount": func(r report, _ []string) {
			r.call("unmount /proc", unix.Unmount("/proc", unix.MNT_DETACH), unix.ENOENT)
		},
		"fsopen":     func(r report, _ []string) { r.call("fsopen a tmpfs", fsopen("tmpfs")) },
		"open_tree":  openTree,
		"pivot_root": func(r report, _ []string) { r.call("pivot_root", unix.PivotRoot("/tmp", "/tmp")) },
		"chroot":     chroot,
		"setns":      setns,
		"clone3":     clone3,
	}
	for name, flag := range map[string]uintptr{
		"user": unix.CLONE_NEWUSER, "mnt": unix.CLONE_NEWNS, "pid": unix.CLONE_NEWPID, "net": unix.CLONE_NEWNET,
		"ipc": unix.CLONE_NEWIPC, "uts": unix.CLONE_NEWUTS, "cgroup": unix.CLONE_NEWCGROUP,
	} {
		m["unshare-"+name] = func(r report, _ []string) {
			r.call("unshare", forked(unix.SYS_UNSHARE, flag, 0, 0))
			r.call("unshare, with a user namespace", forked(unix.SYS_UNSHARE, flag|unix.CLONE_NEWUSER, 0, 0))
		}
		m["clone-"+name] = func(r report, _ []string) {
			r.call("clone", cloned(flag))
			r.call("clone, with a user namespace", cloned(flag|unix.CLONE_NEWUSER))
		}
	}
	return m
}

func fsopen(kind string) error {
	fd, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err == nil {
		_ = unix.Close(fd) // the attack is over
	}
	return err
}

// openTree clones a mount, moves it, and changes a mount's attributes: the new
// ways that an old filter doesn't know.
func openTree(r report, _ []string) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	r.call("open_tree a clone of /", err)
	if err != nil {
		fd = -1
	}
	r.call("move_mount it", unix.MoveMount(fd, "", unix.AT_FDCWD, "/tmp", unix.MOVE_MOUNT_F_EMPTY_PATH))
	attr := &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}
	r.call("mount_setattr / writable", unix.MountSetattr(unix.AT_FDCWD, "/", 0, attr))
	pick, err := unix.Fspick(unix.AT_FDCWD, "/", 0)
	r.call("fspick /", err)
	if err == nil {
		_ = unix.Close(pick) // the attack is over
	}
}

func chroot(r report, _ []string) {
	path, err := unix.BytePtrFromString("/tmp")
	must(err)
	r.call("chroot", forked(unix.SYS_CHROOT, uintptr(unsafe.Pointer(path)), 0, 0))
}

// setns joins the namespaces of the processes in args.
func setns(r report, args []string) {
	for _, pid := range args {
		for _, kind := range []string{"mnt", "net", "uts", "ipc", "pid", "user"} {
			try := fmt.Sprintf("join the %s namespace of %s", kind, pid)
			f, err := os.Open("/proc/" + pid + "/ns/" + kind)
			if err != nil {
				r.refused(try, err.Error())
				continue
			}
			r.call(try, forked(unix.SYS_SETNS, f.Fd(), 0, 0), unix.EINVAL)
			_ = f.Close() // read only
		}
	}
}

// clone3 asks for a namespace with the call whose flags a filter can't read.
//
//go:norace
func clone3(r report, _ []string) {
	args := struct{ flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls uint64 }{
		flags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS, exitSignal: uint64(unix.SIGCHLD),
	}
	pid, _, e := unix.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args), 0)
	if e == 0 && pid == 0 {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	if e == 0 {
		r.call("clone3 with new namespaces", waitErrno(int(pid)))
		return
	}
	r.call("clone3 with new namespaces", e)
}
