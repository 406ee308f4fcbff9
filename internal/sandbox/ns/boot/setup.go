//go:build linux

package boot

import (
	"syscall"
	"unsafe"
)

// box is the state of the first process. One thread owns it.
type box struct {
	broken    error // why the image could not be made
	root      int   // the box's
	inside    bool  // it is this process's root
	setup     Setup
	proc      int      // the box's /proc, which shows every process of the box, or -1
	procMount int      // its mount, until it is attached
	ruleset   int      // Landlock
	scoped    bool     // the rule set keeps signals within a command
	groups    []int    // cgroup v1 "tasks" files
	group2    int      // cgroup v2 folder, or -1
	writable  []volume // the mounts to watch
	execs     map[uint64]*running
	watch     watch
}

type failure struct {
	what string
	err  error
}

func (f *failure) Error() string { return f.what + ": " + f.err.Error() }

func fail(what string, err error) error {
	if err == nil {
		return nil
	}
	return &failure{what, err}
}

// prepare makes the box's root, as far as it is the same for every box.
func (b *box) prepare(m *Image, fds []int) (err error) {
	defer closeAll(fds)
	syscall.Umask(0)
	if err := b.openProc(); err != nil {
		return err
	}
	b.root, err = newFS("tmpfs", mountAttrNoSuid|mountAttrNoDev, "mode", "0755", "size", "1m", "nr_inodes", "2048")
	if err != nil {
		return fail("tmpfs", err)
	}
	// On /proc, below which nothing is mounted from; on / the kernel would take this
	// process for one in a chroot, and refuse it user namespaces (idmap).
	if err := attach(b.root, atFDCWD, "/proc"); err != nil {
		return fail("new root", err)
	}
	if err := b.mountAll(m.Mounts, fds); err != nil {
		return err
	}
	for _, l := range m.Links {
		if err := mkdirs(b.root, parent(l.Path)); err != nil {
			return fail("folder of "+l.Path, err)
		}
		if err := symlinkat(l.To, b.root, l.Path[1:]); err != nil {
			return fail("link "+l.Path, err)
		}
	}
	for _, dir := range []string{"/tmp", "/dev/shm", "/proc"} {
		if err := mkdirs(b.root, dir); err != nil {
			return fail(dir, err)
		}
	}
	if err := syscall.Sethostname([]byte("box")); err != nil {
		return fail("hostname", err)
	}
	if err := loopback(); err != nil {
		return fail("loopback", err)
	}
	if m.Leave {
		return b.enter()
	}
	return nil
}

// build finishes the box, moves into it and lets go of the host.
func (b *box) build(fds []int) (err error) {
	if fds, err = b.takeGroups(fds); err != nil {
		closeAll(fds)
		return err
	}
	defer closeAll(fds)
	if err := b.mountAll(b.setup.Mounts, fds); err != nil {
		return err
	}
	if err := b.scratch(b.root); err != nil {
		return err
	}
	if err := attach(b.procMount, b.root, "proc"); err != nil {
		return fail("/proc", err)
	}
	syscall.Close(b.procMount)
	if err := b.enter(); err != nil {
		return err
	}
	if err := setAttrs(b.root, mountAttrReadOnly, 0); err != nil {
		return fail("read-only root", err)
	}
	syscall.Close(b.root)
	if err := b.openVolumes(); err != nil {
		return err
	}
	if b.ruleset, err = b.landlock(); err != nil {
		return fail("landlock", err)
	}
	return fail("prctl", prctl(prSetDumpable, 0, 0))
}

// mountAll makes mounts, of which those without a source are the descriptors in turn.
func (b *box) mountAll(mounts []Mount, fds []int) error {
	for _, m := range mounts {
		fd := -1
		if m.Source == "" {
			if len(fds) == 0 {
				return fail("mount "+m.Target, syscall.EBADF)
			}
			fd, fds = fds[0], fds[1:]
		}
		if err := b.mount(m, fd); err != nil {
			return fail("mount "+m.Target, err)
		}
	}
	return nil
}

// takeGroups takes the descriptors of the cgroups that workloads join.
func (b *box) takeGroups(fds []int) ([]int, error) {
	n := int(b.setup.Groups)
	if n > len(fds) {
		return nil, fail("cgroups", syscall.EBADF)
	}
	b.groups, b.group2, fds = fds[:n], -1, fds[n:]
	if b.setup.Group2 {
		if len(fds) == 0 {
			return nil, fail("cgroup", syscall.EBADF)
		}
		b.group2, fds = fds[0], fds[1:]
	}
	return fds, nil
}

