package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// probes attack nothing: they say what the box looks like from inside, and do
// what the conformance suite asks.
func probes() map[string]attack {
	return map[string]attack{
		"fds":        descriptors,
		"interfaces": interfaces,
		"env":        func(_ report, _ []string) { fmt.Println(strings.Join(os.Environ(), "\n")) },
		"argv": func(_ report, args []string) {
			for _, a := range args {
				fmt.Printf("%q\n", a)
			}
		},
		"exit": func(_ report, args []string) { os.Exit(number(args[0])) },
		"die":  func(_ report, args []string) { die(number(args[0])) },
		"sleep": func(r report, args []string) {
			r.done("sleep", "started")
			time.Sleep(time.Duration(number(args[0])) * time.Millisecond)
		},
		"status": func(_ report, _ []string) { printFile("/proc/self/status") },
		"cat": func(_ report, _ []string) {
			_, err := io.Copy(os.Stdout, os.Stdin)
			must(err)
		},
	}
}

// descriptors reports each open descriptor besides 0, 1 and 2. It asks by number
// because looking into /proc opens some.
func descriptors(r report, _ []string) {
	for fd := 3; fd < 4096; fd++ {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			target, _ := os.Readlink(fmt.Sprint("/proc/self/fd/", fd))
			if strings.HasPrefix(target, "anon_inode:[event") {
				continue // the Go runtime's own, for the next line's sake
			}
			r.done("inherit a descriptor", fmt.Sprintf("%d: %s", fd, target))
		}
	}
	r.refused("inherit a descriptor", "none else")
}

// die ends the program by a signal whose handler is the default one.
func die(sig int) {
	_ = unix.Kill(os.Getpid(), unix.Signal(sig)) // if it fails, the exit code tells
	time.Sleep(time.Second)
	os.Exit(5)
}

func printFile(path string) {
	b, err := os.ReadFile(path)
	must(err)
	_, err = os.Stdout.Write(b)
	must(err)
}

// interfaces prints each network interface and whether it is up. It asks by
// number, since netlink and /proc/net may be closed.
func interfaces(_ report, _ []string) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(err)
	for index := uint32(1); index < 100; index++ {
		var by struct { // struct ifreq
			name  [unix.IFNAMSIZ]byte
			index uint32
			_     [20]byte
		}
		by.index = index
		if raw(unix.SYS_IOCTL, uintptr(fd), unix.SIOCGIFNAME, uintptr(unsafe.Pointer(&by))) != nil {
			continue
		}
		r, err := unix.NewIfreq(unix.ByteSliceToString(by.name[:]))
		must(err)
		must(unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, r))
		state := "down"
		if r.Uint16()&unix.IFF_UP != 0 {
			state = "up"
		}
		fmt.Println(r.Name(), state)
	}
}
