//go:build linux

package boot

import "syscall"

// idmap makes a user namespace below the box's in which the owner on disk of a
// folder is the box's workload. The driver mounts the folder through it, so the
// workload owns there what the folder's owner owns, and what it writes belongs to
// that owner on the host. Nothing runs in the namespace: a child holds it until it
// is open.
func (b *box) idmap(m IDMap) (int, error) {
	if err := b.openProc(); err != nil {
		return -1, err
	}
	var gate [2]int
	if err := syscall.Pipe2(gate[:], syscall.O_CLOEXEC); err != nil {
		return -1, fail("pipe", err)
	}
	pid, e := holdNamespace(gate[0])
	if e != 0 {
		closeAll(gate[:])
		return -1, fail("user namespace", e)
	}
	defer func() {
		closeAll(gate[:])
		syscall.Kill(pid, syscall.SIGKILL)
		syscall.Wait4(pid, nil, 0, nil)
	}()
	dir := itoa(int64(pid))
	for _, f := range []struct {
		name string
		id   uint64
	}{{"/uid_map", m.UID}, {"/gid_map", m.GID}} {
		if err := writeFile(b.proc, dir+f.name, itoa(int64(f.id))+" "+itoa(WorkloadID)+" 1\n"); err != nil {
			return -1, fail(f.name[1:], err)
		}
	}
	fd, err := syscall.Openat(b.proc, dir+"/ns/user", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	return fd, fail("user namespace", err)
}

// holdNamespace starts a child in a new user namespace that only waits.
//
//go:noinline
//go:norace
func holdNamespace(gate int) (int, syscall.Errno) {
	var mask uint64
	blockSignals(&mask)
	pid, _, e := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD)|syscall.CLONE_NEWUSER, 0, 0, 0, 0, 0)
	if e == 0 && pid == 0 {
		for {
			var c byte
			syscall.RawSyscall(syscall.SYS_READ, uintptr(gate), addr(&c), 1)
		}
	}
	restoreSignals(&mask)
	return int(pid), e
}