func (b *box) mount(m Mount, fd int) (err error) {
	if fd < 0 {
		if fd, err = openTree(atFDCWD, m.Source); err != nil {
			return err
		}
		defer syscall.Close(fd)
	}
	root := b.root
	attrs := uint64(mountAttrNoSuid | mountAttrNoDev)
	switch {
	case m.Device:
		attrs = mountAttrNoSuid | mountAttrNoExec
	case !m.Writable:
		attrs |= mountAttrReadOnly
	}
	if err := setAttrs(fd, attrs, atRecursive); err != nil {
		return err
	}
	if m.File || m.Device {
		if err := mkdirs(root, parent(m.Target)); err != nil {
			return err
		}
		f, err := syscall.Openat(root, m.Target[1:], syscall.O_CREAT|syscall.O_EXCL|syscall.O_WRONLY|syscall.O_CLOEXEC, 0o644)
		if err != nil {
			return err
		}
		syscall.Close(f)
	} else if err := mkdirs(root, m.Target); err != nil {
		return err
	}
	return attach(fd, root, m.Target[1:])
}

// scratch makes /tmp and /dev/shm: one small file system, so that one size bounds
// both.
func (b *box) scratch(root int) error {
	fs, err := newFS("tmpfs", mountAttrNoSuid|mountAttrNoDev, "mode", "0711",
		"size", itoa(int64(b.setup.Disk)), "nr_inodes", itoa(int64(b.setup.Inodes)+3))
	if err != nil {
		return fail("scratch", err)
	}
	defer syscall.Close(fs)
	if err := attach(fs, root, "tmp"); err != nil {
		return fail("scratch", err)
	}
	for _, dir := range []string{"tmp", "shm"} {
		if err := syscall.Mkdirat(fs, dir, 0o1777); err != nil {
			return fail("scratch", err)
		}
	}
	shm, err := openTree(fs, "shm")
	if err != nil {
		return fail("/dev/shm", err)
	}
	defer syscall.Close(shm)
	if err := attach(shm, root, "dev/shm"); err != nil {
		return fail("/dev/shm", err)
	}
	tmp, err := openTree(fs, "tmp")
	if err != nil {
		return fail("/tmp", err)
	}
	defer syscall.Close(tmp)
	return fail("/tmp", attach(tmp, root, "tmp"))
}

// openProc makes the box's /proc, attached nowhere yet. The kernel allows that only as
// long as another /proc is in sight.
func (b *box) openProc() (err error) {
	if b.proc >= 0 {
		return nil
	}
	b.procMount, err = newFS("proc", mountAttrNoSuid|mountAttrNoDev|mountAttrNoExec, "subset", "pid", "hidepid", "2")
	if err != nil {
		return fail("proc", err)
	}
	b.proc, err = syscall.Openat(b.procMount, ".", syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	return fail("proc", err)
}

// enter makes the box's root this process's, and the host's unreachable.
func (b *box) enter() error {
	if b.inside {
		return nil
	}
	b.inside = true
	if err := syscall.Fchdir(b.root); err != nil {
		return fail("chdir", err)
	}
	if err := syscall.PivotRoot(".", "."); err != nil {
		return fail("pivot_root", err)
	}
	if err := syscall.Unmount(".", syscall.MNT_DETACH); err != nil {
		return fail("unmount the host's root", err)
	}
	return fail("chdir", syscall.Chdir("/"))
}

// loopback brings up the interface lo.
func loopback() error {
	s, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(s)
	var req struct {
		name  [16]byte
		flags uint16
		_     [22]byte
	}
	copy(req.name[:], "lo")
	req.flags = syscall.IFF_UP | syscall.IFF_RUNNING
	_, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(s), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&req)))
	return errOf(e)
}

// mkdirs makes the folder path, absolute in root, and its parents.
func mkdirs(root int, path string) error {
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' || i == 1 {
			continue
		}
		if err := syscall.Mkdirat(root, path[1:i], 0o755); err != nil && err != syscall.EEXIST {
			return err
		}
	}
	return nil
}

func parent(path string) string {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == '/' {
			return path[:i]
		}
	}
	return "/"
}

func symlinkat(to string, dir int, path string) error {
	_, _, e := syscall.Syscall(syscall.SYS_SYMLINKAT, uintptr(cstr(to)), uintptr(dir), uintptr(cstr(path)))
	return errOf(e)
}
