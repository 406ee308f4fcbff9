package e2e

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// host is a mount namespace of a test's own, in which a disk can be small or
// read-only, or a program missing, without anybody else noticing. As an ordinary
// user it comes with a user namespace, in which that user is root.
type host struct {
	t    *testing.T
	pid  int
	into []string // argv that runs the rest in it
}

// newHost prepares the namespace by a shell script and keeps it until the test ends.
func newHost(t *testing.T, script string, args ...string) host {
	t.Helper()
	enter, unshare := []string{"nsenter", "--mount"}, []string{"--mount"}
	if os.Geteuid() != 0 {
		enter, unshare = append(enter, "--user", "--preserve-credentials"), append(unshare, "--user", "--map-root-user")
	}
	c := exec.Command("unshare", slices.Concat(unshare, []string{"sh", "-euc", script + "\necho ready; read -r _", "sh"}, args)...)
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close() // read ends, and with the last process the namespace
		_ = c.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the namespace isn't ready: %q, %v", line, err)
	}
	return host{t: t, pid: c.Process.Pid, into: append(enter, "--target", strconv.Itoa(c.Process.Pid), "--")}
}

// path returns how a path of the namespace is reached from outside.
func (h host) path(p string) string { return filepath.Join("/proc", strconv.Itoa(h.pid), "root", p) }

// command is the program under test, inside.
func (h host) command(env []string, args ...string) *exec.Cmd {
	argv := slices.Concat(h.into, []string{filepath.Join(bin, "isekai")}, args)
	path, err := exec.LookPath(argv[0])
	if err != nil {
		h.t.Fatal(err)
	}
	c := exec.Command(path, argv[1:]...)
	c.Env = env
	return c
}

// run runs a command in the namespace to its end.
func (h host) run(env []string, args ...string) result {
	h.t.Helper()
	p := start(h.t, h.command(env, args...))
	return p.wait(h.t)
}

// fill takes all the room in a folder of the namespace but some bytes, and returns
// a function that gives it back.
func (h host) fill(dir string, leave int64) (free func()) {
	h.t.Helper()
	name := h.path(filepath.Join(dir, "filler"))
	var fs syscall.Statfs_t
	if err := syscall.Statfs(h.path(dir), &fs); err != nil {
		h.t.Fatal(err)
	}
	f, err := os.Create(name)
	if err != nil {
		h.t.Fatal(err)
	}
	defer f.Close()
	if want := int64(fs.Bavail)*fs.Bsize - leave; want > 0 {
		if _, err := io.CopyN(f, zeros{}, want); err != nil && leave > 0 {
			h.t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(name); err != nil {
			h.t.Fatal(err)
		}
	}
}

// zeros is an endless reader.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
