//go:build linux

package boot

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAWaitingChildHoldsNothing kills a process between the start of a box's first
// process and the word that it waits for: the child ends, and what its parent held
// was never the child's to keep.
func TestAWaitingChildHoldsNothing(t *testing.T) {
	if os.Getenv("SPAWN_AND_DIE") != "" {
		spawnAndDie()
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := exec.Command("/proc/self/exe", "-test.run", "^TestAWaitingChildHoldsNothing$")
	c.Env = append(os.Environ(), "SPAWN_AND_DIE=1")
	c.ExtraFiles = []*os.File{w} // as 3: stands for a lock, which the child must not keep
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	b := make([]byte, 32)
	n, _ := out.Read(b)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil {
		t.Fatalf("no child: %q", b[:n])
	}
	_ = c.Wait() // killed
	if err := r.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(b); err == nil || os.IsTimeout(err) {
		t.Errorf("the pipe is still held: %v", err)
	}
	for deadline := time.Now().Add(10 * time.Second); syscall.Kill(pid, 0) == nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			t.Fatal("the child waits for ever")
		}
	}
}

// spawnAndDie is the process that is killed at the worst moment.
func spawnAndDie() {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		panic(err)
	}
	null, err := syscall.Open(os.DevNull, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		panic(err)
	}
	child, err := Spawn(Start{Exe: "/proc/self/exe", Files: [4]int{null, null, null, pair[1]}, Flags: syscall.CLONE_NEWUSER, Cgroup: -1})
	if err != nil {
		panic(err)
	}
	_, _ = os.Stdout.WriteString(strconv.Itoa(child.Pid) + "\n")
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
