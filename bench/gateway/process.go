//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program that is measured, with all that it has begun: they are one group.
type process struct {
	cmd   *exec.Cmd
	log   string // file of what it printed
	ended chan struct{}
	over  bool // end was called
}

// begin starts a program with these variables beside the environment's.
func begin(dir string, env []string, argv ...string) (*process, error) {
	out, err := os.CreateTemp(dir, "log-*")
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{cmd: exec.Command(argv[0], argv[1:]...), log: out.Name(), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM} // Ctrl-C reaches us alone, and end ends it
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// end ends the group: gently, and after five seconds for good.
func (p *process) end() {
	if p.over {
		return // the group's id may be another's
	}
	p.over = true
	group := -p.cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
	}
	_ = syscall.Kill(group, syscall.SIGKILL) // whoever is left of it
	<-p.ended
}

// gone says what a program printed last that has ended, or nil while it runs.
func (p *process) gone() error {
	select {
	case <-p.ended:
		said, err := os.ReadFile(p.log)
		return errors.Join(fmt.Errorf("it ended: %s: %s", p.cmd.ProcessState, said[max(0, len(said)-500):]), err)
	default:
		return nil
	}
}

// members calls f with the process id and the statistics of each of the group
// (proc_pid_stat(5)), from the fourth on.
func (p *process) members(f func(pid string, stat []string) error) error {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return err
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		stat := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))[1:] // the name may have anything in it
		if stat[1] != strconv.Itoa(p.cmd.Process.Pid) {
			continue
		}
		if err := f(strings.Split(file, "/")[2], stat); err != nil {
			return err
		}
	}
	return nil
}

// cpu is what the group has used of the processors.
func (p *process) cpu() (sum time.Duration, err error) {
	err = p.members(func(_ string, stat []string) error {
		for _, field := range stat[10:12] { // utime, stime
			ticks, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return err
			}
			sum += time.Duration(ticks) * (time.Second / 100) // USER_HZ, on every Linux
		}
		return nil
	})
	return sum, err
}

// memory is the most that each of the group ever had resident, summed, in bytes.
func (p *process) memory() (sum int64, err error) {
	err = p.members(func(pid string, _ []string) error {
		b, err := os.ReadFile("/proc/" + pid + "/status")
		if err != nil {
			return nil // it has ended
		}
		_, after, ok := strings.Cut(string(b), "VmHWM:")
		if !ok {
			return nil // it is ending
		}
		kib, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
		sum += kib << 10
		return err
	})
	return sum, err
}
