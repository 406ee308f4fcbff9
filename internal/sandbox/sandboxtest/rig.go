package sandboxtest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/sandbox"
)

// rig is what every subtest works with.
type rig struct {
	driver sandbox.Driver
	tools  string // the host folder that holds the attack program
	// families are the beginnings of the names of the driver's control groups, or of
	// all, as long as it isn't open.
	families []string
}

// tool is the attack program in a box.
const tool = "/attack/attack"

// soon is longer than anything here takes that isn't hanging, on a machine that
// is busy with something else.
const soon = 20 * time.Second

// AttackEnv names the environment variable with the path of an attack program
// built before, for a test that runs where the Go tool can't be used.
const AttackEnv = "ISEKAI_ATTACK"

// BuildAttack puts the attack program into dir and returns its path.
func BuildAttack(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "attack")
	if built := os.Getenv(AttackEnv); built != "" {
		b, err := os.ReadFile(built)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c := exec.Command("go", "build", "-o", path, "github.com/isekai-run/isekai/internal/sandbox/sandboxtest/attack")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("can't build the attack program: %v\n%s", err, out)
	}
	return path
}

// open makes the driver, and its first box.
func (g *rig) open(t *testing.T, open func(t *testing.T) sandbox.Driver) {
	t.Helper()
	before := groupFolders()
	g.driver = open(t)
	if err := g.driver.Probe(t.Context()).Err(); err != nil {
		t.Fatalf("%v (hint: %s)", err, core.HintOf(err))
	}
	// The first box may start what a driver keeps (a helper, a group), which
	// shouldn't be taken for what a box left.
	box := g.box(t, sandbox.Spec{})
	ok(t, run(t, box, program("exit", "0")))
	g.families = groupFamilies(before, groupFolders())
	wantKilled(t, box)
	if d, ok := g.driver.(Settler); ok {
		d.Settle(t)
	}
}

// Settler is a driver that does things in the background.
type Settler interface {
	sandbox.Driver
	// Settle returns when it holds what it holds when idle.
	Settle(t *testing.T)
}

// folder is a new host folder that whoever the workload is may enter.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// put writes a file that the workload may read.
func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// box makes a box with the attack program in it, which is killed with the test.
func (g rig) box(t *testing.T, spec sandbox.Spec) sandbox.Box {
	t.Helper()
	spec.Mounts = append(spec.Mounts, sandbox.Mount{Host: g.tools, Target: "/attack"})
	box, err := g.driver.Create(t.Context(), scope(), spec)
	if err != nil {
		t.Fatalf("create: %v (hint: %s)", err, core.HintOf(err))
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		if err := box.Kill(ctx); err != nil {
			t.Errorf("kill: %v", err)
		}
	})
	return box
}

// workspace is a box with a writable mount at /data, and its host folder.
func (g rig) workspace(t *testing.T, limits sandbox.Limits) (sandbox.Box, string) {
	t.Helper()
	dir := folder(t)
	return g.box(t, sandbox.Spec{Limits: limits, Mounts: []sandbox.Mount{{Host: dir, Target: "/data", Writable: true}}}), dir
}

// outcome is how a command ended and what it said.
type outcome struct {
	sandbox.Exit
	out, err string
}

// run runs a command and fails the test if the driver couldn't.
func run(t *testing.T, box sandbox.Box, c sandbox.Command) outcome {
	t.Helper()
	o, err := tryRun(t.Context(), box, c)
	if err != nil {
		t.Fatalf("exec %q: %v", c.Argv, err)
	}
	return o
}

func tryRun(ctx context.Context, box sandbox.Box, c sandbox.Command) (outcome, error) {
	var out, errs bytes.Buffer
	if c.Stdout == nil {
		c.Stdout = &out
	}
	if c.Stderr == nil {
		c.Stderr = &errs
	}
	exit, err := box.Exec(ctx, c)
	return outcome{exit, out.String(), errs.String()}, err
}

// sh runs a shell command, and fails the test unless it succeeds.
func sh(t *testing.T, box sandbox.Box, script string) string {
	t.Helper()
	return ok(t, run(t, box, sandbox.Command{Argv: []string{"sh", "-c", script}}))
}

// ok fails the test unless the command succeeded, and returns what it printed.
func ok(t *testing.T, o outcome) string {
	t.Helper()
	if !o.OK() {
		t.Fatalf("%+v\nstdout: %s\nstderr: %s", o.Exit, clip(o.out), clip(o.err))
	}
	return strings.TrimSuffix(o.out, "\n")
}

func clip(s string) string {
	if len(s) > 2000 {
		return s[:2000] + "..."
	}
	return s
}

// program is a command that runs the attack program.
func program(args ...string) sandbox.Command {
	return sandbox.Command{Argv: append([]string{tool}, args...)}
}

// wantCode fails the test unless err has one of the codes.
func wantCode(t *testing.T, what string, err error, codes ...core.Code) {
	t.Helper()
	for _, c := range codes {
		if core.CodeOf(err) == c {
			return
		}
	}
	t.Errorf("%s: got error %v with code %q, want %q", what, err, core.CodeOf(err), codes)
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(soon); ; time.Sleep(2 * time.Millisecond) {
		if cond() {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, soon)
		}
	}
}

// background runs a command in its own goroutine until the test or the box ends.
// The channel gives its outcome.
func background(t *testing.T, box sandbox.Box, c sandbox.Command) <-chan outcome {
	t.Helper()
	ended := make(chan outcome, 1)
	ctx, cancel := context.WithCancel(context.Background())
	finished := make(chan struct{})
	var last outcome // to be read when finished
	go func() {
		defer close(finished)
		o, err := tryRun(ctx, box, c)
		if err != nil && !errors.Is(err, context.Canceled) {
			o.err += "\nexec: " + err.Error()
		}
		last = o
		ended <- o
	}()
	t.Cleanup(func() {
		early := ""
		select {
		case <-finished:
			early = ", before the test did"
		default:
		}
		cancel()
		<-finished
		if t.Failed() {
			t.Logf("%q ended%s: %+v\nstderr: %s", c.Argv, early, last.Exit, clip(last.err))
		}
	})
	return ended
}
