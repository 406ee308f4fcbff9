package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core/coretest"
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
	out  coretest.Output
	errs coretest.Output
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
