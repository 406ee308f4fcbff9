//go:build linux

package boot

import (
	"syscall"
	"unsafe"
)

// Landlock's file system rights, <linux/landlock.h>.
const (
	llExecute = 1 << iota
	llWriteFile
	llReadFile
	llReadDir
	llRemoveDir
	llRemoveFile
	llMakeChar
	llMakeDir
	llMakeReg
	llMakeSock
	llMakeFifo
	llMakeBlock
	llMakeSym
	llRefer    // version 2
	llTruncate // version 3
	llIoctlDev // version 5
)

const (
	llRead   = llExecute | llReadFile | llReadDir
	llWrite  = llRead | llWriteFile | llRemoveDir | llRemoveFile | llMakeDir | llMakeReg | llMakeSock | llMakeFifo | llMakeSym | llRefer | llTruncate
	llDevice = llReadFile | llReadDir | llWriteFile | llTruncate | llIoctlDev

	llScopeAbstract = 1 // version 6: no abstract socket outside the domain
	llScopeSignal   = 2 // version 6: no signal outside the domain
)

// LandlockVersion returns the kernel's Landlock ABI, 0 if it has none.
func LandlockVersion() int {
	v, _, e := syscall.Syscall(sysLandlockCreate, 0, 0, 1)
	if e != 0 {
		return 0
	}
	return int(v)
}

// landlock makes the rule set that a workload is restricted to: it reads and
// executes what the box has, and writes below /tmp, /dev/shm and the writable
// mounts. It can't make a device node anywhere.
func (b *box) landlock() (int, error) {
	version := LandlockVersion()
	attr := struct{ fs, net, scoped uint64 }{fs: 1<<13 - 1}
	size := uintptr(8)
	if version >= 2 {
		attr.fs |= llRefer
	}
	if version >= 3 {
		attr.fs |= llTruncate
	}
	if version >= 5 {
		attr.fs |= llIoctlDev
	}
	if version >= 6 {
		attr.scoped, size, b.scoped = llScopeAbstract|llScopeSignal, 24, true
	}
	set, _, e := syscall.Syscall(sysLandlockCreate, uintptr(unsafe.Pointer(&attr)), size, 0)
	if e != 0 {
		return -1, e
	}
	allow := func(path string, rights uint64) error {
		return allowBeneath(int(set), path, rights&attr.fs)
	}
	if err := allow("/", llRead); err != nil {
		return -1, err
	}
	if err := allow("/dev", llDevice); err != nil {
		return -1, err
	}
	for _, path := range []string{"/tmp", "/dev/shm"} {
		if err := allow(path, llWrite); err != nil {
			return -1, err
		}
	}
	for _, m := range b.setup.Mounts {
		if !m.Writable {
			continue
		}
		if err := allow(m.Target, llWrite); err != nil {
			return -1, err
		}
	}
	return int(set), nil
}

func allowBeneath(set int, path string, rights uint64) error {
	fd, err := syscall.Open(path, oPath|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	var rule [12]byte // packed: rights, descriptor
	*(*uint64)(unsafe.Pointer(&rule[0])) = rights
	*(*int32)(unsafe.Pointer(&rule[8])) = int32(fd)
	_, _, e := syscall.Syscall6(sysLandlockAddRule, uintptr(set), 1, uintptr(unsafe.Pointer(&rule[0])), 0, 0, 0)
	return errOf(e)
}
