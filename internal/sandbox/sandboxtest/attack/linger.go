package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// lingerAttacks stay when they should go, or go on when they should stop.
func lingerAttacks() map[string]attack {
	return map[string]attack{"daemon": daemon, "beat": beat, "stubborn": stubborn, "yes": yes}
}

// daemon leaves a process behind that has another session and another parent,
// ignores signals and beats in the file args[0] for args[1] milliseconds.
func daemon(r report, args []string) {
	exe, err := os.Executable()
	must(err)
	if len(args) == 2 { // the first fork
		c := exec.Command(exe, "daemon", args[0], args[1], "again")
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		must(c.Run())
		r.done("daemonize", "ok")
		return
	}
	c := exec.Command(exe, "beat", args[0], args[1]) // the second
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	must(c.Start())
}

// beat appends its pid to the file args[0] every few milliseconds.
func beat(_ report, args []string) {
	signal.Ignore(unix.SIGTERM, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2)
	end := time.Now().Add(time.Duration(number(args[1])) * time.Millisecond)
	for time.Now().Before(end) {
		f, err := os.OpenFile(args[0], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
		must(err)
		_, err = fmt.Fprintln(f, os.Getpid())
		must(err)
		must(f.Close())
		time.Sleep(5 * time.Millisecond)
	}
}

// stubborn ignores every signal that can be ignored, and waits.
func stubborn(r report, _ []string) {
	signal.Ignore(unix.SIGTERM, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGALRM, unix.SIGXCPU, unix.SIGUSR1, unix.SIGUSR2)
	r.done("ignore signals", "started")
	time.Sleep(time.Minute) // longer than any test waits
}

// yes writes to stdout and stderr as long as anybody takes it.
func yes(_ report, _ []string) {
	line := make([]byte, 4096)
	for i := range line {
		line[i] = 'y'
	}
	for {
		if _, err := os.Stdout.Write(line); err != nil {
			return
		}
		if _, err := os.Stderr.Write(line); err != nil {
			return
		}
	}
}
