package e2e

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// begin starts the program.
func begin(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	c := exec.Command(filepath.Join(bin, "isekai"), args...)
	c.Env = env
	return start(t, c)
}

// start starts a command; it ends with the test at the latest.
func start(t *testing.T, c *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: c, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.errs
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

// traces is what a program and its boxes have on the host.
type traces struct {
	processes []string // pid and start time
	cgroups   []string // of boxes
	mounts    []string // below the data directory
}

func (h traces) none() bool { return len(h.processes)+len(h.cgroups)+len(h.mounts) == 0 }

// tracesOf looks for what the program that runs as pid has on the host now.
func tracesOf(t *testing.T, pid int, dir string) traces {
	t.Helper()
	h := traces{processes: descendants(t, pid), mounts: mountsBelow(t, dir)}
	groups := map[string]bool{}
	for _, p := range h.processes {
		pid, _, _ := strings.Cut(p, "@")
		b, err := os.ReadFile("/proc/" + pid + "/cgroup")
		if err != nil {
			continue // it has just ended
		}
		for line := range strings.Lines(string(b)) {
			for _, part := range strings.Split(strings.TrimSpace(line), "/") {
				if strings.HasPrefix(part, "isekai-") {
					groups[part] = true
				}
			}
		}
	}
	h.cgroups = slices.Sorted(maps.Keys(groups))
	return h
}

// left returns which of the traces are still there.
func (h traces) left(t *testing.T, dir string) traces {
	t.Helper()
	now := traces{mounts: mountsBelow(t, dir)}
	for _, name := range h.cgroups {
		if cgroupExists(t, name) {
			now.cgroups = append(now.cgroups, name)
		}
	}
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
	f := strings.Fields(string(b)[strings.LastIndex(string(b), ")")+1:]) // a name may hold a bracket
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

// cgroupExists reports whether a box's group is in any hierarchy.
func cgroupExists(t *testing.T, name string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir("/sys/fs/cgroup", func(_ string, e os.DirEntry, err error) error {
		if err != nil {
			return nil // a group that went while we walked
		}
		if found = e.IsDir() && e.Name() == name; found {
			return filepath.SkipAll
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
