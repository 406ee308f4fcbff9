package sandboxtest

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/sandbox"
)

// hostStdin gives a command an open file of the host's to read. If the
// descriptor itself goes in, the workload opens it again by /proc and writes.
func hostStdin(t *testing.T, g rig) {
	const attack = "cat; echo taken > /proc/self/fd/0"
	path := folder(t) + "/input"
	open := func() *os.File {
		if err := os.WriteFile(path, []byte("input"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o666); err != nil { // whoever the workload is
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() }) // read only
		return f
	}
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	outside := exec.CommandContext(ctx, "sh", "-c", attack)
	outside.Stdin = open()
	if out, err := outside.CombinedOutput(); err != nil || content(t, path) == "input" {
		t.Errorf("the control outside shows nothing: %s, %v", out, err)
	}
	o := run(t, g.box(t, sandbox.Spec{}), sandbox.Command{Argv: []string{"sh", "-c", attack}, Stdin: open()})
	if !strings.HasPrefix(o.out, "input") {
		t.Errorf("the command read %q", o.out)
	}
	if got := content(t, path); got != "input" {
		t.Errorf("the host's file is now %q", got)
	}
}

// hostStdout gives a command an open file of the host's to write to, in which
// there is something that it isn't to read.
func hostStdout(t *testing.T, g rig) {
	const attack = "exec 3>&1; cat /proc/$$/fd/3 >&2; echo said" // 3: a shell may change 1 for cat's sake
	path := folder(t) + "/log"
	put(t, path, hostSecret)
	if err := os.Chmod(path, 0o666); err != nil { // whoever the workload is
		t.Fatal(err)
	}
	log, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var read strings.Builder
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	outside := exec.CommandContext(ctx, "sh", "-c", attack)
	outside.Stdout, outside.Stderr = log, &read
	outside.WaitDelay = soon // for a grandchild that has the pipe
	if err := outside.Run(); err != nil || !strings.Contains(read.String(), hostSecret) {
		t.Errorf("the control outside shows nothing: %q, %v", read.String(), err)
	}
	// A pipe in its place is read for ever: from the other side comes nothing.
	box := g.box(t, sandbox.Spec{Limits: sandbox.Limits{Wall: 500 * time.Millisecond}})
	if o := run(t, box, sandbox.Command{Argv: []string{"sh", "-c", attack}, Stdout: log}); strings.Contains(o.err, hostSecret) {
		t.Error("the workload read the host's log")
	}
	ok(t, run(t, box, sandbox.Command{Argv: []string{"echo", "at last"}, Stdout: log}))
	if got := content(t, path); !strings.HasSuffix(got, "at last\n") {
		t.Errorf("the log is %q", got)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
