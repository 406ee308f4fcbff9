package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/core/coretest"
)

// bin is the folder with the programs under test.
var bin string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "isekai-e2e-*")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	// Another user runs it, too.
	if err := os.Chmod(dir, 0o755); err != nil {
		panic(err)
	}
	bin = dir
	for name, pkg := range map[string]string{"isekai": "../cmd/isekai", "crash": "./crash"} {
		c := exec.Command("go", "build", "-o", filepath.Join(dir, name), pkg)
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", name, err, out)
			return 1
		}
	}
	defer stopChromium()
	defer stopBackends()
	return m.Run()
}

// cleanEnv is the environment of the programs under test: no model, unless a
// test adds one, and nothing of the developer's own.
func cleanEnv(extra ...string) []string {
	env := []string{"HOME=/nonexistent", "PATH=" + os.Getenv("PATH"), "ISEKAI_MODEL_OLLAMA="}
	return append(env, extra...)
}

// result is how a program ended.
type result struct {
	code   int
	killed bool
	out    string
	err    string
}

// isekai runs the program to its end, bounded by two minutes.
func isekai(t *testing.T, env []string, args ...string) result {
	t.Helper()
	return program(t, "isekai", env, args...)
}

func program(t *testing.T, name string, env []string, args ...string) result {
	t.Helper()
	ctx, done := context.WithTimeout(t.Context(), 2*time.Minute)
	defer done()
	c := exec.CommandContext(ctx, filepath.Join(bin, name), args...)
	c.Env = env
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	c.WaitDelay = 10 * time.Second // whatever outlives the program must not hold its output
	err := c.Run()
	if ctx.Err() != nil {
		t.Fatalf("%s %q didn't end: %s%s", name, args, out.String(), errs.String())
	}
	r := result{out: out.String(), err: errs.String()}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		r.code = exit.ExitCode()
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			r.killed = ws.Signal() == syscall.SIGKILL
		}
	} else if err != nil {
		t.Fatal(err)
	}
	return r
}

// lines decodes what a --json command printed, a value a line.
func lines[T any](t *testing.T, out string) []T {
	t.Helper()
	var all []T
	for line := range strings.Lines(out) {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		all = append(all, v)
	}
	return all
}

// server is a running isekai serve.
type server struct {
	*client.Client
	url   string
	token string
	dir   string
	cmd   *exec.Cmd
	outs  *coretest.Output
	errs  *coretest.Output
	done  chan error
}

// serve starts a server at a free port and returns when it is ready.
func serve(t *testing.T, dir string, env []string) *server {
	t.Helper()
	s := &server{dir: dir, outs: &coretest.Output{}, errs: &coretest.Output{}, done: make(chan error, 1)}
	s.cmd = exec.Command(filepath.Join(bin, "isekai"), "serve", "--listen", "127.0.0.1:0", "--data-dir", dir)
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = env, s.outs, s.errs
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.done <- s.cmd.Wait() }()
	t.Cleanup(func() { s.stop(t) })
	deadline := time.Now().Add(20 * time.Second)
	for {
		b, err := os.ReadFile(filepath.Join(dir, "server.json"))
		var at struct {
			URL, Token string
			PID        int
		}
		if err == nil && json.Unmarshal(b, &at) == nil && at.PID == s.cmd.Process.Pid {
			s.url, s.token, s.Client = at.URL, at.Token, client.New(at.URL, at.Token, nil)
			return s
		}
		select {
		case err := <-s.done:
			s.done <- err
			t.Fatalf("the server ended: %v\n%s", err, s.errs)
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server isn't ready\n%s", s.errs)
		}
	}
}

// stop ends the server as Ctrl-C does, and sees it end well.
func (s *server) stop(t *testing.T) {
	t.Helper()
	_ = s.cmd.Process.Signal(os.Interrupt) // it may have ended by itself
	select {
	case err := <-s.done:
		s.done <- err
		if err != nil && !t.Failed() && s.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Errorf("the server ended badly: %v\n%s", err, s.errs)
		}
	case <-time.After(30 * time.Second):
		_ = s.cmd.Process.Kill()
		t.Errorf("the server didn't stop\n%s", s.errs)
	}
}

// kill ends the server as a power cut does.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	err := <-s.done
	s.done <- err
}

// failure is what a --json command says on standard error.
func failure(t *testing.T, r result) core.Failure {
	t.Helper()
	said := strings.Split(strings.TrimSuffix(r.err, "\n"), "\n")
	all := lines[struct {
		Error core.Failure `json:"error"`
	}](t, said[len(said)-1]) // after what the log says
	if len(all) != 1 || all[0].Error.Code == "" || all[0].Error.Msg == "" {
		t.Fatalf("the error isn't a line of JSON, the last: %q", r.err)
	}
	return all[0].Error
}
