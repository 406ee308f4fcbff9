//go:build linux

package boot

import (
	"syscall"
	"unsafe"
)

// System calls newer than package syscall. Their numbers are the same on every
// architecture. golang.org/x/sys/unix has them, but importing it would start this
// package later.
const (
	sysOpenTree          = 428
	sysMoveMount         = 429
	sysFsopen            = 430
	sysFsconfig          = 431
	sysFsmount           = 432
	sysClone3            = 435
	sysCloseRange        = 436
	sysMountSetattr      = 442
	sysLandlockCreate    = 444
	sysLandlockAddRule   = 445
	sysLandlockRestrict  = 446
	atFDCWD              = -100
	atEmptyPath          = 0x1000
	atRecursive          = 0x8000
	atSymlinkNoFollow    = 0x100
	openTreeClone        = 1
	openTreeCloexec      = syscall.O_CLOEXEC
	moveMountFromEmpty   = 0x4 // MOVE_MOUNT_F_EMPTY_PATH
	fsconfigSetString    = 1
	fsconfigCreate       = 6
	mountAttrReadOnly    = 0x1
	mountAttrNoSuid      = 0x2
	mountAttrNoDev       = 0x4
	mountAttrNoExec      = 0x8
	oPath                = 0x200000
	prSetDumpable        = 4
	prSetName            = 15
	prSetSeccomp         = 22
	prCapBSetDrop        = 24
	prSetSubreaper       = 36
	prSetNoNewPrivs      = 38
	prCapAmbient         = 47
	prCapAmbientRaise    = 2
	prCapAmbientClearAll = 4
	seccompModeFilter    = 2
	clonePidfd           = 0x1000
	cloneNewCgroup       = 0x2000000
	cloneIntoCgroup      = 0x200000000
	capVersion3          = 0x20080522
	rlimitNproc          = 6
	pollIn               = 0x1
)

func cstr(s string) unsafe.Pointer {
	b := make([]byte, len(s)+1)
	copy(b, s)
	return unsafe.Pointer(&b[0])
}

func errOf(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}

func fsopen(kind string) (int, error) {
	fd, _, e := syscall.Syscall(sysFsopen, uintptr(cstr(kind)), 1, 0)
	return int(fd), errOf(e)
}

// newFS makes a detached mount of a new file system.
func newFS(kind string, attrs uintptr, options ...string) (int, error) {
	fs, err := fsopen(kind)
	if err != nil {
		return -1, err
	}
	defer syscall.Close(fs)
	for i := 0; i+1 < len(options); i += 2 {
		_, _, e := syscall.Syscall6(sysFsconfig, uintptr(fs), fsconfigSetString, uintptr(cstr(options[i])), uintptr(cstr(options[i+1])), 0, 0)
		if e != 0 {
			return -1, e
		}
	}
	if _, _, e := syscall.Syscall6(sysFsconfig, uintptr(fs), fsconfigCreate, 0, 0, 0, 0); e != 0 {
		return -1, e
	}
	fd, _, e := syscall.Syscall(sysFsmount, uintptr(fs), 1, attrs)
	return int(fd), errOf(e)
}

// openTree makes a detached copy of the mounts at path, which isn't followed if it ends in
// a link.
func openTree(dir int, path string) (int, error) {
	fd, _, e := syscall.Syscall(sysOpenTree, uintptr(dir), uintptr(cstr(path)), openTreeClone|openTreeCloexec|atRecursive|atSymlinkNoFollow)
	return int(fd), errOf(e)
}

// attach puts a detached mount at a path below dir.
func attach(mount, dir int, path string) error {
	_, _, e := syscall.Syscall6(sysMoveMount, uintptr(mount), uintptr(cstr("")), uintptr(dir), uintptr(cstr(path)), moveMountFromEmpty, 0)
	return errOf(e)
}

type mountAttr struct{ set, clr, propagation, userns uint64 }

func setAttrs(mount int, attrs uint64, flags uintptr) error {
	a := mountAttr{set: attrs}
	_, _, e := syscall.Syscall6(sysMountSetattr, uintptr(mount), uintptr(cstr("")), atEmptyPath|flags, uintptr(unsafe.Pointer(&a)), unsafe.Sizeof(a), 0)
	return errOf(e)
}

func prctl(op, a, b uintptr) error {
	_, _, e := syscall.Syscall6(syscall.SYS_PRCTL, op, a, b, 0, 0, 0)
	return errOf(e)
}

// readFile reads a small file whole, into buf.
func readFile(dir int, path string, buf []byte) (int, error) {
	fd, err := syscall.Openat(dir, path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer syscall.Close(fd)
	n := 0
	for n < len(buf) {
		m, err := syscall.Read(fd, buf[n:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return n, err
		}
		if m == 0 {
			break
		}
		n += m
	}
	return n, nil
}

func writeFile(dir int, path, content string) error {
	fd, err := syscall.Openat(dir, path, syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	_, err = syscall.Write(fd, []byte(content))
	syscall.Close(fd)
	return err
}

// now is the monotonic clock in nanoseconds.
func now() int64 {
	var ts syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}

func itoa(n int64) string {
	if n < 0 {
		return "-" + itoa(-n)
	}
	if n < 10 {
		return string(byte('0' + n))
	}
	return itoa(n/10) + string(byte('0'+n%10))
}

// atoi reads the decimal number that b starts with.
func atoi(b []byte) (n int64) {
	for _, c := range b {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int64(c-'0')
	}
	return n
}
