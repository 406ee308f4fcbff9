//go:build linux

package boot

import (
	"syscall"
	"unsafe"
)

// idmap makes a user namespace below the box's in which the owner on disk of a
// folder is the box's workload. The driver mounts the folder through it, so the
// workload owns there what the folder's owner owns, and what it writes belongs to
// that owner on the host. Nothing runs in the namespace: a child holds it until it
// is open.
func (b *box) idmap(m IDMap) (int, error) {
	h := &holder{sleep: syscall.Timespec{Sec: 3600}}
	pid, e := holdNamespace(h)
	if e != 0 {
		return -1, fail("user namespace", e)
	}
	defer func() {
		syscall.Kill(pid, syscall.SIGKILL)
		syscall.Wait4(pid, nil, 0, nil)
		keep(unsafe.Pointer(h))
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
//go:nocheckptr
func holdNamespace(h *holder) (int, syscall.Errno) {
	fn := closure(hold)
	var mask uint64
	blockSignals(&mask)
	pid, e := spawnVM(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD)|cloneVM|syscall.CLONE_NEWUSER, h.stack.top(), 0, fn, unsafe.Pointer(h))
	restoreSignals(&mask)
	return int(pid), syscall.Errno(e)
}

// holder is what hold works on: two integers that never change, for it to sleep on.
type holder struct {
	sleep syscall.Timespec
	stack stack
}

//go:nosplit
//go:norace
//go:nocheckptr
func hold(arg unsafe.Pointer) {
	h := (*holder)(arg)
	for {
		syscall.RawSyscall(syscall.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&h.sleep)), 0, 0)
	}
}
