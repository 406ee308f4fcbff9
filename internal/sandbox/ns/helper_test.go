//go:build linux

package ns

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
	"github.com/isekai-run/isekai/internal/sandbox/sandboxtest"
)

// serverEnv names the variable that makes the test binary a server with one box, in the
// run folder that it holds, until it is killed.
const serverEnv = "ISEKAI_TEST_SERVER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(serverEnv); dir != "" {
		serve(dir)
	}
	os.Exit(m.Run())
}

// serve makes a box with a command in it, says the pid of the box's first process, and
// waits for its end.
func serve(dir string) {
	d, err := New(Config{RunDir: dir})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	b, err := d.Create(context.Background(), scope, sandbox.Spec{Limits: sandbox.Limits{Wall: -1}})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	started := writerFunc(func(p []byte) (int, error) {
		fmt.Println(b.(*box).init.Pid)
		return len(p), nil
	})
	_, err = b.Exec(context.Background(), sandbox.Command{Argv: []string{"sh", "-c", "echo started; exec sleep 1000"}, Stdout: started})
	fmt.Println("error: the command ended:", err)
	os.Exit(1)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

var scope = core.Scope{Org: core.DefaultOrg, Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorSystem, ID: "test"}}

func newDriver(t *testing.T, dir string) *Driver {
	t.Helper()
	return configured(t, Config{RunDir: dir})
}

func configured(t *testing.T, c Config) *Driver {
	t.Helper()
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return d
}

func newBox(t *testing.T, d *Driver, spec sandbox.Spec) *box {
	t.Helper()
	b, err := d.Create(t.Context(), scope, spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Kill(context.Background()) })
	return b.(*box)
}

// shell runs a script that must succeed and returns what it says.
func shell(t *testing.T, b sandbox.Box, script string) string {
	t.Helper()
	var out, errs strings.Builder
	exit, err := b.Exec(t.Context(), sandbox.Command{Argv: []string{"sh", "-c", script}, Stdout: &out, Stderr: &errs})
	if err != nil || !exit.OK() {
		t.Fatalf("%s: %+v, %v\n%s", script, exit, err, errs.String())
	}
	return out.String()
}

// ordinary is a uid that has nothing on the host but what the test gives it.
const ordinary = 64123

// TestAsOrdinaryUser runs this package's tests once more as an ordinary user, when the
// first time was as root.
func TestAsOrdinaryUser(t *testing.T) {
	if os.Geteuid() != 0 {
		return // that is what all the others just did
	}
	home, err := os.MkdirTemp("", "isekai-user-") // every folder above must let the user through
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	sandboxtest.BuildAttack(t, home)
	if err := os.Chown(home, ordinary, ordinary); err != nil {
		t.Fatal(err)
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(home, "ns.test") // the Go tool keeps its own where only root gets
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), program, "-test.v", "-test.timeout=5m")
	c.Dir = home
	c.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + home, "TMPDIR=" + home, sandboxtest.AttackEnv + "=" + filepath.Join(home, "attack")}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinary, Gid: ordinary}}
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestHostile") {
		t.Errorf("as an ordinary user: %v\n%s", err, out)
	}
}
