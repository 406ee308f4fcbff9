package main

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// resourceAttacks use up files, descriptors and processors. The amount is an
// argument, so that the control outside is bounded.
func resourceAttacks() map[string]attack {
	return map[string]attack{
		"fill":          fill,
		"fill-unlinked": hide(unlinked),
		"fill-locked":   hide(locked),
		"fill-deep":     hide(deep),
		"inodes":        inodes,
		"open":          openMany,
		"append":        appendTo,
		"spin":          spin,
		"burn":          burn,
	}
}

// fill writes args[1] files of one MiB into each folder from args[2] on,
// together at most that many; args[0] is how many milliseconds it then stays, for
// a driver that watches from time to time.
func fill(r report, args []string) {
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i) // not a hole, not compressible to nothing
	}
	want := number(args[1])
	dirs := args[2:]
	raise(unix.RLIMIT_FSIZE)
	for i := range want {
		name := filepath.Join(dirs[i%len(dirs)], fmt.Sprint("fill-", i))
		if err := os.WriteFile(name, block, 0o666); err != nil {
			r.refused("write "+args[1]+" MiB", fmt.Sprintf("%v after %d", err, i))
			return
		}
	}
	stay(args[0])
	r.done("write "+args[1]+" MiB", "ok")
}

// inodes makes args[1] empty files in args[2], and stays as fill does.
func inodes(r report, args []string) {
	for i := range number(args[1]) {
		dir := filepath.Join(args[2], fmt.Sprint("inodes-", i/1000))
		if i%1000 == 0 {
			if err := os.Mkdir(dir, 0o777); err != nil {
				r.refused("make "+args[1]+" files", fmt.Sprintf("%v after %d", err, i))
				return
			}
		}
		fd, err := unix.Open(filepath.Join(dir, fmt.Sprint(i)), unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o666)
		if err != nil {
			r.refused("make "+args[1]+" files", fmt.Sprintf("%v after %d", err, i))
			return
		}
		_ = unix.Close(fd) // empty
	}
	stay(args[0])
	r.done("make "+args[1]+" files", "ok")
}

func stay(arg string) { time.Sleep(time.Duration(number(arg)) * time.Millisecond) }

// raise raises a limit as far as this process may.
func raise(which int) {
	var was unix.Rlimit
	must(unix.Getrlimit(which, &was))
	_ = unix.Setrlimit(which, &unix.Rlimit{Cur: was.Max, Max: was.Max})                       // its own hard limit
	_ = unix.Setrlimit(which, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}) // with a capability
}

// openMany opens args[0] descriptors.
func openMany(r report, args []string) {
	raise(unix.RLIMIT_NOFILE)
	try := "open " + args[0] + " files"
	for i := range number(args[0]) {
		if _, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
			r.refused(try, fmt.Sprintf("%v after %d", err, i))
			return
		}
	}
	r.done(try, "ok")
}

// appendTo writes args[0] MiB into the one file args[1].
func appendTo(r report, args []string) {
	raise(unix.RLIMIT_FSIZE)
	signal.Ignore(unix.SIGXFSZ) // so that the write fails instead
	f, err := os.Create(args[1])
	must(err)
	block := make([]byte, 1<<20)
	for i := range number(args[0]) {
		if _, err := f.Write(block); err != nil {
			r.refused("write one file of "+args[0]+" MiB", fmt.Sprintf("%v after %d", err, i))
			return
		}
	}
	r.done("write one file of "+args[0]+" MiB", "ok")
}

// spin uses as many processors as it can for args[0] milliseconds of wall time,
// and reports the share of one processor that it got, in percent, as a finding
// whose Got is the number.
func spin(r report, args []string) {
	end := time.Now().Add(time.Duration(number(args[0])) * time.Millisecond)
	start := time.Now()
	done := make(chan struct{})
	for range 2 {
		go func() {
			runtime.LockOSThread()
			for time.Now().Before(end) {
			}
			done <- struct{}{}
		}()
	}
	<-done
	<-done
	var u unix.Rusage
	must(unix.Getrusage(unix.RUSAGE_SELF, &u))
	used := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	r.done("spin", strconv.FormatInt(int64(used*100/time.Since(start)), 10))
}

// burn does what spin does in short-lived children, one after the other, so that
// none of them has used much when it is looked at.
func burn(r report, args []string) {
	start := time.Now()
	end := start.Add(time.Duration(number(args[0])) * time.Millisecond)
	for time.Now().Before(end) {
		if err := burnOne(); err != nil {
			r.refused("burn", err.Error())
			return
		}
	}
	var u unix.Rusage
	must(unix.Getrusage(unix.RUSAGE_CHILDREN, &u))
	used := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	r.done("burn", strconv.FormatInt(int64(used*100/time.Since(start)), 10))
}

// burnOne makes a child that counts for some milliseconds.
//
//go:norace
func burnOne() error {
	pid, _, e := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if e != 0 {
		return e
	}
	if pid == 0 {
		x := uint32(1)
		for range 8_000_000 {
			x ^= x << 13
			x ^= x >> 17
			x ^= x << 5
		}
		syscall.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(x&1), 0, 0) // of use, so that the loop stays
	}
	_, err := unix.Wait4(int(pid), nil, 0, nil)
	return err
}
