package e2e

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for a condition: long, for a machine under load.
const patience = time.Minute

// until waits for a condition, and fails the test with what say returns when it
// doesn't come.
func until(t *testing.T, condition func() bool, say func() string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came: %s", say())
		}
	}
}

// process is a program under test that runs beside the test.
type process struct {
	cmd  *exec.Cmd
	out  output
	errs output
	done chan struct{}
}

// begin starts the program; it ends with the test at the latest.
func begin(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(filepath.Join(bin, "isekai"), args...), done: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, &p.out, &p.errs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // its code is read from the state
		close(p.done)
	}()
	t.Cleanup(func() {
		if !p.ended() {
			p.interrupt()
			select {
			case <-p.done:
			case <-time.After(30 * time.Second):
				_ = p.cmd.Process.Kill()
			}
		}
	})
	return p
}

// says waits until the program has printed the text on its standard output.
func (p *process) says(t *testing.T, text string) {
	t.Helper()
	until(t, func() bool { return strings.Contains(p.out.String(), text) || p.ended() }, p.said)
	if !strings.Contains(p.out.String(), text) {
		t.Fatalf("it ended without saying %q: %s", text, p.said())
	}
}

func (p *process) said() string { return p.out.String() + p.errs.String() }

// interrupt sends what Ctrl-C does.
func (p *process) interrupt() { _ = p.cmd.Process.Signal(os.Interrupt) } // it may have ended by itself

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// wait returns how the program ended.
func (p *process) wait(t *testing.T) result {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("it didn't end: %s", p.said())
	}
	r := result{code: p.cmd.ProcessState.ExitCode(), out: p.out.String(), err: p.errs.String()}
	r.killed = p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled()
	return r
}

// output is what a program prints, to be read while it runs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// traces is what the boxes of one data directory have on the host.
type traces struct {
	processes []string // pid and start time
	boxes     []string // names of the boxes that are there
	cgroups   []string
	mounts    []string
}

func (h traces) none() bool { return len(h.processes)+len(h.boxes)+len(h.cgroups)+len(h.mounts) == 0 }

// tracesOf looks for what a program and its boxes have on the host now.
func tracesOf(t *testing.T, pid int, dir string) traces {
	t.Helper()
	h := traces{processes: descendants(t, pid), mounts: mountsBelow(t, dir)}
	entries, err := os.ReadDir(filepath.Join(dir, "sandbox"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "isekai-") {
			h.boxes = append(h.boxes, e.Name())
		}
	}
	h.cgroups = cgroupsNamed(t, h.boxes)
	return h
}

// left returns which of the traces are still there.
func (h traces) left(t *testing.T, dir string) traces {
	t.Helper()
	now := traces{cgroups: cgroupsNamed(t, h.boxes), mounts: mountsBelow(t, dir)}
	for _, p := range h.processes {
		pid, began, _ := strings.Cut(p, "@")
		n, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		if _, at, ok := parent(n); ok && at == began {
			now.processes = append(now.processes, p)
		}
	}
	for _, name := range h.boxes {
		if _, err := os.Lstat(filepath.Join(dir, "sandbox", name)); err == nil {
			now.boxes = append(now.boxes, name)
		}
	}
	return now
}

// descendants returns the processes that pid has started, and those that they
// have, as "pid@start".
func descendants(t *testing.T, pid int) (found []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	type process struct {
		parent int
		began  string
	}
	all := map[int]process{}
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			if up, began, ok := parent(n); ok {
				all[n] = process{up, began}
			}
		}
	}
	for n, p := range all {
		for up := p.parent; up > 0; up = all[up].parent {
			if up == pid {
				found = append(found, strconv.Itoa(n)+"@"+p.began)
				break
			}
		}
	}
	return found
}

// parent reads a live process's parent and start time, proc_pid_stat(5).
func parent(pid int) (up int, began string, ok bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, "", false
	}
	_, after, _ := strings.Cut(string(b), ") ")
	if i := strings.LastIndex(string(b), ") "); i >= 0 { // a name may hold a bracket
		after = string(b)[i+2:]
	}
	f := strings.Fields(after)
	if len(f) < 20 || f[0] == "Z" {
		return 0, "", false
	}
	up, err = strconv.Atoi(f[1])
	return up, f[19], err == nil
}

// mountsBelow returns the mounts in this mount namespace below a folder.
func mountsBelow(t *testing.T, dir string) (found []string) {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], dir+"/") {
			found = append(found, f[4])
		}
	}
	return found
}

// cgroupsNamed returns the control groups of boxes, in every hierarchy.
func cgroupsNamed(t *testing.T, boxes []string) (found []string) {
	t.Helper()
	if len(boxes) == 0 {
		return nil
	}
	err := filepath.WalkDir("/sys/fs/cgroup", func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return nil // a group that went while we walked
		}
		for _, name := range boxes {
			if e.IsDir() && strings.HasPrefix(e.Name(), name) {
				found = append(found, path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
