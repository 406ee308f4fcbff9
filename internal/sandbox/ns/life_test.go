//go:build linux

package ns

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

// held is what a driver's boxes hold on the host.
type held struct{ processes, mounts, descriptors, groups int }

func count(t *testing.T, groups string) (h held) {
	t.Helper()
	all, _ := filepath.Glob("/proc/self/task/*/children")
	for _, path := range all { // a child belongs to the thread that made it
		b, _ := os.ReadFile(path)
		h.processes += len(bytes.Fields(b))
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	h.mounts = bytes.Count(mounts, []byte("\n"))
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	h.descriptors = len(fds)
	found, _ := filepath.Glob("/sys/fs/cgroup/*/" + groups + "*")
	deeper, _ := filepath.Glob("/sys/fs/cgroup/*/*/*/" + groups + "*")
	h.groups = len(found) + len(deeper)
	return h
}

// Two hundred boxes start at once, all live at the same time, each runs a command under
// a name and a uid of its own, and when they are gone nothing is left.
func TestManyAtOnce(t *testing.T) {
	const boxes = 200
	dir := t.TempDir()
	d, err := New(Config{RunDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.image(); err != nil { // it runs the toolchains, once
		t.Fatal(err)
	}
	before := count(t, "isekai-"+d.id)
	var mu sync.Mutex
	live, names := []sandbox.Box{}, map[string]bool{}
	var g errgroup.Group
	for i := range boxes {
		g.Go(func() error {
			b, err := d.Create(context.Background(), scope, sandbox.Spec{Limits: sandbox.Limits{Memory: 64 << 20}})
			if err != nil {
				return err
			}
			mu.Lock()
			live, names[b.(*box).name] = append(live, b), true
			mu.Unlock()
			var out strings.Builder
			exit, err := b.Exec(context.Background(), sandbox.Command{Argv: []string{"echo", strconv.Itoa(i)}, Stdout: &out})
			if err == nil && (!exit.OK() || out.String() != fmt.Sprintln(i)) {
				err = fmt.Errorf("box %d: %+v %q", i, exit, out.String())
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if len(names) != boxes {
		t.Errorf("%d boxes have %d names", boxes, len(names))
	}
	if now := count(t, "isekai-"+d.id); now.processes < before.processes+boxes {
		t.Errorf("%d processes for %d live boxes: the count sees nothing", now.processes-before.processes, boxes)
	}
	for _, b := range live {
		g.Go(func() error { return b.Kill(context.Background()) })
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	d.end()
	if after := count(t, "isekai-"+d.id); after != before {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// As root every box has a uid of its own on the host, and it isn't root's.
func TestUIDsOfBoxes(t *testing.T) {
	d := newDriver(t, t.TempDir())
	seen := map[uint32]bool{}
	for range 3 {
		dir := t.TempDir()
		b := newBox(t, d, sandbox.Spec{Mounts: []sandbox.Mount{{Host: dir, Target: "/data", Writable: true}}})
		uid := workloadUID(t, b)
		switch {
		case d.root && (uid < firstUID || seen[uid]):
			t.Errorf("the workload is host uid %d", uid)
		case !d.root && uid != uint32(os.Getuid()):
			t.Errorf("the workload is host uid %d, the caller %d", uid, os.Getuid())
		}
		seen[uid] = true
		shell(t, b, "echo x > /data/file")
		var st unix.Stat_t
		if err := unix.Stat(dir+"/file", &st); err != nil || st.Uid != uint32(os.Getuid()) {
			t.Errorf("what the workload wrote belongs to %d on the host (%v), its folder to %d", st.Uid, err, os.Getuid())
		}
	}
}

// workloadUID is the host uid of a command of the box.
func workloadUID(t *testing.T, b *box) uint32 {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	var uid uint32
	go func() {
		defer close(done)
		b.Exec(ctx, sandbox.Command{Argv: []string{"sh", "-c", "echo started; sleep 1000"}, Stdout: writerFunc(func(p []byte) (int, error) {
			uid = lastUID(t, b.init.Pid)
			cancel()
			return len(p), nil
		})})
	}()
	<-done
	return uid
}

// lastUID is the uid of the last descendant of a process.
func lastUID(t *testing.T, pid int) uint32 {
	for {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
		var children []string
		for _, path := range threads {
			b, _ := os.ReadFile(path)
			children = append(children, strings.Fields(string(b))...)
		}
		if len(children) == 0 {
			break
		}
		pid, _ = strconv.Atoi(children[0])
	}
	var st unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d", pid), &st); err != nil {
		t.Error(err)
	}
	return st.Uid
}

// A server that is killed takes its boxes with it, and the next one sweeps up the rest.
func TestKilledServer(t *testing.T) {
	dir := t.TempDir()
	server := exec.CommandContext(t.Context(), "/proc/self/exe")
	server.Env = append(os.Environ(), serverEnv+"="+dir)
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	pid, aerr := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || aerr != nil {
		t.Fatalf("the server said %q, %v", line, err)
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	d := newDriver(t, dir)
	if n, err := d.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("swept %d boxes of a living server, %v", n, err)
	}
	server.Process.Kill()
	server.Wait()
	poll := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	if n, err := unix.Poll(poll, 20_000); n != 1 || err != nil {
		t.Fatalf("the box outlives its server: %d, %v", n, err)
	}
	if n, err := d.Sweep(t.Context()); n != 1 || err != nil {
		t.Errorf("swept %d boxes of a dead server, %v", n, err)
	}
	if names := d.groups.list("isekai-" + d.id); len(names) != 0 {
		t.Errorf("cgroups are left: %v", names)
	}
	if n, err := d.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("swept %d boxes again, %v", n, err)
	}
}

// A box whose first process is killed from outside says so and can still be killed.
func TestKilledFirstProcess(t *testing.T) {
	b := newBox(t, newDriver(t, t.TempDir()), sandbox.Spec{})
	if err := syscall.Kill(b.init.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_, err := b.Exec(t.Context(), sandbox.Command{Argv: []string{"true"}})
	if core.CodeOf(err) != core.Unavailable {
		t.Errorf("exec: %v", err)
	}
	if _, err := b.Dial(t.Context(), "tcp", "127.0.0.1:80"); core.CodeOf(err) != core.Unavailable {
		t.Errorf("dial: %v", err)
	}
	if err := b.Kill(t.Context()); err != nil {
		t.Errorf("kill: %v", err)
	}
}

// A second command runs beside the first, outlives it, and the first's end ends all
// that the first left, and nothing of the second.
func TestCommandsBesideEachOther(t *testing.T) {
	dir := t.TempDir()
	b := newBox(t, newDriver(t, t.TempDir()), sandbox.Spec{Mounts: []sandbox.Mount{{Host: dir, Target: "/data", Writable: true}}})
	if err := unix.Mkfifo(dir+"/first", 0o666); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(dir+"/second", 0o666); err != nil {
		t.Fatal(err)
	}
	first, second := make(chan error, 1), make(chan error, 1)
	start := func(done chan error, script string) {
		ready := make(chan struct{})
		go func() {
			var once sync.Once
			exit, err := b.Exec(context.Background(), sandbox.Command{Argv: []string{"sh", "-c", script}, Stdout: writerFunc(func(p []byte) (int, error) {
				once.Do(func() { close(ready) })
				return len(p), nil
			})})
			if err == nil && !exit.OK() {
				err = fmt.Errorf("%+v", exit)
			}
			done <- err
		}()
		<-ready
	}
	start(first, "(setsid sh -c 'sleep 1000 & sleep 1000' &) ; echo ready; read x < /data/first")
	start(second, "echo ready; read x < /data/second")
	release := func(name string, done chan error) error {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("go\n"), 0); err != nil {
			return err
		}
		select {
		case err := <-done:
			return err
		case <-time.After(20 * time.Second):
			return errors.New("it does not end")
		}
	}
	if err := release("first", first); err != nil {
		t.Errorf("the first: %v", err)
	}
	stats, err := b.Stats(t.Context())
	if err != nil || stats.Pids < 1 || stats.Pids > 2 { // the second, and its leader where that is counted
		t.Errorf("after the first: %+v, %v", stats, err)
	}
	if err := release("second", second); err != nil {
		t.Errorf("the second: %v", err)
	}
}

// A driver that keeps the beginnings of a box makes the next box all the same when they
// have died meanwhile, and ends them when it closes.
func TestKeptBeginningsThatDied(t *testing.T) {
	d, err := New(Config{RunDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	before := count(t, "isekai-"+d.id)
	newBox(t, d, sandbox.Spec{}).Kill(t.Context())
	d.work.Wait()
	kept := d.kept.Load()
	if kept == nil {
		t.Fatal("nothing is kept")
	}
	if err := syscall.Kill(kept.init.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	b := newBox(t, d, sandbox.Spec{})
	if b.seed == kept {
		t.Error("the box grew from what had died")
	}
	shell(t, b, "true")
	b.Kill(t.Context())
	d.end()
	if after := count(t, "isekai-"+d.id); after != before {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// The next box grows from what was kept, and is as good as any other.
func TestKeptBeginnings(t *testing.T) {
	d, dir := newDriver(t, t.TempDir()), t.TempDir()
	d.Prepare()
	d.work.Wait()
	kept := d.kept.Load()
	b := newBox(t, d, sandbox.Spec{Mounts: []sandbox.Mount{{Host: dir, Target: "/data", Writable: true}}})
	if kept == nil || b.seed != kept {
		t.Error("the box didn't grow from what was kept")
	}
	shell(t, b, "echo x > /data/file")
	if data, err := os.ReadFile(dir + "/file"); err != nil || string(data) != "x\n" {
		t.Errorf("the host reads %q, %v", data, err)
	}
	for d.kept.Load() == nil { // the one for the next box comes while this one lives
		if t.Context().Err() != nil {
			t.Fatal("no beginnings of another box")
		}
		time.Sleep(time.Millisecond)
	}
}

// The first process comes before the commands that it watches, which have the priority of
// the process that made the box.
func TestPriority(t *testing.T) {
	b := newBox(t, newDriver(t, t.TempDir()), sandbox.Spec{})
	own, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(shell(t, b, "nice")); got != strconv.Itoa(20-own) {
		t.Errorf("a command has the nice value %s, this process has %d", got, 20-own)
	}
	first, err := unix.Getpriority(unix.PRIO_PROCESS, b.init.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if b.d.root && first <= own || first < own {
		t.Errorf("the first process has the nice value %d, this process has %d", 20-first, 20-own)
	}
}
